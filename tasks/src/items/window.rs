//! Bytes that have been read and not been used.

/// A part of a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Bytes at the front that are used.
    used: usize,
    /// Where the stream is at the first byte that is not used.
    offset: u64,
    ended: bool,
}

impl Window {
    /// Of a stream that begins at that offset.
    pub(super) fn at(offset: u64) -> Window {
        Window { offset, ..Window::default() }
    }

    /// What is not used yet.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    pub(super) fn first(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Uses so many bytes.
    pub(super) fn skip(&mut self, count: usize) {
        let count = count.min(self.rest().len());
        self.used += count;
        self.offset += count as u64;
    }

    /// Offset of the first byte that is not used.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether nothing comes after the rest.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Where to add bytes; those that are used go.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        self.bytes.drain(..self.used);
        self.used = 0;
        &mut self.bytes
    }
}
