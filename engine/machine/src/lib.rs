//! The interpreter of the States Language as a pure function over events.
//!
//! [`decide`] looks at a program, an execution, a moment and one stimulus, and says which events happen
//! and which commands follow. [`Execution::apply`] folds one event into the state. `decide` changes
//! the state only by emitting events through `apply`, so folding a journal again gives the same state and
//! evaluates no expression.

mod audit;
mod batch;
mod budget;
mod child_result;
mod context;
mod data_flow;
mod decide;
mod event;
mod execution;
mod facts;
mod failure;
mod footprint;
mod frame;
pub mod history;
mod id;
mod inspection;
mod item;
mod kind;
mod limits;
mod map_run;
mod map_run_record;
mod number_set;
mod pending;
mod qualifier;
#[cfg(test)]
mod samples;
mod selection;
mod states;
mod status;
mod status_change;
mod stimulus;
mod tokens;
mod undecided;
mod variables;

pub use audit::{Fault, audit};
pub use batch::{Batch, BatchLimits, Batcher};
pub use child_result::{ChildEnd, ChildResult, ResultKind, state_result};
pub use decide::{STEPS_MAX, decide, decide_within};
pub use event::{ChildOf, Event, EventKind, StartContext, Text};
pub use execution::{Execution, NotRedrivable, REDRIVE_TOKENS_MAX, RedriveSubject, Redriven};
pub use facts::Facts;
pub use footprint::Footprint;
pub use id::{EventId, FrameId, TaskId, Timer, TimerKind};
pub use inspection::{Inspection, MapMock, Mock, Stage};
pub use item::Item;
pub use kind::{EXPRESS_SECONDS_MAX, ExecutionKind};
pub use limits::Limits;
pub use map_run::{
    Batches, EndCounts, EndedChild, MapLimits, MapRun, MapRunId, MapRunItems, MapRunPlan,
    MapRunTotals, StartedBy, child_redrive_token,
};
pub use map_run_record::{MapLimitsChange, MapRunRecord};
pub use qualifier::Qualifier;
pub use selection::Selection;
pub use status::ExecutionStatus;
pub use status_change::{StatusChange, StatusChanges};
pub use stimulus::{Command, Decision, InvokeTask, Moment, Stimulus};
pub use tokens::TaskTokens;
pub use undecided::{Lack, Undecided};
