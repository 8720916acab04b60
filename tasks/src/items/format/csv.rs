//! Rows of fields between delimiters, as Step Functions reads them (AWS developer guide, "How Step Functions parses input
//! CSV files").

use std::collections::BTreeSet;
use std::sync::Arc;

use stepyard_asl::{CsvDelimiter, CsvHeaders};
use stepyard_json::{Json, Object};

use super::{Parsed, Step, Window, skip_mark};
use crate::items::{ITEM_BYTES_MAX, ItemReaderError};

const NAME: &str = "CSV";

/// Longest first row, in bytes (AWS developer guide, "ItemReader").
const HEADER_BYTES_MAX: usize = 10 * 1024;

/// Rows as objects of texts.
#[derive(Debug)]
pub(crate) struct CsvItems {
    records: CsvRecords,
    /// Absent until the first row was read, when the names stand there.
    headers: Option<Vec<Arc<str>>>,
}

impl CsvItems {
    pub(super) fn new(
        headers: &CsvHeaders,
        delimiter: CsvDelimiter,
    ) -> Result<CsvItems, ItemReaderError> {
        let headers = match headers {
            CsvHeaders::FirstRow => None,
            CsvHeaders::Given(headers) => Some(checked(headers.clone())?),
        };
        Ok(CsvItems { records: CsvRecords::new(delimiter.byte()), headers })
    }

    pub(super) fn needs_header(&self) -> bool {
        self.headers.is_none()
    }

    /// Whether the names of the columns are known now, or there is nothing in the file.
    pub(super) fn read_header(&mut self, window: &mut Window) -> Result<bool, ItemReaderError> {
        if self.headers.is_none() {
            let record = match self.records.next(window)? {
                CsvRecord::Row(record) => record,
                CsvRecord::More => return Ok(false),
                CsvRecord::End => Vec::new(),
            };
            if record.iter().map(String::len).sum::<usize>() > HEADER_BYTES_MAX {
                let cause = format!("CSV headers cannot exceed {HEADER_BYTES_MAX} bytes.");
                return Err(ItemReaderError::new(cause));
            }
            self.headers = Some(checked(record.into_iter().map(Arc::from).collect())?);
        }
        Ok(true)
    }

    pub(super) fn next(&mut self, window: &mut Window) -> Result<Step, ItemReaderError> {
        if !self.read_header(window)? {
            return Ok(Step::More);
        }
        Ok(match self.records.next(window)? {
            CsvRecord::Row(row) => Step::Item(Parsed { key: None, value: self.item(row) }),
            CsvRecord::More => Step::More,
            CsvRecord::End => Step::End,
        })
    }

    /// What a short row lacks is the empty text; what a long one has too much is left out.
    fn item(&self, row: Vec<String>) -> Json {
        let mut item = Object::new();
        let mut fields = row.into_iter();
        for header in self.headers.iter().flatten() {
            item.insert(header.clone(), fields.next().unwrap_or_default());
        }
        item.into()
    }
}

fn checked(headers: Vec<Arc<str>>) -> Result<Vec<Arc<str>>, ItemReaderError> {
    let different: BTreeSet<_> = headers.iter().collect();
    if different.len() < headers.len() {
        return Err(ItemReaderError::new("CSV headers cannot contain duplicates."));
    }
    Ok(headers)
}

/// What has come of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CsvRecord {
    /// The fields of a row.
    Row(Vec<String>),
    /// None that is complete.
    More,
    /// There are no more rows.
    End,
}

/// Rows as lists of texts. Bytes are used as they come; only the row that is being read is kept.
#[derive(Debug)]
pub(crate) struct CsvRecords {
    delimiter: u8,
    state: State,
    /// Fields of this row that are complete.
    row: Vec<String>,
    field: Vec<u8>,
}

/// Where in a field the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing of it was read.
    Start,
    /// It does not begin with a quotation mark.
    Plain,
    /// The last byte was a quotation mark, which counts when it is not doubled, too.
    PlainQuote,
    /// Between quotation marks.
    Quoted,
    /// After a quotation mark between such: the end, or the first half of one.
    QuoteInQuoted,
    /// The last byte was a backslash.
    Escape { quoted: bool },
}

