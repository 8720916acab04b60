//! Sizes and resizing.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8x3, U8x4};
use fast_image_resize::{PixelTrait, Resizer};
use image::{DynamicImage, RgbImage, RgbaImage};

use super::ImageError;

/// How a picture comes to its new size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResizeMode {
    /// To exactly the given width and height, whatever the picture's proportions, as Pillow's
    /// `resize` in the tutorial.
    #[default]
    Exact,
    /// To the largest size of the same proportions within the given one; never enlarged.
    Fit,
}

impl ResizeMode {
    /// The size in which a picture of size `from` comes out when `to` is asked for.
    pub fn target(self, from: (u32, u32), to: (u32, u32)) -> (u32, u32) {
        match self {
            ResizeMode::Exact => to,
            ResizeMode::Fit => fit(from, to),
        }
    }
}

fn fit(from: (u32, u32), within: (u32, u32)) -> (u32, u32) {
    if from.0 <= within.0 && from.1 <= within.1 {
        return from;
    }
    let scaled = |side: u32, by: u32, of: u32| {
        let (by, of) = (u64::from(by), u64::from(of).max(1));
        let rounded = (u64::from(side) * by + of / 2) / of;
        u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
    };
    // Compare within.0 / from.0 with within.1 / from.1, without division.
    if u64::from(within.0) * u64::from(from.1) <= u64::from(within.1) * u64::from(from.0) {
        (within.0, scaled(from.1, within.0, from.0))
    } else {
        (scaled(from.0, within.1, from.1), within.1)
    }
}

/// Number of pixels.
pub(super) fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// The size between the two passes of a resize: rows first, which is faster, unless that picture would have
/// more pixels than the original and the result. Then columns first makes one that has fewer.
pub(super) fn between(from: (u32, u32), to: (u32, u32)) -> (u32, u32) {
    let (rows_first, columns_first) = ((from.0, to.1), (to.0, from.1));
    let is_small = area(rows_first) <= area(from).max(area(to));
    if is_small { rows_first } else { columns_first }
}

/// Resizes by a Lanczos filter of three lobes; transparent pixels do not bleed their color.
pub(super) fn resize(image: DynamicImage, to: (u32, u32)) -> Result<DynamicImage, ImageError> {
    let between = between((image.width(), image.height()), to);
    // By itself the resizer takes rows first.
    if between.1 == to.1 { scale(image, to) } else { scale(scale(image, between)?, to) }
}

/// By name of the pixel type: asked to find it out, the resizer is compiled for all the types that it knows.
fn scale(image: DynamicImage, to: (u32, u32)) -> Result<DynamicImage, ImageError> {
    let from = (image.width(), image.height());
    if from == to {
        return Ok(image);
    }
    match image {
        DynamicImage::ImageRgb8(image) => {
            let pixels = scaled::<U8x3>(&image, from, to)?;
            RgbImage::from_raw(to.0, to.1, pixels).map(DynamicImage::from).ok_or_else(mismatch)
        }
        other => {
            let pixels = scaled::<U8x4>(&other.into_rgba8(), from, to)?;
            RgbaImage::from_raw(to.0, to.1, pixels).map(DynamicImage::from).ok_or_else(mismatch)
        }
    }
}

fn scaled<P: PixelTrait>(
    pixels: &[u8],
    from: (u32, u32),
    to: (u32, u32),
) -> Result<Vec<u8>, ImageError> {
    let source = TypedImageRef::<P>::from_buffer(from.0, from.1, pixels).map_err(cannot)?;
    let mut bytes = vec![0; area(to) as usize * size_of::<P>()];
    let mut target = TypedImage::<P>::from_buffer(to.0, to.1, &mut bytes).map_err(cannot)?;
    Resizer::new().resize_typed(&source, &mut target, None).map_err(cannot)?;
    Ok(bytes)
}

fn mismatch() -> ImageError {
    cannot("its pixels do not fit its size")
}

fn cannot(error: impl std::fmt::Display) -> ImageError {
    ImageError::Invalid(format!("the image cannot be resized: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_keeps_proportions_and_does_not_enlarge() {
        assert_eq!(fit((4000, 3000), (300, 300)), (300, 225));
        assert_eq!(fit((3000, 4000), (300, 300)), (225, 300));
        assert_eq!(fit((100, 50), (300, 300)), (100, 50));
        assert_eq!(fit((10_000, 1), (300, 300)), (300, 1));
        assert_eq!(fit((u32::MAX, u32::MAX), (u32::MAX - 1, 7)), (7, 7));
    }

    #[test]
    fn the_picture_between_the_passes_is_no_larger_than_both_ends() {
        assert_eq!(between((8_000, 6_000), (300, 300)), (8_000, 300));
        assert_eq!(between((1, 30_000), (10_000, 1)), (1, 1));
        assert_eq!(between((30_000, 1), (1, 10_000)), (1, 1), "not 30,000 x 10,000");
        let sides = [1, 7, 300, 6_400, 30_000];
        for (from, to) in sides.iter().flat_map(|a| sides.map(|b| ((*a, b), (b, *a)))) {
            assert!(area(between(from, to)) <= area(from).max(area(to)), "{from:?} {to:?}");
        }
    }

    #[test]
    fn rows_and_columns_may_come_first() {
        let picture =
            image::RgbImage::from_fn(2, 90, |_, y| image::Rgb([0, 0, (y / 45 * 200) as u8]));
        for (picture, to) in [
            (DynamicImage::from(picture.clone()), (120, 4)),
            (DynamicImage::from(picture).rotate90(), (4, 120)),
        ] {
            let resized = resize(picture, to).unwrap();
            assert_eq!((resized.width(), resized.height()), to);
        }
    }
}
