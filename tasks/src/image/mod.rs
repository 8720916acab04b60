//! Image processing: from encoded bytes to encoded bytes.
//!
//! Everything here is a function of its arguments; only [`ImagePool`] knows threads. What an image
//! claims of itself is checked from its header ([`probe`]) before anything is decoded.

mod decode;
mod encode;
mod error;
mod limits;
mod png_data;
mod pool;
mod probe;
mod resize;
mod transform;
mod watermark;

pub use error::ImageError;
pub use limits::{ImageLimits, OUTPUT_SIDE_MAX};
pub use pool::{ImagePermit, ImagePool, PixelPermit};
pub use probe::{Header, ImageFormat, probe};
pub use resize::ResizeMode;
pub use transform::{OutputFormat, Processed, QUALITY_DEFAULT, Transform, transform};
pub use watermark::{Position, Watermark};

#[cfg(test)]
mod tests;
