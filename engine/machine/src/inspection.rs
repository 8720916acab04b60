//! Looking into one state while it works, for those who test it.

use std::collections::BTreeMap;

use stepyard_json::{Json, Object, Payload};

use crate::failure::Failure;
use crate::{MapLimits, Text};

/// What a state has made of its data so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `InputPath`.
    AfterInputPath,
    /// `Parameters`, or `Arguments` in JSONata.
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

/// What a Map state is to believe of iterations that are not run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MapMock {
    /// What its `ItemReader` reads.
    pub items: Option<Payload>,
    /// How many iterations have failed.
    pub failed: u64,
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
    /// What goes with that for a Map state.
    pub(crate) map: MapMock,
    /// What the state has made of its data.
    pub stages: BTreeMap<Stage, Payload>,
    /// Why it has failed, though that may have been caught.
    pub failure: Option<(Text, Text)>,
    /// The retrier that matches the failure, counted from 0.
    pub retrier: Option<usize>,
    /// How long that retrier waits, in milliseconds, unless it has no attempt left.
    pub retry_millis: Option<i64>,
    /// The limits of a Map state.
    pub limits: Option<MapLimits>,
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

    /// With what a Map state is to believe of its iterations.
    pub fn with_map(self, map: MapMock) -> Inspection {
        Inspection { map, ..self }
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

    /// What the mocked iterations of a Map state give, within these limits.
    pub(crate) fn mocked_map(
        &mut self,
        limits: MapLimits,
        items: usize,
    ) -> Option<Result<Payload, Failure>> {
        self.limits = Some(limits);
        let mocked = self.mocked()?;
        // A test takes a limit that is not given for none (recorded).
        let is_exceeded = limits.are_exceeded_by(self.map.failed, Some(items as u64));
        Some(if is_exceeded { mocked.and(Err(Failure::too_many_iterations())) } else { mocked })
    }

    pub(crate) fn mocked(&self) -> Option<Result<Payload, Failure>> {
        self.mock.clone().map(|mock| match mock {
            Mock::Result(result) => Ok(result),
            Mock::Error { error, cause } => Err(Failure::told(error, cause)),
        })
    }
}
