//! Looking into one state while it works, for those who test it.

use std::collections::BTreeMap;

use stepyard_json::{Json, Object, Payload};

use crate::Text;
use crate::failure::Failure;

/// What a state has made of its data so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `InputPath`.
    AfterInputPath,
    /// `Parameters`.
    AfterParameters,
    /// `ItemsPath` of a Map state.
    AfterItemsPath,
    /// What the work of the state gave.
    Result,
    /// `ResultSelector`.
    AfterResultSelector,
    /// `ResultPath`.
    AfterResultPath,
}

/// What the work of a state gives instead of being done.
#[derive(Clone, Debug, PartialEq)]
pub enum Mock {
    /// It ends well.
    Result(Payload),
    /// It fails.
    Error {
        /// Error name.
        error: Text,
        /// Cause.
        cause: Text,
    },
}

/// The test of one state: what it is given, and what came of it. In a [`crate::Decision`] it makes the execution
/// tell errors without the place where they happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// The context object, instead of the execution's own.
    pub(crate) context: Option<Json>,
    /// Variables that stand in for those of the execution.
    pub(crate) variables: Option<Json>,
    /// Instead of the work of a Task, Parallel or Map state.
    mock: Option<Mock>,
    /// What the state has made of its data.
    pub stages: BTreeMap<Stage, Payload>,
    /// Why it has failed, though that may have been caught.
    pub failure: Option<(Text, Text)>,
    /// The retrier that matches the failure, counted from 0.
    pub retrier: Option<usize>,
    /// The catcher that was taken, counted from 0.
    pub catcher: Option<usize>,
    /// Whether the state has been left.
    is_over: bool,
}

impl Inspection {
    /// A test with that context object, those variables (an object) and that mock, if there are any.
    pub fn new(context: Option<Json>, variables: Option<Json>, mock: Option<Mock>) -> Inspection {
        Inspection { context, variables, mock, ..Inspection::default() }
    }

    /// The variables after the state: those that were given, with what it has assigned.
    pub fn variables_after(&self, assigned: Option<&Payload>) -> Option<Json> {
        let mut all =
            self.variables.as_ref().and_then(Json::as_object).cloned().unwrap_or_default();
        let assigned = assigned.and_then(|assigned| assigned.tree().as_object());
        for (name, value) in assigned.into_iter().flat_map(Object::iter) {
            all.insert(name.clone(), value.clone());
        }
        (!all.is_empty()).then(|| all.into())
    }

    pub(crate) fn note(&mut self, stage: Stage, data: &Payload) {
        if !self.is_over {
            self.stages.insert(stage, data.clone());
        }
    }

    pub(crate) fn end(&mut self) {
        self.is_over = true;
    }

    pub(crate) fn mocked(&self) -> Option<Result<Payload, Failure>> {
        self.mock.clone().map(|mock| match mock {
            Mock::Result(result) => Ok(result),
            Mock::Error { error, cause } => Err(Failure::told(error, cause)),
        })
    }
}
