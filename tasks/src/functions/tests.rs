use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Mutex;

use bytes::Bytes;
use stepyard_store::{Error as StoreError, MetadataItem, MetadataStore};

use super::request::{ObjectRef, ProcessRequest, source};
use super::*;
use crate::image::{ImageLimits, ImagePool, Position, ResizeMode};
use crate::objects::{FsObjectStore, OUTPUT_BUCKET, ObjectAttributes, ObjectStore, SOURCE_BUCKET};

const EXECUTION: &str = "arn:aws:states:us-east-1:000000000000:execution:images:one";
const STARTED: i64 = 1_795_435_200_000;

#[derive(Default)]
struct Items(Mutex<BTreeMap<(String, i64), MetadataItem>>);

#[async_trait]
impl MetadataStore for Items {
    async fn put_item(&self, item: MetadataItem) -> Result<(), StoreError> {
        if item.image_id == "unavailable" {
            return Err(StoreError::Unavailable("the disk is full".into()));
        }
        self.0.lock().unwrap().insert((item.image_id.clone(), item.timestamp), item);
        Ok(())
    }

    async fn query_items(&self, image_id: &str) -> Result<Vec<MetadataItem>, StoreError> {
        let items = self.0.lock().unwrap();
        Ok(items.values().filter(|item| item.image_id == image_id).cloned().collect())
    }

    async fn scan_items(
        &self,
        _after: Option<(String, i64)>,
        _limit: usize,
    ) -> Result<Vec<MetadataItem>, StoreError> {
        Ok(self.0.lock().unwrap().values().cloned().collect())
    }
}

struct House {
    _directory: tempfile::TempDir,
    objects: Arc<FsObjectStore>,
    items: Arc<Items>,
    processor: ImageProcessorFunction,
    writer: MetadataWriterFunction,
}

impl House {
    fn new() -> House {
        let directory = tempfile::tempdir().unwrap();
        let buckets = [SOURCE_BUCKET, OUTPUT_BUCKET];
        let objects = Arc::new(FsObjectStore::open(directory.path(), &buckets).unwrap());
        let items = Arc::<Items>::default();
        let limits = ImageLimits { bytes: 1_000_000, ..ImageLimits::default() };
        let pool = ImagePool::new(2, &limits);
        House {
            processor: ImageProcessorFunction::new(objects.clone(), limits, pool),
            writer: MetadataWriterFunction::new(items.clone(), objects.clone()),
            _directory: directory,
            objects,
            items,
        }
    }

    async fn upload(&self, key: &str, body: impl Into<Bytes>, metadata: &[(&str, &str)]) {
        let user_metadata =
            metadata.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let attributes = ObjectAttributes { content_type: None, user_metadata };
        self.objects.put(SOURCE_BUCKET, key, body.into(), attributes).await.unwrap();
    }

    async fn process(&self, event: &str) -> Result<Json, FunctionError> {
        self.processor.call(call(event)).await
    }

    /// The only item.
    fn item(&self) -> MetadataItem {
        let items = self.items.0.lock().unwrap();
        assert_eq!(items.len(), 1);
        items.values().next().unwrap().clone()
    }
}

fn call(event: &str) -> FunctionCall {
    FunctionCall {
        event: Payload::from_text(event.to_owned()).unwrap(),
        execution_arn: EXECUTION.into(),
        execution_started: Timestamp(STARTED),
        started: Started::channel().0,
        cancellation: CancellationToken::new(),
    }
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let image = ::image::RgbImage::from_pixel(width, height, ::image::Rgb([9, 99, 199]));
    image.write_to(&mut bytes, ::image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// The event of the tutorial, as S3 sends it.
const S3_EVENT: &str = r#"{"Records": [{"eventName": "ObjectCreated:Put", "s3": {
    "bucket": {"name": "image-upload-source"},
    "object": {"key": "user123/my+photo%2B1.jpg", "size": 1024}}}]}"#;

fn processed() -> Vec<(&'static str, Json)> {
    vec![
        ("status", "processed".into()),
        ("image", "user123/my photo+1.jpg".into()),
        ("original_bucket", "image-upload-source".into()),
        ("original_key", "user123/my photo+1.jpg".into()),
        ("processed_bucket", "image-processed-output".into()),
        ("processed_key", "user123/my photo+1.jpg".into()),
        ("size", "300x300".into()),
        ("width", 300.into()),
        ("height", 300.into()),
        ("format", "JPEG".into()),
        ("content_type", "image/jpeg".into()),
        ("image_id", "photo-1".into()),
        ("user", "user123".into()),
        ("uploaded_at", "2025-08-17T12:30:00Z".into()),
        ("original_width", 64.into()),
        ("original_height", 48.into()),
        ("original_format", "PNG".into()),
    ]
}

