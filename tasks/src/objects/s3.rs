//! Objects on S3, or on any endpoint that speaks its API, through the AWS SDK.

mod error;
mod upload;

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::Object as Listed;
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::stream::EmptyBody;
use super::{
    DEFAULT_CONTENT_TYPE, ListPage, ListQuery, Object, ObjectAttributes, ObjectBody, ObjectError,
    ObjectInfo, ObjectStore, ObjectStream, ObjectUpload, ReadOptions,
};
use crate::aws::{CONNECT_TIMEOUT, Called, Place, Service, is_configured};
use error::{Asked, is_behind_the_end};
use upload::S3Upload;

/// An [`ObjectStore`] on S3.
///
/// Endpoint, region and credentials come from the SDK's own environment variables, files and services
/// (`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, ...), read at the first call. What is
/// not Amazon's own rarely has a host name for each bucket: with an endpoint the bucket stands in the path.
#[derive(Clone, Debug)]
pub struct S3ObjectStore {
    place: Place,
    path_style: bool,
    connection: OnceCell<(Client, Called)>,
}

impl S3ObjectStore {
    /// A client that is made at the first call. The region is used when the SDK finds none; `variable` reads an
    /// environment variable.
    pub fn new(
        default_region: impl Into<String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> S3ObjectStore {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        S3ObjectStore {
            place: Place::of_environment(default_region),
            path_style: [SERVICE.variable, "AWS_ENDPOINT_URL"].into_iter().any(is_set),
            connection: OnceCell::new(),
        }
    }

    /// For an endpoint at that URL that takes any credentials.
    pub fn at(endpoint: impl Into<String>, default_region: impl Into<String>) -> S3ObjectStore {
        S3ObjectStore {
            place: Place::at(endpoint, default_region),
            path_style: true,
            connection: OnceCell::new(),
        }
    }

    /// Whether the environment says where S3 is or who calls it, so that calling it makes sense. `variable` reads an
    /// environment variable.
    pub fn is_configured(variable: impl Fn(&str) -> Option<String>) -> bool {
        is_configured(SERVICE.variable, variable)
    }

    async fn connection(&self) -> &(Client, Called) {
        self.connection.get_or_init(|| self.connect()).await
    }

    async fn client(&self) -> &Client {
        &self.connection().await.0
    }

    /// What a call is about, for its errors.
    async fn asked<'a>(&'a self, bucket: &'a str, key: &'a str) -> Asked<'a> {
        let (_, called) = self.connection().await;
        Asked { bucket, key, called }
    }

    async fn connect(&self) -> (Client, Called) {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build();
        let config = self.place.load(|loader| loader.timeout_config(timeouts)).await;
        let path_style = self.path_style || config.endpoint_url().is_some();
        let called = self.place.called(&config, SERVICE);
        let config = Builder::from(&config)
            .force_path_style(path_style)
            // Many endpoints that speak S3 do not know the newer checksums.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        (Client::from_conf(config.build()), called)
    }
}

const SERVICE: Service = Service { id: "S3", variable: "AWS_ENDPOINT_URL_S3" };

