//! Where Map Runs put their results.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use stepyard_json::Json;
use stepyard_machine::{ChildResult, ExecutionStatus};
use stepyard_runtime::{
    ExportResults, ItemStream, MapRunData, MapRunError, NoMapRunData, ReadItems, ResultSink,
};

/// Keeps how the child executions have ended of which results were exported, export by export.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Vec<Statuses>>>);

/// In the order in which they were written; `None` for one that was never started.
pub(crate) type Statuses = Vec<Option<ExecutionStatus>>;

impl Shelf {
    /// What was completed.
    pub(crate) fn exports(&self) -> Vec<Statuses> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl MapRunData for Shelf {
    async fn read(&self, request: ReadItems) -> Result<Box<dyn ItemStream>, MapRunError> {
        NoMapRunData.read(request).await
    }

    async fn export(&self, _request: ExportResults) -> Result<Box<dyn ResultSink>, MapRunError> {
        Ok(Box::new(Sink { shelf: self.clone(), written: Vec::new() }))
    }
}

struct Sink {
    shelf: Shelf,
    written: Statuses,
}

#[async_trait]
impl ResultSink for Sink {
    async fn write(&mut self, result: &ChildResult) -> Result<(), MapRunError> {
        self.written.push(result.end.as_ref().map(|end| end.status));
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<Json, MapRunError> {
        self.shelf.0.lock().unwrap().push(self.written);
        Ok(Json::from("exported"))
    }

    async fn abort(self: Box<Self>) {}
}
