//! Zstandard, piece by piece: a frame after the other, a block after the other (RFC 8878).

use std::io;

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Largest window of a frame, in bytes: that of level 22 is four times as large, and would fill the memory that a Map
/// Run has.
const WINDOW_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Longest header of a frame, in bytes, with the magic number.
const FRAME_HEADER_BYTES_MAX: usize = 18;

/// Length of the header of a block and of the checksum after the last one.
const BLOCK_HEADER_BYTES: usize = 3;
const CHECKSUM_BYTES: usize = 4;

pub(super) struct ZstdDecoder {
    decoder: FrameDecoder,
    /// Whether a frame has begun and not ended.
    in_frame: bool,
    /// Whether a checksum follows the last block of the frame.
    has_checksum: bool,
    /// Bytes of a frame to skip.
    skipped: u64,
    input: Vec<u8>,
}

impl Default for ZstdDecoder {
    fn default() -> ZstdDecoder {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES_MAX);
        ZstdDecoder { decoder, in_frame: false, has_checksum: false, skipped: 0, input: Vec::new() }
    }
}

impl ZstdDecoder {
    /// Decompresses what is complete with these bytes.
    pub(super) fn push(&mut self, bytes: &[u8], to: &mut Vec<u8>) -> io::Result<()> {
        self.input.extend_from_slice(bytes);
        self.decode(FRAME_HEADER_BYTES_MAX, to)
    }

    /// There are no more bytes.
    pub(super) fn finish(&mut self, to: &mut Vec<u8>) -> io::Result<()> {
        self.decode(1, to)?;
        match self.in_frame || self.skipped > 0 || !self.input.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the last frame is cut off")),
            false => Ok(()),
        }
    }

    /// Goes as far as the input allows; a frame begins when there are so many bytes.
    fn decode(&mut self, header_bytes: usize, to: &mut Vec<u8>) -> io::Result<()> {
        let input = std::mem::take(&mut self.input);
        let mut rest = &input[..];
        loop {
            let skipped = usize::try_from(self.skipped).unwrap_or(usize::MAX).min(rest.len());
            rest = &rest[skipped..];
            self.skipped -= skipped as u64;
            if self.in_frame && rest.len() >= self.block_bytes(rest) {
                self.block(&mut rest, to)?;
            } else if !self.in_frame && self.skipped == 0 && rest.len() >= header_bytes {
                self.begin(&mut rest)?;
            } else {
                break;
            }
        }
        self.input.extend_from_slice(rest);
        Ok(())
    }

    fn begin(&mut self, rest: &mut &[u8]) -> io::Result<()> {
        // `Content_Checksum_flag` in the byte behind the magic number.
        self.has_checksum = rest.get(4).is_some_and(|descriptor| descriptor & 4 != 0);
        match self.decoder.reset(&mut *rest) {
            Ok(()) => self.in_frame = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => self.skipped = u64::from(length),
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(())
    }

    /// How many bytes the next block takes, with what follows when it is the last one.
    fn block_bytes(&self, rest: &[u8]) -> usize {
        const RLE: usize = 1;
        let Some(&[a, b, c]) = rest.first_chunk::<BLOCK_HEADER_BYTES>() else { return usize::MAX };
        let header = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        let (is_last, kind, size) = (header & 1 == 1, header >> 1 & 3, header >> 3);
        let content = if kind == RLE { 1 } else { size };
        let checksum = if is_last && self.has_checksum { CHECKSUM_BYTES } else { 0 };
        BLOCK_HEADER_BYTES + content + checksum
    }

    fn block(&mut self, rest: &mut &[u8], to: &mut Vec<u8>) -> io::Result<()> {
        let one = BlockDecodingStrategy::UptoBlocks(1);
        self.in_frame = !self.decoder.decode_blocks(&mut *rest, one).map_err(io::Error::other)?;
        self.decoder.collect_to_writer(&mut *to)?;
        let (told, found) =
            (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
        if !self.in_frame && told.is_some() && told != found {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum is wrong"));
        }
        Ok(())
    }
}