impl CsvRecords {
    pub(crate) fn new(delimiter: u8) -> CsvRecords {
        let (row, field) = (Vec::new(), Vec::new());
        CsvRecords { delimiter, state: State::Start, row, field }
    }

    /// The next row. Rows without a byte do not count.
    pub(crate) fn next(&mut self, window: &mut Window) -> Result<CsvRecord, ItemReaderError> {
        if !skip_mark(window) {
            return Ok(CsvRecord::More);
        }
        let end = window.rest().iter().position(|byte| self.byte(*byte));
        match end {
            Some(last) => {
                window.skip(last + 1);
                return Ok(CsvRecord::Row(std::mem::take(&mut self.row)));
            }
            None => window.skip(window.rest().len()),
        }
        if self.held_bytes() > ITEM_BYTES_MAX {
            return Err(ItemReaderError::too_large(window.offset()));
        }
        if !window.is_ended() {
            return Ok(CsvRecord::More);
        }
        self.last_row(window)
    }

    /// Memory that the row takes which is being read.
    fn held_bytes(&self) -> usize {
        let fields = self.row.iter().map(|field| field.len() + size_of::<String>());
        self.field.len() + fields.sum::<usize>()
    }

    /// What the last line holds, when it does not end with a line break.
    fn last_row(&mut self, window: &Window) -> Result<CsvRecord, ItemReaderError> {
        if matches!(self.state, State::Quoted | State::Escape { quoted: true }) {
            let cause = "a quotation mark is not closed";
            return Err(ItemReaderError::syntax(NAME, window.offset(), cause));
        }
        if self.state == State::PlainQuote {
            self.field.push(b'"');
        }
        let is_empty = self.row.is_empty() && self.state == State::Start;
        if is_empty {
            return Ok(CsvRecord::End);
        }
        self.end_field();
        Ok(CsvRecord::Row(std::mem::take(&mut self.row)))
    }

    fn end_field(&mut self) {
        let field = std::mem::take(&mut self.field);
        self.row.push(String::from_utf8_lossy(&field).into_owned());
        self.state = State::Start;
    }

    /// Takes a byte; whether a row ends with it.
    fn byte(&mut self, byte: u8) -> bool {
        match (self.state, byte) {
            (State::Start, b'"') => self.state = State::Quoted,
            (State::PlainQuote, _) => {
                self.field.push(b'"');
                self.state = State::Plain;
                return byte != b'"' && self.plain(byte);
            }
            (State::Quoted, b'"') => self.state = State::QuoteInQuoted,
            (State::Quoted, b'\\') => self.state = State::Escape { quoted: true },
            (State::Quoted, _) => self.field.push(byte),
            (State::QuoteInQuoted, b'"') => {
                self.field.push(b'"');
                self.state = State::Quoted;
            }
            // What follows the closing mark belongs to the field all the same.
            (State::Start | State::Plain | State::QuoteInQuoted, _) => return self.plain(byte),
            (State::Escape { quoted }, _) => return self.escaped(byte, quoted),
        }
        false
    }

    /// A byte outside of quotation marks.
    fn plain(&mut self, byte: u8) -> bool {
        match byte {
            // A line without a byte. The second half of a line break is one, too.
            b'\n' | b'\r' if self.state == State::Start && self.row.is_empty() => {}
            b'\n' | b'\r' => {
                self.end_field();
                return true;
            }
            b'"' => self.state = State::PlainQuote,
            b'\\' => self.state = State::Escape { quoted: false },
            _ if byte == self.delimiter => self.end_field(),
            _ => {
                self.field.push(byte);
                self.state = State::Plain;
            }
        }
        false
    }

    /// A byte after a backslash, which counts only before a backslash, a quotation mark and the delimiter.
    fn escaped(&mut self, byte: u8, quoted: bool) -> bool {
        self.state = if quoted { State::Quoted } else { State::Plain };
        if byte == b'\\' || byte == b'"' || byte == self.delimiter {
            self.field.push(byte);
            return false;
        }
        self.byte(byte)
    }
}
