//! Where the items of Map Runs come from and their results go to: a trait, as for tasks.

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_asl::{ReaderConfig, ReaderSource, WriterConfig};
use stepyard_json::{Json, Payload};
use stepyard_machine::{ChildResult, Item};

/// Reads what `ItemReader`s read and writes what `ResultWriter`s write.
#[async_trait]
pub trait MapRunData: Send + Sync {
    /// Begins to read items.
    ///
    /// # Errors
    /// `States.ItemReaderFailed`, when they are not there or are not what the reader says.
    async fn read(&self, request: ReadItems) -> Result<Box<dyn ItemStream>, MapRunError>;

    /// Begins to write results. What an earlier attempt has written is replaced.
    ///
    /// # Errors
    /// `States.ResultWriterFailed`, when they cannot go there.
    async fn export(&self, request: ExportResults) -> Result<Box<dyn ResultSink>, MapRunError>;
}

/// What an `ItemReader` is to read.
#[derive(Clone, Debug)]
pub struct ReadItems {
    /// Of what kind it is.
    pub source: ReaderSource,
    /// `ReaderConfig`.
    pub config: Arc<ReaderConfig>,
    /// `Parameters` or `Arguments`, evaluated.
    pub arguments: Payload,
    /// `MaxItems`; 0 stands for all.
    pub max_items: i64,
    /// So many items are not needed any more.
    pub skip: u64,
}

/// Items, one after the other.
#[async_trait]
pub trait ItemStream: Send {
    /// The next item; `None` after the last one.
    ///
    /// # Errors
    /// Those of [`MapRunData::read`]; there is nothing to read any more then.
    async fn next(&mut self) -> Result<Option<Item>, MapRunError>;
}

/// Where a `ResultWriter` is to write.
#[derive(Clone, Debug)]
pub struct ExportResults {
    /// ARN of the Map Run.
    pub map_run_arn: Arc<str>,
    /// `Parameters` or `Arguments`, evaluated.
    pub arguments: Payload,
    /// `WriterConfig`.
    pub config: WriterConfig,
}

/// Takes results.
#[async_trait]
pub trait ResultSink: Send {
    /// Adds the result of one child execution.
    ///
    /// # Errors
    /// Those of [`MapRunData::export`]; the sink is of no use any more then.
    async fn write(&mut self, result: &ChildResult) -> Result<(), MapRunError>;

    /// Completes what was written, and tells what the state leaves for it.
    ///
    /// # Errors
    /// Those of [`MapRunData::export`].
    async fn finish(self: Box<Self>) -> Result<Json, MapRunError>;

    /// Drops what was written and is not complete.
    async fn abort(self: Box<Self>);
}

/// Why a Map Run cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {cause}")]
pub struct MapRunError {
    /// Error name.
    pub error: Arc<str>,
    /// Cause.
    pub cause: Arc<str>,
}

/// Has no items and takes no results: for those who run no Map Runs on data of others.
#[derive(Debug, Default)]
pub struct NoMapRunData;

#[async_trait]
impl MapRunData for NoMapRunData {
    async fn read(&self, _request: ReadItems) -> Result<Box<dyn ItemStream>, MapRunError> {
        Err(nothing("States.ItemReaderFailed"))
    }

    async fn export(&self, _request: ExportResults) -> Result<Box<dyn ResultSink>, MapRunError> {
        Err(nothing("States.ResultWriterFailed"))
    }
}

fn nothing(error: &str) -> MapRunError {
    MapRunError { error: error.into(), cause: "There is no object store here".into() }
}
