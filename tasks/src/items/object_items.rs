//! The items of one file.

use std::sync::Arc;

use stepyard_asl::ReaderConfig;

use super::bytes::{Location, ObjectBytes, changed};
use super::format::{Format, Parsed, Step};
use super::window::Window;
use super::{Cursor, ITEM_BYTES_MAX, ItemReaderError};
use crate::objects::ObjectStore;

/// A file that is being read.
pub(super) struct ObjectItems {
    bytes: ObjectBytes,
    window: Window,
    format: Format,
}

impl ObjectItems {
    /// Goes on where the cursor is in the file.
    pub(super) async fn open(
        objects: &Arc<dyn ObjectStore>,
        location: Location,
        config: &ReaderConfig,
        from: &Cursor,
    ) -> Result<ObjectItems, ItemReaderError> {
        let mut format = Format::new(config)?;
        if from.offset > 0 && format.needs_head() {
            let mut head = ObjectBytes::open(objects.clone(), location.clone(), 0).await?;
            let mut window = Window::default();
            while !format.read_head(&mut window)? {
                head.fill(&mut window).await?;
            }
        }
        let bytes = ObjectBytes::open(objects.clone(), location, from.offset).await?;
        if from.offset > 0 {
            if bytes.etag() != from.etag {
                return Err(changed(&bytes.location().key));
            }
            format.resume(from);
        }
        Ok(ObjectItems { bytes, window: Window::at(from.offset), format })
    }

    /// The next item.
    pub(super) async fn next(&mut self) -> Result<Option<Parsed>, ItemReaderError> {
        loop {
            match self.format.next(&mut self.window)? {
                Step::Item(item) => return Ok(Some(item)),
                Step::End => return Ok(None),
                Step::More if self.window.rest().len() > ITEM_BYTES_MAX => {
                    return Err(ItemReaderError::too_large(self.window.offset()));
                }
                Step::More => self.bytes.fill(&mut self.window).await?,
            }
        }
    }

    /// Notes how far the file was read.
    pub(super) fn mark(&self, cursor: &mut Cursor) {
        cursor.offset = self.window.offset();
        cursor.etag = self.bytes.etag().to_owned();
        cursor.is_object = self.format.is_object();
    }

    pub(super) fn location(&self) -> &Location {
        self.bytes.location()
    }

    /// All bytes that are left, at most so many.
    pub(super) async fn read_whole(
        objects: &Arc<dyn ObjectStore>,
        location: Location,
        bytes_max: usize,
    ) -> Result<Vec<u8>, ItemReaderError> {
        let mut bytes = ObjectBytes::open(objects.clone(), location, 0).await?;
        let mut window = Window::default();
        while !window.is_ended() {
            if window.rest().len() > bytes_max {
                let key = &bytes.location().key;
                let cause = format!("The manifest {key} is larger than {bytes_max} bytes");
                return Err(ItemReaderError::new(cause));
            }
            bytes.fill(&mut window).await?;
        }
        Ok(window.rest().to_vec())
    }
}
