//! Executions from start to durable end, in-process on SQLite: 512 at a time.

use std::sync::Arc;

use async_trait::async_trait;
use divan::Bencher;
use divan::counter::ItemsCount;
use futures::StreamExt;
use stepyard_asl::{Timestamp, compile};
use stepyard_benches::{chain, chain_definition, context, order};
use stepyard_json::Payload;
use stepyard_runtime::{
    Invocation, Runtime, RuntimeOptions, StartExecution, TaskOutcome, TaskRunner,
};
use stepyard_store::{Revision, SqliteOptions, SqliteStore, StateMachine, StateMachineType, Store};
use uuid::Uuid;

/// Executions of one sample, and how many of them are in progress at a time.
const EXECUTIONS: usize = 5_000;
const AT_ONCE: usize = 512;

const ONE_TASK: &str = r#"{"StartAt":"T","States":{"T":{"Type":"Task","End":true,
    "Resource":"arn:aws:lambda:us-east-1:000000000000:function:echo"}}}"#;

fn main() {
    divan::main();
}

/// Per execution: a chain of ten Pass states, the start acknowledged when its end is durable too.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn chain_of_ten(bencher: Bencher) {
    bench(bencher, &chain_definition(10));
}

/// Per execution: one task that returns its input.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn one_task(bencher: Bencher) {
    bench(bencher, ONE_TASK);
}

fn bench(bencher: Bencher, definition: &str) {
    let tokio = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bench.db");
    let program = compile(definition).program.unwrap_or_else(|| chain(1));
    let revision = Uuid::from_u128(1);
    let runtime = tokio.block_on(async {
        let store = SqliteStore::open(SqliteOptions { path }).await.expect("a store");
        store
            .create_state_machine(machine(revision, definition), None)
            .await
            .expect("a state machine");
        let options = RuntimeOptions::new(Arc::new(store), Arc::new(Echo));
        Runtime::start(options).await.expect("a runtime")
    });
    let mut started = 0;
    bencher.counter(ItemsCount::new(EXECUTIONS)).bench_local(|| {
        let first = started;
        started += EXECUTIONS;
        let names = (first..started).map(|number| format!("{number}"));
        let run = |name: String| {
            let start = StartExecution {
                context: context(&name),
                name_is_chosen: false,
                revision,
                program: program.clone(),
                input: order(),
            };
            runtime.start_execution(start)
        };
        tokio.block_on(async {
            futures::stream::iter(names.map(run))
                .buffer_unordered(AT_ONCE)
                .for_each(|started| async { drop(started.expect("a start")) })
                .await;
            while runtime.metrics().in_memory > 0 {
                tokio::task::yield_now().await;
            }
        });
    });
}

fn machine(revision: Uuid, definition: &str) -> StateMachine {
    let created_at = Timestamp(0);
    StateMachine {
        retention_days: None,
        tags: stepyard_store::Tags::default(),
        deleting_since: None,
        arn: "arn:aws:states:us-east-1:000000000000:stateMachine:bench".into(),
        name: "bench".into(),
        machine_type: StateMachineType::Standard,
        created_at,
        revision: Revision {
            id: revision,
            definition: definition.into(),
            role_arn: "arn:aws:iam::000000000000:role/bench".into(),
            configuration: "{}".into(),
            created_at,
        },
    }
}

/// Returns what it is given.
struct Echo;

#[async_trait]
impl TaskRunner for Echo {
    async fn run(&self, mut invocation: Invocation) -> TaskOutcome {
        invocation.started.fire();
        TaskOutcome::Succeeded(Payload::clone(&invocation.parameters))
    }
}
