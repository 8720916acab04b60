//! What an `ItemReader` reads: the items of a Distributed Map, one after the other (AWS developer guide, "ItemReader").
//!
//! A source may be far larger than memory. Bytes come in pieces, are decompressed piece by piece and cut into items as
//! they come; what is held is a piece, the window of a decompressor and one item. Each item leaves a [`Cursor`] from
//! which another process can go on.

mod bytes;
mod cursor;
mod decompress;
mod error;
mod file_items;
mod format;
mod listing;
mod manifest;
mod object_items;
mod parquet;
mod request;
mod source;
mod window;
mod zstd;

#[cfg(test)]
mod tests;

pub use cursor::Cursor;
pub use error::ItemReaderError;
pub use request::ReadRequest;
pub use source::ItemSource;

/// Largest item, in bytes as it is written (AWS developer guide: 8 MB, of which an `ItemSelector` chooses).
pub const ITEM_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Largest manifest, in bytes: some hundred thousand names of files. It is read as a whole.
pub const MANIFEST_BYTES_MAX: usize = 32 * 1024 * 1024;
