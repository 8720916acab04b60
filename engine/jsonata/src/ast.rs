//! The tree that is evaluated: paths are put together, names resolved.

use std::collections::BTreeSet;
use std::sync::Arc;

use stepyard_json::Json;

use crate::builtins::Builtin;
use crate::pattern::Pattern;
use crate::syntax::Signature;

/// The name of a field or a variable.
pub(crate) type Name = Arc<str>;

/// Number of a slot of the parent operator.
pub(crate) type Slot = usize;

/// One expression.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) position: usize,
    /// `[]`: a single result stays an array.
    pub(crate) keep_array: bool,
    /// An array constructor at the start or the end of a path: its result is not flattened.
    pub(crate) cons_array: bool,
    /// As a step: it binds variables for each of its results.
    pub(crate) tuple: bool,
    /// Predicates of what is not a step.
    pub(crate) predicates: Vec<Node>,
    /// Predicates and index variables of a step.
    pub(crate) stages: Vec<Stage>,
    /// `{}` behind it.
    pub(crate) group: Option<Box<Group>>,
    /// `@$name`: the variable that holds each result while the context stays.
    pub(crate) focus: Option<Name>,
    /// `#$name`: the variable that holds the place of each result.
    pub(crate) index: Option<Name>,
    /// The variable that holds the parent of each result, for `%`.
    pub(crate) ancestor: Option<Slot>,
    pub(crate) ancestor_name: Option<Name>,
    /// Slots of `%` whose parent has not been found yet.
    pub(crate) seeking: Vec<Slot>,
}

/// What follows a step.
#[derive(Debug)]
pub(crate) enum Stage {
    Filter(Node),
    Index(Name),
}

/// An object constructor, or a group-by.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) pairs: Vec<(Node, Node)>,
    pub(crate) position: usize,
    /// Whether all keys are written as strings that differ: then no two can turn out to be one.
    pub(crate) is_distinct: bool,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// A literal; numbers stand in [`Kind::Number`].
    Constant(Json),
    Number(f64),
    String(Arc<str>),
    Name(Name),
    Wildcard,
    Descendant,
    Parent {
        slot: Slot,
        name: Option<Name>,
    },
    Variable(Variable),
    Regex(Arc<Pattern>),
    Path(Box<Path>),
    Negate(Box<Node>),
    Binary(Box<Binary>),
    Array(Vec<Node>),
    Object(Box<Group>),
    Call(Box<Call>),
    Partial(Box<Partial>),
    Lambda(Arc<Lambda>),
    Condition(Box<Condition>),
    Coalesce(Box<(Node, Node)>),
    Default(Box<(Node, Node)>),
    Block(Vec<Node>),
    Bind(Box<Bind>),
    Apply(Box<(Node, Node)>),
    Transform(Arc<Transform>),
    Sort(Vec<Term>),
}

/// `$name`; an empty name is the context.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: Name,
    /// The function of that name, which counts when nothing else has it.
    pub(crate) builtin: Option<&'static Builtin>,
    /// Whether the expression itself may bind it.
    pub(crate) bound: bool,
}

#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) steps: Vec<Node>,
    /// A step is marked by `[]`.
    pub(crate) keep_singleton: bool,
    /// How many steps, from the first, are plain names behind a variable or a name.
    pub(crate) plain: usize,
    /// Whether a step binds variables.
    pub(crate) has_tuples: bool,
}

#[derive(Debug)]
pub(crate) struct Binary {
    pub(crate) operator: Operator,
    pub(crate) lhs: Node,
    pub(crate) rhs: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Concatenate,
    And,
    Or,
    In,
    Range,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) procedure: Node,
    pub(crate) arguments: Vec<Node>,
}

/// A call in which `?` stands for arguments that come later.
#[derive(Debug)]
pub(crate) struct Partial {
    pub(crate) procedure: Node,
    pub(crate) arguments: Vec<Option<Node>>,
}

#[derive(Debug)]
pub(crate) struct Lambda {
    pub(crate) parameters: Vec<Name>,
    pub(crate) signature: Option<Box<Signature>>,
    pub(crate) body: Node,
}

#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) condition: Node,
    pub(crate) then: Node,
    pub(crate) otherwise: Option<Node>,
}

#[derive(Debug)]
pub(crate) struct Bind {
    pub(crate) name: Name,
    pub(crate) value: Node,
}

#[derive(Debug)]
pub(crate) struct Transform {
    pub(crate) pattern: Node,
    pub(crate) update: Node,
    pub(crate) delete: Option<Node>,
    pub(crate) position: usize,
}

#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) descending: bool,
    pub(crate) expression: Node,
}

impl Operator {
    pub(crate) fn parse(text: &str) -> Option<Operator> {
        ALL.iter().find(|(_, spelled)| *spelled == text).map(|(operator, _)| *operator)
    }

    pub(crate) fn text(self) -> &'static str {
        ALL.iter().find(|(operator, _)| *operator == self).map_or("", |(_, spelled)| spelled)
    }
}

const ALL: [(Operator, &str); 16] = [
    (Operator::Add, "+"),
    (Operator::Subtract, "-"),
    (Operator::Multiply, "*"),
    (Operator::Divide, "/"),
    (Operator::Modulo, "%"),
    (Operator::Equal, "="),
    (Operator::NotEqual, "!="),
    (Operator::Less, "<"),
    (Operator::LessOrEqual, "<="),
    (Operator::Greater, ">"),
    (Operator::GreaterOrEqual, ">="),
    (Operator::Concatenate, "&"),
    (Operator::And, "and"),
    (Operator::Or, "or"),
    (Operator::In, "in"),
    (Operator::Range, ".."),
];

