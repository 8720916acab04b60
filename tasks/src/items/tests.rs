use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::bytes::Bytes;
use async_trait::async_trait;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use stepyard_asl::{CsvHeaders, InputType, ManifestType, ReaderConfig, ReaderSource};
use stepyard_json::Json;
use stepyard_machine::Item;

use super::*;
use crate::objects::*;

mod parquet;

const BUCKET: &str = "data";

struct World {
    _folder: tempfile::TempDir,
    objects: Arc<dyn ObjectStore>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let objects = FsObjectStore::open(folder.path(), &[BUCKET, "other"]).unwrap();
        World { _folder: folder, objects: Arc::new(objects) }
    }

    async fn put(&self, key: &str, body: impl Into<Bytes>) {
        self.put_into(BUCKET, key, body).await;
    }

    async fn put_into(&self, bucket: &str, key: &str, body: impl Into<Bytes>) {
        let attributes = ObjectAttributes::default();
        self.objects.put(bucket, key, body.into(), attributes).await.unwrap();
    }

    /// All items. They are the same when the reading goes on elsewhere after each of them.
    async fn read(&self, request: &ReadRequest) -> Result<Vec<Item>, ItemReaderError> {
        let all = rest(&self.objects, request, Cursor::default()).await?;
        let mut source = ItemSource::open(self.objects.clone(), request, Cursor::default()).await?;
        for at in 0..all.len() {
            assert_eq!(source.next().await?.as_ref(), Some(&all[at]));
            let kept = serde_json::to_string(source.cursor()).unwrap();
            let cursor = serde_json::from_str(&kept).unwrap();
            assert_eq!(rest(&self.objects, request, cursor).await?, all[at + 1..], "{kept}");
        }
        assert_eq!(source.next().await?, None);
        assert_eq!(source.next().await?, None);
        Ok(all)
    }

    async fn inputs(&self, request: &ReadRequest) -> Vec<String> {
        let items = self.read(request).await.unwrap();
        items.iter().map(|item| item.input().to_string()).collect()
    }

    async fn fault(&self, request: &ReadRequest) -> String {
        self.read(request).await.err().unwrap().cause
    }
}

async fn rest(
    objects: &Arc<dyn ObjectStore>,
    request: &ReadRequest,
    from: Cursor,
) -> Result<Vec<Item>, ItemReaderError> {
    let mut source = ItemSource::open(objects.clone(), request, from).await?;
    let mut items = Vec::new();
    while let Some(item) = source.next().await? {
        items.push(item);
    }
    Ok(items)
}

fn config(input_type: InputType) -> ReaderConfig {
    ReaderConfig { input_type: Some(input_type), ..ReaderConfig::default() }
}

fn request(
    source: ReaderSource,
    config: ReaderConfig,
    arguments: &str,
    max_items: i64,
) -> Result<ReadRequest, ItemReaderError> {
    ReadRequest::new(source, Arc::new(config), &Json::parse(arguments).unwrap(), max_items)
}

