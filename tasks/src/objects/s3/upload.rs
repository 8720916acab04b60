//! Writing an object of unknown length: in parts, when it is longer than one.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};

use super::S3ObjectStore;
use super::error::Asked;
use crate::objects::{ObjectAttributes, ObjectError, ObjectInfo, ObjectStore, ObjectUpload};

/// Bytes of a part: 5 MiB is the least, and 10,000 of them are the most that an object has (Amazon S3 User Guide,
/// "Multipart upload limits").
const PART_BYTES: usize = 8 * 1024 * 1024;

pub(super) struct S3Upload {
    store: S3ObjectStore,
    bucket: String,
    key: String,
    attributes: ObjectAttributes,
    /// What is not sent yet, less than a part.
    rest: BytesMut,
    /// Set with the first part.
    upload_id: Option<String>,
    parts: Vec<CompletedPart>,
}

impl S3Upload {
    pub(super) fn new(
        store: S3ObjectStore,
        bucket: &str,
        key: &str,
        attributes: ObjectAttributes,
    ) -> S3Upload {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let rest = BytesMut::new();
        S3Upload { store, bucket, key, attributes, rest, upload_id: None, parts: Vec::new() }
    }

    async fn client(&self) -> &Client {
        self.store.client().await
    }

    async fn asked(&self) -> Asked<'_> {
        self.store.asked(&self.bucket, &self.key).await
    }

    /// The id of the upload, which begins with this if it has not.
    async fn upload_id(&mut self) -> Result<String, ObjectError> {
        if let Some(id) = &self.upload_id {
            return Ok(id.clone());
        }
        let call = self
            .client()
            .await
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_content_type(self.attributes.content_type.clone())
            .set_metadata(Some(self.attributes.user_metadata.clone().into_iter().collect()));
        let sent = Box::pin(call.send()).await;
        let id = sent.map_err(self.asked().await.failed("beginning an object"))?.upload_id;
        let id = id.unwrap_or_default();
        self.upload_id = Some(id.clone());
        Ok(id)
    }

    async fn send_part(&mut self, part: Bytes) -> Result<(), ObjectError> {
        let id = self.upload_id().await?;
        let number = i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX);
        let call = self
            .client()
            .await
            .upload_part()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(id)
            .part_number(number)
            .body(ByteStream::from(part));
        let sent = Box::pin(call.send()).await;
        let etag = sent.map_err(self.asked().await.failed("writing an object"))?.e_tag;
        self.parts.push(CompletedPart::builder().part_number(number).set_e_tag(etag).build());
        Ok(())
    }
}

#[async_trait]
impl ObjectUpload for S3Upload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError> {
        self.rest.extend_from_slice(&bytes);
        while self.rest.len() >= PART_BYTES {
            let part = self.rest.split_to(PART_BYTES).freeze();
            self.send_part(part).await?;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<ObjectInfo, ObjectError> {
        let rest = self.rest.split().freeze();
        if self.upload_id.is_none() {
            let attributes = std::mem::take(&mut self.attributes);
            return self.store.put(&self.bucket, &self.key, rest, attributes).await;
        }
        if !rest.is_empty() {
            self.send_part(rest).await?;
        }
        let parts = std::mem::take(&mut self.parts);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let call = self
            .client()
            .await
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .set_upload_id(self.upload_id.clone())
            .multipart_upload(parts);
        let sent = Box::pin(call.send()).await;
        sent.map_err(self.asked().await.failed("storing an object"))?;
        self.store.head(&self.bucket, &self.key).await
    }

    async fn abort(self: Box<Self>) {
        let Some(id) = &self.upload_id else { return };
        let client = self.client().await;
        let call = client.abort_multipart_upload().bucket(&self.bucket).key(&self.key);
        if let Err(error) = Box::pin(call.upload_id(id).send()).await {
            let error = self.asked().await.failed("dropping an object")(error);
            tracing::warn!(bucket = self.bucket, key = self.key, %error, "parts of an object are left");
        }
    }
}
