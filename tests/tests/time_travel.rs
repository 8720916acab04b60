//! A database that has gone back in time while no server ran: it is refused until the loss is accepted.

#![expect(clippy::unwrap_used, reason = "a test ends where an unwrap fails")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use stepyard_tests::{ApiError, Client, Deadline, Server, ServerOptions, TestDatabase, binary};

const DEFINITION: &str = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;

const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";

/// Executions before the copy is taken, and after it: enough to touch many shards.
const EXECUTIONS: std::ops::Range<usize> = 0..20;
const LOST: std::ops::Range<usize> = 20..40;

/// The database, its log and the index of that.
const DATABASE_FILES: [&str; 3] = ["stepyard.db", "stepyard.db-wal", "stepyard.db-shm"];

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_file_that_was_put_back_is_refused_until_the_loss_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let copy = folder.path().join("copy");
    let witness = data_dir.join("stepyard.db.witness");
    let options = ServerOptions::default();
    run(&data_dir, &options, EXECUTIONS);
    copy_database(&data_dir, &copy);
    let seen = fs::read(&witness).unwrap();

    let server = Server::start(&data_dir, &options);
    start(&server.client(), LOST);
    Deadline::after(PATIENCE).wait_for("a witness of the later commits", || {
        (fs::read(&witness).unwrap() != seen).then_some(())
    });
    server.kill();
    for file in DATABASE_FILES {
        // The log is gone already when the server has closed the file.
        let _ = fs::remove_file(data_dir.join(file));
    }
    copy_database(&copy, &data_dir);
    check_refused_until_accepted(&data_dir, &options);
}

#[test]
fn a_restored_postgres_is_refused_until_the_loss_is_accepted() {
    let Some(database) = TestDatabase::postgres() else { return };
    let restored = TestDatabase::postgres().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let options = ServerOptions::default().with_database(&database);
    run(data_dir, &options, EXECUTIONS);
    database.dump_into(&restored);
    run(data_dir, &options, LOST);
    check_refused_until_accepted(data_dir, &ServerOptions::default().with_database(&restored));
}

#[test]
fn another_database_is_not_taken_for_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    run(data_dir, &ServerOptions::default(), EXECUTIONS);
    for name in DATABASE_FILES {
        // The log is gone already when the server has closed the file.
        let _ = fs::remove_file(data_dir.join(name));
    }
    run(data_dir, &ServerOptions::default(), 0..1);
}

/// Copies a database that nobody has open. Its log holds commits when it was not written back at the end.
fn copy_database(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in ["stepyard.db", "stepyard.db-wal"] {
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

/// Runs executions on a server and stops it.
fn run(data_dir: &Path, options: &ServerOptions, executions: std::ops::Range<usize>) {
    let server = Server::start(data_dir, options);
    start(&server.client(), executions);
    assert!(server.terminate().success());
}

fn start(client: &Client, executions: std::ops::Range<usize>) {
    client.create_state_machine("m", DEFINITION).unwrap();
    for number in executions {
        let arn = client.start_execution(MACHINE, &number.to_string(), "{}").unwrap();
        client.await_end(&arn).unwrap();
    }
}

fn check_refused_until_accepted(data_dir: &Path, options: &ServerOptions) {
    let refused = Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .args(&options.arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    assert!(text.contains("the database has gone back in time: shard "), "{text}");
    assert!(text.contains("start it with --accept-data-loss"), "{text}");

    let mut accepting = options.clone();
    accepting.arguments.push("--accept-data-loss".into());
    let server = Server::start(data_dir, &accepting);
    let log = server.log();
    assert!(log.contains("as --accept-data-loss says"), "{log}");
    assert!(log.contains("shards lack"), "{log}");
    let client = server.client();
    let arn = |number: usize| format!("{}:{number}", MACHINE.replace("stateMachine", "execution"));
    assert_eq!(client.await_end(&arn(EXECUTIONS.start)).unwrap()["status"], "SUCCEEDED");
    let gone = client.await_end(&arn(LOST.start)).unwrap_err();
    assert!(
        matches!(&gone, ApiError::Answer { name, .. } if name == "ExecutionDoesNotExist"),
        "{gone:?}"
    );
    start(&client, LOST.start..LOST.start + 1);
    assert!(server.terminate().success());
    run(data_dir, options, LOST.start + 1..LOST.start + 2);
}
