//! Redriving executions that have ended: they come back from their journals.

use stepyard_asl::Timestamp;
use stepyard_machine::{ExecutionStatus, NotRedrivable, Stimulus};
use stepyard_store::{Error, ExecutionId, ExecutionRow};

use super::starting::Found;
use super::{Answer, Message, Redrive, Reply, Shard};
use crate::RedriveError;
use crate::cluster::RedriveRequest;
use crate::planted::{Planted, makes};

impl Shard {
    /// Takes up the closed executions that are to be redriven. Which ones.
    pub(super) async fn load_closed(
        &mut self,
        messages: &[Message],
        found: &mut Found,
    ) -> Vec<ExecutionId> {
        let mut loaded = Vec::new();
        for message in messages {
            let Message::Redrive(redrive) = message else { continue };
            let Some(result) = found.get_mut(&redrive.name()) else { continue };
            let Ok(Some(row)) = result else { continue };
            let is_here = self.executions.contains_key(&row.id) || self.set_aside.contains(&row.id);
            if is_here || refusal(row).is_some() {
                continue;
            }
            match self.wake(row).await {
                Ok(()) => loaded.push(row.id),
                Err(error) => *result = Err(error),
            }
        }
        loaded
    }

    /// Those of them that stay closed leave again.
    pub(super) fn unload_closed(&mut self, loaded: Vec<ExecutionId>) {
        for id in loaded {
            let is_closed =
                self.executions.get(&id).is_some_and(|active| active.execution().is_closed());
            if is_closed
                && !self.dirty.contains(&id)
                && let Some(active) = self.executions.remove(&id)
            {
                self.forget(&active);
            }
        }
    }

    /// Redrives an execution. The reply, also one that refuses, waits until what it tells is durable.
    pub(super) fn redrive(&mut self, redrive: Redrive, found: &Found) {
        let Redrive { request, reply } = redrive;
        let name = (request.state_machine_arn.clone(), request.name.clone());
        let Some(id) = self.names.get(&name).copied() else {
            return drop(reply.send(Err(not_taken_up(found.get(&name)))));
        };
        let result = self.redrive_loaded(id, &request);
        let answer = Answer::Redriven { reply, result };
        self.replies.push(Reply { execution: id, thought: None, answer });
    }

    fn redrive_loaded(
        &mut self,
        id: ExecutionId,
        request: &RedriveRequest,
    ) -> Result<Timestamp, RedriveError> {
        let now = self.shared.clock.now();
        if let Some(at) = self.redriven_with(id, request, now)
            && !makes(Planted::TokenForgotten)
        {
            return Ok(at);
        }
        if let Some(active) = self.executions.get(&id) {
            active.execution().check_redrive(now).map_err(RedriveError::NotRedrivable)?;
        }
        if makes(Planted::RedriveForgotten) {
            return Ok(now);
        }
        self.decide(id, Stimulus::Redrive { client_token: Some(request.client_token.clone()) });
        self.redriven_with(id, request, now).ok_or_else(not_heard)
    }

    fn redriven_with(
        &self,
        id: ExecutionId,
        request: &RedriveRequest,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.executions.get(&id)?.execution().redriven_with(&request.client_token, now)
    }
}

/// Why a row alone says that its execution cannot be redriven. What was redriven before may be asked by the same request once
/// more, which only its journal knows.
fn refusal(row: &ExecutionRow) -> Option<NotRedrivable> {
    let has_succeeded = row.status == ExecutionStatus::Succeeded && row.redriven.is_none();
    let is_refused = has_succeeded || row.stopped_at.is_none();
    is_refused.then_some(NotRedrivable::Status(row.status))
}

/// Why an execution is not in memory.
fn not_taken_up(found: Option<&Result<Option<ExecutionRow>, Error>>) -> RedriveError {
    match found {
        Some(Ok(None)) => RedriveError::DoesNotExist,
        Some(Err(error)) => RedriveError::Unavailable(error.to_string()),
        Some(Ok(Some(row))) => {
            refusal(row).map_or(RedriveError::SetAside, RedriveError::NotRedrivable)
        }
        None => not_heard(),
    }
}

fn not_heard() -> RedriveError {
    RedriveError::Unavailable("the execution was not redriven; try again".into())
}
