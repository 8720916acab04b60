//! An uploaded image: stored, announced as S3 does it, and handed to the pipeline.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use stepyard_asl::Random;
use stepyard_tasks::functions::{METADATA_IMAGE_ID, METADATA_UPLOADED_AT, METADATA_USER};
use stepyard_tasks::image::ImageFormat;
use stepyard_tasks::objects::{ObjectAttributes, ObjectError, ObjectInfo, SOURCE_BUCKET};

use crate::actions::{StartExecutionRequest, start_execution};
use crate::app::App;
use crate::arn::Arn;
use crate::wire::ApiError;

/// Longest parts of an image id, so that it can be the name of an execution.
const USER_CHARS_MAX: usize = 24;
const FILE_NAME_CHARS_MAX: usize = 40;

/// What S3 leaves unescaped in the keys of its events.
const KEY_SAFE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

/// An image on its way in.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    pub(crate) user: Option<String>,
    pub(crate) file_name: Option<String>,
    /// What the client says that it is.
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Uploaded {
    pub(crate) image_id: String,
    pub(crate) bucket: &'static str,
    pub(crate) key: String,
    pub(crate) content_type: String,
    /// What the client said, when the content is something else.
    pub(crate) declared_content_type: Option<String>,
    pub(crate) execution_arn: String,
}

/// Why an upload failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// The original could not be stored.
    #[error(transparent)]
    Store(#[from] ObjectError),
    /// The original is stored, but the pipeline did not start.
    #[error("the image is stored, but its processing did not start: {0:?}")]
    Start(ApiError),
}

/// Stores the original and starts the pipeline with the event that S3 would send.
pub(crate) async fn accept(app: &App, upload: Upload) -> Result<Uploaded, UploadError> {
    let user = upload.user.filter(|user| !user.is_empty()).unwrap_or_else(|| "anonymous".into());
    let image_id = image_id(app, &user, upload.file_name.as_deref());
    let found = ImageFormat::of(&upload.body).map(ImageFormat::content_type);
    let content_type = found.map_or("application/octet-stream", |found| found).to_owned();
    let declared_content_type = upload.content_type.filter(|said| *said != content_type);
    let now = app.runtime.clock().now().to_string();
    let user_metadata = BTreeMap::from([
        (METADATA_IMAGE_ID.to_owned(), image_id.clone()),
        (METADATA_USER.to_owned(), user),
        (METADATA_UPLOADED_AT.to_owned(), now.clone()),
    ]);
    let attributes = ObjectAttributes { content_type: Some(content_type.clone()), user_metadata };
    let info = app.objects.put(SOURCE_BUCKET, &image_id, upload.body, attributes).await?;
    let event = object_created(app, &info, &now);
    let execution_arn = start(app, &image_id, &event).await.map_err(UploadError::Start)?;
    Ok(Uploaded {
        key: image_id.clone(),
        image_id,
        bucket: SOURCE_BUCKET,
        content_type,
        declared_content_type,
        execution_arn,
    })
}

/// Whether the state machine is there that an upload starts.
pub(crate) async fn has_state_machine(app: &App) -> Result<bool, ApiError> {
    let unqualified = Arn::parse(&state_machine_arn(app))?.unqualified()?;
    match app.state_machine_to_start(&unqualified).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_state_machine_missing() => Ok(false),
        Err(error) => Err(error),
    }
}

/// The ARN of what an upload starts, maybe with a version or an alias.
fn state_machine_arn(app: &App) -> String {
    app.identity.state_machine(&app.upload_state_machine).to_string()
}

async fn start(app: &App, image_id: &str, event: &Value) -> Result<String, ApiError> {
    let request = StartExecutionRequest {
        state_machine_arn: Some(state_machine_arn(app)),
        name: Some(image_id.to_owned()),
        input: Some(event.to_string()),
        ..StartExecutionRequest::default()
    };
    Ok(start_execution(app, request).await?.execution_arn.to_string())
}

/// `USER-RANDOM-FILE`: as the tutorial's `user123-photo.jpg`, and unique.
fn image_id(app: &App, user: &str, file_name: Option<&str>) -> String {
    let random = Random::from_entropy(app.runtime.entropy().draw()).next_u64() >> 16;
    let user = plain(user, USER_CHARS_MAX);
    let file = plain(
        file_name.and_then(|name| name.rsplit(['/', '\\']).next()).unwrap_or(""),
        FILE_NAME_CHARS_MAX,
    );
    let file = if file.is_empty() { "image" } else { &file };
    format!("{user}-{random:012x}-{file}")
}

/// Letters, digits, dots, dashes and underscores; the end counts most, as it holds the extension.
fn plain(text: &str, most: usize) -> String {
    let kept: Vec<char> = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
        .collect();
    kept[kept.len().saturating_sub(most)..].iter().collect()
}

/// The event `s3:ObjectCreated:Put` (S3 user guide, "Event message structure").
fn object_created(app: &App, info: &ObjectInfo, now: &str) -> Value {
    let mut random = Random::from_entropy(app.runtime.entropy().draw());
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": app.identity.region,
        "eventTime": now,
        "eventName": "ObjectCreated:Put",
        "userIdentity": { "principalId": app.identity.account },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": {
            "x-amz-request-id": random.uuid_v4(),
            "x-amz-id-2": random.uuid_v4(),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "upload",
            "bucket": {
                "name": SOURCE_BUCKET,
                "ownerIdentity": { "principalId": app.identity.account },
                "arn": format!("arn:aws:s3:::{SOURCE_BUCKET}"),
            },
            "object": {
                "key": utf8_percent_encode(&info.key, KEY_SAFE).to_string(),
                "size": info.size,
                "eTag": info.etag,
                "sequencer": format!("{:016X}", random.next_u64()),
            },
        },
    }]})
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_become_safe_and_keep_their_extension() {
        assert_eq!(plain("../../etc/pässwd", 40), ".._.._etc_p_sswd");
        assert_eq!(plain(&format!("{}.jpg", "x".repeat(99)), 8), "xxxx.jpg");
    }
}
