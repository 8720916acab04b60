//! Objects as files: one directory per bucket under a root.
//!
//! The body lies in a file named like its key, so that people can open it; a sidecar holds the rest.
//! Storing writes both to temporary files, syncs them, renames the body and then the sidecar, and
//! syncs the directory after each rename: the second rename is the moment at which the object is
//! there. A crash before leaves the old object as it was, and at most a file nobody refers to.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use md5::{Digest, Md5};

use super::key::{ObjectPaths, Slot, is_bucket_name};
use super::lock::lock;
use super::sidecar::Sidecar;
use super::{
    DEFAULT_CONTENT_TYPE, ListPage, ListQuery, Object, ObjectAttributes, ObjectError, ObjectInfo,
    ObjectStore, listing,
};

/// Directory of files that are being written; cannot be an encoded key, for these never start with
/// a dot.
const TEMPORARY: &str = ".tmp";

/// Locks that order readers and writers of one key; keys share them by hash.
const LOCKS: usize = 64;

/// An [`ObjectStore`] on a file system. It holds its root: nobody else can open that meanwhile.
#[derive(Clone, Debug)]
pub struct FsObjectStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    next_temporary: AtomicU64,
    locks: Vec<RwLock<()>>,
    _root_lock: File,
}

impl FsObjectStore {
    /// Opens a root directory, makes it and the buckets if they are absent, and removes what an
    /// earlier process left half written.
    ///
    /// # Errors
    /// [`ObjectError::InUse`] while another store has the root.
    pub fn open(root: impl Into<PathBuf>, buckets: &[&str]) -> Result<FsObjectStore, ObjectError> {
        let root = root.into();
        let root_lock = lock(&root)?;
        for bucket in buckets {
            if !is_bucket_name(bucket) {
                return Err(ObjectError::InvalidBucketName { bucket: (*bucket).to_owned() });
            }
            let temporary = root.join(bucket).join(TEMPORARY);
            prepare_bucket(&temporary).map_err(ObjectError::storage("opening a bucket"))?;
        }
        let locks = (0..LOCKS).map(|_| RwLock::new(())).collect();
        Ok(FsObjectStore(Arc::new(Inner {
            root,
            next_temporary: AtomicU64::new(0),
            locks,
            _root_lock: root_lock,
        })))
    }

    /// The file that holds an object's body now, for people who want to open it.
    pub async fn path(&self, bucket: &str, key: &str) -> Result<PathBuf, ObjectError> {
        self.blocking(bucket, key, |inner, place| {
            let _guard = inner.read_lock(&place);
            let sidecar = place.sidecar()?;
            Ok(place.paths.data(&place.directory, sidecar.slot))
        })
        .await
    }

    /// Runs file work for one object on a blocking thread.
    async fn blocking<T: Send + 'static>(
        &self,
        bucket: &str,
        key: &str,
        work: impl FnOnce(&Inner, Place) -> Result<T, ObjectError> + Send + 'static,
    ) -> Result<T, ObjectError> {
        let (inner, bucket, key) = (Arc::clone(&self.0), bucket.to_owned(), key.to_owned());
        spawn(move || {
            let directory = inner.bucket(&bucket)?;
            let paths = ObjectPaths::of(&key)?;
            work(&inner, Place { bucket, key, directory, paths })
        })
        .await
    }
}

