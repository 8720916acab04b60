//! Objects as files: one directory per bucket under a root.
//!
//! The body lies in a file named like its key, so that people can open it; a sidecar holds the rest.
//! Storing writes both to temporary files, syncs them, renames the body and then the sidecar, and
//! syncs the directory after each rename: the second rename is the moment at which the object is
//! there. A crash before leaves the old object as it was, and at most a file nobody refers to.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::key::{ObjectPaths, Slot, is_bucket_name};
use super::lock::Locks;
use super::sidecar::Sidecar;
use super::temporary::{Temporary, prepare_bucket};
use super::{
    ListPage, ListQuery, Object, ObjectAttributes, ObjectError, ObjectInfo, ObjectStore,
    ObjectStream, ObjectUpload, ReadOptions, listing,
};
use read::FileBody;
use upload::{FsUpload, Writing};

mod read;
mod upload;

/// The only version of an object where nothing is versioned, as S3 has it.
const NULL_VERSION: &str = "null";

/// An [`ObjectStore`] on a file system. Several stores, also of several processes, may work on one root; it
/// then has to be on a file system that keeps file locks and shows a new file to all at once.
#[derive(Clone, Debug)]
pub struct FsObjectStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    locks: Locks,
}

impl FsObjectStore {
    /// Opens a root directory, makes it and the buckets if they are absent, and removes what a process that
    /// died has left half written.
    ///
    /// # Errors
    /// [`ObjectError::InvalidBucketName`], or [`ObjectError::Storage`] when a folder cannot be made.
    pub fn open(root: impl Into<PathBuf>, buckets: &[&str]) -> Result<FsObjectStore, ObjectError> {
        let root = root.into();
        let locks = Locks::open(&root).map_err(ObjectError::storage("opening the locks"))?;
        for bucket in buckets {
            if !is_bucket_name(bucket) {
                return Err(ObjectError::InvalidBucketName { bucket: (*bucket).to_owned() });
            }
            prepare_bucket(&root.join(bucket)).map_err(ObjectError::storage("opening a bucket"))?;
        }
        Ok(FsObjectStore(Arc::new(Inner { root, locks })))
    }

    /// The file that holds an object's body now, for people who want to open it.
    pub async fn path(&self, bucket: &str, key: &str) -> Result<PathBuf, ObjectError> {
        self.blocking(bucket, key, |inner, place| {
            let _lock = inner.read_lock(&place)?;
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
            let stored = Writing::begin(place, attributes).and_then(|mut writing| {
                writing.append(&body)?;
                writing.finish(inner)
            });
            stored.map_err(ObjectError::storage("storing an object"))
        })
        .await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, ObjectError> {
        self.blocking(bucket, key, |inner, place| {
            let _lock = inner.read_lock(&place)?;
            let sidecar = place.sidecar()?;
            let data = place.paths.data(&place.directory, sidecar.slot);
            let body = fs::read(data).map_err(ObjectError::storage("reading an object"))?;
            Ok(Object { info: sidecar.into_info(), body: body.into() })
        })
        .await
    }

    async fn read(
        &self,
        bucket: &str,
        key: &str,
        options: ReadOptions,
    ) -> Result<ObjectStream, ObjectError> {
        self.blocking(bucket, key, move |inner, place| {
            // What is open stays as it is, also when it is replaced: the lock is for the way there.
            let _lock = inner.read_lock(&place)?;
            let sidecar = place.sidecar()?;
            if let Some(version) = options.version_id.filter(|version| version != NULL_VERSION) {
                return Err(place.no_such_version(version));
            }
            let data = place.paths.data(&place.directory, sidecar.slot);
            let body = FileBody::open(&data, options.offset)
                .map_err(ObjectError::storage("opening an object"))?;
            Ok(ObjectStream { info: sidecar.into_info(), body: Box::new(body) })
        })
        .await
    }

    async fn create(
        &self,
        bucket: &str,
        key: &str,
        attributes: ObjectAttributes,
    ) -> Result<Box<dyn ObjectUpload>, ObjectError> {
        let store = self.clone();
        self.blocking(bucket, key, move |_, place| {
            let writing = Writing::begin(place, attributes)
                .map_err(ObjectError::storage("beginning an object"))?;
            Ok(Box::new(FsUpload::new(store, writing)) as Box<dyn ObjectUpload>)
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
#[derive(Debug)]
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

    fn no_such_version(self, version: String) -> ObjectError {
        ObjectError::NoSuchVersion { bucket: self.bucket, key: self.key, version }
    }
}

impl Inner {
    fn bucket(&self, bucket: &str) -> Result<PathBuf, ObjectError> {
        let directory = self.root.join(bucket);
        if is_bucket_name(bucket) && directory.is_dir() {
            Ok(directory)
        } else {
            Err(ObjectError::NoSuchBucket { bucket: bucket.to_owned(), place: String::new() })
        }
    }

    fn read_lock(&self, place: &Place) -> Result<File, ObjectError> {
        let lock = self.locks.read(&place.bucket, &place.key);
        lock.map_err(ObjectError::storage("locking an object"))
    }

    fn delete(&self, place: &Place) -> io::Result<()> {
        let (bucket, paths) = (&place.directory, &place.paths);
        let _lock = self.locks.write(&place.bucket, &place.key)?;
        let Some(sidecar) = Sidecar::read(&paths.sidecar(bucket))? else { return Ok(()) };
        remove_if_present(&paths.sidecar(bucket))?;
        sync_directory(&paths.directory(bucket))?;
        remove_if_present(&paths.data(bucket, sidecar.slot))
    }
}

/// Moves a written body to its place and makes the sidecar point at it.
fn publish(place: &Place, data: Temporary, info: ObjectInfo) -> io::Result<()> {
    let (bucket, paths) = (&place.directory, &place.paths);
    let directory = paths.directory(bucket);
    let old = Sidecar::read(&paths.sidecar(bucket))?.map(|sidecar| sidecar.slot);
    let slot = old.map_or(Slot::First, Slot::other);
    data.publish(&paths.data(bucket, slot))?;
    sync_directory(&directory)?;
    let sidecar = Temporary::write(bucket, &Sidecar::new(info, slot).to_bytes()?)?;
    sidecar.publish(&paths.sidecar(bucket))?;
    sync_directory(&directory)?;
    match old {
        Some(old) => remove_if_present(&paths.data(bucket, old)),
        None => Ok(()),
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

pub(super) fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes renames in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
