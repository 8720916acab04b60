use std::io::Cursor;

use ::image::{
    DynamicImage, GenericImageView, ImageFormat as Codec, Rgb, RgbImage, Rgba, RgbaImage,
};
use jpeg_encoder::{ColorType, Encoder};

use super::*;

/// Red on the left, blue on the right; white at the top quarter.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 4) {
        (_, true) => Rgb([255, 255, 255]),
        (true, false) => Rgb([220, 20, 20]),
        (false, false) => Rgb([20, 20, 220]),
    })
}

fn encoded(image: impl Into<DynamicImage>, codec: Codec) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, codec).unwrap();
    bytes.into_inner()
}

fn jpeg_by(
    pixels: &[u8],
    size: (u16, u16),
    color: ColorType,
    set: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 90);
    set(&mut encoder);
    encoder.encode(pixels, size.0, size.1, color).unwrap();
    bytes
}

fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let pixels = picture(u32::from(width), u32::from(height));
    jpeg_by(&pixels, (width, height), ColorType::Rgb, |_| {})
}

fn process(bytes: &[u8], wish: &Transform) -> Result<Processed, ImageError> {
    let limits = ImageLimits::default();
    let header = probe(bytes, &limits)?;
    transform(bytes, &header, wish, &limits, &|| false)
}

fn processed(bytes: &[u8], wish: &Transform) -> DynamicImage {
    let processed = process(bytes, wish).unwrap();
    let image = ::image::load_from_memory(&processed.bytes).unwrap();
    assert_eq!((image.width(), image.height()), (processed.width, processed.height));
    image
}

fn near(image: &DynamicImage, at: (u32, u32), color: [u8; 3]) {
    let pixel = image.get_pixel(at.0, at.1).0;
    let far = pixel.iter().zip(color).any(|(is, want)| is.abs_diff(want) > 30);
    assert!(!far, "{pixel:?} at {at:?}, expected {color:?}");
}

const RED: [u8; 3] = [220, 20, 20];
const BLUE: [u8; 3] = [20, 20, 220];
const WHITE: [u8; 3] = [255, 255, 255];

fn looks_like_the_picture(image: &DynamicImage) {
    let (width, height) = image.dimensions();
    near(image, (width / 4, height * 3 / 4), RED);
    near(image, (width * 3 / 4, height * 3 / 4), BLUE);
    near(image, (width / 2, height / 10), WHITE);
}

#[test]
fn every_format_comes_out_as_the_tutorials_jpeg() {
    let progressive = |encoder: &mut Encoder<&mut Vec<u8>>| encoder.set_progressive(true);
    let sources = [
        (ImageFormat::Jpeg, jpeg(640, 480)),
        (ImageFormat::Jpeg, jpeg_by(&picture(640, 480), (640, 480), ColorType::Rgb, progressive)),
        (ImageFormat::Jpeg, jpeg(4000, 3000)),
        (ImageFormat::Png, encoded(picture(640, 480), Codec::Png)),
        (ImageFormat::WebP, encoded(picture(640, 480), Codec::WebP)),
        (ImageFormat::Gif, encoded(picture(640, 480), Codec::Gif)),
        (ImageFormat::Png, encoded(DynamicImage::from(picture(640, 480)).into_rgb16(), Codec::Png)),
    ];
    for (format, bytes) in sources {
        assert_eq!(probe(&bytes, &ImageLimits::default()).unwrap().format, format);
        let output = process(&bytes, &Transform::default()).unwrap();
        assert_eq!(::image::guess_format(&output.bytes).unwrap(), Codec::Jpeg);
        let image = processed(&bytes, &Transform::default());
        assert_eq!(image.dimensions(), (300, 300));
        looks_like_the_picture(&image);
    }
}

#[test]
fn gray_and_cmyk_become_rgb() {
    let gray = DynamicImage::from(picture(200, 100)).into_luma8();
    let gray_jpeg = jpeg_by(&gray, (200, 100), ColorType::Luma, |_| {});
    let image = processed(&gray_jpeg, &Transform::default());
    near(&image, (150, 30), WHITE);
    near(&image, (75, 250), [gray.get_pixel(10, 90).0[0]; 3]);

    let inks = |pixel: &Rgb<u8>| [255 - pixel[0], 255 - pixel[1], 255 - pixel[2], 0];
    let cmyk: Vec<u8> = picture(200, 100).pixels().flat_map(inks).collect();
    for color in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let bytes = jpeg_by(&cmyk, (200, 100), color, |_| {});
        looks_like_the_picture(&processed(&bytes, &Transform::default()));
    }
}

