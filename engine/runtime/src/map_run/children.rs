//! Running one child execution to its end.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use stepyard_asl::Program;
use stepyard_json::Payload;
use stepyard_machine::{
    ChildEnd, ExecutionStatus, NotRedrivable, StartContext, child_redrive_token,
};
use stepyard_store::ExecutionId;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cluster::{RedriveRequest, StartRequest, StopRequest};
use crate::delivery::Delivery;
use crate::end_watch::{Awaited, end_of};
use crate::express::{Express, StartExpress};
use crate::shard::Shared;
use crate::{ExecutionView, RedriveError, StartError, StopError};

/// The pause before a start is tried again that was not taken, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Child executions that are stopped at the same time.
const STOPS_AT_ONCE: usize = 64;

/// Runs child executions.
pub(crate) struct Children {
    pub(crate) shared: Arc<Shared>,
    pub(crate) express: Arc<Express>,
    pub(crate) delivery: Arc<Delivery>,
}

/// A child execution.
pub(super) struct Child {
    pub(super) context: Arc<StartContext>,
    pub(super) revision: Uuid,
    pub(super) program: Arc<Program>,
    pub(super) input: Payload,
}

/// What has become of executions that were to be stopped. What is in none of these numbers was not running.
#[derive(Clone, Copy, Default)]
pub(super) struct Stops {
    /// How many were stopped.
    pub(super) stopped: usize,
    /// How many may have been, or not.
    pub(super) unknown: usize,
    /// How many are set aside: they cannot be stopped before somebody has taken them up.
    pub(super) set_aside: usize,
}

impl Stops {
    pub(super) fn and(self, other: Stops) -> Stops {
        Stops {
            stopped: self.stopped + other.stopped,
            unknown: self.unknown + other.unknown,
            set_aside: self.set_aside + other.set_aside,
        }
    }
}

/// What the start of a Standard execution has found.
enum Standing {
    /// It runs.
    Running,
    /// There was one of that name before, which may have ended.
    Known,
}

impl Children {
    /// Runs one to its end. It may have been started before: it is the same one then, if its kind is durable.
    /// `None`: this process comes to its end, and somebody else has to see to it.
    pub(super) async fn run(
        &self,
        child: Child,
        cancellation: &CancellationToken,
    ) -> Option<ChildEnd> {
        match child.context.kind.is_express() {
            true => self.run_express(child, cancellation).await,
            false => self.run_standard(child).await,
        }
    }