#[async_trait]
impl ObjectStore for S3ObjectStore {
    async fn put(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        attributes: ObjectAttributes,
    ) -> Result<ObjectInfo, ObjectError> {
        let call = self
            .client()
            .await
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(ByteStream::from(body))
            .set_content_type(attributes.content_type)
            .set_metadata(Some(attributes.user_metadata.into_iter().collect()));
        let asked = self.asked(bucket, key).await;
        Box::pin(call.send()).await.map_err(asked.failed("storing an object"))?;
        // The answer does not tell the time.
        self.head(bucket, key).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, ObjectError> {
        let ObjectStream { info, mut body } =
            self.read(bucket, key, ReadOptions::default()).await?;
        let mut whole = Vec::new();
        while let Some(piece) = body.chunk().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(Object { info, body: whole.into() })
    }

    async fn read(
        &self,
        bucket: &str,
        key: &str,
        options: ReadOptions,
    ) -> Result<ObjectStream, ObjectError> {
        let ReadOptions { offset, version_id, expected_bucket_owner } = options;
        let range = (offset > 0).then(|| format!("bytes={offset}-"));
        let call = self
            .client()
            .await
            .get_object()
            .bucket(bucket)
            .key(key)
            .set_range(range)
            .set_version_id(version_id.clone())
            .set_expected_bucket_owner(expected_bucket_owner);
        let asked = self.asked(bucket, key).await;
        match Box::pin(call.send()).await {
            Ok(output) => Ok(ObjectStream {
                info: info_of(key, &output),
                body: Box::new(S3Body { bytes: output.body, place: asked.place() }),
            }),
            Err(error) if is_behind_the_end(&error) => {
                let info = self.head(bucket, key).await?;
                Ok(ObjectStream { info, body: Box::new(EmptyBody) })
            }
            Err(error) => {
                Err(asked.version_failed(version_id, asked.failed("reading an object")(error)))
            }
        }
    }

    async fn create(
        &self,
        bucket: &str,
        key: &str,
        attributes: ObjectAttributes,
    ) -> Result<Box<dyn ObjectUpload>, ObjectError> {
        // So that the copy has the same connections.
        self.client().await;
        Ok(Box::new(S3Upload::new(self.clone(), bucket, key, attributes)))
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectInfo, ObjectError> {
        let call = self.client().await.head_object().bucket(bucket).key(key);
        let sent = Box::pin(call.send()).await;
        let asked = self.asked(bucket, key).await;
        let output = sent.map_err(asked.failed("looking at an object"))?;
        Ok(ObjectInfo {
            key: key.to_owned(),
            size: size(output.content_length),
            etag: unquoted(output.e_tag.as_deref()),
            content_type: output.content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned()),
            last_modified: millis(output.last_modified.as_ref()),
            user_metadata: sorted(output.metadata),
            storage_class: output.storage_class.map(|class| class.as_str().to_owned()),
        })
    }

    async fn list(&self, bucket: &str, query: ListQuery) -> Result<ListPage, ObjectError> {
        let limit = i32::try_from(query.limit.clamp(1, super::LIST_LIMIT_MAX)).unwrap_or(1);
        let prefix = (!query.prefix.is_empty()).then_some(query.prefix);
        let call = self
            .client()
            .await
            .list_objects_v2()
            .bucket(bucket)
            .set_prefix(prefix)
            .set_start_after(query.start_after)
            .max_keys(limit);
        let sent = Box::pin(call.send()).await;
        let asked = self.asked(bucket, "").await;
        let output = sent.map_err(asked.failed("listing objects"))?;
        let objects: Vec<_> = output.contents.unwrap_or_default().into_iter().map(listed).collect();
        let is_cut = output.is_truncated.unwrap_or_default();
        let next = objects.last().filter(|_| is_cut).map(|object: &ObjectInfo| object.key.clone());
        Ok(ListPage { objects, next })
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        let call = self.client().await.delete_object().bucket(bucket).key(key);
        let sent = Box::pin(call.send()).await;
        let asked = self.asked(bucket, key).await;
        sent.map_err(asked.failed("deleting an object")).map(drop)
    }
}

/// The body of an answer.
struct S3Body {
    bytes: ByteStream,
    /// For its errors.
    place: String,
}

#[async_trait]
impl ObjectBody for S3Body {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        loop {
            match self.bytes.next().await.transpose() {
                Ok(Some(piece)) if piece.is_empty() => {}
                Ok(piece) => return Ok(piece),
                Err(error) => {
                    let told = format!("{} ({})", crate::aws::chain(&error), self.place);
                    let error = std::io::Error::other(told);
                    return Err(ObjectError::storage("reading an object")(error));
                }
            }
        }
    }
}

fn info_of(key: &str, output: &GetObjectOutput) -> ObjectInfo {
    // `bytes 5-9/10`, when only a part was asked for.
    let whole = output.content_range.as_deref().and_then(|range| range.rsplit('/').next());
    let content_type = output.content_type.clone();
    ObjectInfo {
        key: key.to_owned(),
        size: whole.and_then(|size| size.parse().ok()).unwrap_or(size(output.content_length)),
        etag: unquoted(output.e_tag.as_deref()),
        content_type: content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.to_owned()),
        last_modified: millis(output.last_modified.as_ref()),
        user_metadata: sorted(output.metadata.clone()),
        storage_class: output.storage_class.as_ref().map(|class| class.as_str().to_owned()),
    }
}

fn listed(object: Listed) -> ObjectInfo {
    ObjectInfo {
        size: size(object.size),
        etag: unquoted(object.e_tag.as_deref()),
        content_type: DEFAULT_CONTENT_TYPE.to_owned(),
        last_modified: millis(object.last_modified.as_ref()),
        user_metadata: BTreeMap::new(),
        storage_class: object.storage_class.map(|class| class.as_str().to_owned()),
        key: object.key.unwrap_or_default(),
    }
}

fn size(length: Option<i64>) -> u64 {
    length.and_then(|length| u64::try_from(length).ok()).unwrap_or_default()
}

fn unquoted(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}

fn millis(time: Option<&DateTime>) -> i64 {
    time.and_then(|time| time.to_millis().ok()).unwrap_or_default()
}

fn sorted(metadata: Option<std::collections::HashMap<String, String>>) -> BTreeMap<String, String> {
    metadata.unwrap_or_default().into_iter().collect()
}

#[cfg(test)]
mod tests;