fn object(key: &str, config: ReaderConfig) -> ReadRequest {
    let arguments = format!(r#"{{"Bucket":"{BUCKET}","Key":"{key}"}}"#);
    request(ReaderSource::Object, config, &arguments, 0).unwrap()
}

fn listing(prefix: &str, config: ReaderConfig) -> ReadRequest {
    let arguments = format!(r#"{{"Bucket":"{BUCKET}","Prefix":"{prefix}"}}"#);
    request(ReaderSource::Listing, config, &arguments, 0).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

#[tokio::test]
async fn items_know_where_they_come_from() {
    let world = World::new();
    world.put("a.json", r#"{"k":{"x":1},"l":2}"#).await;
    let items = world.read(&object("a.json", config(InputType::Json))).await.unwrap();
    let expected = Item {
        index: 1,
        key: Some("l".into()),
        value: Json::from(2),
        source: Some("S3://data/a.json".into()),
    };
    assert_eq!(items[1], expected);
    assert_eq!(items[0].input().to_string(), r#"{"Key":"k","Value":{"x":1}}"#);
    assert_eq!(items.len(), 2);
}

#[tokio::test]
async fn compressed_files_are_read() {
    let world = World::new();
    let rows: String = (0..3_000).map(|row| format!("row {row},{}\n", row * row)).collect();
    let file = format!("name,square\n{rows}");
    let halves = file.as_bytes().split_at(20_000);
    // Files of several parts are the parts behind each other.
    world.put("plain.csv", file.clone()).await;
    world.put("a.csv.gz", [gzip(halves.0), gzip(halves.1)].concat()).await;
    let skipped: &[u8] = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc";
    world.put("a.csv.zst", [skipped, &zstd(halves.0), &zstd(halves.1)].concat()).await;
    let of = |key| object(key, config(InputType::Csv));
    let plain = rest(&world.objects, &of("plain.csv"), Cursor::default()).await.unwrap();
    assert_eq!(plain.len(), 3_000);
    assert_eq!(plain[7].value.to_string(), r#"{"name":"row 7","square":"49"}"#);
    for key in ["a.csv.gz", "a.csv.zst"] {
        let mut source =
            ItemSource::open(world.objects.clone(), &of(key), Cursor::default()).await.unwrap();
        for (at, expected) in plain.iter().enumerate() {
            let item = source.next().await.unwrap().unwrap();
            assert_eq!((item.index, &item.value), (expected.index, &expected.value), "{key}");
            if at % 700 == 3 {
                let rest = rest(&world.objects, &of(key), source.cursor().clone()).await.unwrap();
                assert_eq!(rest.len(), plain.len() - at - 1);
                assert_eq!(rest[0].value, plain[at + 1].value);
            }
        }
        assert_eq!(source.next().await.unwrap(), None);
    }
}

#[tokio::test]
async fn broken_compression_is_told() {
    let world = World::new();
    let whole = zstd(&[b'1'; 5_000]);
    world.put("cut.jsonl.zst", whole[..whole.len() - 1].to_vec()).await;
    let mut wrong = zstd(b"[1,2,3]");
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    world.put("wrong.jsonl.zst", wrong).await;
    world.put("none.jsonl.zst", "[1]").await;
    let whole = gzip(&[b'1'; 5_000]);
    world.put("cut.jsonl.gz", whole[..whole.len() - 1].to_vec()).await;
    world.put("none.jsonl.gz", "[1]\n[2]\n[3]\n[4]\n").await;
    for key in
        ["cut.jsonl.zst", "wrong.jsonl.zst", "none.jsonl.zst", "cut.jsonl.gz", "none.jsonl.gz"]
    {
        let fault = world.fault(&object(key, config(InputType::JsonLines))).await;
        assert!(fault.starts_with(&format!("The file {key} cannot be decompressed: ")), "{fault}");
    }
}

#[tokio::test]
async fn the_number_of_items_is_limited() {
    let world = World::new();
    world.put("a.json", "[1,2,3] and what nobody reads").await;
    let of = |max_items| {
        let arguments =
            r#"{"Bucket":"data","Key":"a.json","VersionId":"null","ExpectedBucketOwner":"1"}"#;
        request(ReaderSource::Object, config(InputType::Json), arguments, max_items)
    };
    assert_eq!(world.inputs(&of(2).unwrap()).await, ["1", "2"]);
    assert_eq!(world.inputs(&of(3).unwrap()).await, ["1", "2", "3"]);
    let fault = world.fault(&of(100_000_001).unwrap()).await;
    assert_eq!(fault, "The file is not valid JSON: unexpected character 'a' at byte 8");
    assert_eq!(of(-1).unwrap_err().cause, "field MaxItems must be positive");
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let world = World::new();
    world.put("a.json", "[]").await;
    for (arguments, cause) in [
        (r#"{"Bucket":"nowhere","Key":"a.json"}"#, "The specified bucket does not exist: nowhere"),
        (
            r#"{"Bucket":"data","Key":"b.json"}"#,
            "The specified key does not exist: b.json in bucket data",
        ),
        (
            r#"{"Bucket":"data","Key":"a.json","VersionId":"7"}"#,
            "The specified version does not exist: 7 of a.json in bucket data",
        ),
    ] {
        let request = request(ReaderSource::Object, config(InputType::Json), arguments, 0).unwrap();
        assert_eq!(world.fault(&request).await, cause);
    }
    for (arguments, cause) in [
        (r#"{"Key":"k"}"#, "The field 'Bucket' is required but was missing"),
        (r#"{"Bucket":"b"}"#, "The field 'Key' is required but was missing"),
        (r#"{"Bucket":1,"Key":"k"}"#, "The field 'Bucket' must be a string but was: 1"),
        ("null", "The field 'Key' is required but was missing"),
    ] {
        let refused = request(ReaderSource::Object, config(InputType::Json), arguments, 0);
        assert_eq!(refused.unwrap_err().cause, cause);
    }
}

#[tokio::test]
async fn a_file_that_has_changed_is_not_read_on() {
    let world = World::new();
    world.put("a.json", "[1,2,3]").await;
    let request = object("a.json", config(InputType::Json));
    let mut source =
        ItemSource::open(world.objects.clone(), &request, Cursor::default()).await.unwrap();
    source.next().await.unwrap();
    world.put("a.json", "[4,5,6]").await;
    assert_eq!(source.next().await.unwrap().unwrap().value, Json::from(2), "as it was opened");
    let again = ItemSource::open(world.objects.clone(), &request, source.cursor().clone()).await;
    let cause = again.err().unwrap().cause;
    assert_eq!(cause, "The object a.json has changed while its items were read");
}

#[tokio::test]
async fn large_items_are_refused() {
    let world = World::new();
    let long = "x".repeat(ITEM_BYTES_MAX + 1_000_000);
    world.put("a.json", format!("[1,\"{long}\"]")).await;
    world.put("a.jsonl", format!("1\n\"{long}\"")).await;
    world.put("a.csv", format!("a\n1\n{long}")).await;
    world.put("fields.csv", format!("a\n{}", ",".repeat(1_000_000))).await;
    world.put("skipped.json", format!("{{\"a\":\"{long}\",\"b\":[1]}}")).await;
    let pointer = ReaderConfig { items_pointer: "/b".into(), ..config(InputType::Json) };
    assert_eq!(world.inputs(&object("skipped.json", pointer)).await, ["1"]);
    for (key, input_type) in [
        ("a.json", InputType::Json),
        ("a.jsonl", InputType::JsonLines),
        ("a.csv", InputType::Csv),
        ("fields.csv", InputType::Csv),
    ] {
        let fault = world.fault(&object(key, config(input_type))).await;
        assert!(fault.ends_with("is larger than 8388608 bytes"), "{fault}");
    }
}

#[tokio::test]
async fn listings_tell_of_objects() {
    let mut world = World::new();
    for number in 0..15 {
        world.put(&format!("in/{number:04}.txt"), number.to_string()).await;
    }
    world.put("in/", "").await;
    world.put("in-between.txt", "").await;
    let opened = Arc::default();
    world.objects = Arc::new(Awkward { objects: world.objects, opened, bytes: 0 });
    let items = world.read(&listing("in", ReaderConfig::default())).await.unwrap();
    assert_eq!(items.len(), 17, "with the folder, and what begins alike");
    let info = world.objects.head(BUCKET, "in/0012.txt").await.unwrap();
    let item = &items[14];
    assert_eq!(item.source.as_deref().unwrap(), "S3://data");
    let text = item.input().to_string();
    let (etag, time) = (&info.etag, item.value.get("LastModified").unwrap());
    assert_eq!(
        text,
        format!(
            r#"{{"Etag":"\"{etag}\"","Key":"in/0012.txt","LastModified":{time},"Size":2,"StorageClass":"STANDARD"}}"#
        )
    );
    assert!((time.as_f64().unwrap() * 1000.0 - info.last_modified as f64).abs() < 1.0);
    assert_eq!(world.inputs(&listing("in/000", ReaderConfig::default())).await.len(), 10);
    assert_eq!(world.inputs(&listing("nothing", ReaderConfig::default())).await, [""; 0]);
}

#[tokio::test]
async fn listings_are_flattened() {
    let world = World::new();
    world.put("in/", "").await;
    world.put("in/a.csv", "x\n1\n2\n").await;
    world.put("in/b.csv", "x\n").await;
    world.put("in/c.csv.gz", gzip(b"x,y\n3,4\n")).await;
    let flatten = ReaderConfig { load_and_flatten: true, ..config(InputType::Csv) };
    let items = world.read(&listing("in/", flatten.clone())).await.unwrap();
    let found: Vec<_> = items
        .iter()
        .map(|item| (item.index, item.value.to_string(), item.source.as_deref().unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            (0, r#"{"x":"1"}"#.to_owned(), "S3://data/in/a.csv"),
            (1, r#"{"x":"2"}"#.to_owned(), "S3://data/in/a.csv"),
            (2, r#"{"x":"3","y":"4"}"#.to_owned(), "S3://data/in/c.csv.gz"),
        ]
    );
    assert_eq!(world.inputs(&listing("none", flatten)).await, [""; 0]);
}

#[tokio::test]
async fn inventories_are_read() {
    let world = World::new();
    let manifest = r#"{"sourceBucket":"s","destinationBucket":"arn:aws:s3:::other","version":"2016-11-30",
        "creationTimestamp":"1","fileFormat":"CSV","fileSchema":"Bucket, Key, Size",
        "files":[{"key":"d/1.csv.gz","size":1,"MD5checksum":"x"},{"key":"d/2.csv","size":1}]}"#;
    world.put("manifest.json", manifest).await;
    world
        .put_into("other", "d/1.csv.gz", gzip(b"\"s\",\"a%20b\",\"0\"\n\"s\",\"c\",\"1\"\n"))
        .await;
    world.put_into("other", "d/2.csv", "\"s\",\"d\"\n").await;
    let inventory =
        ReaderConfig { manifest_type: Some(ManifestType::Inventory), ..ReaderConfig::default() };
    for config in [inventory, config(InputType::Manifest)] {
        assert_eq!(
            world.inputs(&object("manifest.json", config)).await,
            [
                r#"{"Bucket":"s","Key":"a%20b","Size":"0"}"#,
                r#"{"Bucket":"s","Key":"c","Size":"1"}"#,
                r#"{"Bucket":"s","Key":"d","Size":""}"#
            ]
        );
    }
    let broken = manifest.replace("\"CSV\"", "\"ORC\"");
    world.put("orc.json", broken).await;
    let fault = world.fault(&object("orc.json", config(InputType::Manifest))).await;
    assert_eq!(
        fault,
        "The manifest cannot be read: the file format is 'ORC', only CSV is supported"
    );
}

#[tokio::test]
async fn manifests_of_athena_are_read() {
    let world = World::new();
    world.put("m.csv", "s3://other/r/1.gz\ns3://data/r/2\n\n\"s3://other/r/3.gz\"\n").await;
    world.put_into("other", "r/1.gz", gzip(b"{\"a\":1}\n{\"a\":2}\n")).await;
    world.put("r/2", "").await;
    world.put_into("other", "r/3.gz", gzip(b"{\"a\":3}\n")).await;
    let athena = |input_type| ReaderConfig {
        manifest_type: Some(ManifestType::Athena),
        ..config(input_type)
    };
    let items = world.read(&object("m.csv", athena(InputType::JsonLines))).await.unwrap();
    let found: Vec<_> = items
        .iter()
        .map(|item| (item.value.to_string(), item.source.as_deref().unwrap()))
        .collect();
    assert_eq!(found[1], (r#"{"a":2}"#.to_owned(), "S3://other/r/1.gz"));
    assert_eq!(found[2], (r#"{"a":3}"#.to_owned(), "S3://other/r/3.gz"));
    assert_eq!(found.len(), 3);
    world.put_into("other", "r/1.gz", gzip(b"1,2\n")).await;
    world.put_into("other", "r/3.gz", gzip(b"3,4\n")).await;
    let csv = ReaderConfig {
        csv_headers: CsvHeaders::Given(vec!["x".into(), "y".into()]),
        ..athena(InputType::Csv)
    };
    assert_eq!(
        world.inputs(&object("m.csv", csv)).await,
        [r#"{"x":"1","y":"2"}"#, r#"{"x":"3","y":"4"}"#]
    );
    world.put("bad.csv", "nowhere\n").await;
    let fault = world.fault(&object("bad.csv", athena(InputType::JsonLines))).await;
    assert_eq!(fault, "The manifest cannot be read: 'nowhere' is no URI of S3");
}

/// A store whose connections break and whose listings have short pages.
struct Awkward {
    objects: Arc<dyn ObjectStore>,
    opened: Arc<AtomicU64>,
    /// Bytes of each connection.
    bytes: usize,
}

struct BreakingBody(Bytes, usize);

#[async_trait]
impl ObjectBody for BreakingBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        if self.1 == 0 {
            let source = std::io::Error::other("connection reset");
            return Err(ObjectError::Storage { what: "reading".into(), source });
        }
        let piece = self.0.split_to(self.1.min(self.0.len()));
        self.1 = 0;
        Ok(Some(piece))
    }
}

#[async_trait]
impl ObjectStore for Awkward {
    async fn put(
        &self,
        _: &str,
        _: &str,
        _: Bytes,
        _: ObjectAttributes,
    ) -> Result<ObjectInfo, ObjectError> {
        unimplemented!()
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, ObjectError> {
        self.objects.get(bucket, key).await
    }

    async fn read(
        &self,
        bucket: &str,
        key: &str,
        options: ReadOptions,
    ) -> Result<ObjectStream, ObjectError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let Object { info, mut body } = self.get(bucket, key).await?;
        let offset = usize::try_from(options.offset).unwrap().min(body.len());
        let body = Box::new(BreakingBody(body.split_off(offset), self.bytes));
        Ok(ObjectStream { info, body })
    }

    async fn create(
        &self,
        _: &str,
        _: &str,
        _: ObjectAttributes,
    ) -> Result<Box<dyn ObjectUpload>, ObjectError> {
        unimplemented!()
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectInfo, ObjectError> {
        self.objects.head(bucket, key).await
    }

    async fn list(&self, bucket: &str, query: ListQuery) -> Result<ListPage, ObjectError> {
        self.objects.list(bucket, ListQuery { limit: 4, ..query }).await
    }

    async fn delete(&self, _: &str, _: &str) -> Result<(), ObjectError> {
        unimplemented!()
    }
}

#[tokio::test]
async fn reading_goes_on_when_connections_break() {
    let world = World::new();
    world.put("a.json", "[11,22,33]").await;
    world.put("a.json.gz", gzip(b"[11,22,33]")).await;
    let opened = Arc::new(AtomicU64::new(0));
    let awkward = |bytes| -> Arc<dyn ObjectStore> {
        Arc::new(Awkward { objects: world.objects.clone(), opened: opened.clone(), bytes })
    };
    for (key, bytes) in [("a.json", 4), ("a.json.gz", 20)] {
        let request = object(key, config(InputType::Json));
        let items = rest(&awkward(bytes), &request, Cursor::default()).await.unwrap();
        let values: Vec<_> = items.iter().map(|item| item.value.to_string()).collect();
        assert_eq!(values, ["11", "22", "33"]);
    }
    opened.store(0, Ordering::Relaxed);
    let request = object("a.json", config(InputType::Json));
    let fault = rest(&awkward(0), &request, Cursor::default()).await.unwrap_err();
    assert_eq!(fault.cause, "the object storage failed: reading: connection reset");
    assert_eq!(opened.load(Ordering::Relaxed), 4, "tried again three times");
}
