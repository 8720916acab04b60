//! The execution row: what ListExecutions needs, and the key of the journal.

use std::sync::Arc;

use stepyard_asl::Timestamp;
use stepyard_machine::{ExecutionStatus, Qualifier, Redriven};
use uuid::Uuid;

use crate::ChildRow;

/// Number of a shard, below [`SHARD_COUNT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u16);

/// Shards of a database, fixed when it is created.
pub const SHARD_COUNT: u16 = 64;

impl ShardId {
    /// The shard of an execution, computable from its ARN on any node: FNV-1a over the ARN of the
    /// state machine, a zero byte and the execution's name, and then the finaliser of SplitMix64, without
    /// which names that differ in their last characters only would share a shard.
    pub fn of(state_machine_arn: &str, execution_name: &str) -> ShardId {
        let bytes = state_machine_arn.bytes().chain([0]).chain(execution_name.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ShardId(((mixed ^ (mixed >> 31)) % u64::from(SHARD_COUNT)) as u16)
    }
}

/// Key of an execution in the database: a UUIDv7, so that keys rise with the start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId(pub Uuid);

impl ExecutionId {
    /// An id from the time of the start and ten random bytes.
    pub fn new(now: Timestamp, entropy: [u8; 10]) -> ExecutionId {
        let millis = u64::try_from(now.0).unwrap_or(0);
        ExecutionId(uuid::Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid())
    }
}

/// One row of `execution`. Input, output, error and cause stand in the journal only.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionRow {
    /// Shard.
    pub shard: ShardId,
    /// Key.
    pub id: ExecutionId,
    /// ARN of the state machine, unqualified.
    pub state_machine_arn: Arc<str>,
    /// Name, unique in the state machine.
    pub name: Arc<str>,
    /// The version it was started with; `None` when it was started by the unqualified ARN.
    pub qualifier: Option<Qualifier>,
    /// The Map Run that it is a child execution of.
    pub child: Option<ChildRow>,
    /// The revision of the definition that it runs.
    pub revision: Uuid,
    /// Status.
    pub status: ExecutionStatus,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// How often and when it was redriven, if it was.
    pub redriven: Option<Redriven>,
    /// When it goes on by itself, if it waits for nothing but time and need not be in memory; `None` when
    /// it is active or closed.
    pub resume_at: Option<Timestamp>,
}

/// The place of an open execution among those of its shard: by the time until which it sleeps, zero for
/// one that does not, then by id.
pub type DuePlace = (Timestamp, ExecutionId);

impl ExecutionRow {
    /// Its place while it is open.
    pub fn due_place(&self) -> DuePlace {
        (self.resume_at.unwrap_or(Timestamp(0)), self.id)
    }
}

/// A change of an execution row: written when it ends, is redriven, falls asleep or has woken up.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionUpdate {
    /// Shard.
    pub shard: ShardId,
    /// Key.
    pub id: ExecutionId,
    /// New status.
    pub status: ExecutionStatus,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
    /// See [`ExecutionRow::redriven`].
    pub redriven: Option<Redriven>,
    /// See [`ExecutionRow::resume_at`].
    pub resume_at: Option<Timestamp>,
}

/// Which executions to list, newest start first.
#[derive(Clone, Debug, Default)]
pub struct ExecutionQuery {
    /// Of this state machine only.
    pub state_machine_arn: Option<Arc<str>>,
    /// Of these only, which all have a version.
    pub started_by: Option<StartedBy>,
    /// Child executions of the Map Run with this key only ([`crate::map_run_key`]).
    pub map_run: Option<Uuid>,
    /// With this status only.
    pub status: Option<ExecutionStatus>,
    /// Whose name starts so.
    pub name_prefix: Option<String>,
    /// Only those after this one in the order of the list. Ids rise with the start time, so the id
    /// alone is the key.
    pub after: Option<ExecutionId>,
    /// At most so many.
    pub limit: usize,
}

impl ExecutionQuery {
    /// Whether it finds that execution, if there is room for it.
    pub(crate) fn matches(&self, row: &ExecutionRow) -> bool {
        self.map_run.is_none_or(|key| row.child.is_some_and(|child| child.map_run == key))
            && self.state_machine_arn.as_ref().is_none_or(|arn| *arn == row.state_machine_arn)
            && self.started_by.as_ref().is_none_or(|by| by.includes(row.qualifier.as_ref()))
            && self.status.is_none_or(|status| status == row.status)
            && self.name_prefix.as_deref().is_none_or(|prefix| row.name.starts_with(prefix))
            && self.after.is_none_or(|after| row.id < after)
    }
}

/// How executions of a state machine were started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartedBy {
    /// With this version, by its own ARN or by an alias.
    Version(u64),
    /// By the alias of this name, whichever version it led to.
    Alias(Arc<str>),
}

impl StartedBy {
    /// The version, when they were started with one.
    pub(crate) fn version(&self) -> Option<u64> {
        match self {
            StartedBy::Version(number) => Some(*number),
            StartedBy::Alias(_) => None,
        }
    }

    /// The alias, when they were started by one.
    pub(crate) fn alias(&self) -> Option<&str> {
        match self {
            StartedBy::Version(_) => None,
            StartedBy::Alias(name) => Some(name),
        }
    }

    /// Whether an execution with that qualifier is one of them.
    pub(crate) fn includes(&self, qualifier: Option<&Qualifier>) -> bool {
        match (self, qualifier) {
            (StartedBy::Version(version), Some(qualifier)) => *version == qualifier.version,
            (StartedBy::Alias(name), Some(qualifier)) => Some(name) == qualifier.alias.as_ref(),
            (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SHARD_COUNT, ShardId};

    #[test]
    fn names_that_are_counted_up_spread_over_the_shards() {
        let mut shards = [0; SHARD_COUNT as usize];
        for number in 0..6_400 {
            let shard =
                ShardId::of("arn:aws:states:us-east-1:0:stateMachine:m", &format!("n-{number}"));
            shards[usize::from(shard.0)] += 1;
        }
        assert!(shards.iter().all(|count| (50..=150).contains(count)), "{shards:?}");
    }
}
