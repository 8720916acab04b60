//! Writing an object, in one piece or in many.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use md5::{Digest, Md5};

use super::{FsObjectStore, Inner, Place, make_folders, publish, spawn};
use crate::objects::temporary::Temporary;
use crate::objects::{
    DEFAULT_CONTENT_TYPE, ObjectAttributes, ObjectError, ObjectInfo, ObjectUpload,
};

/// An object on its way to its place. All of it blocks.
#[derive(Debug)]
pub(super) struct Writing {
    place: Place,
    attributes: ObjectAttributes,
    data: Temporary,
    digest: Md5,
    size: u64,
}

impl Writing {
    pub(super) fn begin(place: Place, attributes: ObjectAttributes) -> io::Result<Writing> {
        let data = Temporary::create(&place.directory)?;
        Ok(Writing { place, attributes, data, digest: Md5::new(), size: 0 })
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.data.append(bytes)?;
        self.digest.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn finish(mut self, inner: &Inner) -> io::Result<ObjectInfo> {
        self.data.seal()?;
        let place = &self.place;
        let content_type = self.attributes.content_type;
        let info = ObjectInfo {
            key: place.key.clone(),
            size: self.size,
            etag: format!("{:x}", self.digest.finalize()),
            content_type: content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.into()),
            last_modified: self.data.modified,
            user_metadata: self.attributes.user_metadata,
            storage_class: None,
        };
        make_folders(&place.directory, &place.paths.folders)?;
        let _lock = inner.locks.write(&place.bucket, &place.key)?;
        publish(place, self.data, info.clone())?;
        Ok(info)
    }
}

/// An object that is written piece by piece.
pub(super) struct FsUpload {
    store: FsObjectStore,
    /// Absent while a thread has it, and after a failure.
    writing: Option<Writing>,
}

impl FsUpload {
    pub(super) fn new(store: FsObjectStore, writing: Writing) -> FsUpload {
        FsUpload { store, writing: Some(writing) }
    }

    fn take(&mut self) -> Result<Writing, ObjectError> {
        let failed = || io::Error::other("an earlier piece could not be written");
        self.writing.take().ok_or_else(|| ObjectError::storage("writing an object")(failed()))
    }
}

#[async_trait]
impl ObjectUpload for FsUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ObjectError> {
        let mut writing = self.take()?;
        let writing = spawn(move || {
            writing.append(&bytes).map_err(ObjectError::storage("writing an object"))?;
            Ok(writing)
        });
        self.writing = Some(writing.await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<ObjectInfo, ObjectError> {
        let writing = self.take()?;
        let inner = self.store.0;
        spawn(move || writing.finish(&inner).map_err(ObjectError::storage("storing an object")))
            .await
    }

    /// The temporary file goes with it.
    async fn abort(self: Box<Self>) {}
}
