//! Rows to values.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use stepyard_asl::Timestamp;
use stepyard_json::Payload;
use stepyard_machine::ExecutionStatus;
use uuid::Uuid;

use super::database_error;
use crate::{
    Chunk, Error, ExecutionId, ExecutionRow, MetadataItem, Revision, ShardId, ShardLease,
    StateMachine, StateMachineSummary, StateMachineType,
};

/// Reads the columns of one row, naming table and column when what stands there cannot be.
pub(super) struct Columns<'r> {
    pub(super) table: &'static str,
    pub(super) row: &'r SqliteRow,
}

impl<'r> Columns<'r> {
    pub(super) fn get<T>(&self, column: &'static str) -> Result<T, Error>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.row.try_get(column).map_err(database_error)
    }

    fn unsigned(&self, column: &'static str) -> Result<u64, Error> {
        u64::try_from(self.get::<i64>(column)?).map_err(|error| self.corrupt(column, &error))
    }

    fn shard(&self) -> Result<ShardId, Error> {
        let number = self.unsigned("shard_id")?;
        Ok(ShardId(u16::try_from(number).map_err(|error| self.corrupt("shard_id", &error))?))
    }

    fn uuid(&self, column: &'static str) -> Result<Uuid, Error> {
        let bytes: &[u8] = self.get(column)?;
        Uuid::from_slice(bytes).map_err(|error| self.corrupt(column, &error))
    }

    fn text(&self, column: &'static str) -> Result<Arc<str>, Error> {
        self.get::<&str>(column).map(Arc::from)
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, Error> {
        self.get(column).map(Timestamp)
    }

    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, Error> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp))
    }

    fn machine_type(&self) -> Result<StateMachineType, Error> {
        let code = self.get::<i64>("machine_type")?;
        let unknown = || self.corrupt("machine_type", &format!("unknown code {code}"));
        type_from_code(code).ok_or_else(unknown)
    }

    fn corrupt(&self, column: &str, reason: &dyn std::fmt::Display) -> Error {
        Error::Corrupt { what: format!("{}.{column}", self.table), reason: reason.to_string() }
    }
}

pub(super) fn lease(row: &SqliteRow) -> Result<ShardLease, Error> {
    let columns = Columns { table: "shard", row };
    Ok(ShardLease {
        shard: columns.shard()?,
        epoch: columns.unsigned("epoch")?,
        commit_seq: columns.unsigned("commit_seq")?,
    })
}

pub(super) fn execution(row: &SqliteRow) -> Result<ExecutionRow, Error> {
    let columns = Columns { table: "execution", row };
    let status = columns.get::<i64>("status")?;
    Ok(ExecutionRow {
        shard: columns.shard()?,
        id: ExecutionId(columns.uuid("execution_id")?),
        state_machine_arn: columns.text("state_machine_arn")?,
        name: columns.text("name")?,
        revision: columns.uuid("revision_id")?,
        status: status_from_code(status)
            .ok_or_else(|| columns.corrupt("status", &format!("unknown code {status}")))?,
        started_at: columns.time("started_at")?,
        stopped_at: columns.optional_time("stopped_at")?,
        resume_at: columns.optional_time("resume_at")?,
    })
}

pub(super) fn chunk(row: &SqliteRow) -> Result<Chunk, Error> {
    let columns = Columns { table: "journal", row };
    let events = columns.unsigned("events")?;
    Ok(Chunk {
        shard: columns.shard()?,
        execution: ExecutionId(columns.uuid("execution_id")?),
        first_event: columns.unsigned("first_event")?,
        events: u32::try_from(events).map_err(|error| columns.corrupt("events", &error))?,
        first_visible_id: columns.unsigned("first_visible_id")?,
        body: Bytes::from(columns.get::<Vec<u8>>("body")?),
    })
}

/// A state machine joined with its current revision.
pub(super) fn state_machine(row: &SqliteRow) -> Result<StateMachine, Error> {
    let columns = Columns { table: "state_machine", row };
    Ok(StateMachine {
        arn: columns.text("arn")?,
        name: columns.text("name")?,
        machine_type: columns.machine_type()?,
        created_at: columns.time("machine_created_at")?,
        revision: revision(row)?,
    })
}

/// A state machine without its revision.
pub(super) fn state_machine_summary(row: &SqliteRow) -> Result<StateMachineSummary, Error> {
    let columns = Columns { table: "state_machine", row };
    Ok(StateMachineSummary {
        arn: columns.text("arn")?,
        name: columns.text("name")?,
        machine_type: columns.machine_type()?,
        created_at: columns.time("created_at")?,
        updated_at: columns.time("updated_at")?,
    })
}

pub(super) fn revision(row: &SqliteRow) -> Result<Revision, Error> {
    let columns = Columns { table: "revision", row };
    Ok(Revision {
        id: columns.uuid("revision_id")?,
        definition: columns.text("definition")?,
        role_arn: columns.text("role_arn")?,
        configuration: columns.text("configuration")?,
        created_at: columns.time("created_at")?,
    })
}

pub(super) fn item(row: &SqliteRow) -> Result<MetadataItem, Error> {
    let columns = Columns { table: "image_metadata", row };
    let attributes = Bytes::from(columns.get::<Vec<u8>>("attributes")?);
    let text =
        ByteString::try_from(attributes).map_err(|error| columns.corrupt("attributes", &error))?;
    Ok(MetadataItem {
        image_id: columns.get("image_id")?,
        timestamp: columns.get("timestamp")?,
        attributes: Payload::from_trusted_text(text),
    })
}

/// Codes of statuses, for ever.
pub(super) fn status_code(status: ExecutionStatus) -> i64 {
    match status {
        ExecutionStatus::Running => 1,
        ExecutionStatus::Succeeded => 2,
        ExecutionStatus::Failed => 3,
        ExecutionStatus::TimedOut => 4,
        ExecutionStatus::Aborted => 5,
    }
}

fn status_from_code(code: i64) -> Option<ExecutionStatus> {
    ExecutionStatus::ALL.into_iter().find(|status| status_code(*status) == code)
}

/// Codes of state machine types, for ever.
pub(super) fn type_code(machine_type: StateMachineType) -> i64 {
    match machine_type {
        StateMachineType::Standard => 1,
        StateMachineType::Express => 2,
    }
}

fn type_from_code(code: i64) -> Option<StateMachineType> {
    [StateMachineType::Standard, StateMachineType::Express]
        .into_iter()
        .find(|machine_type| type_code(*machine_type) == code)
}
