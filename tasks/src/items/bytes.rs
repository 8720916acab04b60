//! The bytes of one object, decompressed, in pieces.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::ItemReaderError;
use super::decompress::{Compression, Decompressor};
use super::window::Window;
use crate::objects::{ObjectBody, ObjectError, ObjectInfo, ObjectStore, ReadOptions};

/// How often an object is asked for again, in a row, before its error is told.
const ATTEMPTS_MAX: u32 = 4;

/// Wait before the first time that it is asked for again; twice as long each time after.
const BACKOFF: Duration = Duration::from_millis(250);

/// Compressed bytes that are decompressed at once: they may become a thousand times as many.
const SLICE_BYTES: usize = 4 * 1024;

/// Where an object lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) version_id: Option<String>,
    pub(super) expected_bucket_owner: Option<String>,
}

impl Location {
    fn options(&self, offset: u64) -> ReadOptions {
        ReadOptions {
            offset,
            version_id: self.version_id.clone(),
            expected_bucket_owner: self.expected_bucket_owner.clone(),
        }
    }
}

/// An object that is being read.
pub(super) struct ObjectBytes {
    objects: Arc<dyn ObjectStore>,
    location: Location,
    info: ObjectInfo,
    body: Box<dyn ObjectBody>,
    /// Bytes that have come, as they lie in the store.
    read: u64,
    /// Those of them that are not decompressed yet.
    pending: Bytes,
    decompressor: Decompressor,
    /// Decompressed bytes that lie before the first one that was asked for.
    unwanted: u64,
}

impl ObjectBytes {
    /// From that byte on, counted after decompression. How the object is compressed, the end of its key tells.
    pub(super) async fn open(
        objects: Arc<dyn ObjectStore>,
        location: Location,
        offset: u64,
    ) -> Result<ObjectBytes, ItemReaderError> {
        let compression = Compression::of_key(&location.key);
        ObjectBytes::open_as(objects, location, offset, compression).await
    }

    /// From that byte on, as they lie in the store.
    pub(super) async fn open_as_stored(
        objects: Arc<dyn ObjectStore>,
        location: Location,
        offset: u64,
    ) -> Result<ObjectBytes, ItemReaderError> {
        ObjectBytes::open_as(objects, location, offset, Compression::None).await
    }

    async fn open_as(
        objects: Arc<dyn ObjectStore>,
        location: Location,
        offset: u64,
        compression: Compression,
    ) -> Result<ObjectBytes, ItemReaderError> {
        let (read, unwanted) = match compression {
            Compression::None => (offset, 0),
            Compression::Gzip | Compression::Zstd => (0, offset),
        };
        let stream = objects.read(&location.bucket, &location.key, location.options(read)).await?;
        Ok(ObjectBytes {
            objects,
            location,
            info: stream.info,
            body: stream.body,
            read,
            pending: Bytes::new(),
            decompressor: Decompressor::new(compression),
            unwanted,
        })
    }

    pub(super) fn etag(&self) -> &str {
        &self.info.etag
    }

    /// Length of the whole object, as it lies in the store.
    pub(super) fn size(&self) -> u64 {
        self.info.size
    }

    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    /// Adds some bytes to the window, or ends it.
    pub(super) async fn fill(&mut self, window: &mut Window) -> Result<(), ItemReaderError> {
        let before = window.rest().len();
        while window.rest().len() == before {
            if self.pending.is_empty() {
                match self.chunk().await? {
                    Some(piece) => self.pending = piece,
                    None => {
                        self.decompressor
                            .finish(window.tail())
                            .map_err(|error| self.broken(&error))?;
                        self.drop_unwanted(window, before);
                        window.end();
                        return Ok(());
                    }
                }
            }
            let slice = self.decompressor.slice(SLICE_BYTES).min(self.pending.len());
            let slice = self.pending.split_to(slice);
            self.decompressor.push(&slice, window.tail()).map_err(|error| self.broken(&error))?;
            self.drop_unwanted(window, before);
        }
        Ok(())
    }

    /// Only at the start, when the window has nothing else.
    fn drop_unwanted(&mut self, window: &mut Window, before: usize) {
        if self.unwanted > 0 && before == 0 {
            let tail = window.tail();
            let unwanted = usize::try_from(self.unwanted).unwrap_or(usize::MAX).min(tail.len());
            tail.drain(..unwanted);
            self.unwanted -= unwanted as u64;
        }
    }

    /// The next bytes, as they lie in the store.
    pub(super) async fn take(&mut self, length: usize) -> Result<Vec<u8>, ItemReaderError> {
        let mut taken = Vec::new();
        while taken.len() < length {
            if self.pending.is_empty() {
                let Some(piece) = self.chunk().await? else {
                    let cause = format!("The object {} ends too early", self.location.key);
                    return Err(ItemReaderError::new(cause));
                };
                self.pending = piece;
            }
            let some = self.pending.len().min(length - taken.len());
            taken.extend_from_slice(&self.pending.split_to(some));
        }
        Ok(taken)
    }

    fn broken(&self, error: &std::io::Error) -> ItemReaderError {
        ItemReaderError::new(format!(
            "The file {} cannot be decompressed: {error}",
            self.location.key
        ))
    }

    /// The next piece, from a new connection when one breaks: a source may take hours to read.
    async fn chunk(&mut self) -> Result<Option<Bytes>, ItemReaderError> {
        let mut failures = 0;
        loop {
            let error = match self.body.chunk().await {
                Ok(piece) => {
                    self.read += piece.as_ref().map_or(0, |piece| piece.len() as u64);
                    return Ok(piece);
                }
                Err(error) => error,
            };
            self.reopen(error, &mut failures).await?;
        }
    }

    async fn reopen(
        &mut self,
        mut error: ObjectError,
        failures: &mut u32,
    ) -> Result<(), ItemReaderError> {
        loop {
            *failures += 1;
            if *failures >= ATTEMPTS_MAX || !error.is_transient() {
                return Err(error.into());
            }
            tokio::time::sleep(BACKOFF * 2_u32.pow(*failures - 1)).await;
            let Location { bucket, key, .. } = &self.location;
            match self.objects.read(bucket, key, self.location.options(self.read)).await {
                Ok(stream) if stream.info.etag == self.info.etag => {
                    self.body = stream.body;
                    return Ok(());
                }
                Ok(_) => return Err(changed(key)),
                Err(next) => error = next,
            }
        }
    }
}

/// The object is not what it was when its first items were read.
pub(super) fn changed(key: &str) -> ItemReaderError {
    ItemReaderError::new(format!("The object {key} has changed while its items were read"))
}