    async fn run_express(
        &self,
        child: Child,
        cancellation: &CancellationToken,
    ) -> Option<ChildEnd> {
        let mut pause = PAUSE.0;
        loop {
            let start = StartExpress {
                id: self.new_id(),
                context: child.context.clone(),
                revision: child.revision,
                program: child.program.clone(),
                input: child.input.clone(),
                logging: self.shared.programs.logging(child.revision),
                cancellation: cancellation.clone(),
            };
            match self.express.run(start).await {
                // Its end is that of this process.
                Ok(end) if end.status == ExecutionStatus::Aborted && self.express.is_ending() => {
                    return None;
                }
                Ok(end) => {
                    return Some(ChildEnd {
                        status: end.status,
                        started: end.started_at,
                        stopped: end.stopped_at,
                        output: end.output,
                        error: end.error,
                        cause: end.cause,
                        redrive_count: 0,
                        redrive_refusal: None,
                    });
                }
                Err(_) if self.express.is_ending() => return None,
                Err(StartError::Throttled) => {
                    self.shared.clock.sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
                Err(error) => return Some(self.lost(error.to_string())),
            }
        }
    }

    /// The end of a child execution of which nothing is known.
    pub(super) fn lost(&self, cause: String) -> ChildEnd {
        let now = self.shared.clock.now();
        ChildEnd {
            status: ExecutionStatus::Failed,
            started: now,
            stopped: now,
            output: None,
            error: Some("States.Runtime".into()),
            cause: Some(cause.into()),
            redrive_count: 0,
            redrive_refusal: None,
        }
    }

    async fn run_standard(&self, child: Child) -> Option<ChildEnd> {
        let awaited = Awaited {
            state_machine_arn: child.context.state_machine_arn.clone(),
            name: child.context.execution_name.clone(),
            arn: child.context.execution_arn.clone(),
        };
        let redrive_count = child.context.child_of.as_ref().map_or(0, |of| of.redrive_count);
        let may_have_ended = redrive_count > 0;
        let refusal = match self.start_standard(child).await {
            Standing::Known if may_have_ended => self.redrive(&awaited, redrive_count).await,
            Standing::Known | Standing::Running => None,
        };
        let end = match &refusal {
            Some(error @ RedriveError::SetAside) => {
                tracing::error!(execution = %awaited.arn, "a child execution is set aside and counts as lost");
                self.lost(error.to_string())
            }
            _ => match end_of(&self.shared, &awaited).await {
                Ok(view) => end_shown_by(&view),
                Err(error) => self.lost(error.to_string()),
            },
        };
        Some(ChildEnd { redrive_refusal: refusal.map(|error| error.to_string().into()), ..end })
    }

    async fn start_standard(&self, child: Child) -> Standing {
        let mut request = StartRequest {
            id: self.new_id(),
            context: child.context,
            name_is_chosen: true,
            revision: child.revision,
            input: child.input,
            is_repeat: false,
        };
        let mut pause = PAUSE.0;
        loop {
            match self.delivery.start(request.clone(), child.program.clone()).await {
                Ok(_) => return Standing::Running,
                Err(StartError::AlreadyExists { .. }) => return Standing::Known,
                Err(StartError::Throttled | StartError::Unavailable(_)) => {
                    request.is_repeat = true;
                    self.shared.clock.sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    /// Has a child execution that may have ended badly before go on, once for each redrive of its Map Run. Returns why
    /// it cannot.
    async fn redrive(&self, child: &Awaited, redrive_count: u32) -> Option<RedriveError> {
        let request = RedriveRequest {
            state_machine_arn: child.state_machine_arn.clone(),
            name: child.name.clone(),
            client_token: child_redrive_token(redrive_count).into(),
        };
        let mut pause = PAUSE.0;
        loop {
            match self.delivery.redrive(request.clone()).await {
                // One that runs or has succeeded is waited for as it is; of one that is not there, who waits will know.
                Ok(_)
                | Err(
                    RedriveError::NotRedrivable(NotRedrivable::Status(_))
                    | RedriveError::DoesNotExist,
                ) => return None,
                Err(error @ (RedriveError::NotRedrivable(_) | RedriveError::SetAside)) => {
                    return Some(error);
                }
                Err(RedriveError::Unavailable(_)) => {
                    self.shared.clock.sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    /// Stops Standard executions that are not needed any more, named by state machine and name.
    pub(super) async fn stop(
        &self,
        names: impl IntoIterator<Item = (Arc<str>, Arc<str>)>,
    ) -> Stops {
        let stops = names.into_iter().map(|(machine, name)| self.stop_one(machine, name));
        let stopped = stream::iter(stops).buffer_unordered(STOPS_AT_ONCE);
        stopped.fold(Stops::default(), |all, one| std::future::ready(all.and(one))).await
    }

    async fn stop_one(&self, state_machine_arn: Arc<str>, name: Arc<str>) -> Stops {
        let request = StopRequest { state_machine_arn, name, error: None, cause: None };
        let none = Stops::default();
        match self.delivery.stop(request).await {
            Ok(_) => Stops { stopped: 1, ..none },
            Err(StopError::NotRunning) => none,
            Err(StopError::SetAside) => Stops { set_aside: 1, ..none },
            Err(StopError::Unavailable(_)) => Stops { unknown: 1, ..none },
        }
    }

    fn new_id(&self) -> ExecutionId {
        let drawn = self.shared.entropy.draw();
        let entropy = drawn.first_chunk::<10>().copied().unwrap_or_default();
        ExecutionId::new(self.shared.clock.now(), entropy)
    }
}

/// How an execution that has ended has ended.
pub(super) fn end_shown_by(view: &ExecutionView) -> ChildEnd {
    ChildEnd {
        status: view.row.status,
        started: view.row.started_at,
        stopped: view.row.stopped_at.unwrap_or(view.row.started_at),
        output: view.output.clone(),
        error: view.error.clone(),
        cause: view.cause.clone(),
        redrive_count: view.row.redriven.map_or(0, |redriven| redriven.count),
        redrive_refusal: None,
    }
}
