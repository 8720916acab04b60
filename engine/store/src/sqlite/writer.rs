//! The one thread that writes.

use std::fs::File;
use std::sync::Arc;

use rusqlite::Connection;
use stepyard_asl::Timestamp;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::checkpoint::Checkpoints;
use super::{activity, express, map_run, notice, publication, retention, write, writer_gone};
use crate::{
    Activity, ClosedExpress, CommitGroup, Error, MapRunRow, MetadataItem, PublicationChange,
    Removed, Retention, Revision, ShardId, ShardLease, StateMachine, TOKEN_KEY_BYTES, Tags,
    TargetId, Told, Version, WoundUp,
};

/// Operations that may wait for the writer; more have to wait for a place.
const QUEUE_MAX: usize = 1_024;

/// Metadata items that go into one transaction.
const ITEMS_MAX: usize = 256;

/// What a removal adds to the log, about: it touches many pages.
const REMOVAL_BYTES: usize = 512 << 10;

type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What the writer does.
pub(super) enum Operation {
    Name { fresh: Uuid, reply: Reply<Uuid> },
    TokenKey { fresh: [u8; TOKEN_KEY_BYTES], reply: Reply<[u8; TOKEN_KEY_BYTES]> },
    Claim { shards: Vec<ShardId>, reply: Reply<Vec<ShardLease>> },
    Commit { group: Box<CommitGroup>, reply: Reply<()> },
    KeepExpress { closed: Vec<ClosedExpress>, reply: Reply<()> },
    CreateStateMachine { machine: Box<StateMachine>, version: Option<Version>, reply: Reply<bool> },
    UpdateStateMachine { arn: Arc<str>, present: Uuid, revision: Box<Revision>, reply: Reply<bool> },
    BeginDeletion { arn: Arc<str>, at: Timestamp, reply: Reply<bool> },
    DeleteStateMachine { arn: Arc<str>, reply: Reply<bool> },
    ChangePublication { arn: Arc<str>, present: u64, change: PublicationChange, reply: Reply<bool> },
    SetTags { arn: Arc<str>, present: Tags, tags: Tags, reply: Reply<bool> },
    SetRetention { arn: Arc<str>, days: Option<u32>, reply: Reply<bool> },
    NoteWoundUp { row: Box<MapRunRow>, wound_up: WoundUp, reply: Reply<()> },
    CreateActivity { activity: Activity, reply: Reply<bool> },
    DeleteActivity { arn: Arc<str>, reply: Reply<bool> },
    SetActivityTags { arn: Arc<str>, present: Tags, tags: Tags, reply: Reply<bool> },
    RemoveClosed { shard: ShardId, retention: Retention, limit: usize, reply: Reply<Removed> },
    RemoveTold { told: Vec<Told>, reply: Reply<()> },
    RemoveNoticesOfOthers { targets: Vec<TargetId>, reply: Reply<u64> },
    RemoveUnusedRevisions { known: Vec<Uuid>, reply: Reply<Vec<Uuid>> },
    PutItem { item: MetadataItem, reply: Reply<()> },
    Close { reply: oneshot::Sender<()> },
}

impl Operation {
    /// About so many bytes it adds to the database.
    fn bytes(&self) -> u64 {
        let bytes = match self {
            Operation::Commit { group, .. } => {
                group.chunks.iter().map(|chunk| chunk.body.len()).sum()
            }
            Operation::KeepExpress { closed, .. } => {
                closed.iter().map(|express| express.journal.len()).sum()
            }
            Operation::PutItem { item, .. } => item.attributes.len(),
            Operation::RemoveClosed { .. } => REMOVAL_BYTES,
            Operation::Name { .. }
            | Operation::TokenKey { .. }
            | Operation::CreateActivity { .. }
            | Operation::DeleteActivity { .. }
            | Operation::SetActivityTags { .. }
            | Operation::Claim { .. }
            | Operation::SetTags { .. }
            | Operation::SetRetention { .. }
            | Operation::RemoveTold { .. }
            | Operation::RemoveNoticesOfOthers { .. }
            | Operation::NoteWoundUp { .. }
            | Operation::RemoveUnusedRevisions { .. }
            | Operation::CreateStateMachine { .. }
            | Operation::UpdateStateMachine { .. }
            | Operation::BeginDeletion { .. }
            | Operation::DeleteStateMachine { .. }
            | Operation::ChangePublication { .. }
            | Operation::Close { .. } => 0,
        };
        bytes as u64
    }
}

/// The way to the writer.
pub(super) struct Writer {
    queue: mpsc::Sender<Operation>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        checkpoints: Checkpoints,
        lock: File,
    ) -> std::io::Result<Writer> {
        let (queue, operations) = mpsc::channel(QUEUE_MAX);
        let thread = WriterThread { connection, checkpoints, operations, next: None, _lock: lock };
        std::thread::Builder::new().name("sqlite-writer".into()).spawn(|| thread.run())?;
        Ok(Writer { queue })
    }

    pub(super) async fn send(&self, operation: Operation) -> Result<(), Error> {
        self.queue.send(operation).await.map_err(|_| writer_gone())
    }

    /// Waits until everything queued before is written and the file is released.
    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.queue.send(Operation::Close { reply }).await.is_ok() {
            // An error means that it was closed already.
            let _ = closed.await;
        }
    }
}

