//! A part of a file in memory.

use std::ops::Range;

use ::bytes::buf::Reader;
use ::bytes::{Buf, Bytes};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use ::parquet::file::reader::{ChunkReader, Length};

/// Bytes of a file from some place on, read by their places in the file.
pub(super) struct FileRange {
    start: u64,
    bytes: Bytes,
}

impl FileRange {
    pub(super) fn new(start: u64, bytes: Bytes) -> FileRange {
        FileRange { start, bytes }
    }

    /// What lies behind a place of the file.
    fn from(&self, place: u64) -> Result<Bytes> {
        let at = place.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        match at.filter(|at| *at <= self.bytes.len()) {
            Some(at) => Ok(self.bytes.slice(at..)),
            None => Err(beyond()),
        }
    }
}

fn beyond() -> ParquetError {
    ParquetError::EOF("a page lies outside of its row group".into())
}

impl Length for FileRange {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for FileRange {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Reader<Bytes>> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.from(start)?;
        if length > bytes.len() {
            return Err(beyond());
        }
        Ok(bytes.slice(..length))
    }
}

/// Where a row group lies in a file of that size.
///
/// # Errors
/// Why it cannot be read: it has more bytes than may be held, or the footer says what cannot be.
pub(super) fn of_row_group(
    group: &RowGroupMetaData,
    size: u64,
    bytes_max: u64,
) -> std::result::Result<Range<u64>, String> {
    let mut whole: Option<Range<u64>> = None;
    for column in group.columns() {
        // The decoder would give rows of nothing for those that are missing.
        if column.num_values() < group.num_rows() {
            return Err("a column has fewer values than there are rows".into());
        }
        let range = of_column(column).filter(|range| range.end <= size);
        let range = range.ok_or("a column does not lie in the file")?;
        whole = Some(match whole {
            Some(whole) => whole.start.min(range.start)..whole.end.max(range.end),
            None => range,
        });
    }
    let whole = whole.unwrap_or_default();
    let decoded = u64::try_from(group.total_byte_size()).unwrap_or(u64::MAX);
    match decoded.max(whole.end - whole.start) {
        bytes if bytes > bytes_max => Err(format!("it has {bytes} bytes, more than {bytes_max}")),
        _ => Ok(whole),
    }
}

/// `None` when it lies in another file, or nowhere.
fn of_column(column: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let start = u64::try_from(start).ok().filter(|_| column.file_path().is_none())?;
    let length = u64::try_from(column.compressed_size()).ok()?;
    Some(start..start.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ::parquet::data_type::Int64Type;
    use ::parquet::file::metadata::RowGroupMetaData;
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::reader::ChunkReader;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    use super::{FileRange, of_row_group};

    /// A row group of one column, and the size of its file.
    fn row_group() -> (RowGroupMetaData, u64) {
        let schema = parse_message_type("message m { required int64 n; }").unwrap();
        let properties = Arc::new(WriterProperties::builder().build());
        let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties).unwrap();
        let mut group = file.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&[1, 2], None, None).unwrap();
        column.close().unwrap();
        let metadata = group.close().unwrap();
        let size = file.into_inner().unwrap().len() as u64;
        (metadata.as_ref().clone(), size)
    }

    #[test]
    fn a_row_group_lies_in_its_file_and_can_be_held() {
        let (group, size) = row_group();
        let range = of_row_group(&group, size, 1_000).unwrap();
        assert!(range.start == 4 && range.end < size, "{range:?} of {size}");
        let refused = of_row_group(&group, size, 10).unwrap_err();
        assert!(refused.ends_with(" bytes, more than 10"), "{refused}");
        let beyond = of_row_group(&group, range.end - 1, 1_000);
        assert_eq!(beyond, Err("a column does not lie in the file".into()));
    }

    #[test]
    fn rows_without_values_are_refused() {
        let (group, size) = row_group();
        let more = group.into_builder().set_num_rows(3).build().unwrap();
        let refused = of_row_group(&more, size, 1_000);
        assert_eq!(refused, Err("a column has fewer values than there are rows".into()));
    }

    #[test]
    fn a_part_is_read_by_places_of_the_file() {
        let part = FileRange::new(10, "abcd".into());
        assert_eq!(part.get_bytes(11, 2).unwrap(), "bc");
        assert_eq!(part.get_bytes(14, 0).unwrap(), "");
        for (start, length) in [(9, 1), (11, 4), (15, 0), (u64::MAX, 1)] {
            assert!(part.get_bytes(start, length).is_err(), "{start} {length}");
        }
    }
}
