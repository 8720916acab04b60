//! Starting and stopping executions.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use stepyard_machine::{ExecutionStatus, Stimulus};
use stepyard_store::{ChildRow, Error, ExecutionId, ExecutionRow};

use super::{Answer, Message, Name, Reply, Shard, Start, Stop};
use crate::active::Active;
use crate::cluster::StartRequest;
use crate::planted::{Planted, makes};
use crate::{StartError, StopError};

/// What the store has under the names that clients chose.
pub(super) type Found = BTreeMap<Name, Result<Option<ExecutionRow>, Error>>;

impl Shard {
    /// Which of the names that clients named are taken by executions that are not in memory. What is
    /// in memory or under way is not asked for: nothing else can take a name of this shard meanwhile.
    pub(super) async fn look_up_names(&self, messages: &[Message]) -> Found {
        let names: BTreeSet<Name> = messages
            .iter()
            .filter_map(|message| match message {
                Message::Start(start) if start.is_looked_up() => Some(start.name()),
                Message::Stop(stop) => Some(stop.name()),
                Message::Redrive(redrive) => Some(redrive.name()),
                _ => None,
            })
            .filter(|name| !self.names.contains_key(name))
            .collect();
        let look_up = |name: Name| async {
            let found = self.shared.store.find_execution(self.id(), &name.0, &name.1).await;
            (name, found)
        };
        join_all(names.into_iter().map(look_up)).await.into_iter().collect()
    }

    pub(super) fn start(&mut self, start: Start, found: &Found) {
        if start.reply.is_closed() {
            // Its client has given up, and may have asked again since.
            return;
        }
        let name = start.name();
        if let Some(id) = self.names.get(&name).copied() {
            return self.start_again(id, start);
        }
        let refusal = match found.get(&name) {
            None | Some(Ok(None)) => return self.start_new(name, start),
            Some(Ok(Some(row))) if row.id == start.request.id => {
                return drop(start.reply.send(Ok(row.clone())));
            }
            Some(Ok(Some(_))) => already_exists(&start),
            Some(Err(error)) => StartError::Unavailable(error.to_string()),
        };
        // A client that has gone away does not want its answer.
        drop(start.reply.send(Err(refusal)));
    }

    fn start_new(&mut self, name: Name, start: Start) {
        let moment = self.moment();
        let StartRequest { id, revision, context, input, .. } = start.request;
        let row = ExecutionRow {
            shard: self.id(),
            id,
            state_machine_arn: name.0,
            name: name.1,
            qualifier: context.qualifier.clone(),
            child: context.child_of.as_ref().and_then(ChildRow::of),
            revision,
            status: ExecutionStatus::Running,
            started_at: moment.now,
            stopped_at: None,
            redriven: None,
            resume_at: None,
        };
        let tokens = self.shared.tokens(self.id(), id);
        let mut active = Active::new(id, revision, start.program, tokens);
        self.deciding = Some(id);
        // That takes no long time, whatever its first state costs.
        active.decide(moment, Stimulus::Start { context, input });
        self.deciding = None;
        self.shared.metrics.in_memory_changed(1);
        self.insert(active);
        self.dirty.insert(id);
        self.starts.insert(id, row.clone());
        let result = Ok(Box::new(row));
        let answer = Answer::Started { reply: start.reply, result, _place: start.place };
        self.replies.push(Reply { execution: id, thought: None, answer });
    }

    /// A start whose name is in memory: the same reply for the same input, as AWS gives it. It tells of
    /// a start or an end that may not be durable yet.
    fn start_again(&mut self, id: ExecutionId, start: Start) {
        let Some(active) = self.executions.get(&id) else { return };
        let execution = active.execution();
        let request = &start.request;
        let is_same = id == request.id
            || (!execution.is_closed() && execution.input() == Some(&request.input));
        let result = match is_same {
            true => Ok(Box::new(active.started_row(self.id(), &request.context))),
            false => Err(already_exists(&start)),
        };
        let answer = Answer::Started { reply: start.reply, result, _place: start.place };
        self.replies.push(Reply { execution: id, thought: None, answer });
    }

    /// Stops an execution. One that has ended is in memory until its end is durable: the reply tells
    /// when that was.
    pub(super) fn stop(&mut self, stop: Stop, found: &Found) {
        let name = stop.name();
        let Some(id) = self.names.get(&name).copied() else {
            let error = match found.get(&name) {
                Some(Err(error)) => StopError::Unavailable(error.to_string()),
                Some(Ok(Some(row))) if row.stopped_at.is_none() => StopError::SetAside,
                _ => StopError::NotRunning,
            };
            return drop(stop.reply.send(Err(error)));
        };
        if !makes(Planted::StopForgotten) {
            let (error, cause) = (stop.request.error, stop.request.cause);
            let thought = self.executions.get(&id).and_then(Active::thought);
            self.decide(id, Stimulus::Stop { error, cause });
            if let Some(thought) = thought {
                self.give_up_thought(id, thought);
            }
        }
        let ended = self.executions.get(&id).and_then(|active| active.execution().stopped_at());
        let stopped_at = ended.unwrap_or_else(|| self.shared.clock.now());
        let answer = Answer::Stopped { reply: stop.reply, stopped_at };
        self.replies.push(Reply { execution: id, thought: None, answer });
    }
}

fn already_exists(start: &Start) -> StartError {
    StartError::AlreadyExists { arn: start.request.context.execution_arn.clone() }
}
