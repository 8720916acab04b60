//! JSON Lines: a value a line. Lines of blanks do not count.

use stepyard_json::Json;

use super::{Parsed, Step, Window, skip_mark, utf8};
use crate::items::ItemReaderError;

const NAME: &str = "JSON Lines";

#[derive(Debug, Default)]
pub(crate) struct LineItems {
    /// Bytes at the front of the window that have no line break.
    scanned: usize,
}

impl LineItems {
    pub(super) fn next(&mut self, window: &mut Window) -> Result<Step, ItemReaderError> {
        if !skip_mark(window) {
            return Ok(Step::More);
        }
        loop {
            let rest = window.rest();
            let scanned = std::mem::take(&mut self.scanned);
            let end = rest[scanned..].iter().position(|byte| *byte == b'\n');
            let (line, used) = match end.map(|end| scanned + end) {
                Some(end) => (&rest[..end], end + 1),
                None if !window.is_ended() => {
                    self.scanned = rest.len();
                    return Ok(Step::More);
                }
                None if rest.is_empty() => return Ok(Step::End),
                None => (rest, rest.len()),
            };
            let offset = window.offset();
            let value = match line.trim_ascii() {
                b"" => None,
                text => Some(Json::parse(utf8(text, NAME, offset)?).map_err(|error| {
                    ItemReaderError::syntax(NAME, offset + error.offset as u64, &error.message)
                })?),
            };
            window.skip(used);
            if let Some(value) = value {
                return Ok(Step::Item(Parsed { key: None, value }));
            }
        }
    }
}