impl Node {
    pub(crate) fn new(kind: Kind, position: usize) -> Node {
        Node {
            kind,
            position,
            keep_array: false,
            cons_array: false,
            tuple: false,
            predicates: Vec::new(),
            stages: Vec::new(),
            group: None,
            focus: None,
            index: None,
            ancestor: None,
            ancestor_name: None,
            seeking: Vec::new(),
        }
    }

    /// Whether it is a name and nothing more, so that a step can be looked up at once.
    pub(crate) fn is_plain_name(&self) -> bool {
        matches!(self.kind, Kind::Name(_)) && self.is_plain()
    }

    /// Whether nothing is attached to it.
    pub(crate) fn is_plain(&self) -> bool {
        !self.keep_array
            && !self.tuple
            && self.predicates.is_empty()
            && self.stages.is_empty()
            && self.group.is_none()
    }

    /// The variable or the first name of the path by which a function is called.
    pub(crate) fn procedure_name(&self) -> Option<&Name> {
        match &self.kind {
            Kind::Variable(variable) => Some(&variable.name),
            Kind::Path(path) => self.path_name(path),
            _ => None,
        }
    }

    fn path_name<'a>(&self, path: &'a Path) -> Option<&'a Name> {
        match &path.steps.first()?.kind {
            Kind::Name(name) => Some(name),
            Kind::Variable(variable) => Some(&variable.name),
            _ => None,
        }
    }

    /// The kind of expression, as the reference calls it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Constant(_) => "value",
            Kind::Number(_) => "number",
            Kind::String(_) => "string",
            Kind::Name(_) => "name",
            Kind::Wildcard => "wildcard",
            Kind::Descendant => "descendant",
            Kind::Parent { .. } => "parent",
            Kind::Variable(_) => "variable",
            Kind::Regex(_) => "regex",
            Kind::Path(_) => "path",
            Kind::Negate(_) | Kind::Array(_) | Kind::Object(_) => "unary",
            Kind::Binary(_) => "binary",
            Kind::Call(_) => "function",
            Kind::Partial(_) => "partial",
            Kind::Lambda(_) => "lambda",
            Kind::Condition(_) | Kind::Coalesce(_) | Kind::Default(_) => "condition",
            Kind::Block(_) => "block",
            Kind::Bind(_) => "bind",
            Kind::Apply(_) => "apply",
            Kind::Transform(_) => "transform",
            Kind::Sort(_) => "sort",
        }
    }

    /// Visits the nodes directly below.
    pub(crate) fn children<'a>(&'a self, visit: &mut dyn FnMut(&'a Node)) {
        self.operands(visit);
        self.predicates.iter().for_each(&mut *visit);
        for stage in &self.stages {
            if let Stage::Filter(predicate) = stage {
                visit(predicate);
            }
        }
        if let Some(group) = &self.group {
            group.children(visit);
        }
    }

    /// The string, when it is a string as it is written and nothing more.
    pub(crate) fn as_written(&self) -> Option<&Arc<str>> {
        match &self.kind {
            Kind::String(text) if self.is_plain() => Some(text),
            _ => None,
        }
    }

    /// The nodes of its kind, without those that are attached behind it.
    pub(crate) fn operands<'a>(&'a self, visit: &mut dyn FnMut(&'a Node)) {
        match &self.kind {
            Kind::Path(path) => path.steps.iter().for_each(&mut *visit),
            Kind::Negate(operand) => visit(operand),
            Kind::Binary(binary) => {
                visit(&binary.lhs);
                visit(&binary.rhs);
            }
            Kind::Array(nodes) | Kind::Block(nodes) => nodes.iter().for_each(&mut *visit),
            Kind::Object(group) => group.children(visit),
            Kind::Call(call) => {
                visit(&call.procedure);
                call.arguments.iter().for_each(&mut *visit);
            }
            Kind::Partial(partial) => {
                visit(&partial.procedure);
                partial.arguments.iter().flatten().for_each(&mut *visit);
            }
            Kind::Lambda(lambda) => visit(&lambda.body),
            Kind::Condition(condition) => {
                visit(&condition.condition);
                visit(&condition.then);
                condition.otherwise.iter().for_each(&mut *visit);
            }
            Kind::Coalesce(pair) | Kind::Default(pair) | Kind::Apply(pair) => {
                visit(&pair.0);
                visit(&pair.1);
            }
            Kind::Bind(bind) => visit(&bind.value),
            Kind::Transform(transform) => {
                visit(&transform.pattern);
                visit(&transform.update);
                transform.delete.iter().for_each(&mut *visit);
            }
            Kind::Sort(terms) => terms.iter().for_each(|term| visit(&term.expression)),
            _ => {}
        }
    }
}

impl Group {
    pub(crate) fn new(pairs: Vec<(Node, Node)>, position: usize) -> Group {
        let written: BTreeSet<_> = pairs.iter().filter_map(|(key, _)| key.as_written()).collect();
        let is_distinct = written.len() == pairs.len();
        Group { pairs, position, is_distinct }
    }

    fn children<'a>(&'a self, visit: &mut dyn FnMut(&'a Node)) {
        for (key, value) in &self.pairs {
            visit(key);
            visit(value);
        }
    }
}
