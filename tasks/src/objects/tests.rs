use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn store() -> (tempfile::TempDir, FsObjectStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = FsObjectStore::open(directory.path(), &[SOURCE_BUCKET, OUTPUT_BUCKET]).unwrap();
    (directory, store)
}

async fn put(store: &FsObjectStore, key: &str, body: &[u8]) -> ObjectInfo {
    let body = Bytes::copy_from_slice(body);
    store.put(SOURCE_BUCKET, key, body, ObjectAttributes::default()).await.unwrap()
}

#[tokio::test]
async fn an_object_keeps_what_was_said_of_it() {
    let (_directory, store) = store();
    let attributes = ObjectAttributes {
        content_type: Some("image/jpeg".into()),
        user_metadata: BTreeMap::from([("user".into(), "user123".into())]),
    };
    let body = Bytes::from_static(b"hello");
    let info = store.put(SOURCE_BUCKET, "a/b.jpg", body.clone(), attributes).await.unwrap();
    assert_eq!(info.etag, "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(info.user_metadata["user"], "user123");
    assert!(info.last_modified > 1_600_000_000_000);
    let object = store.get(SOURCE_BUCKET, "a/b.jpg").await.unwrap();
    assert_eq!(object, Object { info: info.clone(), body });
    assert_eq!(store.head(SOURCE_BUCKET, "a/b.jpg").await.unwrap(), info);
    let path = store.path(SOURCE_BUCKET, "a/b.jpg").await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), b"hello");
}

#[tokio::test]
async fn objects_are_read_and_written_in_pieces() {
    let (directory, store) = store();
    let attributes =
        ObjectAttributes { content_type: Some("text/x".into()), ..ObjectAttributes::default() };
    let mut upload = store.create(SOURCE_BUCKET, "a/b", attributes.clone()).await.unwrap();
    let piece = Bytes::from(vec![7; 100_000]);
    for _ in 0..5 {
        upload.write(piece.clone()).await.unwrap();
    }
    let missing = store.head(SOURCE_BUCKET, "a/b").await.unwrap_err();
    assert!(matches!(missing, ObjectError::NoSuchKey { .. }), "{missing}");
    let info = upload.finish().await.unwrap();
    let whole = store.get(SOURCE_BUCKET, "a/b").await.unwrap();
    let at_once = store.put(SOURCE_BUCKET, "a/c", whole.body.clone(), attributes).await.unwrap();
    assert_eq!((&info.etag, info.size), (&at_once.etag, 500_000));
    assert_eq!(whole.info, info);
    let mut streams = Vec::new();
    for offset in [0, 1, 499_999, 500_000, 600_000] {
        let options = ReadOptions { offset, ..ReadOptions::default() };
        streams.push((offset, store.read(SOURCE_BUCKET, "a/b", options).await.unwrap()));
    }
    put(&store, "a/b", b"another").await;
    for (offset, mut stream) in streams {
        let mut read = 0;
        while let Some(piece) = stream.body.chunk().await.unwrap() {
            assert!(!piece.is_empty() && piece.iter().all(|byte| *byte == 7));
            read += piece.len() as u64;
        }
        assert_eq!((read, stream.info), (500_000_u64.saturating_sub(offset), info.clone()));
    }
    drop(store.create(SOURCE_BUCKET, "dropped", ObjectAttributes::default()).await.unwrap());
    assert_eq!(temporary_files(&directory.path().join(SOURCE_BUCKET)), [""; 0]);
}

#[tokio::test]
async fn replacing_and_deleting_leave_no_other_file() {
    let (directory, store) = store();
    for body in ["one", "two", "three"] {
        put(&store, "photo.jpg", body.as_bytes()).await;
        let object = store.get(SOURCE_BUCKET, "photo.jpg").await.unwrap();
        assert_eq!(object.body, body);
    }
    let files = || std::fs::read_dir(directory.path().join(SOURCE_BUCKET)).unwrap().count();
    assert_eq!(files(), 3, "body, sidecar and the temporary directory");
    store.delete(SOURCE_BUCKET, "photo.jpg").await.unwrap();
    store.delete(SOURCE_BUCKET, "photo.jpg").await.unwrap();
    assert_eq!(files(), 1);
}

