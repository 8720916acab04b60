//! Syntax tree to the tree that is evaluated.

mod lower;
mod parent;
mod references;
mod resolve;

use crate::ast::Node;
use crate::error::{Error, Outcome};
use crate::syntax;

pub(crate) use references::references_of;
pub use references::References;

/// Compiles an expression.
pub(crate) fn compile(text: &str, dialect: crate::Dialect) -> Outcome<Node> {
    let raw = syntax::parse(text)?;
    let mut lowering = lower::Lowering::default();
    let mut node = lowering.lower(raw)?;
    if matches!(node.kind, crate::ast::Kind::Parent { .. }) || !node.seeking.is_empty() {
        return Err(Error::new("S0217").at(node.position).with_token(node.type_name()));
    }
    resolve::resolve(&mut node, &lowering.labels(), dialect)?;
    Ok(node)
}
