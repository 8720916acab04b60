//! `MetadataWriterFunction`: keeps what is known of an image.

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_json::{Json, Object, Payload};
use stepyard_store::{MetadataItem, MetadataStore};

use super::origin::Origin;
use super::request::{source, text};
use super::{Function, FunctionCall, FunctionError};
use crate::objects::ObjectStore;

/// Stores an item of `image_metadata` with the key (`image_id`, `timestamp`); the timestamp is the
/// start of the execution, so that a repetition writes the same item.
///
/// The event is the result of `ImageProcessorFunction`, plain or as the `Payload` of a
/// `lambda:invoke` result; all its members are kept, and `execution_arn` is added. Or it is the
/// record of a failure: `{status: "failed", event, error, cause}`, where `event` is what the
/// processor was given.
///
/// The result is the item, with `status` being `stored` for a processed image.
pub struct MetadataWriterFunction {
    metadata: Arc<dyn MetadataStore>,
    objects: Arc<dyn ObjectStore>,
}

impl MetadataWriterFunction {
    /// The name of the function in the tutorial.
    pub const NAME: &'static str = "MetadataWriterFunction";

    /// A function that writes to one store; the objects tell whose image a failure was about.
    pub fn new(metadata: Arc<dyn MetadataStore>, objects: Arc<dyn ObjectStore>) -> Self {
        MetadataWriterFunction { metadata, objects }
    }

    /// What to keep of a failure. It never fails itself: a failure must not go unrecorded because
    /// the event was the fault.
    async fn failure(&self, record: &Json, execution_arn: &str) -> Object {
        let event = record.get("event").cloned().unwrap_or_default();
        let mut attributes = Object::new();
        attributes.insert("image_id", execution_arn);
        attributes.insert("status", FAILED);
        if let Ok(original) = source(&event) {
            attributes.insert("image_id", original.key.as_str());
            attributes.insert("image", original.key.as_str());
            attributes.insert("original_bucket", original.bucket.as_str());
            attributes.insert("original_key", original.key.as_str());
            if let Ok(info) = self.objects.head(&original.bucket, &original.key).await {
                let origin = Origin::of(&info);
                attributes.insert("image_id", origin.image_id);
                attributes.insert("user", origin.user);
                attributes.insert("uploaded_at", origin.uploaded_at);
                attributes.insert("original_bytes", info.size);
            }
        }
        for (name, value) in record.as_object().into_iter().flat_map(Object::iter) {
            attributes.insert(Arc::clone(name), value.clone());
        }
        attributes
    }

    async fn attributes(&self, call: &FunctionCall) -> Result<Object, FunctionError> {
        let event = result_of(call.event.tree());
        if text(event, "status")? == Some(FAILED) {
            return Ok(self.failure(event, &call.execution_arn).await);
        }
        event.as_object().cloned().ok_or_else(|| {
            FunctionError::invalid_request(format!(
                "the event must be an object, not {}",
                event.type_name()
            ))
        })
    }
}

/// `status` of an item about an image that could not be processed.
const FAILED: &str = "failed";

#[async_trait]
impl Function for MetadataWriterFunction {
    async fn call(&self, mut call: FunctionCall) -> Result<Json, FunctionError> {
        call.started.fire();
        let members = self.attributes(&call).await?;
        let image_id = text(&Json::from(members.clone()), "image_id")?
            .filter(|id| !id.is_empty())
            .ok_or_else(|| FunctionError::invalid_request("the event must have an image_id"))?
            .to_owned();
        let timestamp = call.execution_started.0;
        let mut attributes = Object::new();
        attributes.insert("image_id", image_id.as_str());
        attributes.insert("timestamp", timestamp);
        for (name, value) in members.iter().filter(|(name, _)| ***name != *"timestamp") {
            attributes.insert(Arc::clone(name), value.clone());
        }
        attributes.insert("execution_arn", &*call.execution_arn);
        let mut result = attributes.clone();
        let attributes = Payload::from(Json::from(attributes));
        self.metadata.put_item(MetadataItem { image_id, timestamp, attributes }).await?;
        if members.get("status").and_then(Json::as_str) != Some(FAILED) {
            result.insert("status", "stored");
        }
        Ok(Json::from(result))
    }
}

/// The result of the processor, also inside a `lambda:invoke` result.
fn result_of(event: &Json) -> &Json {
    match event.get("Payload") {
        Some(payload @ Json::Object(_)) if event.get("image_id").is_none() => payload,
        _ => event,
    }
}
