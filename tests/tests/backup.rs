//! Backups taken under load: what is restored is a prefix of what was, and goes on.

#![expect(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use serde_json::{Value, json};
use stepyard_machine::{Command as MachineCommand, Event, Execution, ExecutionStatus};
use stepyard_store::doctor::Doctor;
use stepyard_store::{ExecutionId, ExecutionRow, all_shards};
use stepyard_tests::{
    Client, Deadline, LambdaStub, Reply, Run, Server, ServerOptions, TestDatabase, binary, block_on,
};

/// Tasks, branches and a Wait of a second.
const DEFINITION: &str = include_str!("reliability/machines/parallel.asl.json");

const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:parallel";

/// Clients at work at the same time, and the pause of each between two starts.
const CLIENTS: usize = 2;
const PAUSE: Duration = Duration::from_millis(20);

/// How long a task takes.
const TASK: Duration = Duration::from_millis(100);

/// Executions that come to their last task before the backup begins, and after it.
const EXECUTIONS: usize = 20;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_backup_of_sqlite_is_restored_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let restored = folder.path().join("restored");
    scenario(&TestDatabase::Sqlite, folder.path(), || {
        back_up(folder.path(), &restored);
        TestDatabase::Sqlite
    });
}

#[test]
fn a_dump_of_postgres_is_restored_and_goes_on() {
    let Some(database) = TestDatabase::postgres() else { return };
    let folder = tempfile::tempdir().unwrap();
    let restored = folder.path().join("restored");
    scenario(&database, folder.path(), || {
        let copy = TestDatabase::postgres().unwrap();
        database.dump_into(&copy);
        back_up(folder.path(), &restored);
        copy
    });
}

/// Runs a load on a server whose data directory is `original` in the folder, takes a backup meanwhile, and
/// checks what `restored` in the folder and the restored database hold.
fn scenario(database: &TestDatabase, folder: &Path, take_backup: impl FnOnce() -> TestDatabase) {
    let lambda = LambdaStub::start(|run| (TASK, Reply::Return(run.event.clone())));
    let options =
        |database| ServerOptions::default().with_lambda("*", &lambda.url()).with_database(database);
    let original = folder.join("original");
    let server = Server::start(&original, &options(database));
    let load = Load::start(&server.client());
    await_last_tasks(&lambda, EXECUTIONS);
    let copy = take_backup();
    await_last_tasks(&lambda, last_tasks(&lambda) + EXECUTIONS);
    load.stop();
    await_rest(&server.client());
    assert!(server.terminate().success());
    let whole = read(database, &original);

    let restored = folder.join("restored");
    let before = read(&copy, &restored);
    check_prefixes(&before, &whole);
    let server = Server::start(&restored, &options(&copy));
    await_rest(&server.client());
    assert!(server.terminate().success());
    let after = read(&copy, &restored);
    assert_eq!(after.len(), before.len());
    for (row, _) in after.values() {
        assert_eq!(row.status, ExecutionStatus::Succeeded, "{}", row.name);
    }
    check_keys(&before, &lambda.runs());
}

fn await_last_tasks(lambda: &LambdaStub, count: usize) {
    Deadline::after(PATIENCE)
        .wait_for("executions", || (last_tasks(lambda) >= count).then_some(()));
}

fn last_tasks(lambda: &LambdaStub) -> usize {
    lambda.runs().iter().filter(|run| run.event["state"] == "Joined").count()
}

/// Clients that start executions until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(client: &Client) -> Load {
        client.create_state_machine("parallel", DEFINITION).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let spawn = |number| {
            let (client, stop) = (client.clone(), stop.clone());
            thread::spawn(move || {
                for turn in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    client.start_execution(MACHINE, &format!("{number}-{turn}"), "{}").unwrap();
                    sleep(PAUSE);
                }
            })
        };
        Load { threads: (0..CLIENTS).map(spawn).collect(), stop }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

fn await_rest(client: &Client) {
    let request = json!({ "stateMachineArn": MACHINE, "statusFilter": "RUNNING", "maxResults": 1 });
    Deadline::after(PATIENCE).wait_for("the end of all executions", || {
        let page = client.call("ListExecutions", &request).unwrap();
        page["executions"].as_array().unwrap().is_empty().then_some(())
    });
}

fn back_up(folder: &Path, target: &Path) {
    let mut backup = Command::new(binary());
    backup.arg("backup").arg(target).arg("--data-dir").arg(folder.join("original"));
    if !target.with_file_name("original").join("stepyard.db").exists() {
        // Only a URL of Postgres tells that there is no file to copy.
        backup.args(["--database-url", "postgres://elsewhere/database"]);
    }
    let done = backup.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(target.join("objects").is_dir());
}

type Executions = BTreeMap<ExecutionId, (ExecutionRow, Vec<Event>)>;

/// All executions of a sound database.
fn read(database: &TestDatabase, data_dir: &Path) -> Executions {
    block_on(async {
        let inspector = database.inspect(data_dir).await;
        let mut doctor = Doctor::new(&*inspector);
        let mut findings = doctor.examine_whole().await.unwrap();
        let mut executions = Executions::new();
        for shard in all_shards() {
            let seen = doctor.examine_shard(shard, |seen| {
                findings.extend(seen.findings);
                executions.extend(seen.row.map(|row| (row.id, (row, seen.events))));
            });
            seen.await.unwrap();
        }
        assert!(findings.is_empty(), "{findings:#?}");
        executions
    })
}

/// The backup has some executions in their midst, and nothing that the original has not.
fn check_prefixes(restored: &Executions, whole: &Executions) {
    let (mut open, mut closed) = (0, 0);
    for (id, (row, events)) in restored {
        let (_, all) = &whole[id];
        assert!(all.starts_with(events), "{} has another history", row.name);
        match row.stopped_at {
            None => open += 1,
            Some(_) => closed += 1,
        }
    }
    println!("{} executions, {closed} closed and {open} open in the backup", whole.len());
    assert!(open > 0 && closed > 0 && restored.len() < whole.len());
}

/// Tasks that were out at the moment of the backup ran on both servers, under one key.
fn check_keys(restored: &Executions, runs: &[Run]) {
    let mut by_key: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for run in runs {
        let key = run.idempotency_key.as_deref().unwrap();
        by_key.entry(key).or_default().push(&run.event);
    }
    let mut out = 0;
    for (id, (row, events)) in restored {
        for command in Execution::replay(events).pending() {
            let MachineCommand::InvokeTask(task) = command else { continue };
            let ran = &by_key[&*format!("{}:{}", id.0, task.task.0.0)];
            let parameters = Value::from(task.parameters.tree());
            assert!(ran.len() > 1, "{}: a task was not handed out again", row.name);
            assert!(ran.iter().all(|event| **event == parameters), "{}: {ran:?}", row.name);
            out += 1;
        }
    }
    println!("{out} tasks were out at the moment of the backup");
    assert!(out > 0);
}