/// A caller that has gone away does not want its answer.
fn answer<T>(reply: Reply<T>, outcome: Result<T, Error>) {
    let _ = reply.send(outcome);
}

struct WriterThread {
    connection: Connection,
    checkpoints: Checkpoints,
    operations: mpsc::Receiver<Operation>,
    /// Taken from the queue while gathering items, not yet done.
    next: Option<Operation>,
    /// Released when the thread ends.
    _lock: File,
}

impl WriterThread {
    fn run(mut self) {
        let closed = loop {
            let next = self.next.take().or_else(|| self.operations.blocking_recv());
            let Some(operation) = next else { break None };
            if let Operation::Close { reply } = operation {
                break Some(reply);
            }
            let bytes = operation.bytes();
            self.perform(operation);
            self.checkpoints.after_commit(&self.connection, bytes);
        };
        let WriterThread { connection, checkpoints, operations, _lock, .. } = self;
        drop((operations, checkpoints));
        if let Err((_, error)) = connection.close() {
            tracing::warn!(%error, "closing the database failed; nothing that was acknowledged is lost");
        }
        drop(_lock);
        if let Some(reply) = closed {
            let _ = reply.send(());
        }
    }

    fn perform(&mut self, operation: Operation) {
        let connection = &mut self.connection;
        match operation {
            Operation::Name { fresh, reply } => {
                answer(reply, write::database_id(connection, fresh));
            }
            Operation::Claim { shards, reply } => answer(reply, write::claim(connection, &shards)),
            Operation::Commit { group, reply } => answer(reply, write::commit(connection, &group)),
            Operation::KeepExpress { closed, reply } => {
                answer(reply, express::keep(connection, &closed));
            }
            Operation::CreateStateMachine { machine, version, reply } => {
                let version = version.as_ref();
                answer(reply, write::create_state_machine(connection, &machine, version));
            }
            Operation::UpdateStateMachine { arn, present, revision, reply } => {
                let updated = write::update_state_machine(connection, &arn, present, &revision);
                answer(reply, updated);
            }
            Operation::BeginDeletion { arn, at, reply } => {
                answer(reply, write::begin_deletion(connection, &arn, at));
            }
            Operation::DeleteStateMachine { arn, reply } => {
                answer(reply, write::delete_state_machine(connection, &arn));
            }
            Operation::ChangePublication { arn, present, change, reply } => {
                answer(reply, publication::change(connection, &arn, present, &change));
            }
            Operation::SetTags { arn, present, tags, reply } => {
                answer(reply, write::set_tags(connection, &arn, &present, &tags));
            }
            Operation::SetRetention { arn, days, reply } => {
                answer(reply, retention::set_retention(connection, &arn, days));
            }
            Operation::NoteWoundUp { row, wound_up, reply } => {
                answer(reply, map_run::note_wound_up(connection, &row, wound_up));
            }
            Operation::TokenKey { fresh, reply } => {
                answer(reply, write::token_key(connection, fresh));
            }
            Operation::CreateActivity { activity, reply } => {
                answer(reply, activity::create(connection, &activity));
            }
            Operation::DeleteActivity { arn, reply } => {
                answer(reply, activity::delete(connection, &arn));
            }
            Operation::SetActivityTags { arn, present, tags, reply } => {
                answer(reply, activity::set_tags(connection, &arn, &present, &tags));
            }
            Operation::RemoveClosed { shard, retention, limit, reply } => {
                let removed = retention::remove_closed(connection, shard, retention, limit);
                answer(reply, removed);
            }
            Operation::RemoveTold { told, reply } => {
                answer(reply, notice::remove_told(connection, &told));
            }
            Operation::RemoveNoticesOfOthers { targets, reply } => {
                answer(reply, notice::remove_of_others(connection, &targets));
            }
            Operation::RemoveUnusedRevisions { known, reply } => {
                answer(reply, retention::remove_unused_revisions(connection, &known));
            }
            Operation::PutItem { item, reply } => self.put_items(item, reply),
            Operation::Close { reply } => {
                let _ = reply.send(());
            }
        }
    }

    /// Writes this item and those that wait behind it in one transaction.
    fn put_items(&mut self, item: MetadataItem, reply: Reply<()>) {
        let (mut items, mut replies) = (vec![item], vec![reply]);
        while items.len() < ITEMS_MAX && self.next.is_none() {
            match self.operations.try_recv() {
                Ok(Operation::PutItem { item, reply }) => {
                    items.push(item);
                    replies.push(reply);
                }
                Ok(other) => self.next = Some(other),
                Err(_) => break,
            }
        }
        let written = write::put_items(&mut self.connection, &items);
        let message = written.err().map(|error| error.to_string());
        for reply in replies {
            let _ = reply.send(match &message {
                None => Ok(()),
                Some(message) => Err(Error::Unavailable(message.clone())),
            });
        }
    }
}
