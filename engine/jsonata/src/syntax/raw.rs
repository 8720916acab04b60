//! The tree as it is written, before paths are put together.

use std::sync::Arc;

use super::Signature;
use crate::error::{Error, Outcome};
use crate::limits::NESTING_MAX;

/// A node of the tree as it is written.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) kind: RawKind,
    pub(crate) position: usize,
    /// `[]` follows: a single result stays an array.
    pub(crate) keep_array: bool,
    height: usize,
}

/// A member of an object constructor or of a group-by.
pub(crate) type RawPair = (Raw, Raw);

/// A term of an order-by.
#[derive(Debug)]
pub(crate) struct RawTerm {
    pub(crate) descending: bool,
    pub(crate) expression: Raw,
}

#[derive(Debug)]
pub(crate) enum RawKind {
    End,
    Null,
    Bool(bool),
    Number(f64),
    String(Arc<str>),
    Name(Arc<str>),
    Variable(Arc<str>),
    Regex {
        pattern: Arc<str>,
        flags: Arc<str>,
    },
    /// `and`, `or` or `in` where a name stands, `?` among the arguments.
    Operator(&'static str),
    Wildcard,
    Descendant,
    Parent,
    Negate(Box<Raw>),
    Binary {
        operator: &'static str,
        lhs: Box<Raw>,
        rhs: Box<Raw>,
    },
    Filter {
        lhs: Box<Raw>,
        predicate: Box<Raw>,
    },
    Array(Vec<Raw>),
    Object(Vec<RawPair>),
    Group {
        lhs: Box<Raw>,
        pairs: Vec<RawPair>,
    },
    Sort {
        lhs: Box<Raw>,
        terms: Vec<RawTerm>,
    },
    Call {
        procedure: Box<Raw>,
        arguments: Vec<Raw>,
        partial: bool,
    },
    Lambda {
        parameters: Vec<Arc<str>>,
        signature: Option<Box<Signature>>,
        body: Box<Raw>,
    },
    Condition {
        condition: Box<Raw>,
        then: Box<Raw>,
        otherwise: Option<Box<Raw>>,
    },
    Coalesce {
        lhs: Box<Raw>,
        rhs: Box<Raw>,
    },
    Default {
        lhs: Box<Raw>,
        rhs: Box<Raw>,
    },
    Block(Vec<Raw>),
    Transform {
        pattern: Box<Raw>,
        update: Box<Raw>,
        delete: Option<Box<Raw>>,
    },
}

impl Raw {
    /// A node at that position.
    ///
    /// # Errors
    /// When it nests deeper than [`NESTING_MAX`].
    pub(crate) fn new(kind: RawKind, position: usize) -> Outcome<Raw> {
        let height = 1 + kind.height();
        if height > NESTING_MAX {
            return Err(Error::nesting(position));
        }
        Ok(Raw { kind, position, keep_array: false, height })
    }

    /// What an error calls it.
    pub(crate) fn token(&self) -> String {
        match &self.kind {
            RawKind::End => "(end)".to_owned(),
            RawKind::Null => "null".to_owned(),
            RawKind::Bool(value) => value.to_string(),
            RawKind::Number(value) => value.to_string(),
            RawKind::String(text) | RawKind::Name(text) | RawKind::Variable(text) => {
                text.to_string()
            }
            RawKind::Regex { pattern, .. } => pattern.to_string(),
            RawKind::Operator(operator) | RawKind::Binary { operator, .. } => {
                (*operator).to_owned()
            }
            RawKind::Wildcard => "*".to_owned(),
            RawKind::Descendant => "**".to_owned(),
            RawKind::Parent => "%".to_owned(),
            RawKind::Negate(_) => "-".to_owned(),
            RawKind::Filter { .. } | RawKind::Array(_) => "[".to_owned(),
            RawKind::Object(_) | RawKind::Group { .. } => "{".to_owned(),
            RawKind::Sort { .. } => "^".to_owned(),
            RawKind::Call { .. } | RawKind::Lambda { .. } | RawKind::Block(_) => "(".to_owned(),
            RawKind::Condition { .. } => "?".to_owned(),
            RawKind::Coalesce { .. } => "??".to_owned(),
            RawKind::Default { .. } => "?:".to_owned(),
            RawKind::Transform { .. } => "|".to_owned(),
        }
    }
}

impl RawKind {
    /// Height of the highest child.
    fn height(&self) -> usize {
        let all = |nodes: &[Raw]| nodes.iter().map(|node| node.height).max().unwrap_or(0);
        let of_pairs = |pairs: &[RawPair]| {
            pairs.iter().map(|(key, value)| key.height.max(value.height)).max().unwrap_or(0)
        };
        let optional = |node: &Option<Box<Raw>>| node.as_ref().map_or(0, |node| node.height);
        match self {
            RawKind::Negate(operand) => operand.height,
            RawKind::Binary { lhs, rhs, .. }
            | RawKind::Coalesce { lhs, rhs }
            | RawKind::Default { lhs, rhs }
            | RawKind::Filter { lhs, predicate: rhs } => lhs.height.max(rhs.height),
            RawKind::Array(nodes) | RawKind::Block(nodes) => all(nodes),
            RawKind::Object(pairs) => of_pairs(pairs),
            RawKind::Group { lhs, pairs } => lhs.height.max(of_pairs(pairs)),
            RawKind::Sort { lhs, terms } => {
                let terms = terms.iter().map(|term| term.expression.height).max();
                lhs.height.max(terms.unwrap_or(0))
            }
            RawKind::Call { procedure, arguments, .. } => procedure.height.max(all(arguments)),
            RawKind::Lambda { body, .. } => body.height,
            RawKind::Condition { condition, then, otherwise } => {
                condition.height.max(then.height).max(optional(otherwise))
            }
            RawKind::Transform { pattern, update, delete } => {
                pattern.height.max(update.height).max(optional(delete))
            }
            _ => 0,
        }
    }
}
