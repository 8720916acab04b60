use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::objects::{FsObjectStore, OUTPUT_BUCKET, RoutedObjectStore};

const BUCKET: &str = "far-away";

/// So much of S3 as the store uses, for one bucket.
#[derive(Default)]
struct Stub {
    objects: Mutex<BTreeMap<String, Stored>>,
    parts: Mutex<BTreeMap<u32, Vec<u8>>>,
    /// Requests in order: method, path and query.
    requests: Mutex<Vec<String>>,
    url: Mutex<String>,
}

#[derive(Clone, Default)]
struct Stored {
    body: Vec<u8>,
    headers: HashMap<String, String>,
}

struct Request {
    method: String,
    key: String,
    query: HashMap<String, String>,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

type Answer = (u16, Vec<(String, String)>, Vec<u8>);

impl Stub {
    async fn start() -> (Arc<Stub>, S3ObjectStore) {
        let stub = Arc::new(Stub::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        stub.url.lock().unwrap().clone_from(&url);
        let serving = stub.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        (stub, S3ObjectStore::at(url, "us-east-1"))
    }

    fn url(&self) -> String {
        self.url.lock().unwrap().clone()
    }

    async fn serve(self: Arc<Stub>, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut bytes).await {
            let is_head = request.method == "HEAD";
            let (status, headers, body) = self.answer(request);
            let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("x-amz-request-id: R1\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            if !is_head {
                stream.write_all(&body).await.unwrap();
            }
        }
    }

    fn answer(&self, request: Request) -> Answer {
        let Request { method, key, query, headers, body } = request;
        self.requests.lock().unwrap().push(format!("{method} {key}"));
        if key == "forbidden" {
            return error(403, "AccessDenied", "Access Denied");
        }
        if key.starts_with("nowhere/") {
            return error(404, "NoSuchBucket", "The specified bucket does not exist");
        }
        let mut objects = self.objects.lock().unwrap();
        let mut parts = self.parts.lock().unwrap();
        match (&*method, query.contains_key("uploads"), query.get("partNumber")) {
            ("PUT", _, Some(number)) => {
                let tag = format!("\"part{number}\"");
                parts.insert(number.parse().unwrap(), body);
                (200, vec![("etag".into(), tag)], Vec::new())
            }
            ("PUT", ..) => {
                objects.insert(key, Stored { body, headers });
                (200, Vec::new(), Vec::new())
            }
            ("POST", true, _) => {
                objects.insert(key, Stored { body: b"incomplete".to_vec(), headers });
                let id = "<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>";
                (200, Vec::new(), id.into())
            }
            ("POST", ..) => {
                let listed = String::from_utf8(body).unwrap();
                assert_eq!(listed.matches("<PartNumber>").count(), parts.len(), "{listed}");
                assert!(listed.contains("<ETag>&quot;part1&quot;</ETag>"), "{listed}");
                let whole = std::mem::take(&mut *parts).into_values().flatten().collect();
                objects.get_mut(&key).unwrap().body = whole;
                (200, Vec::new(), b"<CompleteMultipartUploadResult/>".to_vec())
            }
            ("DELETE", ..) if query.contains_key("uploadId") => {
                parts.clear();
                objects.remove(&key);
                (204, Vec::new(), Vec::new())
            }
            ("DELETE", ..) => {
                objects.remove(&key);
                (204, Vec::new(), Vec::new())
            }
            _ if query.contains_key("list-type") => (200, Vec::new(), list(&objects, &query)),
            _ => match objects.get(&key) {
                Some(_) if query.get("versionId").is_some_and(|version| version == "old") => {
                    error(404, "NoSuchVersion", "The specified version does not exist.")
                }
                Some(stored) => shown(stored, headers.get("range")),
                None => error(404, "NoSuchKey", "The specified key does not exist."),
            },
        }
    }
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    (status, Vec::new(), body.into())
}

fn shown(stored: &Stored, range: Option<&String>) -> Answer {
    let mut headers = vec![
        ("etag".to_owned(), format!("\"{:x}\"", Md5::digest(&stored.body))),
        ("last-modified".to_owned(), "Mon, 23 Nov 2026 12:00:00 GMT".to_owned()),
        ("x-amz-storage-class".to_owned(), "STANDARD_IA".to_owned()),
    ];
    let kept = stored
        .headers
        .iter()
        .filter(|(name, _)| *name == "content-type" || name.starts_with("x-amz-meta-"));
    headers.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    let Some(range) = range else { return (200, headers, stored.body.clone()) };
    let from: usize = range["bytes=".len()..].trim_end_matches('-').parse().unwrap();
    let size = stored.body.len();
    if from >= size {
        return error(416, "InvalidRange", "The requested range is not satisfiable");
    }
    headers.push(("content-range".into(), format!("bytes {from}-{}/{size}", size - 1)));
    (206, headers, stored.body[from..].to_vec())
}

fn list(objects: &BTreeMap<String, Stored>, query: &HashMap<String, String>) -> Vec<u8> {
    let of = |name: &str| query.get(name).cloned().unwrap_or_default();
    let (prefix, after) = (of("prefix"), of("start-after"));
    let all = objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after);
    let most: usize = of("max-keys").parse().unwrap();
    let all: Vec<_> = all.collect();
    let page = all.iter().take(most).map(|(key, stored)| {
        format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-23T12:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>{}</Size><StorageClass>GLACIER</StorageClass></Contents>",
            stored.body.len()
        )
    });
    let page: String = page.collect();
    let is_cut = all.len() > most;
    format!("<ListBucketResult><IsTruncated>{is_cut}</IsTruncated>{page}</ListBucketResult>").into()
}

