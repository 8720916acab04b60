//! The course of a world: chaos, then quiet until everything has come to its end, then the last checks.

use std::time::Duration;

use stepyard_asl::Timestamp;
use stepyard_machine::{Command, Execution};
use stepyard_store::ExecutionRow;
use tokio::task::JoinSet;

use crate::checkers::families::{self, Orphans};
use crate::checkers::{history, steady};
use crate::faults::{Fault, Faults};
use crate::host::Host;
use crate::node::Condition;
use crate::outside;
use crate::witness::Checker;
use crate::world::World;

/// How often it is looked whether all has ended, in milliseconds.
const LOOK_MILLIS: i64 = 1_000;

/// After this time without faults all nodes run that were on their way to stop or to start.
const NODES_BACK: Duration = Duration::from_secs(30);

/// After this time without faults everything is where it belongs.
const SETTLED: Duration = Duration::from_secs(90);

/// Something is committed at least so often while executions are in progress: a timer that was set by a clock
/// an hour ahead is waited for by one an hour behind. Clocks are set forward to those who sleep for longer.
const PATIENCE: Duration = Duration::from_secs(3 * 3_600);

/// Runs a world from its beginning to its end.
pub(crate) async fn run(world: World, is_calm: bool) {
    let mut clients = JoinSet::new();
    for client in world.clients() {
        clients.spawn(client.run());
    }
    for redriver in world.redrivers() {
        clients.spawn(redriver.run());
    }
    for canceller in world.cancellers() {
        clients.spawn(canceller.run());
    }
    if !is_calm {
        chaos(&world).await;
    }
    heal(&world);
    let quiet_since = world.time.elapsed();
    let (mut commits, mut progress) = (world.database.commits(), quiet_since);
    let mut orphans = Orphans::default();
    loop {
        world.time.sleep_millis(LOOK_MILLIS).await;
        let quiet = world.time.elapsed() - quiet_since;
        if quiet > NODES_BACK && has_ended(&world, &mut clients).await {
            break;
        }
        if quiet > SETTLED && world.calm_for() > SETTLED {
            steady::check(&world).await;
            orphans.check(&world).await;
        } else {
            orphans.forget();
        }
        if world.database.commits() > commits {
            (commits, progress) = (world.database.commits(), world.time.elapsed());
        }
        if world.time.elapsed() - progress > PATIENCE {
            return complain(&world).await;
        }
        outside::adopt(&world).await;
        leap_to_sleepers(&world, &clients).await;
    }
    world.witness.note(format_args!("all has ended"));
    history::check_all(&world).await;
    families::check_end(&world).await;
    steady::check_end(&world).await;
    world.witness.note(format_args!("all is checked"));
    stop_all(&world).await;
}

/// Things happen to the nodes, for up to two minutes.
async fn chaos(world: &World) {
    let faults = &world.faults;
    let end = world.time.elapsed() + Duration::from_millis(5_000 + faults.below(115_000));
    while world.time.elapsed() < end {
        world.time.sleep_millis(faults.millis(100, 6_000)).await;
        strike_database(world);
        let host = any_host(world);
        strike_node(world, host);
        if faults.strikes(Fault::NetworkCut, 6) {
            let until = world.time.now().plus_millis(faults.millis(100, 20_000));
            world.network.cut(host.number, any_host(world).number, until);
        }
        if faults.strikes(Fault::Leap, 12) {
            let most = [100_000, 365 * 86_400_000][faults.below(2) as usize];
            set_forward(world, faults.millis(1_000, most));
        }
    }
}

fn any_host(world: &World) -> &Host {
    &world.hosts[world.faults.below(world.hosts.len() as u64) as usize]
}

fn strike_database(world: &World) {
    let (faults, database) = (&world.faults, &world.database);
    if faults.strikes(Fault::DatabaseOutage, 8) {
        database.go_down(faults.millis(100, 15_000));
    }
    if faults.strikes(Fault::DiskFull, 8) {
        database.fill_up(faults.millis(100, 15_000));
    }
    if faults.strikes(Fault::DatabaseCrash, 8) {
        database.crash(faults.millis(0, 5_000));
    }
}

