//! Commits of groups on SQLite, fsync included.

use divan::Bencher;
use divan::counter::ItemsCount;
use stepyard_asl::Timestamp;
use stepyard_benches::events_of_chain;
use stepyard_store::codec::encode;
use stepyard_store::{
    Chunk, CommitGroup, ExecutionId, NodeId, ShardId, ShardLease, SqliteOptions, SqliteStore, Store,
};
use uuid::Uuid;

fn main() {
    divan::main();
}

/// Per row of the journal: a chunk with ten states.
#[divan::bench(args = [1, 32, 200, 1_000], sample_count = 50)]
fn commit(bencher: Bencher, rows: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let options = SqliteOptions { path: folder.path().join("bench.db") };
    let store = runtime.block_on(SqliteStore::open(options)).expect("a store");
    let claimed =
        runtime.block_on(store.claim_shards(NodeId(Uuid::nil()), &[ShardId(0)])).expect("a lease");
    let (mut lease, body) = (claimed[0], encode(&events_of_chain(10), 1));
    let mut executions = 0;
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        let chunks = (0..rows).map(|_| {
            executions += 1;
            chunk(executions, body.clone())
        });
        let group =
            CommitGroup { leases: vec![lease], chunks: chunks.collect(), ..CommitGroup::default() };
        runtime.block_on(store.commit(&group)).expect("a commit");
        lease = ShardLease { commit_seq: lease.commit_seq + 1, ..lease };
    });
}

fn chunk(number: u64, body: impl Into<bytes::Bytes>) -> Chunk {
    let mut entropy = [0; 10];
    entropy[..8].copy_from_slice(&number.to_be_bytes());
    Chunk {
        shard: ShardId(0),
        execution: ExecutionId::new(Timestamp(1_700_000_000_000), entropy),
        first_event: 0,
        events: 22,
        first_visible_id: 1,
        body: body.into(),
    }
}
