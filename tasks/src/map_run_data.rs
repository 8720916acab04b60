//! Items and results of Map Runs in an object store.

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_json::Json;
use stepyard_machine::{ChildResult, Item};
use stepyard_runtime::{ExportResults, ItemStream, MapRunData, MapRunError, ReadItems, ResultSink};

use crate::items::{Cursor, ItemReaderError, ItemSource, ReadRequest};
use crate::objects::ObjectStore;
use crate::results::{Destination, ResultWriter, ResultWriterError};

/// Reads items from objects and writes results to objects.
pub struct ObjectMapRunData {
    objects: Arc<dyn ObjectStore>,
}

impl ObjectMapRunData {
    /// In that object store.
    pub fn new(objects: Arc<dyn ObjectStore>) -> ObjectMapRunData {
        ObjectMapRunData { objects }
    }
}

#[async_trait]
impl MapRunData for ObjectMapRunData {
    async fn read(&self, request: ReadItems) -> Result<Box<dyn ItemStream>, MapRunError> {
        let ReadItems { source, config, arguments, max_items, skip } = request;
        let request = ReadRequest::new(source, config, arguments.tree(), max_items);
        let request = request.map_err(unread)?;
        let objects = self.objects.clone();
        let mut source =
            ItemSource::open(objects, &request, Cursor::default()).await.map_err(unread)?;
        for _ in 0..skip {
            if source.next().await.map_err(unread)?.is_none() {
                break;
            }
        }
        Ok(Box::new(Items(source)))
    }

    async fn export(&self, request: ExportResults) -> Result<Box<dyn ResultSink>, MapRunError> {
        let ExportResults { map_run_arn, arguments, config } = request;
        let destination = Destination::new(arguments.tree(), &map_run_arn).map_err(unwritten)?;
        Ok(Box::new(Results(ResultWriter::new(self.objects.clone(), destination, config))))
    }
}

struct Items(ItemSource);

#[async_trait]
impl ItemStream for Items {
    async fn next(&mut self) -> Result<Option<Item>, MapRunError> {
        self.0.next().await.map_err(unread)
    }
}

struct Results(ResultWriter);

#[async_trait]
impl ResultSink for Results {
    async fn write(&mut self, result: &ChildResult) -> Result<(), MapRunError> {
        self.0.write(result).await.map_err(unwritten)
    }

    async fn finish(self: Box<Self>) -> Result<Json, MapRunError> {
        self.0.finish().await.map_err(unwritten)
    }

    async fn abort(self: Box<Self>) {
        self.0.abort().await;
    }
}

fn unread(error: ItemReaderError) -> MapRunError {
    MapRunError { error: ItemReaderError::NAME.into(), cause: error.cause.into() }
}

fn unwritten(error: ResultWriterError) -> MapRunError {
    MapRunError { error: ResultWriterError::NAME.into(), cause: error.cause.into() }
}