#[async_trait]
impl ObjectStore for FsObjectStore {
    async fn put(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        attributes: ObjectAttributes,
    ) -> Result<ObjectInfo, ObjectError> {
        self.blocking(bucket, key, move |inner, place| {
            inner.put(&place, &body, attributes).map_err(ObjectError::storage("storing an object"))
        })
        .await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, ObjectError> {
        self.blocking(bucket, key, |inner, place| {
            let _guard = inner.read_lock(&place);
            let sidecar = place.sidecar()?;
            let data = place.paths.data(&place.directory, sidecar.slot);
            let body = fs::read(data).map_err(ObjectError::storage("reading an object"))?;
            Ok(Object { info: sidecar.into_info(), body: body.into() })
        })
        .await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectInfo, ObjectError> {
        self.blocking(bucket, key, |_, place| Ok(place.sidecar()?.into_info())).await
    }

    async fn list(&self, bucket: &str, query: ListQuery) -> Result<ListPage, ObjectError> {
        let (inner, bucket) = (Arc::clone(&self.0), bucket.to_owned());
        spawn(move || {
            let directory = inner.bucket(&bucket)?;
            listing::list(&directory, &query).map_err(ObjectError::storage("listing objects"))
        })
        .await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), ObjectError> {
        self.blocking(bucket, key, |inner, place| {
            inner.delete(&place).map_err(ObjectError::storage("deleting an object"))
        })
        .await
    }
}

/// Where one object lies.
struct Place {
    bucket: String,
    key: String,
    directory: PathBuf,
    paths: ObjectPaths,
}

impl Place {
    fn sidecar(&self) -> Result<Sidecar, ObjectError> {
        Sidecar::read(&self.paths.sidecar(&self.directory))
            .map_err(ObjectError::storage("reading the metadata of an object"))?
            .ok_or_else(|| ObjectError::NoSuchKey {
                bucket: self.bucket.clone(),
                key: self.key.clone(),
            })
    }

    fn lock_index(&self) -> usize {
        let mut hasher = DefaultHasher::new();
        (&self.bucket, &self.key).hash(&mut hasher);
        (hasher.finish() % LOCKS as u64) as usize
    }
}

impl Inner {
    fn bucket(&self, bucket: &str) -> Result<PathBuf, ObjectError> {
        let directory = self.root.join(bucket);
        if is_bucket_name(bucket) && directory.is_dir() {
            Ok(directory)
        } else {
            Err(ObjectError::NoSuchBucket { bucket: bucket.to_owned() })
        }
    }

    // A lock guards no data: one that a panic poisoned is as good as before.
    fn read_lock(&self, place: &Place) -> RwLockReadGuard<'_, ()> {
        self.locks[place.lock_index()].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lock(&self, place: &Place) -> RwLockWriteGuard<'_, ()> {
        self.locks[place.lock_index()].write().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(
        &self,
        place: &Place,
        body: &[u8],
        attributes: ObjectAttributes,
    ) -> io::Result<ObjectInfo> {
        let data = self.write_temporary(&place.directory, body)?;
        let info = ObjectInfo {
            key: place.key.clone(),
            size: body.len() as u64,
            etag: format!("{:x}", Md5::digest(body)),
            content_type: attributes.content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.into()),
            last_modified: data.modified,
            user_metadata: attributes.user_metadata,
        };
        make_folders(&place.directory, &place.paths.folders)?;
        let _guard = self.write_lock(place);
        self.publish(place, data, info.clone())?;
        Ok(info)
    }

    /// Moves a written body to its place and makes the sidecar point at it.
    fn publish(&self, place: &Place, data: Temporary, info: ObjectInfo) -> io::Result<()> {
        let (bucket, paths) = (&place.directory, &place.paths);
        let directory = paths.directory(bucket);
        let old = Sidecar::read(&paths.sidecar(bucket))?.map(|sidecar| sidecar.slot);
        let slot = old.map_or(Slot::First, Slot::other);
        data.publish(&paths.data(bucket, slot))?;
        sync_directory(&directory)?;
        let sidecar = self.write_temporary(bucket, &Sidecar::new(info, slot).to_bytes()?)?;
        sidecar.publish(&paths.sidecar(bucket))?;
        sync_directory(&directory)?;
        match old {
            Some(old) => remove_if_present(&paths.data(bucket, old)),
            None => Ok(()),
        }
    }

    fn delete(&self, place: &Place) -> io::Result<()> {
        let (bucket, paths) = (&place.directory, &place.paths);
        let _guard = self.write_lock(place);
        let Some(sidecar) = Sidecar::read(&paths.sidecar(bucket))? else { return Ok(()) };
        remove_if_present(&paths.sidecar(bucket))?;
        sync_directory(&paths.directory(bucket))?;
        remove_if_present(&paths.data(bucket, sidecar.slot))
    }

    /// Writes and syncs a new file.
    fn write_temporary(&self, bucket: &Path, content: &[u8]) -> io::Result<Temporary> {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let path = bucket.join(TEMPORARY).join(number.to_string());
        let mut file = File::options().write(true).create_new(true).open(&path)?;
        let mut temporary = Temporary { path, modified: 0 };
        file.write_all(content)?;
        file.sync_all()?;
        let modified = file.metadata()?.modified()?.duration_since(UNIX_EPOCH);
        let milliseconds = modified.map_or(0, |since| since.as_millis());
        temporary.modified = i64::try_from(milliseconds).unwrap_or(i64::MAX);
        Ok(temporary)
    }
}

/// A written file that is removed unless it gets its place: a full disk must not stay full of halves.
struct Temporary {
    path: PathBuf,
    /// When it was written, in milliseconds since the epoch.
    modified: i64,
}

impl Temporary {
    fn publish(mut self, place: &Path) -> io::Result<()> {
        fs::rename(&self.path, place)?;
        self.path.clear();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "a half-written file stays until the next start");
        }
    }
}

async fn spawn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ObjectError> + Send + 'static,
) -> Result<T, ObjectError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ObjectError::storage("running file work")(io::Error::other(error))),
    }
}

/// Makes the temporary directory of a bucket, empty.
fn prepare_bucket(temporary: &Path) -> io::Result<()> {
    match fs::remove_dir_all(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir_all(temporary)?,
    }
    temporary.ancestors().skip(1).take(2).try_for_each(sync_directory)
}

/// Makes the directories of a key, each one durable before the next.
pub(super) fn make_folders(bucket: &Path, folders: &[String]) -> io::Result<()> {
    let mut path = bucket.to_owned();
    for folder in folders {
        let parent = path.clone();
        path.push(folder);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            // One that is there may have been made by another thread and not be durable yet.
            _ => sync_directory(&parent)?,
        }
    }
    Ok(())
}

fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes renames in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
