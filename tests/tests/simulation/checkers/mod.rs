//! What must hold: while the world goes on, when it is quiet, and at the end.

pub(crate) mod families;
pub(crate) mod history;
pub(crate) mod ledger;
mod oracle;
pub(crate) mod steady;
