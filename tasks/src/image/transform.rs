//! One image from bytes to bytes.

use super::resize::{area, between, resize};
use super::watermark::{self, Watermark};
use super::{Header, ImageError, ImageFormat, ImageLimits, ResizeMode, decode, encode};

/// Default quality of JPEG output.
pub const QUALITY_DEFAULT: u8 = 85;

/// Formats that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFormat {
    /// JPEG, as in the tutorial. Transparent pixels become white.
    #[default]
    Jpeg,
    /// PNG.
    Png,
}

impl OutputFormat {
    /// The same among the formats that are read.
    pub fn format(self) -> ImageFormat {
        match self {
            OutputFormat::Jpeg => ImageFormat::Jpeg,
            OutputFormat::Png => ImageFormat::Png,
        }
    }
}

/// What to do with an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    /// Width and height asked for, in pixels.
    pub size: (u32, u32),
    /// How to come to that size.
    pub mode: ResizeMode,
    /// What to write.
    pub format: OutputFormat,
    /// Quality of JPEG output, 1 to 100.
    pub quality: u8,
    /// A picture to put on top.
    pub watermark: Option<Watermark>,
}

impl Transform {
    /// Width and height in which an upright picture comes out.
    pub fn target(&self, header: &Header) -> (u32, u32) {
        self.mode.target(header.upright_size(), self.size)
    }

    /// Pixels in memory while an image is transformed: decoded, between the passes of the resize, and
    /// resized. Those of the watermark come on top.
    pub fn working_pixels(&self, header: &Header) -> u64 {
        let target = super::probe::turned(header.orientation, self.target(header));
        let between = between((header.width, header.height), target);
        header.pixels() + area(between) + area(target)
    }
}

impl Default for Transform {
    fn default() -> Self {
        Transform {
            size: (300, 300),
            mode: ResizeMode::default(),
            format: OutputFormat::default(),
            quality: QUALITY_DEFAULT,
            watermark: None,
        }
    }
}

/// The result of a [`transform`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processed {
    /// The encoded image.
    pub bytes: Vec<u8>,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// Decodes, turns upright, resizes, marks and encodes an image. `header` comes from [`probe`] of
/// the same bytes; `cancelled` is asked between the steps.
///
/// [`probe`]: super::probe
pub fn transform(
    bytes: &[u8],
    header: &Header,
    transform: &Transform,
    limits: &ImageLimits,
    cancelled: &dyn Fn() -> bool,
) -> Result<Processed, ImageError> {
    let go_on = || if cancelled() { Err(ImageError::Cancelled) } else { Ok(()) };
    let (width, height) = transform.target(header);
    // Turning comes after resizing, when there are fewer pixels to turn.
    let stored_target = super::probe::turned(header.orientation, (width, height));
    go_on()?;
    let decoded = decode::decode(bytes, header, stored_target)?;
    go_on()?;
    let mut image = resize(decoded.image, stored_target)?;
    image.apply_orientation(header.orientation);
    if let Some(watermark) = &transform.watermark {
        go_on()?;
        image = watermark::apply(image, watermark, limits)?;
    }
    go_on()?;
    let bytes = match transform.format {
        OutputFormat::Jpeg => encode::jpeg(image, transform.quality, decoded.icc.as_deref())?,
        OutputFormat::Png => encode::png(&image, decoded.icc)?,
    };
    Ok(Processed { bytes, width, height })
}