/// The next request of a connection, unless that has ended.
async fn read_request(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let mut lines = head.lines();
            let line: Vec<&str> = lines.next().unwrap().split(' ').collect();
            let headers: HashMap<String, String> = lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let body = bytes[end + 4..end + 4 + length].to_vec();
                bytes.drain(..end + 4 + length);
                let (path, query) = line[1].split_once('?').unwrap_or((line[1], ""));
                let decoded =
                    |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
                let query = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
                let query = query.map(|(name, value)| (name.to_owned(), decoded(value)));
                let path = decoded(path.trim_start_matches('/'));
                let key = path.strip_prefix(&format!("{BUCKET}/")).unwrap_or(&path).to_owned();
                let method = line[0].to_owned();
                return Some(Request { method, key, query: query.collect(), headers, body });
            }
        }
        if stream.read_buf(bytes).await.unwrap() == 0 {
            return None;
        }
    }
}

async fn text(mut stream: ObjectStream) -> String {
    let mut text = Vec::new();
    while let Some(piece) = stream.body.chunk().await.unwrap() {
        text.extend_from_slice(&piece);
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn objects_are_kept() {
    let (_stub, store) = Stub::start().await;
    let attributes = ObjectAttributes {
        content_type: Some("text/plain".into()),
        user_metadata: BTreeMap::from([("user".into(), "u1".into())]),
    };
    let body = Bytes::from_static(b"hello");
    let info = store.put(BUCKET, "a b/ü.txt", body.clone(), attributes).await.unwrap();
    let expected = ObjectInfo {
        key: "a b/ü.txt".into(),
        size: 5,
        etag: "5d41402abc4b2a76b9719d911017c592".into(),
        content_type: "text/plain".into(),
        last_modified: 1_795_435_200_000,
        user_metadata: BTreeMap::from([("user".into(), "u1".into())]),
        storage_class: Some("STANDARD_IA".into()),
    };
    assert_eq!(info, expected);
    assert_eq!(store.get(BUCKET, "a b/ü.txt").await.unwrap(), Object { info, body });
    store.delete(BUCKET, "a b/ü.txt").await.unwrap();
    let missing = store.head(BUCKET, "a b/ü.txt").await.unwrap_err();
    assert!(matches!(missing, ObjectError::NoSuchKey { .. }), "{missing}");
}

#[tokio::test]
async fn objects_are_read_from_any_byte_on() {
    let (_stub, store) = Stub::start().await;
    store.put(BUCKET, "k", "0123456789".into(), ObjectAttributes::default()).await.unwrap();
    for (offset, rest) in [(0, "0123456789"), (1, "123456789"), (9, "9"), (10, ""), (11, "")] {
        let options = ReadOptions { offset, ..ReadOptions::default() };
        let stream = store.read(BUCKET, "k", options).await.unwrap();
        assert_eq!(stream.info.size, 10);
        assert_eq!(text(stream).await, rest);
    }
}

#[tokio::test]
async fn refusals_have_names() {
    let (stub, store) = Stub::start().await;
    store.put(BUCKET, "k", "1".into(), ObjectAttributes::default()).await.unwrap();
    let missing = store.get(BUCKET, "none").await.unwrap_err().to_string();
    assert_eq!(missing, "The specified key does not exist: none in bucket far-away");
    let missing = store.get("nowhere", "k").await.unwrap_err().to_string();
    let told = format!("The specified bucket does not exist: nowhere at {}", stub.url());
    assert_eq!(missing, told);
    let refused = store.get(BUCKET, "forbidden").await.unwrap_err().to_string();
    assert_eq!(
        refused,
        format!(
            "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: R1; Proxy: null) (forbidden in bucket far-away at {})",
            stub.url()
        )
    );
    let options = ReadOptions { version_id: Some("old".into()), ..ReadOptions::default() };
    let missing = store.read(BUCKET, "k", options).await.unwrap_err().to_string();
    assert_eq!(missing, "The specified version does not exist: old of k in bucket far-away");
    let nobody = S3ObjectStore::at("http://127.0.0.1:1", "us-east-1");
    let failed = nobody.delete(BUCKET, "k").await.unwrap_err();
    assert!(failed.is_transient(), "{failed}");
    let told = failed.to_string();
    assert!(told.ends_with(" (k in bucket far-away at http://127.0.0.1:1)"), "{told}");
}

#[tokio::test]
async fn listings_have_pages() {
    let (_stub, store) = Stub::start().await;
    for key in ["a/1", "a/2", "a/3", "b"] {
        store.put(BUCKET, key, key.to_owned().into(), ObjectAttributes::default()).await.unwrap();
    }
    let mut query = ListQuery { prefix: "a/".into(), start_after: None, limit: 2 };
    let page = store.list(BUCKET, query.clone()).await.unwrap();
    let keys: Vec<_> = page.objects.iter().map(|object| &*object.key).collect();
    assert_eq!((keys, page.next.as_deref()), (vec!["a/1", "a/2"], Some("a/2")));
    let first = &page.objects[0];
    assert_eq!((first.size, &*first.etag, first.last_modified), (3, "e", 1_795_435_200_000));
    assert_eq!(first.storage_class.as_deref(), Some("GLACIER"));
    query.start_after = page.next;
    let page = store.list(BUCKET, query).await.unwrap();
    let keys: Vec<_> = page.objects.iter().map(|object| &*object.key).collect();
    assert_eq!((keys, page.next), (vec!["a/3"], None));
}

#[tokio::test]
async fn large_objects_are_written_in_parts() {
    let (stub, store) = Stub::start().await;
    let attributes = || ObjectAttributes {
        content_type: Some("application/json".into()),
        ..ObjectAttributes::default()
    };
    let mut upload = store.create(BUCKET, "small", attributes()).await.unwrap();
    upload.write("12".into()).await.unwrap();
    upload.write("34".into()).await.unwrap();
    assert_eq!(upload.finish().await.unwrap().size, 4);
    assert_eq!(*stub.requests.lock().unwrap(), ["PUT small", "HEAD small"]);

    let piece = Bytes::from(vec![7; 3 * 1024 * 1024]);
    let mut upload = store.create(BUCKET, "large", attributes()).await.unwrap();
    for _ in 0..7 {
        upload.write(piece.clone()).await.unwrap();
    }
    let info = upload.finish().await.unwrap();
    assert_eq!((info.size, &*info.content_type), (7 * piece.len() as u64, "application/json"));
    let requests = stub.requests.lock().unwrap().split_off(2);
    let expected =
        ["POST", "PUT", "PUT", "PUT", "POST", "HEAD"].map(|method| format!("{method} large"));
    assert_eq!(requests, expected);

    let mut upload = store.create(BUCKET, "dropped", attributes()).await.unwrap();
    for _ in 0..4 {
        upload.write(piece.clone()).await.unwrap();
    }
    upload.abort().await;
    assert!(stub.parts.lock().unwrap().is_empty());
    assert!(!stub.objects.lock().unwrap().contains_key("dropped"));
}

#[tokio::test]
async fn buckets_are_here_or_there() {
    let folder = tempfile::tempdir().unwrap();
    let local = Arc::new(FsObjectStore::open(folder.path(), &[OUTPUT_BUCKET]).unwrap());
    let (stub, s3) = Stub::start().await;
    let put = async |store: &RoutedObjectStore, bucket| {
        store.put(bucket, "k", "1".into(), ObjectAttributes::default()).await.map(drop)
    };
    let alone = RoutedObjectStore::new(local.clone());
    put(&alone, OUTPUT_BUCKET).await.unwrap();
    let missing = put(&alone, BUCKET).await.unwrap_err();
    assert!(matches!(missing, ObjectError::NoSuchBucket { .. }), "{missing}");
    let told = "far-away on this machine, where the first `stepyard put` makes one, and S3 ";
    assert!(missing.to_string().contains(told), "{missing}");

    let both = RoutedObjectStore::new(local.clone()).with_s3(Arc::new(s3.clone()));
    put(&both, OUTPUT_BUCKET).await.unwrap();
    assert_eq!(stub.requests.lock().unwrap().len(), 0, "it is here");
    put(&both, BUCKET).await.unwrap();
    assert_eq!(both.get(BUCKET, "k").await.unwrap().body, "1");

    let routed = RoutedObjectStore::new(local.clone())
        .with_s3(Arc::new(s3.clone()))
        .with_route(OUTPUT_BUCKET);
    put(&routed, OUTPUT_BUCKET).await.unwrap();
    let all = RoutedObjectStore::new(local).with_s3(Arc::new(s3)).with_all_on_s3();
    put(&all, OUTPUT_BUCKET).await.unwrap();
    let requests = stub.requests.lock().unwrap();
    let elsewhere = format!("PUT {OUTPUT_BUCKET}/k");
    assert_eq!(requests.iter().filter(|request| **request == elsewhere).count(), 2);
}

#[test]
fn the_environment_tells_whether_there_is_s3() {
    let with = |set: &str| {
        let set = set.to_owned();
        S3ObjectStore::is_configured(move |name| (name == set).then(|| "x".to_owned()))
    };
    assert!(with("AWS_ENDPOINT_URL_S3") && with("AWS_ENDPOINT_URL") && with("AWS_PROFILE"));
    assert!(!with("AWS_ENDPOINT_URL_LAMBDA") && !with("AWS_REGION"));
    assert!(!S3ObjectStore::is_configured(|_| Some(String::new())));
}
