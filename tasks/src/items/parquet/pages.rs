//! What the pages of a row group become when they are decompressed, checked before the decoder makes room for it.

use std::io::{Read, copy, sink};

use ::parquet::basic::CompressionCodec;
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use ::parquet::file::reader::ChunkReader;
use flate2::read::MultiGzDecoder;

use super::range::FileRange;
use super::room;
use super::thrift::Shape::{self, Flag, Number};
use super::thrift::{Compact, Fields, Struct};
use super::told;

/// Fields of the header of a page (`PageHeader`).
const DECOMPRESSED_SIZE: i16 = 2;
const SIZE: i16 = 3;
const DATA: i16 = 5;
const DICTIONARY: i16 = 7;
const DATA_V2: i16 = 8;
const HEADER: Fields = &[
    (1, Number),
    (DECOMPRESSED_SIZE, Number),
    (SIZE, Number),
    (4, Number),
    (DATA, Shape::Struct(&[(VALUES, Number), (ENCODING, Number), (3, Number), (4, Number)])),
    (6, Shape::Struct(&[])),
    (DICTIONARY, Shape::Struct(&[(VALUES, Number), (2, Number), (3, Flag)])),
    (DATA_V2, Shape::Struct(DATA_HEADER_V2)),
];

/// A field of `DataPageHeader`, `DataPageHeaderV2` and `DictionaryPageHeader`.
const VALUES: i16 = 1;

/// A field of `DataPageHeader`.
const ENCODING: i16 = 2;

/// Fields of `DataPageHeaderV2`.
const ENCODING_V2: i16 = 4;
const DEFINITIONS_SIZE: i16 = 5;
const REPETITIONS_SIZE: i16 = 6;
const IS_COMPRESSED: i16 = 7;
const DATA_HEADER_V2: Fields = &[
    (VALUES, Number),
    (2, Number),
    (3, Number),
    (ENCODING_V2, Number),
    (DEFINITIONS_SIZE, Number),
    (REPETITIONS_SIZE, Number),
    (IS_COMPRESSED, Flag),
];

/// Refuses a row group whose pages become larger than may be held.
///
/// # Errors
/// Why.
pub(super) fn check(
    group: &RowGroupMetaData,
    part: &FileRange,
    bytes_max: u64,
) -> Result<(), String> {
    let mut whole = Whole::default();
    for column in group.columns() {
        let (start, length) = column.byte_range();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let bytes = part.get_bytes(start, length).map_err(told)?;
        let mut pages = Compact::new(&bytes);
        while !pages.rest().is_empty() {
            whole.add(column, &mut pages)?;
            if whole.bytes > bytes_max {
                return Err(format!("its pages are decompressed to more than {bytes_max} bytes"));
            }
            if whole.room > bytes_max {
                return Err(format!(
                    "the values of its dictionaries and lists take more than {bytes_max} bytes"
                ));
            }
        }
    }
    Ok(())
}

/// What the headers of pages promise.
#[derive(Default)]
struct Whole {
    /// Of pages that are decompressed, with their headers.
    bytes: u64,
    /// That the decoder makes for values, in bytes.
    room: u64,
}

impl Whole {
    /// Adds the next page.
    fn add(&mut self, column: &ColumnChunkMetaData, pages: &mut Compact<'_>) -> Result<(), String> {
        let before = pages.rest().len();
        let header = pages.structure(HEADER)?;
        let header_size = before - pages.rest().len();
        let (Some(decompressed), Some(size)) =
            (header.size(DECOMPRESSED_SIZE)?, header.size(SIZE)?)
        else {
            return Err("a page has no size".into());
        };
        let page = pages.take(size)?;
        if column.compression_codec() == CompressionCodec::GZIP {
            check_gzip(&header, page, decompressed)?;
        }
        self.bytes += (header_size + decompressed) as u64;
        let is_compressed = column.compression_codec() != CompressionCodec::UNCOMPRESSED;
        let page_bytes = if is_compressed { decompressed } else { size };
        self.add_values(column, &header, page_bytes)
    }

    /// Adds the values that the header tells of, whichever kind of page the decoder takes it for.
    fn add_values(
        &mut self,
        column: &ColumnChunkMetaData,
        header: &Struct<'_>,
        page_bytes: usize,
    ) -> Result<(), String> {
        let values = |page: &Struct<'_>| Ok::<_, String>(page.size(VALUES)?.unwrap_or(0));
        if let Some(page) = header.inner(DICTIONARY) {
            self.room += room::of_dictionary(column, values(page)?, page_bytes)?;
        }
        for (version, encoding) in [(DATA, ENCODING), (DATA_V2, ENCODING_V2)] {
            let Some(page) = header.inner(version) else { continue };
            room::check_encoding(column, page.size(encoding)?.unwrap_or(0))?;
            self.room += room::of_data(column, values(page)?);
        }
        Ok(())
    }
}

/// The decoder decompresses a page in gzip as far as it goes, whatever its header says.
fn check_gzip(header: &Struct<'_>, page: &[u8], decompressed: usize) -> Result<(), String> {
    let mut levels = 0;
    if let Some(data) = header.inner(DATA_V2) {
        if data.flag(IS_COMPRESSED) == Some(false) {
            return Ok(());
        }
        for part in [DEFINITIONS_SIZE, REPETITIONS_SIZE] {
            levels += data.size(part)?.unwrap_or(0);
        }
    }
    let (Some(compressed), Some(size)) = (page.get(levels..), decompressed.checked_sub(levels))
    else {
        return Err("the levels of a page are longer than the page".into());
    };
    if size == 0 {
        return Ok(());
    }
    let mut data = MultiGzDecoder::new(compressed).take(size as u64 + 1);
    match copy(&mut data, &mut sink()) {
        Ok(bytes) if bytes <= size as u64 => Ok(()),
        Ok(_) => Err(format!("a page is decompressed to more than its {size} bytes")),
        Err(error) => Err(error.to_string()),
    }
}
