//! Reads every execution of a database, by the doctor that operators have.

use std::path::Path;

use stepyard_machine::Event;
use stepyard_store::doctor::{Doctor, Examined};
use stepyard_store::{ExecutionRow, all_shards};
use stepyard_tests::{TestDatabase, block_on};

/// An execution as it lies in the database.
pub(crate) struct Execution {
    pub(crate) row: ExecutionRow,
    pub(crate) events: Vec<Event>,
}

/// All executions, each with a sound journal and the row that follows from it.
pub(crate) fn read(database: &TestDatabase, data_dir: &Path) -> Vec<Execution> {
    block_on(async {
        let inspector = database.inspect(data_dir).await;
        let mut doctor = Doctor::new(&*inspector);
        let mut findings = doctor.examine_whole().await.unwrap();
        let mut executions = Vec::new();
        for shard in all_shards() {
            let seen = |Examined { row, events, findings: found }| {
                findings.extend(found);
                executions.extend(row.map(|row| Execution { row, events }));
            };
            doctor.examine_shard(shard, seen).await.unwrap();
        }
        assert!(findings.is_empty(), "{findings:#?}");
        executions
    })
}
