//! A webhook that gets every status change, while the server is killed and the webhook is down now and then.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use axum::http::StatusCode;
use stepyard_tests::{Deadline, Server, TestDatabase, WebhookStub};

use crate::setting;
use crate::trial::{Setup, Trial};

/// How many kills, unless `STEPYARD_KILLS` says otherwise.
const KILLS: u64 = 8;

/// A server lives between these times under load before it is killed, in milliseconds.
const LIFE_MILLIS: std::ops::Range<u64> = 150..1_000;

#[test]
fn every_status_change_is_sent_in_order_on_sqlite() {
    storm(TestDatabase::Sqlite);
}

#[test]
fn every_status_change_is_sent_in_order_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        storm(database);
    }
}

fn storm(database: TestDatabase) {
    let hook = WebhookStub::start();
    let mut setup = Setup::new(database);
    setup.environment.push(("STEPYARD_EVENTS_WEBHOOK".into(), hook.url()));
    let mut trial = Trial::start(setup);
    for kill in 0..setting("STEPYARD_KILLS").unwrap_or(KILLS) {
        // Down in every other life of the server.
        let is_down = kill % 2 == 1;
        hook.answer(if is_down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK });
        sleep(trial.draw(LIFE_MILLIS));
        trial.kill();
    }
    hook.answer(StatusCode::OK);
    let executions = trial.finish_after(|server, count| await_events(server, &hook, count));
    let statuses = hook.statuses();
    let expected = executions.iter().map(|execution| {
        let row = &execution.row;
        let prefix = row.state_machine_arn.replace(":stateMachine:", ":execution:");
        let ended = row.status.as_str().to_owned();
        (format!("{prefix}:{}", row.name), vec!["RUNNING".to_owned(), ended])
    });
    assert_eq!(statuses, expected.collect::<BTreeMap<_, _>>());
    let (sent, distinct) = (hook.events().len(), 2 * statuses.len());
    println!("{distinct} status changes, {} of them sent again", sent - distinct);
}

/// Waits until the webhook knows how so many executions have ended, and the server that it does.
fn await_events(server: &Server, hook: &WebhookStub, executions: usize) {
    let patience = Deadline::after(Duration::from_secs(60));
    patience.wait_for("the events of all executions", || {
        let statuses = hook.statuses();
        let is_complete = statuses.values().all(|statuses| statuses.len() > 1);
        (is_complete && statuses.len() == executions).then_some(())
    });
    let lag = format!("stepyard_events_lag_seconds{{target=\"webhook 1 ({})\"}}", host(hook));
    patience.wait_for("the lag to be over", || {
        (server.client().metric(&lag).unwrap() == Some(0.0)).then_some(())
    });
}

/// The URL without its path.
fn host(hook: &WebhookStub) -> String {
    hook.url().trim_end_matches("/events").to_owned()
}
