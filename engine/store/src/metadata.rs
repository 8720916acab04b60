//! Image metadata: the table `image_metadata`, keyed as the tutorial's DynamoDB table is.

use async_trait::async_trait;
use stepyard_json::Payload;

use crate::Error;

/// One item of `image_metadata`.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataItem {
    /// Partition key.
    pub image_id: String,
    /// Sort key: milliseconds since the epoch, the start of the execution that wrote the item, so
    /// that a task which runs again after a crash overwrites its own item.
    pub timestamp: i64,
    /// All attributes as a JSON object, both keys included.
    pub attributes: Payload,
}

/// Where image metadata is kept. A returned `put_item` is durable.
#[async_trait]
pub trait MetadataStore: Send + Sync {
    /// Writes an item; an item with the same key is replaced.
    async fn put_item(&self, item: MetadataItem) -> Result<(), Error>;

    /// The items of one image, newest first.
    async fn query_items(&self, image_id: &str) -> Result<Vec<MetadataItem>, Error>;

    /// Items in the order of their keys, after the given key, at most `limit`.
    async fn scan_items(
        &self,
        after: Option<(String, i64)>,
        limit: usize,
    ) -> Result<Vec<MetadataItem>, Error>;
}