fn strike_node(world: &World, host: &Host) {
    let faults = &world.faults;
    if faults.strikes(Fault::ClockJump, 6) {
        let skew = faults.millis(0, 2 * 3_600_000) - 3_600_000;
        world.witness.note(format_args!("the clock of node {} is ahead by {skew}", host.number));
        host.skew.store(skew, std::sync::atomic::Ordering::Relaxed);
    }
    let Some(running) = host.running() else { return };
    if faults.strikes(Fault::DatabaseCut, 6) {
        let until = world.time.now().plus_millis(faults.millis(100, 20_000));
        running.process.cut_from_database(until);
    }
    if faults.strikes(Fault::Crash, 6) {
        running.process.set(Condition::Dead);
    } else if faults.strikes(Fault::Shutdown, 8) {
        host.stop();
    } else if faults.strikes(Fault::Pause, 6) {
        world.witness.note(format_args!("process {} stands still", running.process.number));
        running.process.set(Condition::Paused);
        let pause = pause(faults);
        let world = world.clone();
        tokio::spawn(async move {
            world.time.sleep_millis(pause).await;
            running.process.set(Condition::Running);
        });
    }
}

/// Shorter or longer than the lease of a node.
fn pause(faults: &Faults) -> i64 {
    match faults.below(2) {
        0 => faults.millis(100, 3_000),
        _ => faults.millis(3_000, 25_000),
    }
}

/// From now on nothing goes wrong, and what went wrong is mended.
fn heal(world: &World) {
    world.witness.note(format_args!("quiet"));
    world.faults.end();
    world.database.go_down(0);
    world.database.fill_up(0);
    world.network.heal();
    for host in &world.hosts {
        host.skew.store(world.faults.millis(0, 1_000) - 500, std::sync::atomic::Ordering::Relaxed);
        if let Some(running) = host.running() {
            running.process.set(Condition::Running);
            running.process.cut_from_database(Timestamp(0));
        }
    }
}

/// Whether clients and executions have come to their end.
async fn has_ended(world: &World, clients: &mut JoinSet<()>) -> bool {
    while let Some(ended) = clients.try_join_next() {
        let ended = ended.map_err(|error| error.to_string());
        world.witness.must(Checker::Liveness, ended.is_ok(), || format!("a client: {ended:?}"));
    }
    let is_closed = |row: &ExecutionRow| row.stopped_at.is_some();
    clients.is_empty()
        && !world.database.is_busy()
        && world.database.executions().await.iter().all(is_closed)
}

/// When nobody waits for anything but time, clocks are set to shortly before the first one goes on.
async fn leap_to_sleepers(world: &World, clients: &JoinSet<()>) {
    let is_busy = world.database.is_busy() || !world.works.keys().is_empty();
    if !clients.is_empty() || is_busy || world.outside.is_busy() {
        return;
    }
    let mut dues = Vec::new();
    for row in world.database.executions().await {
        if row.stopped_at.is_none() {
            let execution = Execution::replay(world.journal(&row).await);
            dues.push(goes_on_at(&execution).unwrap_or(execution.started_at().unwrap()));
        }
    }
    // Who waits for others only goes on at no time.
    let Some(first) = dues.into_iter().min().filter(|due| due.0 < i64::MAX) else { return };
    let leap = first.millis_since(world.now()) - world.faults.millis(0, 90_000);
    if leap > 60_000 {
        set_forward(world, leap);
    }
}

/// When time alone has an execution go on; `None` when it does not wait for time, or for executions that do.
fn goes_on_at(execution: &Execution) -> Option<Timestamp> {
    let pending = execution.pending();
    let awaits = |command: &Command| {
        matches!(command, Command::AwaitExecution { .. } | Command::RunChildren { .. })
    };
    if !pending.iter().any(awaits) {
        return execution.sleeps_until();
    }
    let due = pending.into_iter().map(|command| match command {
        Command::StartTimer { due, .. } => Some(due),
        command if awaits(&command) => Some(Timestamp(i64::MAX)),
        _ => None,
    });
    due.min()?
}

fn set_forward(world: &World, millis: i64) {
    world.witness.note(format_args!("all clocks are set forward by {millis}"));
    world.time.set_walls_forward(millis);
}

async fn complain(world: &World) {
    let mut open = Vec::new();
    for row in world.database.executions().await {
        if row.stopped_at.is_none() {
            let last = world.journal(&row).await.pop();
            open.push(format!("{row:?} after {last:?}"));
        }
    }
    let text = format!("nothing has happened for {:?}: {}", PATIENCE, open.join("\n"));
    world.witness.violation(Checker::Liveness, text);
}

/// A node without work stops when it is told to.
async fn stop_all(world: &World) {
    world.hosts.iter().for_each(|host| host.stop_for_good());
    for host in &world.hosts {
        while host.running().is_some() {
            world.time.sleep_millis(LOOK_MILLIS).await;
        }
    }
}
