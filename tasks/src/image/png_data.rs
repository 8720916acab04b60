//! Refuses PNG images whose data inflates to more than their pixels.
//!
//! A decoder stops storing when it has all pixels but goes on inflating to the end of the data: a
//! few megabytes can keep it busy for minutes.

use std::io::{self, Read};

use flate2::read::ZlibDecoder;

use super::ImageError;

/// The signature and the chunk `IHDR` with its checksum.
const START_BYTES: usize = 8 + CHUNK_FRAME_BYTES + 13;

/// Length, kind and checksum of a chunk.
const CHUNK_FRAME_BYTES: usize = 12;

/// Interlacing sends seven images: where each starts and how far its pixels are apart, x and y.
const ADAM7: [(u32, u32, u32, u32); 7] = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
];

/// Inflates the data of a PNG, keeping nothing, and refuses it if it is longer than its pixels.
/// Every other fault is left to the decoder.
pub(super) fn check(bytes: &[u8]) -> Result<(), ImageError> {
    let Some(expected) = data_bytes(bytes) else { return Ok(()) };
    let inflated = ZlibDecoder::new(ImageData { rest: &bytes[START_BYTES..], chunk: &[] });
    let inflated = io::copy(&mut inflated.take(expected + 1), &mut io::sink());
    match inflated {
        Ok(length) if length > expected => Err(ImageError::Invalid(format!(
            "the PNG image is broken: its data inflates to more than the {expected} bytes that its pixels take"
        ))),
        _ => Ok(()),
    }
}

/// Length of the inflated data: each row takes one byte more than its pixels.
fn data_bytes(bytes: &[u8]) -> Option<u64> {
    let &[w0, w1, w2, w3, h0, h1, h2, h3, depth, color, _, _, interlaced] =
        bytes.get(16..START_BYTES - 4)?
    else {
        return None;
    };
    let (width, height) =
        (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
    let samples = match color {
        0 | 3 => 1,
        4 => 2,
        2 => 3,
        6 => 4,
        _ => return None,
    };
    let bits = u64::from(depth) * samples;
    let part = |(x, y, apart_x, apart_y): (u32, u32, u32, u32)| {
        let columns = u64::from(width.saturating_sub(x).div_ceil(apart_x));
        let rows = u64::from(height.saturating_sub(y).div_ceil(apart_y));
        if columns == 0 { 0 } else { rows * (1 + (columns * bits).div_ceil(8)) }
    };
    match interlaced {
        0 => Some(part((0, 0, 1, 1))),
        _ => Some(ADAM7.into_iter().map(part).sum()),
    }
}

/// The contents of the `IDAT` chunks, one after the other.
struct ImageData<'a> {
    rest: &'a [u8],
    chunk: &'a [u8],
}

impl Read for ImageData<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && self.rest.len() >= CHUNK_FRAME_BYTES {
            let (length, rest) = self.rest.split_at(4);
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            let (kind, rest) = rest.split_at(4);
            let (content, rest) = rest.split_at(length.min(rest.len()));
            if kind == b"IDAT" {
                self.chunk = content;
            }
            self.rest = rest.get(4..).unwrap_or_default();
        }
        self.chunk.read(buffer)
    }
}
