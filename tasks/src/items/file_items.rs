//! The items of one file, whatever its format.

use std::sync::Arc;

use stepyard_asl::{InputType, ReaderConfig};

use super::bytes::Location;
use super::format::Parsed;
use super::object_items::ObjectItems;
use super::parquet::ParquetItems;
use super::{Cursor, ItemReaderError};
use crate::objects::ObjectStore;

/// A file that is being read.
pub(super) enum FileItems {
    /// From its beginning to its end.
    Stream(Box<ObjectItems>),
    /// By its footer.
    Parquet(Box<ParquetItems>),
}

impl FileItems {
    /// Goes on where the cursor is in the file.
    pub(super) async fn open(
        objects: &Arc<dyn ObjectStore>,
        location: Location,
        config: &ReaderConfig,
        from: &Cursor,
    ) -> Result<FileItems, ItemReaderError> {
        Ok(match config.input_type {
            Some(InputType::Parquet) => {
                FileItems::Parquet(Box::new(ParquetItems::open(objects, location, from).await?))
            }
            _ => {
                let items = ObjectItems::open(objects, location, config, from).await?;
                FileItems::Stream(Box::new(items))
            }
        })
    }

    /// The next item.
    pub(super) async fn next(&mut self) -> Result<Option<Parsed>, ItemReaderError> {
        match self {
            FileItems::Stream(items) => items.next().await,
            FileItems::Parquet(items) => items.next().await,
        }
    }

    /// Notes how far the file was read.
    pub(super) fn mark(&self, cursor: &mut Cursor) {
        match self {
            FileItems::Stream(items) => items.mark(cursor),
            FileItems::Parquet(items) => items.mark(cursor),
        }
    }

    pub(super) fn location(&self) -> &Location {
        match self {
            FileItems::Stream(items) => items.location(),
            FileItems::Parquet(items) => items.location(),
        }
    }
}