/// An EXIF segment that holds nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut segment = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    segment.extend([orientation, 0, 0, 0, 0, 0, 0]);
    segment
}

#[test]
fn exif_orientation_is_applied() {
    let upright = DynamicImage::from(picture(400, 200));
    for orientation in 1..=8 {
        // Store the picture the way a camera does that asks for this orientation.
        let stored = match orientation {
            1 => upright.clone(),
            2 => upright.fliph(),
            3 => upright.rotate180(),
            4 => upright.flipv(),
            5 => upright.rotate90().fliph(),
            6 => upright.rotate270(),
            7 => upright.rotate270().fliph(),
            _ => upright.rotate90(),
        };
        let size = (stored.width() as u16, stored.height() as u16);
        let bytes = jpeg_by(stored.as_bytes(), size, ColorType::Rgb, |encoder| {
            encoder.add_app_segment(1, exif(orientation)).unwrap();
        });
        let wish = Transform { mode: ResizeMode::Fit, ..Transform::default() };
        let image = processed(&bytes, &wish);
        assert_eq!(image.dimensions(), (300, 150), "orientation {orientation}");
        looks_like_the_picture(&image);
    }
}

#[test]
fn transparency_stays_in_png_and_becomes_white_in_jpeg() {
    let clear = RgbaImage::from_pixel(50, 50, Rgba([255, 0, 0, 0]));
    let bytes = encoded(clear, Codec::Png);
    near(&processed(&bytes, &Transform::default()), (150, 150), WHITE);
    let png = Transform { format: OutputFormat::Png, ..Transform::default() };
    assert_eq!(processed(&bytes, &png).get_pixel(150, 150).0[3], 0);
}

#[test]
fn a_watermark_goes_to_its_corner() {
    let mark = encoded(RgbaImage::from_pixel(60, 60, Rgba([0, 255, 0, 255])), Codec::Png);
    let mark = bytes::Bytes::from(mark);
    let at = |position, opacity| Transform {
        size: (400, 400),
        watermark: Some(Watermark { image: mark.clone(), position, opacity }),
        ..Transform::default()
    };
    let source = jpeg(400, 400);
    let corner = processed(&source, &at(Position::BottomRight, 1.0));
    near(&corner, (360, 360), [0, 255, 0]);
    near(&corner, (395, 395), BLUE);
    looks_like_the_picture(&corner);
    let center = processed(&source, &at(Position::Center, 0.5));
    near(&center, (185, 200), [110, 138, 10]);
    looks_like_the_picture(&center);
    let broken = Watermark { image: "x".into(), position: Position::Center, opacity: 1.0 };
    let wish = Transform { watermark: Some(broken), ..Transform::default() };
    assert!(matches!(process(&source, &wish), Err(ImageError::Invalid(_))));
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(data.len()).unwrap().to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(data);
    let crc = chunk[4..].iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    });
    chunk.extend((!crc).to_be_bytes());
    chunk
}

/// A PNG with 8-bit gray pixels, whatever its data holds.
fn forged_png(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.extend(chunk(b"IHDR", &header));
    png.extend(chunk(b"IDAT", data));
    png.extend(chunk(b"IEND", &[]));
    png
}

#[test]
fn a_claim_of_600_megapixels_is_refused_from_the_header() {
    let error = process(&forged_png(30_000, 20_000, b""), &Transform::default()).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge(_)));
    insta::assert_snapshot!(error, @"the image has 30000x20000 = 600000000 pixels, more than the limit of 64000000");
    let error = process(&forged_png(u32::MAX, u32::MAX, b""), &Transform::default()).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge(_)), "{error}");
    let error = process(&forged_png(40_000, 1, b""), &Transform::default()).unwrap_err();
    insta::assert_snapshot!(error, @"the image has 40000x1 pixels, more than the limit of 30000 in one direction");
    let error = ImageLimits::default().check_result(10_000, 10_000).unwrap_err();
    insta::assert_snapshot!(error, @"a result of 10000x10000 = 100000000 pixels is more than the limit of 64000000");
    let error = process(&forged_png(0, 1, b""), &Transform::default()).unwrap_err();
    assert!(matches!(error, ImageError::Invalid(_)), "{error}");
}

