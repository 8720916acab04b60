//! The room that the decoder makes for the values of a page, by what the header of the page says of them.

use ::parquet::basic::Type;
use ::parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use ::parquet::file::metadata::ColumnChunkMetaData;

/// Encodings (`Encoding`) of texts that are not read. For both the decoder makes room for as many values as stand in the
/// data, whatever the header says; and each value of the second may repeat all of the one before.
const REFUSED: [(usize, &str); 2] = [(6, "DELTA_LENGTH_BYTE_ARRAY"), (7, "DELTA_BYTE_ARRAY")];

/// Bytes that the decoder holds for where a value stands in its lists: its definition and repetition levels.
const LEVELS_BYTES: usize = 2 * size_of::<i16>();

/// Refuses data for which the decoder makes room that no header tells of.
///
/// # Errors
/// Why.
pub(super) fn check_encoding(column: &ColumnChunkMetaData, encoding: usize) -> Result<(), String> {
    match REFUSED.iter().find(|(refused, _)| *refused == encoding) {
        Some((_, name)) => Err(format!(
            "the column {} has the encoding {name}, which is not read; \
             write it as PLAIN or with a dictionary",
            column.column_path()
        )),
        None => Ok(()),
    }
}

/// Bytes for the values of a dictionary whose page has so many when it is decompressed.
///
/// # Errors
/// When it cannot have so many values.
pub(super) fn of_dictionary(
    column: &ColumnChunkMetaData,
    values: usize,
    page_bytes: usize,
) -> Result<u64, String> {
    let value = ValueBytes::of(column);
    if values > page_bytes / value.written {
        return Err(format!("a dictionary of {page_bytes} bytes has {values} values"));
    }
    Ok((values * value.held) as u64)
}

/// Bytes for the values of a page of data. The decoder takes some rows at a time, but each with all that it repeats.
pub(super) fn of_data(column: &ColumnChunkMetaData, values: usize) -> u64 {
    if column.column_descr().max_rep_level() == 0 {
        return 0;
    }
    (values * (ValueBytes::of(column).held + LEVELS_BYTES)) as u64
}

/// Bytes of a value of a column.
struct ValueBytes {
    /// Fewest that it takes in a dictionary.
    written: usize,
    /// That the decoder holds, without what it shares with the page.
    held: usize,
}

impl ValueBytes {
    fn of(column: &ColumnChunkMetaData) -> ValueBytes {
        let (written, held) = match column.column_type() {
            Type::BOOLEAN => (1, size_of::<bool>()),
            Type::INT32 | Type::FLOAT => (4, size_of::<i32>()),
            Type::INT64 | Type::DOUBLE => (8, size_of::<i64>()),
            Type::INT96 => (12, size_of::<Int96>()),
            // Each begins with its length.
            Type::BYTE_ARRAY => (4, size_of::<ByteArray>()),
            Type::FIXED_LEN_BYTE_ARRAY => {
                let length = usize::try_from(column.column_descr().type_length()).unwrap_or(0);
                (length.max(1), size_of::<FixedLenByteArray>())
            }
        };
        ValueBytes { written, held }
    }
}
