//! Pictures that need no file: a sky, hills and some grain.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// A picture as a client uploads it.
pub(super) struct Picture {
    pub(super) file_name: &'static str,
    pub(super) user: &'static str,
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) is_broken: bool,
}

/// All pictures of the demo.
pub(super) fn all() -> anyhow::Result<Vec<Picture>> {
    let jpeg = |width, height| encode(&landscape(width, height).into(), ImageFormat::Jpeg);
    let png = encode(&disc(500).into(), ImageFormat::Png)?;
    let half = png[..png.len() / 2].to_vec();
    Ok(vec![
        picture("hills.jpg", "ada", "image/jpeg", jpeg(1600, 1200)?),
        picture("large.jpg", "grace", "image/jpeg", jpeg(4000, 3000)?),
        picture("portrait.jpg", "ada", "image/jpeg", turned(&jpeg(900, 600)?)),
        picture("logo.png", "alan", "image/png", png),
        picture(
            "banner.gif",
            "alan",
            "image/gif",
            encode(&landscape(640, 200).into(), ImageFormat::Gif)?,
        ),
        picture(
            "photo.webp",
            "grace",
            "image/webp",
            encode(&landscape(800, 800).into(), ImageFormat::WebP)?,
        ),
        Picture { is_broken: true, ..picture("broken.png", "mallory", "image/png", half) },
    ])
}

fn picture(
    file_name: &'static str,
    user: &'static str,
    content_type: &'static str,
    bytes: Vec<u8>,
) -> Picture {
    Picture { file_name, user, content_type, bytes, is_broken: false }
}

fn encode(image: &DynamicImage, format: ImageFormat) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format)?;
    Ok(bytes.into_inner())
}

/// A sky over three rows of hills, with grain as a camera has it.
fn landscape(width: u32, height: u32) -> RgbImage {
    let row = |y: u32| 255 * y / height;
    let ridges: Vec<[u32; 3]> = (0..width)
        .map(|x| {
            let across = f64::from(x) / f64::from(width) * std::f64::consts::TAU;
            [0.55, 0.68, 0.82].map(|line| {
                let wave = (across * (line * 7.0)).sin() * 0.06;
                ((line + wave) * f64::from(height)) as u32
            })
        })
        .collect();
    RgbImage::from_fn(width, height, |x, y| {
        let behind = ridges[x as usize].iter().filter(|ridge| y >= **ridge).count();
        let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 28;
        let shade = |base: u32| (base + grain).min(255) as u8;
        match behind {
            0 => Rgb([shade(90 + row(y) / 2), shade(150 + row(y) / 3), shade(225)]),
            depth => {
                let dark = 40 * depth as u32;
                Rgb([shade(150 - dark), shade(190 - dark), shade(150 - dark)])
            }
        }
    })
}

/// A disc that fades out at its rim.
fn disc(size: u32) -> RgbaImage {
    let middle = f64::from(size) / 2.0;
    RgbaImage::from_fn(size, size, |x, y| {
        let away = (f64::from(x) - middle).hypot(f64::from(y) - middle) / middle;
        let alpha = ((1.0 - away) * 4.0).clamp(0.0, 1.0) * 255.0;
        Rgba([230, (away.min(1.0) * 160.0) as u8, 60, alpha as u8])
    })
}

/// The same JPEG as a camera held upright writes it: with the EXIF orientation 6.
fn turned(jpeg: &[u8]) -> Vec<u8> {
    const EXIF: &[u8] = b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\
        \0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    const START: usize = 2;
    [&jpeg[..START], EXIF, &jpeg[START..]].concat()
}

#[cfg(test)]
mod tests {
    use image::ImageDecoder;
    use image::codecs::jpeg::JpegDecoder;
    use image::metadata::Orientation;

    use super::*;

    #[test]
    fn the_upright_picture_says_so() {
        let jpeg = encode(&landscape(30, 20).into(), ImageFormat::Jpeg).unwrap();
        let bytes = turned(&jpeg);
        let mut decoder = JpegDecoder::new(Cursor::new(&bytes[..])).unwrap();
        assert_eq!(decoder.orientation().unwrap(), Orientation::Rotate90);
    }
}
