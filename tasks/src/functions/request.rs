//! Reads events: which object is meant, and what to do with it.

use percent_encoding::percent_decode_str;
use stepyard_json::Json;

use super::FunctionError;
use crate::image::{OUTPUT_SIDE_MAX, OutputFormat, Position, QUALITY_DEFAULT, ResizeMode};
use crate::objects::{OUTPUT_BUCKET, SOURCE_BUCKET};

/// Width and height when the event asks for none: those of the tutorial.
const SIZE_DEFAULT: (u32, u32) = (300, 300);

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObjectRef {
    pub(super) bucket: String,
    pub(super) key: String,
}

/// What `ImageProcessorFunction` is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ProcessRequest {
    pub(super) source: ObjectRef,
    pub(super) output: ObjectRef,
    pub(super) size: (u32, u32),
    pub(super) mode: ResizeMode,
    pub(super) format: OutputFormat,
    pub(super) quality: u8,
    pub(super) watermark: Option<WatermarkRequest>,
}

/// A watermark by reference.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WatermarkRequest {
    pub(super) image: ObjectRef,
    pub(super) position: Position,
    pub(super) opacity: f32,
}

impl ProcessRequest {
    /// Reads an event. Members that mean nothing here are ignored.
    pub(super) fn parse(event: &Json) -> Result<ProcessRequest, FunctionError> {
        let source = source(event)?;
        let output = ObjectRef {
            bucket: text(event, "output_bucket")?.unwrap_or(OUTPUT_BUCKET).to_owned(),
            key: text(event, "output_key")?.unwrap_or(&source.key).to_owned(),
        };
        if output == source {
            return Err(FunctionError::invalid_request(
                "the output would replace the original: give another output_bucket or output_key",
            ));
        }
        Ok(ProcessRequest {
            source,
            output,
            size: size(event)?,
            mode: choice(event, "mode", "exact or fit", |text| match text {
                "exact" => Some(ResizeMode::Exact),
                "fit" => Some(ResizeMode::Fit),
                _ => None,
            })?,
            format: choice(event, "format", "jpeg or png", |text| match text {
                "jpeg" | "jpg" => Some(OutputFormat::Jpeg),
                "png" => Some(OutputFormat::Png),
                _ => None,
            })?,
            quality: match number(event, "quality", 1..=100)? {
                Some(quality) => u8::try_from(quality).unwrap_or(QUALITY_DEFAULT),
                None => QUALITY_DEFAULT,
            },
            watermark: watermark(event)?,
        })
    }
}

/// The object that an event is about: the first record of an S3 event notification, the detail of
/// an S3 event from EventBridge, or `bucket` and `key`.
pub(super) fn source(event: &Json) -> Result<ObjectRef, FunctionError> {
    if let Some(records) = event.get("Records") {
        let s3 = records.index(0).and_then(|record| record.get("s3"));
        let reference = s3.and_then(|s3| names(s3.get("bucket")?, s3.get("object")?));
        let (bucket, key) = reference.ok_or_else(|| {
            FunctionError::invalid_request(
                "the S3 event names no object at Records[0].s3.bucket.name and Records[0].s3.object.key",
            )
        })?;
        return Ok(ObjectRef { bucket: bucket.to_owned(), key: decode_key(key)? });
    }
    let detail = event.get("detail");
    if let Some((bucket, key)) = detail.and_then(|d| names(d.get("bucket")?, d.get("object")?)) {
        return Ok(ObjectRef { bucket: bucket.to_owned(), key: key.to_owned() });
    }
    let key = text(event, "key")?.ok_or_else(|| {
        FunctionError::invalid_request(
            "the event is neither an S3 event (with Records) nor an object with bucket and key",
        )
    })?;
    let bucket = text(event, "bucket")?.unwrap_or(SOURCE_BUCKET);
    Ok(ObjectRef { bucket: bucket.to_owned(), key: key.to_owned() })
}

fn names<'a>(bucket: &'a Json, object: &'a Json) -> Option<(&'a str, &'a str)> {
    Some((bucket.get("name")?.as_str()?, object.get("key")?.as_str()?))
}

