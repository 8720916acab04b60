//! How items are written in a file: cutting a stream of bytes into them.

mod csv;
mod json;
mod json_scan;
mod lines;

use std::sync::Arc;

use stepyard_asl::{InputType, ReaderConfig};
use stepyard_json::Json;

use super::window::Window;
use super::{Cursor, ItemReaderError};
use csv::CsvItems;
use json::JsonItems;
use lines::LineItems;

/// What has come of some bytes.
#[derive(Debug)]
pub(super) enum Step {
    /// An item.
    Item(Parsed),
    /// None that is complete: there must be more bytes.
    More,
    /// There are no more items.
    End,
}

/// An item of a file.
#[derive(Debug, PartialEq)]
pub(super) struct Parsed {
    /// Its key, when it is a member of an object.
    pub(super) key: Option<Arc<str>>,
    pub(super) value: Json,
}

/// Cuts the bytes of one file into items.
#[derive(Debug)]
pub(super) enum Format {
    Csv(CsvItems),
    Json(JsonItems),
    Lines(LineItems),
}

impl Format {
    /// From the beginning of a file.
    ///
    /// # Errors
    /// When this is not a format of files.
    pub(super) fn new(config: &ReaderConfig) -> Result<Format, ItemReaderError> {
        match config.input_type {
            Some(InputType::Csv) => {
                Ok(Format::Csv(CsvItems::new(&config.csv_headers, config.csv_delimiter)?))
            }
            Some(InputType::Json) => Ok(Format::Json(JsonItems::new(&config.items_pointer))),
            Some(InputType::JsonLines) => Ok(Format::Lines(LineItems::default())),
            Some(InputType::Parquet) => Err(ItemReaderError::new(
                "A Parquet file is not read from its beginning to its end",
            )),
            Some(InputType::Manifest) => {
                Err(ItemReaderError::new("A manifest does not list manifests"))
            }
            None => Err(ItemReaderError::new("The field 'InputType' is required but was missing")),
        }
    }

    /// Whether it has to see the beginning of the file before it can go on somewhere else.
    pub(super) fn needs_head(&self) -> bool {
        matches!(self, Format::Csv(csv) if csv.needs_header())
    }

    /// Reads what comes before the first item, if all of it is there.
    pub(super) fn read_head(&mut self, window: &mut Window) -> Result<bool, ItemReaderError> {
        match self {
            Format::Csv(csv) => csv.read_header(window),
            Format::Json(_) | Format::Lines(_) => Ok(true),
        }
    }

    /// The bytes now come from a place between two items.
    pub(super) fn resume(&mut self, cursor: &Cursor) {
        match self {
            Format::Json(json) => json.resume(cursor.is_object),
            Format::Csv(_) | Format::Lines(_) => {}
        }
    }

    /// Whether the items are members of an object.
    pub(super) fn is_object(&self) -> bool {
        matches!(self, Format::Json(json) if json.is_object())
    }

    /// The next item. After it the window is between two items.
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Step, ItemReaderError> {
        match self {
            Format::Csv(csv) => csv.next(window),
            Format::Json(json) => json.next(window),
            Format::Lines(lines) => lines.next(window),
        }
    }
}

/// Text of a file that must be UTF-8.
fn utf8<'a>(bytes: &'a [u8], format: &str, offset: u64) -> Result<&'a str, ItemReaderError> {
    std::str::from_utf8(bytes)
        .map_err(|error| ItemReaderError::syntax(format, offset, &error.to_string()))
}

/// The mark of byte order that some programs write at the beginning of a file of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Skips such a mark at the beginning of a file. `false` when there are too few bytes to tell.
fn skip_mark(window: &mut Window) -> bool {
    let rest = window.rest();
    if window.offset() > 0 {
        return true;
    }
    if rest.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(rest) {
        return window.is_ended();
    }
    if rest.starts_with(BYTE_ORDER_MARK) {
        window.skip(BYTE_ORDER_MARK.len());
    }
    true
}

#[cfg(test)]
mod tests;
