//! How large an image may be.

use super::ImageError;

/// Limits of what is accepted. They bound the memory of one image: usually 3 to 4 bytes per pixel
/// (less for JPEG, which is decoded at a smaller size), 6 for progressive JPEG, 12 for 16-bit RGBA, and as
/// much for the result and for the picture between the passes of the resize, which are never larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageLimits {
    /// Longest encoded image in bytes.
    pub bytes: u64,
    /// Most pixels: width times height.
    pub pixels: u64,
    /// Largest width and height.
    pub side: u32,
}

impl Default for ImageLimits {
    fn default() -> Self {
        ImageLimits { bytes: 100 * 1024 * 1024, pixels: 64_000_000, side: 30_000 }
    }
}

/// Most scans of a progressive JPEG. Usual files have about ten; each one more costs a pass over
/// the whole image however small it is in the file.
pub(super) const JPEG_SCANS_MAX: usize = 200;

/// Most memory for parts of a file that are no pixels: color profiles and text.
pub(super) const ANCILLARY_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Largest width and height of an output image.
pub const OUTPUT_SIDE_MAX: u32 = 10_000;

impl ImageLimits {
    /// Checks the length of an encoded image.
    pub fn check_bytes(&self, bytes: u64) -> Result<(), ImageError> {
        if bytes > self.bytes {
            return Err(ImageError::TooLarge(format!(
                "the object has {bytes} bytes, more than the limit of {}",
                self.bytes
            )));
        }
        Ok(())
    }

    /// Checks the size that a result will have.
    pub fn check_result(&self, width: u32, height: u32) -> Result<(), ImageError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels <= self.pixels {
            return Ok(());
        }
        Err(ImageError::TooLarge(format!(
            "a result of {width}x{height} = {pixels} pixels is more than the limit of {}",
            self.pixels
        )))
    }

    /// Checks the size that an image claims to have.
    pub fn check_size(&self, width: u32, height: u32) -> Result<(), ImageError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(ImageError::Invalid(format!("the image has no pixels: {width}x{height}")));
        }
        if pixels > self.pixels {
            return Err(ImageError::TooLarge(format!(
                "the image has {width}x{height} = {pixels} pixels, more than the limit of {}",
                self.pixels
            )));
        }
        if width.max(height) > self.side {
            return Err(ImageError::TooLarge(format!(
                "the image has {width}x{height} pixels, more than the limit of {} in one direction",
                self.side
            )));
        }
        Ok(())
    }
}
