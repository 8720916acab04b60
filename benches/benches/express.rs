//! Starts of Express executions, in-process on SQLite: what their histories cost those who start them.

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use stepyard_asl::Timestamp;
use stepyard_benches::{chain, context, order};
use stepyard_machine::{ExecutionKind, StartContext};
use stepyard_runtime::{
    ExpressHistory, Invocation, LogLevel, Logging, Runtime, RuntimeOptions, StartExpress,
    TaskOutcome, TaskRunner,
};
use stepyard_store::{ExecutionId, SqliteOptions, SqliteStore};
use uuid::Uuid;

/// Executions of one sample.
const EXECUTIONS: usize = 20_000;

fn main() {
    divan::main();
}

/// Per execution: a chain of ten Pass states, which succeeds. The histories are written meanwhile; those that are left are
/// written after the last sample.
#[divan::bench(args = [ExpressHistory::None, ExpressHistory::Failures, ExpressHistory::All],
    sample_count = 5, sample_size = 1)]
fn chain_of_ten(bencher: Bencher, express_history: ExpressHistory) {
    let tokio = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir_in(".").expect("a folder");
    let path = folder.path().join("bench.db");
    let runtime = tokio.block_on(async {
        let store = SqliteStore::open(SqliteOptions { path }).await.expect("a store");
        let options = RuntimeOptions::new(Arc::new(store), Arc::new(NoTasks));
        Runtime::start(RuntimeOptions { express_history, ..options }).await.expect("a runtime")
    });
    let program = chain(10);
    let mut started = 0;
    let written = || {
        let counted = runtime.metrics().express;
        counted.histories_kept + counted.histories_lost
    };
    bencher.counter(ItemsCount::new(EXECUTIONS)).bench_local(|| {
        let _entered = tokio.enter();
        for _ in 0..EXECUTIONS {
            started += 1;
            let start = StartExpress {
                id: ExecutionId::new(Timestamp(1_700_000_000_000), entropy(started)),
                context: Arc::new(StartContext {
                    kind: ExecutionKind::Express,
                    ..StartContext::clone(&context("bench"))
                }),
                revision: Uuid::from_u128(1),
                program: program.clone(),
                input: order(),
                logging: Logging { level: LogLevel::Off, include_execution_data: false },
                cancellation: tokio_util::sync::CancellationToken::new(),
            };
            runtime.start_express(start).expect("a start");
        }
    });
    while express_history == ExpressHistory::All && written() < started {
        std::thread::yield_now();
    }
    let lost = runtime.metrics().express.histories_lost;
    println!("{express_history:?}: {lost} of {started} histories lost");
}

/// Ten bytes that no other number has.
fn entropy(number: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// There are none.
struct NoTasks;

#[async_trait::async_trait]
impl TaskRunner for NoTasks {
    async fn run(&self, _: Invocation) -> TaskOutcome {
        TaskOutcome::Failed { error: None, cause: None }
    }
}