/// Replaces objects and deletes some while they are copied: each copy is one of the versions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_copied_whole_while_they_change() {
    let (directory, store) = store();
    let keys: Vec<String> = (0..20).map(|number| format!("user/{number}/photo.jpg")).collect();
    let body = |version: usize| vec![version as u8; 10_000 + version];
    for key in &keys {
        put(&store, key, &body(0)).await;
    }
    let (copies, target) = (tempfile::tempdir().unwrap(), "copy");
    let to = copies.path().join(target);
    let from = directory.path().to_owned();
    let copying = tokio::task::spawn_blocking(move || copy_objects(&from, &to).unwrap());
    let mut version = 0;
    while !copying.is_finished() {
        version += 1;
        for key in &keys[..10] {
            put(&store, key, &body(version)).await;
        }
        store.delete(SOURCE_BUCKET, &keys[version % 5 + 10]).await.unwrap();
    }
    let copied = copying.await.unwrap();
    assert!((15..=20).contains(&copied.objects), "{copied:?} after {version} versions");
    let copy = FsObjectStore::open(copies.path().join(target), &[SOURCE_BUCKET]).unwrap();
    for key in keys[..10].iter().chain(&keys[15..]) {
        let object = copy.get(SOURCE_BUCKET, key).await.unwrap();
        let version = object.body.len() - 10_000;
        assert_eq!(object.body, body(version), "{key}");
        assert_eq!(object.info.size, object.body.len() as u64, "{key}");
    }
}

#[tokio::test]
async fn what_is_not_there_has_a_name() {
    let (_directory, store) = store();
    let missing = store.get(SOURCE_BUCKET, "a").await.unwrap_err();
    assert!(matches!(missing, ObjectError::NoSuchKey { .. }), "{missing}");
    for bucket in ["other-bucket", "..", "", "../image-upload-source"] {
        let missing = store.get(bucket, "a").await.unwrap_err();
        assert!(matches!(missing, ObjectError::NoSuchBucket { .. }), "{missing}");
    }
}

#[tokio::test]
async fn an_interrupted_write_leaves_the_old_object() {
    let (directory, store) = store();
    put(&store, "photo.jpg", b"old").await;
    let bucket = directory.path().join(SOURCE_BUCKET);
    // What a crash between the two renames leaves behind, and one while writing.
    std::fs::write(bucket.join("photo.jpg+b"), b"new").unwrap();
    write_half(&bucket, "77");
    drop(store);
    let store = FsObjectStore::open(directory.path(), &[SOURCE_BUCKET]).unwrap();
    assert_eq!(store.get(SOURCE_BUCKET, "photo.jpg").await.unwrap().body, "old");
    assert_eq!(temporary_files(&bucket), [""; 0]);
    put(&store, "photo.jpg", b"newer").await;
    assert_eq!(store.get(SOURCE_BUCKET, "photo.jpg").await.unwrap().body, "newer");
}

#[tokio::test]
async fn a_failed_write_leaves_nothing_behind() {
    let (directory, store) = store();
    let bucket = directory.path().join(SOURCE_BUCKET);
    // A folder stands where the body goes.
    std::fs::create_dir(bucket.join("photo.jpg")).unwrap();
    let attributes = ObjectAttributes::default();
    store.put(SOURCE_BUCKET, "photo.jpg", "body".into(), attributes).await.unwrap_err();
    assert_eq!(temporary_files(&bucket), [""; 0]);
}

/// What a process leaves that dies while it writes, two minutes ago.
fn write_half(bucket: &Path, name: &str) -> File {
    let mut file = File::create(bucket.join(".tmp").join(name)).unwrap();
    file.write_all(b"ne").unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.set_modified(modified - Duration::from_secs(120)).unwrap();
    file
}

