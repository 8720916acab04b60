//! Syntax tree to the tree that is evaluated.

mod lower;
mod parent;
mod references;
mod resolve;

use crate::Dialect;
use crate::ast::{Kind, Node};
use crate::error::{Error, Outcome};
use crate::syntax;

pub use references::References;
pub(crate) use references::references_of;

/// Where an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// By itself: its variables are its own or come from outside.
    Alone,
    /// In `$eval`: it also sees the variables of its place.
    Within,
}

/// Compiles an expression.
pub(crate) fn compile(text: &str, dialect: Dialect, place: Place) -> Outcome<Node> {
    let raw = syntax::parse(text)?;
    let mut lowering = lower::Lowering::default();
    let mut node = lowering.lower(Box::new(raw))?;
    if matches!(node.kind, Kind::Parent { .. }) || !node.seeking.is_empty() {
        return Err(Error::new("S0217").at(node.position).with_token(node.type_name()));
    }
    resolve::resolve(&mut node, &lowering.labels(), dialect, place);
    Ok(*node)
}
