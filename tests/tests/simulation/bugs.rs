//! Mistakes that are planted on purpose: each must be found, or the checkers have no teeth.

use stepyard_runtime::planted::Planted;

use crate::world::Plan;

/// A mistake, made by a part of the world that breaks its contract, or inside the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The store writes for a shard that has another owner by now.
    FenceIgnored,
    /// The store says that it has written, and has not.
    CommitPretended,
    /// The store leaves out the last chunk of a transaction.
    CommitTorn,
    /// A commit that is sent again has other content.
    RetryChanged,
    /// The leases say that a commit of unknown outcome went through, and it did not.
    UnknownTakenForCommitted,
    /// The end of an execution does not reach its row.
    EndNotIndexed,
    /// Executions that sleep are not found again.
    SleeperNotFound,
    /// A task gets the result of an earlier one.
    ResultOfAnother,
    /// A mistake inside the runtime.
    Inside(Planted),
}

impl Bug {
    pub(crate) const OUTSIDE: [Bug; 8] = [
        Bug::FenceIgnored,
        Bug::CommitPretended,
        Bug::CommitTorn,
        Bug::RetryChanged,
        Bug::UnknownTakenForCommitted,
        Bug::EndNotIndexed,
        Bug::SleeperNotFound,
        Bug::ResultOfAnother,
    ];

    /// Worlds that may show it.
    pub(crate) fn plan(self) -> Plan {
        let Bug::Inside(mistake) = self else { return Plan::default() };
        match mistake {
            Planted::RedriveForgotten | Planted::TokenForgotten => {
                Plan { redrives: true, ..Plan::default() }
            }
            // Not only there, but there more often: one who waits for an answer sees what a late node says.
            Planted::LeaseIgnored
            | Planted::WordForgotten
            | Planted::WordHeardTwice
            | Planted::TakeForgotten
            | Planted::HeartbeatsForgotten
            | Planted::SignOfLifeForgotten => Plan { outside: true, ..Plan::default() },
            Planted::NestedNotStopped | Planted::ChildrenNotStopped | Planted::ChildSkipped => {
                Plan { families: true, ..Plan::default() }
            }
            _ => Plan::default(),
        }
    }

    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Bug> {
        Bug::OUTSIDE.into_iter().chain(Planted::ALL.into_iter().map(Bug::Inside))
    }
}
