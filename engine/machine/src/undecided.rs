//! Decisions that could not be made.

use std::sync::Arc;

use crate::Stimulus;

/// A decision lacks something. Nothing has changed: the same decision can be made again, from the same stimulus, with what
/// it lacks.
#[derive(Clone, Debug)]
pub struct Undecided {
    /// What it was about.
    pub stimulus: Stimulus,
    /// What it lacks.
    pub lack: Lack,
}

/// What a decision lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Its expressions took more steps than they were given.
    Fuel,
    /// It does not know whether there is an activity with that ARN.
    Activity(Arc<str>),
}
