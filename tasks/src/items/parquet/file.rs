//! A Parquet file as an object: its footer and parts of it.

use std::fmt;
use std::sync::Arc;

use ::parquet::basic::ConvertedType;
use ::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader};

use super::{schema, told};
use crate::items::bytes::{Location, ObjectBytes, changed};
use crate::items::{Cursor, ItemReaderError};
use crate::objects::ObjectStore;

/// Largest footer, in bytes (AWS developer guide: 5 MB).
const FOOTER_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// What a file begins and ends with.
const MAGIC: &[u8] = b"PAR1";

/// The length of the footer and [`MAGIC`], at the end of a file.
const TRAILER_BYTES: u64 = 8;

/// An object that begins as a Parquet file.
pub(super) struct ParquetFile {
    objects: Arc<dyn ObjectStore>,
    location: Location,
    etag: String,
    size: u64,
}

impl ParquetFile {
    /// # Errors
    /// When it is not there, is no Parquet file, or has changed since the cursor was taken.
    pub(super) async fn open(
        objects: &Arc<dyn ObjectStore>,
        location: Location,
        from: &Cursor,
    ) -> Result<ParquetFile, ItemReaderError> {
        let objects = objects.clone();
        let mut start = ObjectBytes::open_as_stored(objects.clone(), location.clone(), 0).await?;
        let (etag, size) = (start.etag().to_owned(), start.size());
        let file = ParquetFile { objects, location, etag, size };
        if from.offset > 0 && file.etag != from.etag {
            return Err(changed(&file.location.key));
        }
        let has_room = size >= MAGIC.len() as u64 + TRAILER_BYTES;
        if !has_room || start.take(MAGIC.len()).await? != MAGIC {
            return Err(file.broken(&"it does not begin as a Parquet file does"));
        }
        Ok(file)
    }

    pub(super) fn etag(&self) -> &str {
        &self.etag
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    /// What the file tells of itself.
    pub(super) async fn read_footer(&self) -> Result<ParquetMetaData, ItemReaderError> {
        let end = self.size - TRAILER_BYTES;
        let trailer = self.fetch(end, TRAILER_BYTES).await?;
        let (length, magic) = trailer.split_at(trailer.len() - MAGIC.len());
        if magic != MAGIC {
            return Err(self.broken(&"it does not end as a Parquet file does, or it is encrypted"));
        }
        let length = length.iter().rev().fold(0, |length, byte| length << 8 | u64::from(*byte));
        if length > FOOTER_BYTES_MAX {
            let cause = format!("its footer has {length} bytes, more than {FOOTER_BYTES_MAX}");
            return Err(self.broken(&cause));
        }
        let Some(start) = end.checked_sub(length) else {
            return Err(self.broken(&"its footer is longer than the file"));
        };
        let footer = self.fetch(start, length).await?;
        self.blocking(move || decode_footer(&footer)).await
    }

    /// So many bytes from a place on.
    pub(super) async fn fetch(&self, start: u64, length: u64) -> Result<Vec<u8>, ItemReaderError> {
        let (objects, location) = (self.objects.clone(), self.location.clone());
        let mut bytes = ObjectBytes::open_as_stored(objects, location, start).await?;
        if bytes.etag() != self.etag {
            return Err(changed(&self.location.key));
        }
        bytes.take(usize::try_from(length).unwrap_or(usize::MAX)).await
    }

    /// Decodes on a thread where that may take long. The decoder panics at some files that are damaged.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, ItemReaderError> {
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done.map_err(|cause| self.broken(&cause)),
            Err(_) => Err(self.broken(&"it is damaged")),
        }
    }

    pub(super) fn broken(&self, cause: &dyn fmt::Display) -> ItemReaderError {
        let Location { bucket, key, .. } = &self.location;
        let cause = format!("The file {key} in {bucket} cannot be read as Parquet: {cause}");
        ItemReaderError::new(cause)
    }
}

/// Makes the tree of the schema from the list that was checked, and from no other that may follow.
fn decode_footer(footer: &[u8]) -> Result<ParquetMetaData, String> {
    schema::check(footer)?;
    let schema = ParquetMetaDataReader::decode_schema(footer).map_err(told)?;
    let options = ParquetMetaDataOptions::new().with_schema(schema);
    let metadata = ParquetMetaDataReader::decode_metadata_with_options(footer, Some(&options))
        .map_err(told)?;
    check_columns(&metadata).map(|()| metadata)
}

/// Refuses types that the decoder has no value for.
fn check_columns(metadata: &ParquetMetaData) -> Result<(), String> {
    let schema = metadata.file_metadata().schema_descr();
    let is_interval = |converted| converted == ConvertedType::INTERVAL;
    match schema.columns().iter().find(|column| is_interval(column.converted_type())) {
        Some(column) => {
            Err(format!("the type INTERVAL of the column {} is unknown", column.path()))
        }
        None => Ok(()),
    }
}
