//! A small picture on top of another.

use image::{DynamicImage, RgbaImage, imageops};

use super::resize::{ResizeMode, resize};
use super::{ImageError, ImageLimits, decode, probe};

/// A watermark takes at most this part (one in so many) of the picture's width and height.
const PART: u32 = 3;

/// Distance to the border: one in so many of the picture's shorter side.
const MARGIN_PART: u32 = 40;

/// Where a watermark goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Position {
    /// The corner at the top left.
    TopLeft,
    /// The corner at the top right.
    TopRight,
    /// The corner at the bottom left.
    BottomLeft,
    /// The corner at the bottom right.
    #[default]
    BottomRight,
    /// The middle.
    Center,
}

impl Position {
    /// Reads `top-left`, `top-right`, `bottom-left`, `bottom-right` or `center`.
    pub fn parse(text: &str) -> Option<Position> {
        match text {
            "top-left" => Some(Position::TopLeft),
            "top-right" => Some(Position::TopRight),
            "bottom-left" => Some(Position::BottomLeft),
            "bottom-right" => Some(Position::BottomRight),
            "center" => Some(Position::Center),
            _ => None,
        }
    }
}

/// A picture to put on top, encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Watermark {
    /// The encoded picture.
    pub image: bytes::Bytes,
    /// Where it goes.
    pub position: Position,
    /// From 0 (not seen) to 1 (as it is).
    pub opacity: f32,
}

/// Puts the watermark on a picture, shrunk to a third of it at most.
pub(super) fn apply(
    picture: DynamicImage,
    watermark: &Watermark,
    limits: &ImageLimits,
) -> Result<DynamicImage, ImageError> {
    let size = (picture.width(), picture.height());
    let mut mark = load(watermark, size, limits)?;
    for pixel in mark.pixels_mut() {
        pixel.0[3] = (f32::from(pixel.0[3]) * watermark.opacity.clamp(0.0, 1.0)).round() as u8;
    }
    let (x, y) = place(watermark.position, size, (mark.width(), mark.height()));
    let opaque = !picture.color().has_alpha();
    let mut picture = picture.into_rgba8();
    imageops::overlay(&mut picture, &mark, x, y);
    let picture = DynamicImage::ImageRgba8(picture);
    Ok(if opaque { DynamicImage::ImageRgb8(picture.into_rgb8()) } else { picture })
}

fn load(
    watermark: &Watermark,
    picture: (u32, u32),
    limits: &ImageLimits,
) -> Result<RgbaImage, ImageError> {
    let header = probe(&watermark.image, limits)?;
    let room = ((picture.0 / PART).max(1), (picture.1 / PART).max(1));
    let target = ResizeMode::Fit.target((header.width, header.height), room);
    let decoded = decode::decode(&watermark.image, &header, target)?;
    Ok(resize(decoded.image, target)?.into_rgba8())
}

fn place(position: Position, picture: (u32, u32), mark: (u32, u32)) -> (i64, i64) {
    let margin = i64::from(picture.0.min(picture.1) / MARGIN_PART);
    let free = (i64::from(picture.0) - i64::from(mark.0), i64::from(picture.1) - i64::from(mark.1));
    let (left, top) = (margin.min(free.0), margin.min(free.1));
    let (right, bottom) = (free.0 - left, free.1 - top);
    match position {
        Position::TopLeft => (left, top),
        Position::TopRight => (right, top),
        Position::BottomLeft => (left, bottom),
        Position::BottomRight => (right, bottom),
        Position::Center => (free.0 / 2, free.1 / 2),
    }
}
