//! Clients that stop executions which wait for others that they have started, also when all else is quiet.

use stepyard_machine::{Command, Execution};
use stepyard_store::ExecutionRow;

use crate::client::{Client, Subject};
use crate::world::World;

/// Longest time between two stops, in milliseconds.
const THINK_MILLIS: u64 = 120_000;

/// One of them. What it does is drawn from a seed of its own, so that the other clients do what they do without it.
pub(crate) struct Canceller(pub(crate) Client);

impl Canceller {
    /// Does everything it wants to do, however long that takes.
    pub(crate) async fn run(mut self) {
        let world = self.0.world.clone();
        for _ in 0..1 + self.0.random.below(3) {
            self.0.think(THINK_MILLIS).await;
            let rows = waiting(&world).await;
            let at = self.0.random.below(rows.len().max(1) as u64) as usize;
            if let Some(row) = rows.into_iter().nth(at) {
                let machine = world.machine(&row.state_machine_arn);
                self.0.stop(&Subject::new(machine, row.name)).await;
            }
        }
        world.witness.note(format_args!("client {} stops no more", self.0.number));
    }
}

/// Executions that clients have started and that wait for others.
async fn waiting(world: &World) -> Vec<ExecutionRow> {
    let mut waiting = Vec::new();
    for row in world.database.executions().await {
        if row.stopped_at.is_some() || world.is_started_by_others(&row) {
            continue;
        }
        let waits = |command: &Command| {
            matches!(command, Command::AwaitExecution { .. } | Command::RunChildren { .. })
        };
        if Execution::replay(world.journal(&row).await).pending().iter().any(waits) {
            waiting.push(row);
        }
    }
    waiting
}
