//! How much of a journal is read at a time.

use crate::Chunk;

/// Where a piece of a journal ends: after so many chunks, or with the one that brings it to so many bytes. So there is a
/// chunk in it, however large, and at most one that goes beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// Most chunks.
    pub chunks: usize,
    /// Bytes of their bodies.
    pub bytes: usize,
}

impl ReadLimit {
    /// What may be held of a journal that is read to its end: it may be larger than memory, and so may 256 chunks when
    /// executions hold more than AWS's do.
    pub const PIECE: ReadLimit = ReadLimit { chunks: 256, bytes: 8 << 20 };

    /// All of it.
    pub const NONE: ReadLimit = ReadLimit { chunks: usize::MAX, bytes: usize::MAX };

    /// So many chunks, whatever their size.
    pub const fn of_chunks(chunks: usize) -> ReadLimit {
        ReadLimit { chunks, bytes: usize::MAX }
    }

    /// Whether a piece that was read with this limit ends because of it. Otherwise the journal has ended.
    pub fn is_reached(&self, piece: &[Chunk]) -> bool {
        piece.len() >= self.chunks || bytes_of(piece) >= self.bytes
    }

    /// What is left of it behind a piece, of the bytes.
    pub fn behind(self, piece: &[Chunk]) -> ReadLimit {
        ReadLimit { bytes: self.bytes.saturating_sub(bytes_of(piece)), ..self }
    }

    /// The piece that chunks begin with.
    pub(crate) fn take<'a>(&self, chunks: impl Iterator<Item = &'a Chunk>) -> Vec<Chunk> {
        let mut before = 0;
        let fits = |chunk: &&Chunk| {
            let fits = before < self.bytes;
            before += chunk.body.len();
            fits
        };
        chunks.take(self.chunks).take_while(fits).cloned().collect()
    }
}

fn bytes_of(piece: &[Chunk]) -> usize {
    piece.iter().map(|chunk| chunk.body.len()).sum()
}