fn temporary_files(bucket: &Path) -> Vec<String> {
    let files = std::fs::read_dir(bucket.join(".tmp")).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn what_another_process_writes_is_left_alone() {
    let (directory, _store) = store();
    let bucket = directory.path().join(SOURCE_BUCKET);
    write_half(&bucket, "of-the-dead");
    let living = write_half(&bucket, "of-the-living");
    living.lock().unwrap();
    std::fs::write(bucket.join(".tmp/just-made"), "").unwrap();
    FsObjectStore::open(directory.path(), &[SOURCE_BUCKET]).unwrap();
    let mut left = temporary_files(&bucket);
    left.sort();
    assert_eq!(left, ["just-made", "of-the-living"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_whole_objects_while_they_are_replaced() {
    let (directory, store) = store();
    put(&store, "k", &[0; 9000]).await;
    let writers = (1..=4_u8).map(|byte| {
        // Each as another process would.
        let store = FsObjectStore::open(directory.path(), &[SOURCE_BUCKET]).unwrap();
        tokio::spawn(async move { put(&store, "k", &vec![byte; 9000 + usize::from(byte)]).await })
    });
    let writers: Vec<_> = writers.collect();
    for _ in 0..20 {
        let object = store.get(SOURCE_BUCKET, "k").await.unwrap();
        assert_eq!(object.info.size, object.body.len() as u64);
        assert!(object.body.iter().all(|byte| *byte == object.body[0]));
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Keys that are near each other, long, or made of bytes that file systems dislike.
fn keys() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof![
        4 => "[ab/+.%-]{1,4}",
        2 => "\\PC{1,6}",
        1 => "[\\x00-\\x1f/\\\\:*?\"<>|]{1,4}",
        1 => Just("x".repeat(79)),
        1 => Just("x".repeat(80)),
        1 => Just("é".repeat(60)),
    ];
    let key = prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat());
    prop::collection::vec(key, 1..12)
}

async fn list_all(store: &FsObjectStore, prefix: &str, limit: usize) -> Vec<String> {
    let mut query = ListQuery { prefix: prefix.to_owned(), start_after: None, limit };
    let mut keys = Vec::new();
    loop {
        let page = store.list(SOURCE_BUCKET, query.clone()).await.unwrap();
        assert!(page.objects.len() <= limit);
        keys.extend(page.objects.into_iter().map(|object| object.key));
        match page.next {
            Some(next) => query.start_after = Some(next),
            None => return keys,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_keys_come_back_in_order(keys in keys(), limit in 1_usize..5, cut in 0_usize..8) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_directory, store) = store();
            let mut expected = BTreeMap::new();
            for (number, key) in keys.iter().enumerate() {
                let body = number.to_string();
                put(&store, key, body.as_bytes()).await;
                expected.insert(key.clone(), body);
            }
            for (key, body) in &expected {
                let object = store.get(SOURCE_BUCKET, key).await.unwrap();
                assert_eq!((&object.info.key, &object.body[..]), (key, body.as_bytes()));
            }
            let all: Vec<String> = expected.keys().cloned().collect();
            assert_eq!(list_all(&store, "", limit).await, all);
            let prefix: String = keys[0].chars().take(cut).collect();
            let with_prefix = all.into_iter().filter(|key| key.starts_with(&prefix));
            assert_eq!(list_all(&store, &prefix, limit).await, with_prefix.collect::<Vec<_>>());
        });
    }
}

#[tokio::test]
async fn a_bucket_that_was_made_by_hand_takes_objects() {
    let folder = tempfile::tempdir().unwrap();
    let store = FsObjectStore::open(folder.path(), &[]).unwrap();
    std::fs::create_dir(folder.path().join("by-hand")).unwrap();
    store.put("by-hand", "k", Bytes::from("v"), ObjectAttributes::default()).await.unwrap();
    assert_eq!(store.get("by-hand", "k").await.unwrap().body, "v");
}
