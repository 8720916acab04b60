//! The items of a data set, one after the other.

use std::sync::Arc;

use stepyard_asl::{ReaderConfig, ReaderSource};
use stepyard_machine::Item;

use super::bytes::Location;
use super::file_items::FileItems;
use super::format::Parsed;
use super::listing::{Listing, item_of};
use super::manifest::{Manifest, manifest_type};
use super::object_items::ObjectItems;
use super::{Cursor, ItemReaderError, MANIFEST_BYTES_MAX, ReadRequest};
use crate::objects::ObjectStore;

/// A data set that is being read.
pub struct ItemSource {
    objects: Arc<dyn ObjectStore>,
    max_items: Option<u64>,
    cursor: Cursor,
    data: DataSet,
}

/// Where the items are.
enum DataSet {
    /// In one file.
    File(Box<Open>),
    /// They are the objects of a listing.
    Listing { listing: Box<Listing>, source: Arc<str> },
    /// In many files.
    Files { files: Files, config: Arc<ReaderConfig>, open: Option<Box<Open>> },
}

/// A file that is being read.
struct Open {
    items: FileItems,
    source: Arc<str>,
}

/// Files that come one after the other.
enum Files {
    Listed { listing: Box<Listing>, request: Box<ReadRequest> },
    Named { files: Vec<Location> },
}

impl ItemSource {
    /// Goes on behind the items that the cursor has behind it.
    ///
    /// # Errors
    /// When the source is not there, is not what the request says it is, or has changed since the cursor was taken.
    pub async fn open(
        objects: Arc<dyn ObjectStore>,
        request: &ReadRequest,
        from: Cursor,
    ) -> Result<ItemSource, ItemReaderError> {
        let data = match request.source {
            ReaderSource::Listing => listed(&objects, request, &from).await?,
            ReaderSource::Object => match manifest_type(&request.config) {
                None => {
                    let location = request.location();
                    DataSet::File(Open::new(&objects, location, &request.config, &from).await?)
                }
                Some(kind) => {
                    let location = request.location();
                    let bytes =
                        ObjectItems::read_whole(&objects, location, MANIFEST_BYTES_MAX).await?;
                    let manifest = Manifest::parse(kind, &bytes, request)?;
                    named(&objects, manifest, &from).await?
                }
            },
        };
        Ok(ItemSource { objects, max_items: request.max_items, cursor: from, data })
    }

    /// Where the reading is: behind the last item that it gave.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The next item.
    ///
    /// # Errors
    /// Those of [`ItemSource::open`]; after that there is nothing to read any more.
    pub async fn next(&mut self) -> Result<Option<Item>, ItemReaderError> {
        if self.max_items.is_some_and(|most| self.cursor.items >= most) {
            return Ok(None);
        }
        let next = match &mut self.data {
            DataSet::File(open) => open.next(&mut self.cursor).await?,
            DataSet::Listing { listing, source } => listing.next().await?.map(|object| {
                let parsed = Parsed { key: None, value: item_of(&object) };
                self.cursor.object = Some(object.key);
                (parsed, source.clone())
            }),
            DataSet::Files { files, config, open } => loop {
                if let Some(current) = open
                    && let Some(next) = current.next(&mut self.cursor).await?
                {
                    break Some(next);
                }
                let was_open = open.take().is_some();
                let Some(location) = files.next(&mut self.cursor, was_open).await? else {
                    break None;
                };
                let start = Cursor::default();
                *open = Some(Open::new(&self.objects, location, config, &start).await?);
            },
        };
        let Some((Parsed { key, value }, source)) = next else { return Ok(None) };
        let index = self.cursor.items;
        self.cursor.items += 1;
        Ok(Some(Item { index, key, value, source: Some(source) }))
    }
}

impl Open {
    async fn new(
        objects: &Arc<dyn ObjectStore>,
        location: Location,
        config: &ReaderConfig,
        from: &Cursor,
    ) -> Result<Box<Open>, ItemReaderError> {
        let items = FileItems::open(objects, location, config, from).await?;
        let Location { bucket, key, .. } = items.location();
        let source = format!("S3://{bucket}/{key}").into();
        Ok(Box::new(Open { items, source }))
    }

    async fn next(
        &mut self,
        cursor: &mut Cursor,
    ) -> Result<Option<(Parsed, Arc<str>)>, ItemReaderError> {
        let Some(parsed) = self.items.next().await? else { return Ok(None) };
        self.items.mark(cursor);
        Ok(Some((parsed, self.source.clone())))
    }
}

impl Files {
    /// The next file. `is_done` tells whether one was read to its end before.
    async fn next(
        &mut self,
        cursor: &mut Cursor,
        is_done: bool,
    ) -> Result<Option<Location>, ItemReaderError> {
        match self {
            Files::Named { files } => {
                cursor.file += u64::from(is_done);
                cursor.offset = 0;
                let at = usize::try_from(cursor.file).unwrap_or(usize::MAX);
                Ok(files.get(at).cloned())
            }
            Files::Listed { listing, request } => loop {
                let Some(object) = listing.next().await? else { return Ok(None) };
                // What the console of S3 makes of a folder holds nothing.
                if object.key.ends_with('/') && object.size == 0 {
                    continue;
                }
                cursor.object = Some(object.key.clone());
                cursor.offset = 0;
                return Ok(Some(request.other(listing.bucket(), &object.key)));
            },
        }
    }
}

/// The objects of a listing, or what they hold.
async fn listed(
    objects: &Arc<dyn ObjectStore>,
    request: &ReadRequest,
    from: &Cursor,
) -> Result<DataSet, ItemReaderError> {
    let ReadRequest { bucket, key, config, .. } = request;
    let (bucket, prefix) = (bucket.clone(), key.clone());
    let source = format!("S3://{bucket}").into();
    let after = from.object.clone();
    let listing = Box::new(Listing::new(objects.clone(), bucket.clone(), prefix, after));
    if !config.load_and_flatten {
        return Ok(DataSet::Listing { listing, source });
    }
    let open = match &from.object {
        Some(key) => Some(Open::new(objects, request.other(&bucket, key), config, from).await?),
        None => None,
    };
    let files = Files::Listed { listing, request: Box::new(request.clone()) };
    Ok(DataSet::Files { files, config: config.clone(), open })
}

/// The files of a manifest.
async fn named(
    objects: &Arc<dyn ObjectStore>,
    manifest: Manifest,
    from: &Cursor,
) -> Result<DataSet, ItemReaderError> {
    let Manifest { files, config } = manifest;
    let config = Arc::new(config);
    let at = usize::try_from(from.file).unwrap_or(usize::MAX);
    let open = match files.get(at).filter(|_| from.offset > 0) {
        Some(location) => Some(Open::new(objects, location.clone(), &config, from).await?),
        None => None,
    };
    Ok(DataSet::Files { files: Files::Named { files }, config, open })
}
