//! Decides where a bucket is: here, or on S3.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    ListPage, ListQuery, Object, ObjectAttributes, ObjectError, ObjectInfo, ObjectStore,
    ObjectStream, ObjectUpload, ReadOptions,
};

/// An [`ObjectStore`] of local buckets and of those on S3. A bucket that is here is used here, unless it is routed to
/// S3; any other one is on S3, when there is access to it.
pub struct RoutedObjectStore {
    local: Arc<dyn ObjectStore>,
    s3: Option<Arc<dyn ObjectStore>>,
    routes: BTreeSet<String>,
    all_on_s3: bool,
}

impl RoutedObjectStore {
    /// All buckets are local.
    pub fn new(local: Arc<dyn ObjectStore>) -> RoutedObjectStore {
        RoutedObjectStore { local, s3: None, routes: BTreeSet::new(), all_on_s3: false }
    }

    /// Gives access to S3.
    #[must_use]
    pub fn with_s3(mut self, s3: Arc<dyn ObjectStore>) -> RoutedObjectStore {
        self.s3 = Some(s3);
        self
    }

    /// Says that a bucket is on S3, even if there is a local one of that name.
    #[must_use]
    pub fn with_route(mut self, bucket: impl Into<String>) -> RoutedObjectStore {
        self.routes.insert(bucket.into());
        self
    }

    /// Says that all buckets are on S3.
    #[must_use]
    pub fn with_all_on_s3(mut self) -> RoutedObjectStore {
        self.all_on_s3 = true;
        self
    }

    /// The stores to ask for a bucket, in order: the second one when the first does not have the bucket.
    fn stores(&self, bucket: &str) -> (&dyn ObjectStore, Option<&dyn ObjectStore>) {
        match self.s3.as_deref() {
            Some(s3) if self.all_on_s3 || self.routes.contains(bucket) => (s3, None),
            s3 => (&*self.local, s3),
        }
    }
}

/// What is said of a bucket that is not here when nothing is known of S3.
const NO_S3: &str = " on this machine, where the first `stepyard put` makes one, and S3 is not configured: set \
                     AWS_ENDPOINT_URL_S3 to the URL of an endpoint, or AWS credentials to use AWS";

/// Asks the first store, and the second one when there is no such bucket in the first.
macro_rules! ask {
    ($self:ident, $bucket:ident, $store:ident => $call:expr) => {{
        let (first, second) = $self.stores($bucket);
        let $store = first;
        match ($call.await, second) {
            (Err(ObjectError::NoSuchBucket { .. }), Some($store)) => $call.await,
            (Err(ObjectError::NoSuchBucket { bucket, .. }), None) if $self.s3.is_none() => {
                Err(ObjectError::NoSuchBucket { bucket, place: NO_S3.into() })
            }
            (answer, _) => answer,
        }
    }};
}

#[async_trait]
impl ObjectStore for RoutedObjectStore {
    async fn put(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        attributes: ObjectAttributes,
    ) -> Result<ObjectInfo, ObjectError> {
        ask!(self, bucket, store => store.put(bucket, key, body.clone(), attributes.clone()))
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, ObjectError> {
        ask!(self, bucket, store => store.get(bucket, key))
    }

    async fn read(
        &self,
        bucket: &str,
        key: &str,
        options: ReadOptions,
    ) -> Result<ObjectStream, ObjectError> {
        ask!(self, bucket, store => store.read(bucket, key, options.clone()))
    }

    async fn create(
        &self,
        bucket: &str,
        key: &str,
        attributes: ObjectAttributes,
    ) -> Result<Box<dyn ObjectUpload>, ObjectError> {
        ask!(self, bucket, store => store.create(bucket, key, attributes.clone()))
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectInfo, ObjectError> {
        ask!(self, bucket, store => store.head(bucket, key))
    }

    async fn list(&self, bucket: &str, query: ListQuery) -> Result<ListPage, ObjectError> {
        ask!(self, bucket, store => store.list(bucket, query.clone()))
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        ask!(self, bucket, store => store.delete(bucket, key))
    }
}