/// Keys in S3 event notifications are encoded like form data: `+` is a space.
fn decode_key(key: &str) -> Result<String, FunctionError> {
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Into::into).map_err(|_| {
        FunctionError::invalid_request(format!("the key is not URL-encoded UTF-8: {key}"))
    })
}

/// A member that is a text; absent and `null` are the same.
pub(super) fn text<'a>(event: &'a Json, name: &str) -> Result<Option<&'a str>, FunctionError> {
    match event.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => Err(FunctionError::invalid_request(format!(
            "{name} must be a string, not {}",
            other.type_name()
        ))),
    }
}

fn choice<T: Default>(
    event: &Json,
    name: &str,
    choices: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, FunctionError> {
    let Some(text) = text(event, name)? else { return Ok(T::default()) };
    parse(&text.to_ascii_lowercase()).ok_or_else(|| {
        FunctionError::invalid_request(format!("{name} must be {choices}, not {text:?}"))
    })
}

/// A whole number within bounds, also as digits in a string.
fn number(
    event: &Json,
    name: &str,
    bounds: std::ops::RangeInclusive<i64>,
) -> Result<Option<i64>, FunctionError> {
    let value = match event.get(name) {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::String(text)) => text.parse().ok(),
        Some(other) => other.as_i64(),
    };
    value.filter(|value| bounds.contains(value)).map(Some).ok_or_else(|| {
        FunctionError::invalid_request(format!(
            "{name} must be a whole number from {} to {}",
            bounds.start(),
            bounds.end()
        ))
    })
}

/// `width` and `height` (one of them stands for both), or `size` as `"300x300"`.
fn size(event: &Json) -> Result<(u32, u32), FunctionError> {
    let side = |name| {
        let value = number(event, name, 1..=i64::from(OUTPUT_SIDE_MAX))?;
        Ok::<_, FunctionError>(value.and_then(|value| u32::try_from(value).ok()))
    };
    match (side("width")?, side("height")?, text(event, "size")?) {
        (Some(width), Some(height), _) => Ok((width, height)),
        (Some(side), None, _) | (None, Some(side), _) => Ok((side, side)),
        (None, None, Some(size)) => parse_size(size),
        (None, None, None) => Ok(SIZE_DEFAULT),
    }
}

fn parse_size(text: &str) -> Result<(u32, u32), FunctionError> {
    let side = |text: &str| {
        let side = text.trim().parse().ok();
        side.filter(|side| (1..=OUTPUT_SIDE_MAX).contains(side))
    };
    text.split_once(['x', 'X'])
        .and_then(|(width, height)| Some((side(width)?, side(height)?)))
        .ok_or_else(|| {
            FunctionError::invalid_request(format!(
                "size must be like 300x300, each side from 1 to {OUTPUT_SIDE_MAX}, not {text:?}"
            ))
        })
}

fn watermark(event: &Json) -> Result<Option<WatermarkRequest>, FunctionError> {
    let mark = match event.get("watermark") {
        None | Some(Json::Null) => return Ok(None),
        Some(mark) => mark,
    };
    let image = ObjectRef {
        bucket: text(mark, "bucket")?.unwrap_or(SOURCE_BUCKET).to_owned(),
        key: text(mark, "key")?
            .ok_or_else(|| FunctionError::invalid_request("watermark must have a key"))?
            .to_owned(),
    };
    let position = choice(
        mark,
        "position",
        "top-left, top-right, bottom-left, bottom-right or center",
        Position::parse,
    )?;
    let opacity = match mark.get("opacity") {
        None | Some(Json::Null) => Some(1.0),
        Some(opacity) => opacity.as_f64().filter(|opacity| (0.0..=1.0).contains(opacity)),
    };
    let opacity = opacity.ok_or_else(|| {
        FunctionError::invalid_request("watermark.opacity must be a number from 0 to 1")
    })?;
    Ok(Some(WatermarkRequest { image, position, opacity: opacity as f32 }))
}
