//! Where a JSON value ends, found without looking at what it says.

/// Goes over one value, as its bytes come. What it takes for a value may not be one: that is for a parser to say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ValueScan {
    /// Open brackets.
    depth: u64,
    in_string: bool,
    escaped: bool,
    /// Whether a value without brackets and quotation marks has begun.
    in_word: bool,
}

impl ValueScan {
    /// Goes over bytes that follow those before. Where the value ends in them: behind its last byte.
    pub(super) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        bytes.iter().enumerate().find_map(|(at, byte)| self.byte(*byte).map(|own| at + own))
    }

    /// Whether the value is complete, should nothing follow.
    pub(super) fn is_complete(&self) -> bool {
        self.in_word && self.depth == 0
    }

    /// Takes a byte. When the value ends: how many bytes of this one belong to it, one or none.
    fn byte(&mut self, byte: u8) -> Option<usize> {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_string = false;
                    return (self.depth == 0).then_some(1);
                }
                _ => {}
            }
            return None;
        }
        match byte {
            // At the top, all that can follow a word.
            b',' | b']' | b'}' | b':' | b' ' | b'\t' | b'\r' | b'\n'
                if self.in_word && self.depth == 0 =>
            {
                return Some(0);
            }
            b'"' => self.in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => {
                self.depth = self.depth.saturating_sub(1);
                return (self.depth == 0).then_some(1);
            }
            _ => self.in_word |= self.depth == 0,
        }
        None
    }
}
