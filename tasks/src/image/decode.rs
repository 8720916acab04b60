//! Decodes an image into RGB or RGBA with 8 bits per channel.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder, RgbImage};
use jpeg_decoder::PixelFormat;

use super::probe::ancillary_limits;
use super::{Header, ImageError, ImageFormat, png_data};

/// Scaled decoding keeps at least this many times the wanted size, so that the resize that follows
/// decides how the result looks.
const OVERSAMPLING: u32 = 2;

/// Where the tag of the color space stands in an ICC profile.
const ICC_SPACE: std::ops::Range<usize> = 16..20;

/// Longest color profile that is handed on.
const ICC_BYTES_MAX: usize = 1024 * 1024;

/// Decoded pixels, not yet turned upright.
pub(super) struct Decoded {
    /// `ImageRgb8` or `ImageRgba8`.
    pub(super) image: DynamicImage,
    /// The color profile, if it is one for RGB.
    pub(super) icc: Option<Vec<u8>>,
}

/// Decodes an image whose header has been checked. A JPEG comes out smaller than it is stored if
/// that suffices for `wanted`, the size (not upright) it is to be resized to.
pub(super) fn decode(
    bytes: &[u8],
    header: &Header,
    wanted: (u32, u32),
) -> Result<Decoded, ImageError> {
    let cursor = Cursor::new(bytes);
    let mut decoded = match header.format {
        ImageFormat::Jpeg => decode_jpeg(bytes, header, wanted)?,
        ImageFormat::Png => {
            png_data::check(bytes)?;
            decode_by(PngDecoder::with_limits(cursor, ancillary_limits())?)?
        }
        ImageFormat::WebP => decode_by(WebPDecoder::new(cursor)?)?,
        ImageFormat::Gif => decode_by(GifDecoder::new(cursor)?)?,
    };
    decoded.icc = decoded
        .icc
        .filter(|icc| icc.len() <= ICC_BYTES_MAX && icc.get(ICC_SPACE) == Some(b"RGB ".as_slice()));
    Ok(decoded)
}

fn decode_by(mut decoder: impl ImageDecoder) -> Result<Decoded, ImageError> {
    let icc = decoder.icc_profile().unwrap_or_default();
    let image = DynamicImage::from_decoder(decoder)?;
    let image = if image.color().has_alpha() {
        DynamicImage::ImageRgba8(image.into_rgba8())
    } else {
        DynamicImage::ImageRgb8(image.into_rgb8())
    };
    Ok(Decoded { image, icc })
}

fn decode_jpeg(bytes: &[u8], header: &Header, wanted: (u32, u32)) -> Result<Decoded, ImageError> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let (width, height) = scaled_size(header, wanted);
    decoder.scale(width, height)?;
    let pixels = decoder.decode()?;
    let no_frame = || ImageError::Invalid("the JPEG image has no frame".into());
    let info = decoder.info().ok_or_else(no_frame)?;
    let rgb = match info.pixel_format {
        PixelFormat::RGB24 => pixels,
        PixelFormat::L8 => pixels.iter().flat_map(|&gray| [gray; 3]).collect(),
        PixelFormat::L16 => gray16_to_rgb(&pixels),
        PixelFormat::CMYK32 => cmyk_to_rgb(&pixels),
    };
    let image = RgbImage::from_raw(u32::from(info.width), u32::from(info.height), rgb);
    let image = DynamicImage::ImageRgb8(image.ok_or_else(no_frame)?);
    Ok(Decoded { image, icc: decoder.icc_profile() })
}

/// The smallest of 1/8, 1/4, 1/2 and 1 of the stored size that is large enough both ways.
fn scaled_size(header: &Header, wanted: (u32, u32)) -> (u16, u16) {
    let (width, height) = (header.width, header.height);
    let size = [8, 4, 2, 1]
        .map(|divisor| (width.div_ceil(divisor), height.div_ceil(divisor)))
        .into_iter()
        .find(|size| {
            size.0 >= wanted.0.saturating_mul(OVERSAMPLING)
                && size.1 >= wanted.1.saturating_mul(OVERSAMPLING)
        })
        .unwrap_or((width, height));
    // A JPEG has at most 65,535 pixels either way.
    (u16::try_from(size.0).unwrap_or(u16::MAX), u16::try_from(size.1).unwrap_or(u16::MAX))
}

/// Keeps the upper byte of native 16-bit samples.
fn gray16_to_rgb(samples: &[u8]) -> Vec<u8> {
    let upper = |pair: &[u8]| (u16::from_ne_bytes([pair[0], pair[1]]) >> 8) as u8;
    samples.chunks_exact(2).flat_map(|pair| [upper(pair); 3]).collect()
}

/// The plain conversion, without a color profile: each ink takes its part of the light.
fn cmyk_to_rgb(inks: &[u8]) -> Vec<u8> {
    let light = |ink: u8, black: u8| {
        let product = (255 - u32::from(ink)) * (255 - u32::from(black));
        ((product + 127) / 255) as u8
    };
    inks.chunks_exact(4).flat_map(|ink| [0, 1, 2].map(|at| light(ink[at], ink[3]))).collect()
}
