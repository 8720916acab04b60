//! Decompression, piece by piece.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

use super::zstd::ZstdDecoder;

/// How an object is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// By the end of the key (AWS developer guide, "Data sources").
    pub(super) fn of_key(key: &str) -> Compression {
        let ends_with = |ends: [&str; 2]| ends.iter().any(|end| key.ends_with(end));
        if ends_with([".gz", ".gzip"]) {
            Compression::Gzip
        } else if ends_with([".zst", ".zstd"]) {
            Compression::Zstd
        } else {
            Compression::None
        }
    }
}

/// Takes compressed bytes and gives the others.
pub(super) enum Decompressor {
    None,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd(Box<ZstdDecoder>),
}

impl Decompressor {
    pub(super) fn new(compression: Compression) -> Decompressor {
        match compression {
            Compression::None => Decompressor::None,
            Compression::Gzip => Decompressor::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Compression::Zstd => Decompressor::Zstd(Box::default()),
        }
    }

    /// How many bytes to give it at once, when that many are few.
    pub(super) fn slice(&self, few: usize) -> usize {
        match self {
            Decompressor::None => usize::MAX,
            Decompressor::Gzip(_) | Decompressor::Zstd(_) => few,
        }
    }

    /// Decompresses bytes that follow those before.
    pub(super) fn push(&mut self, bytes: &[u8], to: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Decompressor::None => to.extend_from_slice(bytes),
            Decompressor::Gzip(decoder) => {
                decoder.write_all(bytes)?;
                to.append(decoder.get_mut());
            }
            Decompressor::Zstd(decoder) => decoder.push(bytes, to)?,
        }
        Ok(())
    }

    /// There are no more bytes.
    pub(super) fn finish(&mut self, to: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Decompressor::None => Ok(()),
            Decompressor::Gzip(decoder) => {
                decoder.try_finish()?;
                to.append(decoder.get_mut());
                Ok(())
            }
            Decompressor::Zstd(decoder) => decoder.finish(to),
        }
    }
}