/// The compressed data of a black picture.
fn black_data(width: u32, height: u32) -> Vec<u8> {
    let png = encoded(::image::GrayImage::new(width, height), Codec::Png);
    let mut data = Vec::new();
    let mut rest = &png[8..];
    while !rest.is_empty() {
        let length = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        if &rest[4..8] == b"IDAT" {
            data.extend(&rest[8..8 + length]);
        }
        rest = &rest[12 + length..];
    }
    data
}

#[test]
fn more_data_than_the_image_needs_is_refused() {
    let bomb = forged_png(100, 100, &black_data(8000, 8000));
    let error = process(&bomb, &Transform::default()).unwrap_err();
    insta::assert_snapshot!(error, @"the PNG image is broken: its data inflates to more than the 10100 bytes that its pixels take");
    // As much as needed and no more is a black picture.
    let fitting = forged_png(1000, 1000, &black_data(1000, 1000));
    near(&processed(&fitting, &Transform::default()), (150, 150), [0, 0, 0]);
}

#[test]
fn what_is_no_image_says_so() {
    let error = process(b"hello, this is text", &Transform::default()).unwrap_err();
    assert!(matches!(error, ImageError::Invalid(_)));
    insta::assert_snapshot!(error, @r#"the object is not an image: it begins with "hello, this is t" and is neither JPEG, PNG, WebP nor GIF"#);
    insta::assert_snapshot!(process(b"", &Transform::default()).unwrap_err(), @"the object is empty");
    let error = process(b"BM\0\0\0\0\0\0\0\0\0\0", &Transform::default()).unwrap_err();
    assert!(matches!(error, ImageError::Unsupported(_)), "{error}");
}

#[test]
fn truncated_images_are_refused() {
    let noise =
        RgbImage::from_fn(200, 200, |x, y| Rgb([(x * y) as u8, (x ^ y) as u8, (x + 7 * y) as u8]));
    for codec in [Codec::Png, Codec::WebP, Codec::Gif, Codec::Jpeg] {
        let whole = encoded(noise.clone(), codec);
        for length in [whole.len() / 2, 40, 12] {
            let error = process(&whole[..length], &Transform::default()).unwrap_err();
            assert!(matches!(error, ImageError::Invalid(_)), "{codec:?} {length}: {error}");
        }
    }
}

#[test]
fn the_number_of_bytes_and_scans_is_limited() {
    let limits = ImageLimits { bytes: 10, ..ImageLimits::default() };
    assert!(matches!(probe(&jpeg(8, 8), &limits), Err(ImageError::TooLarge(_))));
    let mut many_scans = jpeg(8, 8);
    many_scans.extend([0xFF, 0xDA].repeat(300));
    let error = probe(&many_scans, &ImageLimits::default()).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge(_)), "{error}");
}

#[test]
fn cancelled_work_stops() {
    let bytes = jpeg(64, 64);
    let limits = ImageLimits::default();
    let header = probe(&bytes, &limits).unwrap();
    let result = transform(&bytes, &header, &Transform::default(), &limits, &|| true);
    assert_eq!(result, Err(ImageError::Cancelled));
}

#[tokio::test]
async fn the_pool_survives_a_panic_and_gives_its_permits_back() {
    let pool = ImagePool::new(1, &ImageLimits::default());
    for _ in 0..5 {
        let pixels = pool.reserve(u64::MAX).await.unwrap();
        let result: Result<(), _> = pool
            .run(move || {
                let _pixels = pixels;
                panic!("as a broken decoder would")
            })
            .await;
        assert!(matches!(result, Err(ImageError::Invalid(_))));
    }
    assert_eq!(pool.run(|| Ok(7)).await, Ok(7));
}

#[test]
fn a_60_megapixel_progressive_jpeg_is_processed() {
    let (width, height) = (10_000_u16, 6_000_u16);
    let pixels = picture(u32::from(width), u32::from(height));
    let bytes = jpeg_by(&pixels, (width, height), ColorType::Rgb, |encoder| {
        encoder.set_progressive(true);
    });
    drop(pixels);
    looks_like_the_picture(&processed(&bytes, &Transform::default()));
}
