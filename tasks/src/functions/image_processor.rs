//! `ImageProcessorFunction`: makes the processed image of an original.

use std::sync::Arc;

use async_trait::async_trait;
use stepyard_json::{Json, Object};

use super::origin::Origin;
use super::request::{ObjectRef, ProcessRequest};
use super::{Function, FunctionCall, FunctionError};
use crate::image::{
    Header, ImageLimits, ImagePool, Processed, Transform, Watermark, probe, transform,
};
use crate::objects::{Object as StoredObject, ObjectAttributes, ObjectStore};

/// Reads an original, resizes it, marks it if asked, stores the result and says all about both.
///
/// The event is an S3 event notification, an S3 event from EventBridge, or `{bucket, key}`. Beside
/// that it may hold `width`, `height` or `size` (`"300x300"`), `mode` (`exact` or `fit`), `format`
/// (`jpeg` or `png`), `quality`, `output_bucket`, `output_key` and `watermark` (`bucket`, `key`,
/// `position`, `opacity`). Without any, it does what the tutorial's function does.
///
/// Images never travel in payloads: the result names the objects.
pub struct ImageProcessorFunction {
    objects: Arc<dyn ObjectStore>,
    limits: ImageLimits,
    pool: ImagePool,
}

impl ImageProcessorFunction {
    /// The name of the function in the tutorial.
    pub const NAME: &'static str = "ImageProcessorFunction";

    /// A function that keeps to limits and works in a pool.
    pub fn new(objects: Arc<dyn ObjectStore>, limits: ImageLimits, pool: ImagePool) -> Self {
        ImageProcessorFunction { objects, limits, pool }
    }

    /// Reads an image, its length checked before.
    async fn read(&self, image: &ObjectRef) -> Result<StoredObject, FunctionError> {
        let info = self.objects.head(&image.bucket, &image.key).await?;
        self.limits.check_bytes(info.size)?;
        Ok(self.objects.get(&image.bucket, &image.key).await?)
    }

    async fn transform(&self, request: &ProcessRequest) -> Result<Transform, FunctionError> {
        let watermark = match &request.watermark {
            Some(mark) => Some(Watermark {
                image: self.read(&mark.image).await?.body,
                position: mark.position,
                opacity: mark.opacity,
            }),
            None => None,
        };
        let (size, mode, format) = (request.size, request.mode, request.format);
        Ok(Transform { size, mode, format, quality: request.quality, watermark })
    }

    /// Probes and transforms on the pool, within its bounds.
    async fn process(
        &self,
        original: &StoredObject,
        wish: Transform,
        call: &FunctionCall,
    ) -> Result<(Header, Processed), FunctionError> {
        let (body, limits) = (original.body.clone(), self.limits);
        let probed = self.pool.run(move || {
            let header = probe(&body, &limits)?;
            let (width, height) = wish.target(&header);
            limits.check_result(width, height)?;
            let mark = wish.watermark.as_ref().map(|mark| probe(&mark.image, &limits));
            let mark = mark.transpose()?.map_or(0, |mark| mark.pixels());
            let pixels = wish.working_pixels(&header) + mark;
            Ok((header, wish, pixels))
        });
        let (header, wish, pixels) = probed.await?;
        let permit = self.pool.reserve(pixels).await?;
        let (body, cancellation) = (original.body.clone(), call.cancellation.clone());
        let work = self.pool.run(move || {
            let _permit = permit;
            transform(&body, &header, &wish, &limits, &|| cancellation.is_cancelled())
        });
        Ok((header, work.await?))
    }
}

#[async_trait]
impl Function for ImageProcessorFunction {
    async fn call(&self, mut call: FunctionCall) -> Result<Json, FunctionError> {
        let _admitted = self.pool.admit().await?;
        call.started.fire();
        let request = ProcessRequest::parse(call.event.tree())?;
        let original = self.read(&request.source).await?;
        let wish = self.transform(&request).await?;
        let (header, processed) = self.process(&original, wish, &call).await?;
        let attributes = ObjectAttributes {
            content_type: Some(request.format.format().content_type().to_owned()),
            user_metadata: original.info.user_metadata.clone(),
        };
        let (width, height) = (processed.width, processed.height);
        let output = &request.output;
        let stored = self
            .objects
            .put(&output.bucket, &output.key, processed.bytes.into(), attributes)
            .await?;
        let mut result = Object::new();
        describe_result(&mut result, &request, (width, height), stored.size);
        describe_original(&mut result, &original, &header);
        Ok(Json::from(result))
    }
}

/// The tutorial's `status` and `image`, and what became of the image.
fn describe_result(
    result: &mut Object,
    request: &ProcessRequest,
    (width, height): (u32, u32),
    bytes: u64,
) {
    let format = request.format.format();
    result.insert("status", "processed");
    result.insert("image", request.source.key.as_str());
    result.insert("original_bucket", request.source.bucket.as_str());
    result.insert("original_key", request.source.key.as_str());
    result.insert("processed_bucket", request.output.bucket.as_str());
    result.insert("processed_key", request.output.key.as_str());
    result.insert("size", format!("{width}x{height}"));
    result.insert("width", width);
    result.insert("height", height);
    result.insert("bytes", bytes);
    result.insert("format", format.as_str());
    result.insert("content_type", format.content_type());
}

fn describe_original(result: &mut Object, original: &StoredObject, header: &Header) {
    let origin = Origin::of(&original.info);
    result.insert("image_id", origin.image_id);
    result.insert("user", origin.user);
    result.insert("uploaded_at", origin.uploaded_at);
    // Of the upright picture, as people see it.
    let (width, height) = header.upright_size();
    result.insert("original_width", width);
    result.insert("original_height", height);
    result.insert("original_bytes", original.info.size);
    result.insert("original_format", header.format.as_str());
}