#[tokio::test]
async fn the_tutorials_two_functions_work_in_a_row() {
    let house = House::new();
    let said = [(METADATA_IMAGE_ID, "photo-1"), (METADATA_UPLOADED_AT, "2025-08-17T12:30:00Z")];
    house.upload("user123/my photo+1.jpg", png(64, 48), &said).await;
    let result = house.process(S3_EVENT).await.unwrap();
    for (name, value) in processed() {
        assert_eq!(result.get(name), Some(&value), "{name}");
    }
    let output = house.objects.get(OUTPUT_BUCKET, "user123/my photo+1.jpg").await.unwrap();
    assert_eq!(output.info.content_type, "image/jpeg");
    assert_eq!(result.get("bytes").unwrap().as_i64(), i64::try_from(output.info.size).ok());

    let answer = house.writer.call(call(&result.to_string())).await.unwrap();
    assert_eq!(answer.get("status").unwrap().as_str(), Some("stored"));
    // A repetition after a crash replaces the item by itself.
    house.writer.call(call(&result.to_string())).await.unwrap();
    let item = house.item();
    assert_eq!((&*item.image_id, item.timestamp), ("photo-1", STARTED));
    let attributes = item.attributes.tree();
    for (name, value) in processed() {
        assert_eq!(attributes.get(name), Some(&value), "{name}");
    }
    assert_eq!(attributes.get("timestamp").unwrap().as_i64(), Some(STARTED));
    assert_eq!(attributes.get("execution_arn").unwrap().as_str(), Some(EXECUTION));
}

#[tokio::test]
async fn the_result_of_lambda_invoke_is_unwrapped() {
    let house = House::new();
    let event = r#"{"StatusCode": 200, "Payload": {"image_id": "i", "status": "processed"}}"#;
    house.writer.call(call(event)).await.unwrap();
    assert_eq!(house.item().image_id, "i");
}

#[tokio::test]
async fn a_watermark_and_other_wishes_are_heard() {
    let house = House::new();
    house.upload("a.png", png(200, 100), &[]).await;
    house.upload("mark.png", png(20, 20), &[]).await;
    let event = r#"{"bucket": "image-upload-source", "key": "a.png", "mode": "fit", "size": "100x100",
        "format": "PNG", "output_key": "small/a.png", "watermark": {"key": "mark.png", "opacity": 0.5}}"#;
    let result = house.process(event).await.unwrap();
    assert_eq!(result.get("size").unwrap().as_str(), Some("100x50"));
    assert_eq!(result.get("user").unwrap().as_str(), Some("anonymous"));
    let output = house.objects.get(OUTPUT_BUCKET, "small/a.png").await.unwrap();
    assert_eq!(output.info.content_type, "image/png");
}

