//! Reads what an image says of itself, without decoding it.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ImageDecoder, Limits};

use super::limits::{ANCILLARY_BYTES_MAX, JPEG_SCANS_MAX};
use super::{ImageError, ImageLimits};

/// Formats that are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG.
    Png,
    /// WebP; of an animation the first frame.
    WebP,
    /// GIF, the first frame.
    Gif,
}

impl ImageFormat {
    /// The name in upper case, as Pillow's `Image.format`.
    pub fn as_str(self) -> &'static str {
        match self {
            ImageFormat::Jpeg => "JPEG",
            ImageFormat::Png => "PNG",
            ImageFormat::WebP => "WEBP",
            ImageFormat::Gif => "GIF",
        }
    }

    /// The MIME type.
    pub fn content_type(self) -> &'static str {
        match self {
            ImageFormat::Jpeg => "image/jpeg",
            ImageFormat::Png => "image/png",
            ImageFormat::WebP => "image/webp",
            ImageFormat::Gif => "image/gif",
        }
    }

    /// Recognises a format by the first bytes of the content.
    pub fn of(bytes: &[u8]) -> Result<ImageFormat, ImageError> {
        match image::guess_format(bytes) {
            Ok(image::ImageFormat::Jpeg) => Ok(ImageFormat::Jpeg),
            Ok(image::ImageFormat::Png) => Ok(ImageFormat::Png),
            Ok(image::ImageFormat::WebP) => Ok(ImageFormat::WebP),
            Ok(image::ImageFormat::Gif) => Ok(ImageFormat::Gif),
            Ok(other) => Err(ImageError::Unsupported(format!(
                "the object is an image of the format {other:?}; JPEG, PNG, WebP and GIF are supported"
            ))),
            Err(_) => Err(ImageError::Invalid(no_image(bytes))),
        }
    }
}

/// What an image says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its format, by content.
    pub format: ImageFormat,
    /// Width in pixels as stored.
    pub width: u32,
    /// Height in pixels as stored.
    pub height: u32,
    /// How to turn the stored pixels to see the picture upright (EXIF).
    pub orientation: Orientation,
}

impl Header {
    /// Pixels of the stored image.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Width and height of the upright picture.
    pub fn upright_size(&self) -> (u32, u32) {
        turned(self.orientation, (self.width, self.height))
    }
}

/// Reads the header of an image and checks it against the limits. Takes little memory and time,
/// whatever the header claims.
pub fn probe(bytes: &[u8], limits: &ImageLimits) -> Result<Header, ImageError> {
    limits.check_bytes(bytes.len() as u64)?;
    let format = ImageFormat::of(bytes)?;
    let (size, orientation) = match format {
        ImageFormat::Jpeg => probe_jpeg(bytes)?,
        ImageFormat::Png => probe_png(bytes, limits)?,
        ImageFormat::WebP => facts(&mut WebPDecoder::new(Cursor::new(bytes))?),
        ImageFormat::Gif => facts(&mut GifDecoder::new(Cursor::new(bytes))?),
    };
    limits.check_size(size.0, size.1)?;
    Ok(Header { format, width: size.0, height: size.1, orientation })
}

/// Swaps width and height when the orientation lays the picture on its side.
pub(super) fn turned(orientation: Orientation, (width, height): (u32, u32)) -> (u32, u32) {
    match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => (width, height),
    }
}

/// Limits for decoders that take them: they hold for what is no pixel; pixels are counted before.
pub(super) fn ancillary_limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(ANCILLARY_BYTES_MAX);
    limits
}

type Facts = ((u32, u32), Orientation);

fn facts(decoder: &mut impl ImageDecoder) -> Facts {
    // Metadata that cannot be read is no reason to refuse the picture.
    (decoder.dimensions(), decoder.orientation().unwrap_or(Orientation::NoTransforms))
}

fn probe_jpeg(bytes: &[u8]) -> Result<Facts, ImageError> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.read_info()?;
    let Some(info) = decoder.info() else {
        return Err(ImageError::Invalid("the JPEG image has no frame".into()));
    };
    // Inside compressed data a 0xFF is followed by 0x00: this counts scans, also of thumbnails.
    let scans = bytes.windows(2).filter(|pair| pair == &[0xFF, 0xDA]).count();
    if scans > JPEG_SCANS_MAX {
        return Err(ImageError::TooLarge(format!(
            "the JPEG image has {scans} scans, more than the limit of {JPEG_SCANS_MAX}"
        )));
    }
    let orientation = decoder.exif_data().and_then(Orientation::from_exif_chunk);
    let size = (u32::from(info.width), u32::from(info.height));
    Ok((size, orientation.unwrap_or(Orientation::NoTransforms)))
}

fn probe_png(bytes: &[u8], limits: &ImageLimits) -> Result<Facts, ImageError> {
    // The size stands at a fixed place. Look at it before the decoder reserves rows of it.
    if let Some(&[w0, w1, w2, w3, h0, h1, h2, h3]) = bytes.get(16..24) {
        let width = u32::from_be_bytes([w0, w1, w2, w3]);
        limits.check_size(width, u32::from_be_bytes([h0, h1, h2, h3]))?;
    }
    Ok(facts(&mut PngDecoder::with_limits(Cursor::new(bytes), ancillary_limits())?))
}

/// Says what stands at the beginning of something that is no image.
fn no_image(bytes: &[u8]) -> String {
    const SHOWN: usize = 16;
    if bytes.is_empty() {
        return "the object is empty".to_owned();
    }
    let start = &bytes[..bytes.len().min(SHOWN)];
    format!(
        "the object is not an image: it begins with \"{}\" and is neither JPEG, PNG, WebP nor GIF",
        start.escape_ascii()
    )
}
