//! Clients that have executions go on which ended badly.

use stepyard_machine::{EventKind, ExecutionStatus};
use stepyard_runtime::{RedriveError, RedriveRequest};
use stepyard_store::ExecutionRow;

use crate::client::{Client, Subject};
use crate::witness::Checker;

/// Longest time between two redrives, in milliseconds.
const THINK_MILLIS: u64 = 60_000;

/// One of them. What it does is drawn from a seed of its own, so that the other clients do what they do without it.
pub(crate) struct Redriver(pub(crate) Client);

impl Redriver {
    /// Does everything it wants to do, however long that takes.
    pub(crate) async fn run(mut self) {
        let world = self.0.world.clone();
        for number in 0..6 + self.0.random.below(12) {
            self.0.think(THINK_MILLIS).await;
            let token = format!("{}-{number}", self.0.number);
            if let Some(row) = self.pick().await {
                let machine = world.machine(&row.state_machine_arn);
                self.redrive(&Subject::new(machine, row.name), &token).await;
            }
        }
        world.witness.note(format_args!("client {} redrives no more", self.0.number));
    }

    /// Mostly one that has ended badly.
    async fn pick(&mut self) -> Option<ExecutionRow> {
        let world = &self.0.world;
        let mut rows = world.database.executions().await;
        rows.retain(|row| !world.is_started_by_others(row));
        let has_failed = |row: &ExecutionRow| {
            row.stopped_at.is_some() && row.status != ExecutionStatus::Succeeded
        };
        if self.0.random.below(8) != 0 && rows.iter().any(has_failed) {
            rows.retain(has_failed);
        }
        let at = self.0.random.below(rows.len().max(1) as u64);
        rows.into_iter().nth(at as usize)
    }

    /// Asks with one token until there is an answer.
    async fn redrive(&mut self, subject: &Subject<'_>, token: &str) {
        let world = self.0.world.clone();
        loop {
            let was_known = world.book.knows(&subject.arn);
            let request = RedriveRequest {
                state_machine_arn: subject.machine.arn.clone(),
                name: subject.name.clone(),
                client_token: token.into(),
            };
            let ask = async move |node: &crate::host::Running| {
                node.runtime.redrive_execution(request).await
            };
            let answer = self.0.ask(ask).await;
            world.witness.note(format_args!("{token} redrives {}: {answer:?}", subject.name));
            match answer {
                Some(Ok(at)) => return self.check(subject, token, at).await,
                Some(Err(RedriveError::NotRedrivable(_))) => return,
                Some(Err(RedriveError::DoesNotExist)) => {
                    return world.witness.must(Checker::Replies, !was_known, || {
                        format!("{} was acknowledged, and is said not to exist", subject.arn)
                    });
                }
                Some(Err(RedriveError::SetAside | RedriveError::Unavailable(_))) | None => {
                    self.0.think(3_000).await;
                }
            }
        }
    }

    /// An acknowledged redrive is durable, and has happened once.
    async fn check(&self, subject: &Subject<'_>, token: &str, at: stepyard_asl::Timestamp) {
        let journal = self.0.stored_journal(subject).await;
        let redrives = journal.iter().filter(|event| {
            matches!(&event.kind, EventKind::ExecutionRedriven { client_token, .. }
                if client_token.as_deref() == Some(token))
        });
        let times: Vec<_> = redrives.map(|event| event.at).collect();
        self.0.world.witness.must(Checker::Replies, times == [at], || {
            format!("{} was redriven for {token} at {at}, the store has {times:?}", subject.arn)
        });
    }
}