#[tokio::test]
async fn every_fault_has_its_name() {
    let house = House::new();
    house.upload("text.jpg", "hello, this is text", &[]).await;
    house.upload("cut.png", png(64, 64)[..50].to_vec(), &[]).await;
    house.upload("long.jpg", vec![0; 1_000_001], &[]).await;
    house.upload("old.bmp", "BM\0\0\0\0\0\0\0\0\0\0", &[]).await;
    let mut large = png(8, 8);
    large[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x4E, 0x20]);
    house.upload("large.png", large, &[]).await;
    for (event, expected) in [
        (r#"{"key": "text.jpg"}"#, ErrorType::InvalidImage),
        (r#"{"key": "cut.png"}"#, ErrorType::InvalidImage),
        (r#"{"key": "long.jpg"}"#, ErrorType::ImageTooLarge),
        (r#"{"key": "large.png"}"#, ErrorType::ImageTooLarge),
        (r#"{"key": "old.bmp"}"#, ErrorType::UnsupportedFormat),
        (r#"{"key": "none.jpg"}"#, ErrorType::NoSuchKey),
        (r#"{"bucket": "no-bucket", "key": "a"}"#, ErrorType::NoSuchBucket),
        (r#"{"key": ""}"#, ErrorType::InvalidRequest),
        ("{}", ErrorType::InvalidRequest),
        ("7", ErrorType::InvalidRequest),
        (r#"{"Records": []}"#, ErrorType::InvalidRequest),
    ] {
        let error = house.process(event).await.unwrap_err();
        assert_eq!(error.error_type, expected, "{event}: {error}");
    }
    let error = house.process(r#"{"key": "text.jpg"}"#).await.unwrap_err();
    insta::assert_snapshot!(error.payload(), @r#"{"errorMessage":"the object is not an image: it begins with \"hello, this is t\" and is neither JPEG, PNG, WebP nor GIF","errorType":"InvalidImage"}"#);
}

#[tokio::test]
async fn a_failure_is_recorded_with_what_is_known_of_the_image() {
    let house = House::new();
    let said = [(METADATA_IMAGE_ID, "photo-1"), (METADATA_USER, "ann")];
    house.upload("user123/my photo+1.jpg", "broken", &said).await;
    let record = format!(
        r#"{{"status": "failed", "event": {S3_EVENT}, "error": "InvalidImage", "cause": "{{}}"}}"#
    );
    house.writer.call(call(&record)).await.unwrap();
    let item = house.item();
    assert_eq!((&*item.image_id, item.timestamp), ("photo-1", STARTED));
    let attributes = item.attributes.tree();
    for (name, value) in [
        ("status", "failed"),
        ("error", "InvalidImage"),
        ("cause", "{}"),
        ("user", "ann"),
        ("original_bucket", SOURCE_BUCKET),
        ("original_key", "user123/my photo+1.jpg"),
        ("execution_arn", EXECUTION),
    ] {
        assert_eq!(attributes.get(name).and_then(Json::as_str), Some(value), "{name}");
    }
    assert!(attributes.get("event").unwrap().get("Records").is_some());
}

#[tokio::test]
async fn a_failure_without_an_image_is_recorded_under_its_execution() {
    let house = House::new();
    let record = r#"{"status": "failed", "event": [], "error": "InvalidRequest", "cause": ""}"#;
    let result = house.writer.call(call(record)).await.unwrap();
    assert_eq!(house.item().image_id, EXECUTION);
    assert_eq!(result.get("status").unwrap().as_str(), Some("failed"));
}

#[tokio::test]
async fn the_writer_names_its_faults() {
    let house = House::new();
    for (event, expected) in [
        ("{}", ErrorType::InvalidRequest),
        ("[]", ErrorType::InvalidRequest),
        (r#"{"image_id": 7}"#, ErrorType::InvalidRequest),
        (r#"{"image_id": "unavailable"}"#, ErrorType::ServiceException),
    ] {
        let error = house.writer.call(call(event)).await.unwrap_err();
        assert_eq!(error.error_type, expected, "{event}: {error}");
    }
}

#[tokio::test]
async fn the_start_is_told_when_the_work_begins() {
    let house = House::new();
    let (started, told) = Started::channel();
    let call = FunctionCall { started, ..call(r#"{"key": "none.jpg"}"#) };
    assert!(house.processor.call(call).await.is_err());
    assert!(told.await.is_ok());
}

fn parse(event: &str) -> Result<ProcessRequest, FunctionError> {
    ProcessRequest::parse(&Json::parse(event).unwrap())
}

#[test]
fn events_of_all_kinds_name_their_object() {
    let object = |key: &str| ObjectRef { bucket: "b".into(), key: key.into() };
    for (event, key) in [
        (r#"{"bucket": "b", "key": "a+b%20c"}"#, "a+b%20c"),
        (
            r#"{"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%C3%A9"}}}]}"#,
            "a bé",
        ),
        (r#"{"detail": {"bucket": {"name": "b"}, "object": {"key": "a+b"}}}"#, "a+b"),
    ] {
        assert_eq!(source(&Json::parse(event).unwrap()).unwrap(), object(key));
    }
}

#[test]
fn parameters_are_read_and_checked() {
    let request = parse(r#"{"key": "k", "width": "40", "mode": null, "quality": 10, "other": []}"#);
    let request = request.unwrap();
    assert_eq!((request.size, request.mode, request.quality), ((40, 40), ResizeMode::Exact, 10));
    let request = parse(r#"{"key": "k", "watermark": {"key": "m", "position": "top-left"}}"#);
    assert_eq!(request.unwrap().watermark.unwrap().position, Position::TopLeft);
    for event in [
        r#"{"key": "k", "width": 0}"#,
        r#"{"key": "k", "width": 10001}"#,
        r#"{"key": "k", "height": 1.5}"#,
        r#"{"key": "k", "size": "300"}"#,
        r#"{"key": "k", "size": "0x5"}"#,
        r#"{"key": "k", "mode": "stretch"}"#,
        r#"{"key": "k", "format": "gif"}"#,
        r#"{"key": "k", "quality": 101}"#,
        r#"{"key": "k", "watermark": {}}"#,
        r#"{"key": "k", "watermark": "m"}"#,
        r#"{"key": "k", "watermark": {"key": "m", "opacity": 2}}"#,
        r#"{"key": "k", "output_bucket": "image-upload-source"}"#,
        r#"{"key": 7}"#,
    ] {
        assert_eq!(parse(event).unwrap_err().error_type, ErrorType::InvalidRequest, "{event}");
    }
}

/// What counts is how large the result is, not the frame into which it has to fit.
#[tokio::test]
async fn a_small_picture_may_be_fit_into_a_large_frame() {
    let house = House::new();
    house.upload("small.png", png(20, 10), &[]).await;
    let event = |mode: &str| {
        format!(
            r#"{{"bucket": "{SOURCE_BUCKET}", "key": "small.png", "size": "10000x10000", "mode": "{mode}"}}"#
        )
    };
    let fitted = house.process(&event("fit")).await.unwrap();
    assert_eq!(fitted.get("size").unwrap().as_str(), Some("20x10"));
    let refused = house.process(&event("exact")).await.unwrap_err();
    let text = format!("{refused:?}");
    assert!(text.contains("a result of 10000x10000 = 100000000 pixels"), "{text}");
}
