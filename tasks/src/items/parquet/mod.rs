//! The rows of an Apache Parquet file, each an object with the columns as members (AWS developer guide, "ItemReader").
//!
//! The footer tells where the row groups lie. One of them at a time is fetched, and its rows are decoded page by page,
//! on a thread where that may take long.

mod file;
mod pages;
mod range;
mod room;
mod row;
mod schema;
mod thrift;

use std::collections::VecDeque;
use std::sync::Arc;

use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::metadata::page_index::RowGroupPageIndex;
use ::parquet::file::properties::ReaderProperties;
use ::parquet::file::serialized_reader::SerializedRowGroupReader;
use ::parquet::record::reader::{ReaderIter, TreeBuilder};
use stepyard_json::Json;

use self::file::ParquetFile;
use self::range::FileRange;
use super::bytes::Location;
use super::format::Parsed;
use super::{Cursor, ITEM_BYTES_MAX, ItemReaderError};
use crate::objects::ObjectStore;

/// Largest row group, in bytes: the whole of it is held, and may be once more when it is decompressed (AWS developer
/// guide: 256 MB).
const ROW_GROUP_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Rows that are decoded at a time.
const ROWS_AT_ONCE: usize = 256;

/// Bytes of JSON text that are decoded at a time; the last row may go beyond that.
const BYTES_AT_ONCE: usize = 1 << 20;

/// A Parquet file that is being read.
pub(super) struct ParquetItems {
    file: ParquetFile,
    metadata: Arc<ParquetMetaData>,
    /// Number of the row group that is opened next.
    next_group: usize,
    /// Rows at the beginning of that one which were read before.
    skip: u64,
    /// What is left of the row group that is open.
    rows: Option<ReaderIter>,
    /// Rows that are decoded.
    ready: VecDeque<Json>,
    /// Rows of the file before the next one.
    position: u64,
}

impl ParquetItems {
    /// Goes on where the cursor is in the file.
    pub(super) async fn open(
        objects: &Arc<dyn ObjectStore>,
        location: Location,
        from: &Cursor,
    ) -> Result<ParquetItems, ItemReaderError> {
        let file = ParquetFile::open(objects, location, from).await?;
        let metadata = Arc::new(file.read_footer().await?);
        let (next_group, skip) = place_of(&metadata, from.offset);
        let (rows, ready) = (None, VecDeque::new());
        let position = from.offset;
        Ok(ParquetItems { file, metadata, next_group, skip, rows, ready, position })
    }

    /// The next row.
    pub(super) async fn next(&mut self) -> Result<Option<Parsed>, ItemReaderError> {
        loop {
            if let Some(value) = self.ready.pop_front() {
                if value.text_len() > ITEM_BYTES_MAX {
                    let row = self.position;
                    let cause = format!("row {row} is larger than {ITEM_BYTES_MAX} bytes");
                    return Err(self.file.broken(&cause));
                }
                self.position += 1;
                return Ok(Some(Parsed { key: None, value }));
            }
            let (rows, skip) = match self.rows.take() {
                Some(rows) => (rows, 0),
                None => match self.next_row_group().await? {
                    Some(rows) => (rows, std::mem::take(&mut self.skip)),
                    None => return Ok(None),
                },
            };
            (self.rows, self.ready) = self.file.blocking(move || decode(rows, skip)).await?;
        }
    }

    /// Notes how far the file was read.
    pub(super) fn mark(&self, cursor: &mut Cursor) {
        cursor.offset = self.position;
        self.file.etag().clone_into(&mut cursor.etag);
        cursor.is_object = false;
    }

    pub(super) fn location(&self) -> &Location {
        self.file.location()
    }

    /// Fetches the next row group; `None` after the last one.
    async fn next_row_group(&mut self) -> Result<Option<ReaderIter>, ItemReaderError> {
        let number = self.next_group;
        let Some(group) = self.metadata.row_groups().get(number) else { return Ok(None) };
        let range = range::of_row_group(group, self.file.size(), ROW_GROUP_BYTES_MAX)
            .map_err(|cause| self.file.broken(&format!("row group {number}: {cause}")))?;
        let bytes = self.file.fetch(range.start, range.end - range.start).await?;
        let part = FileRange::new(range.start, bytes.into());
        let metadata = self.metadata.clone();
        let rows = self.file.blocking(move || open_row_group(&metadata, number, part)).await?;
        self.next_group += 1;
        Ok(Some(rows))
    }
}

/// Number of the row group that holds a row, and how many rows of that come before it.
fn place_of(metadata: &ParquetMetaData, mut row: u64) -> (usize, u64) {
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        if rows > row {
            return (number, row);
        }
        row -= rows;
    }
    (metadata.num_row_groups(), 0)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn told(error: ParquetError) -> String {
    error.to_string()
}

fn open_row_group(
    metadata: &ParquetMetaData,
    number: usize,
    part: FileRange,
) -> Result<ReaderIter, String> {
    let group = metadata.row_group(number);
    pages::check(group, &part, ROW_GROUP_BYTES_MAX)
        .map_err(|cause| format!("row group {number}: {cause}"))?;
    let index = RowGroupPageIndex::new(number, None);
    let properties = Arc::new(ReaderProperties::builder().build());
    let reader = SerializedRowGroupReader::new(Arc::new(part), group, index, properties);
    let schema = metadata.file_metadata().schema_descr_ptr();
    TreeBuilder::new().as_iter(schema, &reader.map_err(told)?).map_err(told)
}

/// Some rows behind those that are skipped; the iterator is gone with the last one.
fn decode(mut rows: ReaderIter, skip: u64) -> Result<(Option<ReaderIter>, VecDeque<Json>), String> {
    for _ in 0..skip {
        if let Some(row) = rows.next() {
            row.map_err(told)?;
        }
    }
    let (mut decoded, mut bytes) = (VecDeque::new(), 0);
    while decoded.len() < ROWS_AT_ONCE && bytes < BYTES_AT_ONCE {
        let Some(row) = rows.next() else { return Ok((None, decoded)) };
        let item = row::item(&row.map_err(told)?)?;
        bytes += item.text_len();
        decoded.push_back(item);
    }
    Ok((Some(rows), decoded))
}
