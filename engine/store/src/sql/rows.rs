//! Rows to values.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use sqlx::{ColumnIndex, Decode, Row, Type};
use stepyard_asl::Timestamp;
use stepyard_json::Payload;
use stepyard_machine::{EventId, ExecutionStatus, MapRunId, MapRunRecord, Qualifier, Redriven};
use uuid::Uuid;

use super::codes::{status_from_code, type_from_code};
use super::database_error;
use crate::doctor::Keyed;
use crate::map_run::Detail;
use crate::{
    Activity, Alias, ChildRow, ChildrenOfStatus, Chunk, ClosedExpress, Error, ExecutionId,
    ExecutionRow, MapRunRow, MetadataItem, Notice, Publication, Revision, Routing, ShardId,
    ShardLease, StateMachine, StateMachineSummary, StateMachineType, TOKEN_KEY_BYTES, Tags,
    TargetId, Version, WoundUp,
};

/// The columns of one row of any SQL database. Each method reads a row of one table, naming table and
/// column when what stands there cannot be.
pub(crate) struct Columns<'r, R>(pub(crate) &'r R);

impl<'r, R> Columns<'r, R>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
    &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
    Uuid: Decode<'r, R::Database> + Type<R::Database>,
{
    pub(crate) fn lease(&self) -> Result<ShardLease, Error> {
        Ok(ShardLease {
            shard: self.shard()?,
            epoch: self.unsigned("epoch")?,
            commit_seq: self.unsigned("commit_seq")?,
        })
    }

    pub(crate) fn execution(&self) -> Result<ExecutionRow, Error> {
        Ok(ExecutionRow {
            shard: self.shard()?,
            id: self.id()?,
            state_machine_arn: self.text("state_machine_arn")?,
            name: self.text("name")?,
            qualifier: self.qualifier()?,
            child: self.child()?,
            revision: self.get("revision_id")?,
            status: self.status()?,
            started_at: self.time("started_at")?,
            stopped_at: self.optional_time("stopped_at")?,
            redriven: self.redriven()?,
            resume_at: self.optional_time("resume_at")?,
        })
    }

    /// An Express execution, without its journal.
    pub(crate) fn express_execution(&self) -> Result<ExecutionRow, Error> {
        Ok(ExecutionRow {
            shard: self.shard()?,
            id: self.id()?,
            state_machine_arn: self.text("state_machine_arn")?,
            name: self.text("name")?,
            qualifier: self.qualifier()?,
            child: None,
            revision: self.get("revision_id")?,
            status: self.status()?,
            started_at: self.time("started_at")?,
            stopped_at: Some(self.time("stopped_at")?),
            redriven: None,
            resume_at: None,
        })
    }

    pub(crate) fn closed_express(&self) -> Result<ClosedExpress, Error> {
        Ok(ClosedExpress { row: self.express_execution()?, journal: self.bytes("journal")? })
    }

    fn qualifier(&self) -> Result<Option<Qualifier>, Error> {
        let Some(version) = self.optional_unsigned("version")? else { return Ok(None) };
        Ok(Some(Qualifier { version, alias: self.optional_text("alias")? }))
    }

    fn redriven(&self) -> Result<Option<Redriven>, Error> {
        let Some(at) = self.optional_time("redriven_at")? else { return Ok(None) };
        Ok(Some(Redriven { count: self.small("redrive_count")?, at }))
    }

    fn child(&self) -> Result<Option<ChildRow>, Error> {
        let map_run: Option<Uuid> = self.0.try_get("map_run").map_err(database_error)?;
        let Some(map_run) = map_run else { return Ok(None) };
        Ok(Some(ChildRow { map_run, items: self.optional_unsigned("item_count")?.unwrap_or(1) }))
    }

    pub(crate) fn map_run(&self) -> Result<MapRunRow, Error> {
        let detail: &str = self.get("detail")?;
        let detail = Detail::parse(detail).map_err(|error| corrupt("detail", &error))?;
        let record = MapRunRecord {
            id: MapRunId(EventId(self.unsigned("started_event")?)),
            arn: self.text("arn")?,
            status: self.status()?,
            started_at: self.time("started_at")?,
            stopped_at: self.optional_time("stopped_at")?,
            limits: detail.limits,
            totals: detail.totals,
            executions: detail.executions,
            items: detail.items,
            redriven: detail.redriven,
            pending_redrive: detail.pending_redrive,
            not_redrivable: detail.not_redrivable,
        };
        let (wound_up, exported) =
            (self.optional_time("wound_up")?, self.optional_time("exported")?);
        let of_this_end = |at: Option<Timestamp>| at.is_some() && at == record.stopped_at;
        let wound_up =
            of_this_end(wound_up).then(|| WoundUp { is_exported: of_this_end(exported) });
        Ok(MapRunRow { shard: self.shard()?, execution: self.id()?, record, wound_up })
    }

    pub(crate) fn children_of_status(&self) -> Result<ChildrenOfStatus, Error> {
        Ok(ChildrenOfStatus {
            status: self.status()?,
            executions: self.unsigned("executions")?,
            items: self.unsigned("items")?,
        })
    }

    pub(crate) fn notice(&self) -> Result<Notice, Error> {
        Ok(Notice {
            shard: self.shard()?,
            target: TargetId(self.small("target")?),
            commit_seq: self.unsigned("commit_seq")?,
            execution: self.id()?,
            first_event: self.unsigned("first_event")?,
            redrives: self.small("redrives")?,
        })
    }

    fn status(&self) -> Result<ExecutionStatus, Error> {
        let status = self.get::<i64>("status")?;
        status_from_code(status).ok_or_else(|| unknown_code("status", status))
    }

    /// The key of an execution.
    pub(crate) fn id(&self) -> Result<ExecutionId, Error> {
        self.get("execution_id").map(ExecutionId)
    }

    pub(crate) fn chunk(&self) -> Result<Chunk, Error> {
        Ok(Chunk {
            shard: self.shard()?,
            execution: self.id()?,
            first_event: self.unsigned("first_event")?,
            events: self.small("events")?,
            first_visible_id: self.unsigned("first_visible_id")?,
            body: self.bytes("body")?,
        })
    }

    /// A revision without its definition: its id, and when it was created.
    pub(crate) fn revision_key(&self) -> Result<(Uuid, Timestamp), Error> {
        Ok((self.get("revision_id")?, self.time("created_at")?))
    }

    /// A state machine joined with its current revision.
    pub(crate) fn state_machine(&self) -> Result<StateMachine, Error> {
        Ok(StateMachine {
            arn: self.text("arn")?,
            name: self.text("name")?,
            machine_type: self.machine_type()?,
            created_at: self.time("machine_created_at")?,
            revision: self.revision()?,
            retention_days: self.optional_days("retention_days")?,
            tags: self.tags()?,
            deleting_since: self.optional_time("deleting_since")?,
        })
    }

    /// The ARN of a state machine.
    pub(crate) fn arn(&self) -> Result<Arc<str>, Error> {
        self.text("arn")
    }

    fn tags(&self) -> Result<Tags, Error> {
        let text: Arc<str> = self.text("tags")?;
        serde_json::from_str(&text).map_err(|error| corrupt("tags", &error))
    }

    /// A state machine without its revision.
    pub(crate) fn state_machine_summary(&self) -> Result<StateMachineSummary, Error> {
        Ok(StateMachineSummary {
            arn: self.text("arn")?,
            name: self.text("name")?,
            machine_type: self.machine_type()?,
            created_at: self.time("created_at")?,
            updated_at: self.time("updated_at")?,
        })
    }

    pub(crate) fn revision(&self) -> Result<Revision, Error> {
        Ok(Revision {
            id: self.get("revision_id")?,
            definition: self.text("definition")?,
            role_arn: self.text("role_arn")?,
            configuration: self.text("configuration")?,
            created_at: self.time("created_at")?,
        })
    }

    /// A version of a state machine.
    pub(crate) fn version(&self) -> Result<Version, Error> {
        Ok(Version {
            number: self.unsigned("version")?,
            revision: self.get("revision_id")?,
            description: self.optional_text("description")?,
            created_at: self.time("created_at")?,
        })
    }

    /// An alias of a state machine.
    pub(crate) fn alias(&self) -> Result<Alias, Error> {
        Ok(Alias {
            name: self.text("name")?,
            description: self.optional_text("description")?,
            routing: Routing {
                first: self.unsigned("first_version")?,
                weight: self.unsigned("first_weight")?,
                second: self.optional_unsigned("second_version")?,
            },
            created_at: self.time("created_at")?,
            updated_at: self.time("updated_at")?,
        })
    }

    /// What a state machine knows of its publication: no versions and aliases yet.
    pub(crate) fn publication(&self) -> Result<Publication, Error> {
        Ok(Publication {
            changes: self.optional_unsigned("changes")?.unwrap_or(0),
            last_version: self.optional_unsigned("last_version")?.unwrap_or(0),
            ..Publication::default()
        })
    }

    pub(crate) fn activity(&self) -> Result<Activity, Error> {
        Ok(Activity {
            arn: self.text("arn")?,
            name: self.text("name")?,
            created_at: self.time("created_at")?,
            encryption: self.text("encryption")?,
            tags: self.tags()?,
        })
    }

    /// The secret by which the database knows its task tokens.
    pub(crate) fn token_key(&self) -> Result<[u8; TOKEN_KEY_BYTES], Error> {
        let secret: &[u8] = self.get("secret")?;
        secret.try_into().map_err(|error| corrupt("secret", &error))
    }

    pub(crate) fn item(&self) -> Result<MetadataItem, Error> {
        let text = ByteString::try_from(self.bytes("attributes")?)
            .map_err(|error| corrupt("attributes", &error))?;
        Ok(MetadataItem {
            image_id: self.get::<&str>("image_id")?.to_owned(),
            timestamp: self.get("timestamp")?,
            attributes: Payload::from_trusted_text(text),
        })
    }

    fn get<T>(&self, column: &'static str) -> Result<T, Error>
    where
        T: Decode<'r, R::Database> + Type<R::Database>,
    {
        self.0.try_get(column).map_err(database_error)
    }

    fn unsigned(&self, column: &'static str) -> Result<u64, Error> {
        u64::try_from(self.get::<i64>(column)?).map_err(|error| corrupt(column, &error))
    }

    fn small(&self, column: &'static str) -> Result<u32, Error> {
        u32::try_from(self.get::<i64>(column)?).map_err(|error| corrupt(column, &error))
    }

    fn shard(&self) -> Result<ShardId, Error> {
        let number = self.unsigned("shard_id")?;
        u16::try_from(number).map(ShardId).map_err(|error| corrupt("shard_id", &error))
    }

    fn text(&self, column: &'static str) -> Result<Arc<str>, Error> {
        self.get::<&str>(column).map(Arc::from)
    }

    fn optional_text(&self, column: &'static str) -> Result<Option<Arc<str>>, Error> {
        let text: Option<&str> = self.0.try_get(column).map_err(database_error)?;
        Ok(text.map(Arc::from))
    }

    fn optional_unsigned(&self, column: &'static str) -> Result<Option<u64>, Error> {
        let number: Option<i64> = self.0.try_get(column).map_err(database_error)?;
        number
            .map(|number| u64::try_from(number).map_err(|error| corrupt(column, &error)))
            .transpose()
    }

    fn bytes(&self, column: &'static str) -> Result<Bytes, Error> {
        self.get::<&[u8]>(column).map(Bytes::copy_from_slice)
    }

    fn time(&self, column: &'static str) -> Result<Timestamp, Error> {
        self.get(column).map(Timestamp)
    }

    fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, Error> {
        let millis: Option<i64> = self.0.try_get(column).map_err(database_error)?;
        Ok(millis.map(Timestamp))
    }

    fn optional_days(&self, column: &'static str) -> Result<Option<u32>, Error> {
        let days: Option<i64> = self.0.try_get(column).map_err(database_error)?;
        days.map(|days| u32::try_from(days).map_err(|error| corrupt(column, &error))).transpose()
    }

    fn machine_type(&self) -> Result<StateMachineType, Error> {
        let code = self.get::<i64>("machine_type")?;
        type_from_code(code).ok_or_else(|| unknown_code("machine_type", code))
    }
}

/// Rows of executions with their keys; a row that cannot be read does not hide the others.
pub(crate) fn keyed<'r, R, T>(
    rows: &'r [R],
    value: impl Fn(&Columns<'r, R>) -> Result<T, Error>,
) -> Result<Keyed<T>, Error>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
    &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
    Uuid: Decode<'r, R::Database> + Type<R::Database>,
{
    rows.iter().map(Columns).map(|row| Ok((row.id()?, value(&row)))).collect()
}

fn corrupt(column: &str, reason: &dyn std::fmt::Display) -> Error {
    Error::Corrupt { what: format!("column {column}"), reason: reason.to_string() }
}

fn unknown_code(column: &str, code: i64) -> Error {
    corrupt(column, &format!("unknown code {code}"))
}
