//! State machines that have been started lately, so that not every start reads its definition.

use stepyard_store::{Alias, StateMachine};

use crate::fresh::Fresh;

/// What starts have read lately.
#[derive(Default)]
pub(crate) struct Machines {
    /// State machines, by the ARN of a version as that version has them.
    pub(crate) known: Fresh<StateMachine>,
    /// Aliases.
    pub(crate) aliases: Fresh<Alias>,
}

impl Machines {
    /// Forgets a state machine that has changed, with its versions and aliases.
    pub(crate) fn forget(&self, arn: &str) {
        self.known.forget(arn);
        self.aliases.forget(arn);
    }
}
