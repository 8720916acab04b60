//! Rows as JSON. How AWS writes the types that JSON has not is not documented; here nothing of a value is lost: decimals
//! and times are texts, binary data is Base64.

use ::parquet::data_type::Decimal;
use ::parquet::record::{Field, Row};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use stepyard_json::{Json, Object};

type Converted<T> = Result<T, String>;

/// Most digits of a decimal behind its point: those of the largest number that is read.
const SCALE_MAX: usize = 38;

/// A row, or a group in one.
pub(super) fn item(row: &Row) -> Converted<Json> {
    let mut object = Object::new();
    for (name, field) in row.get_column_iter() {
        object.insert(name.as_str(), value(field)?);
    }
    Ok(object.into())
}

fn value(field: &Field) -> Converted<Json> {
    Ok(match field {
        Field::Null => Json::Null,
        Field::Bool(value) => (*value).into(),
        Field::Byte(value) => i64::from(*value).into(),
        Field::Short(value) => i64::from(*value).into(),
        Field::Int(value) => i64::from(*value).into(),
        Field::Long(value) => (*value).into(),
        Field::UByte(value) => u64::from(*value).into(),
        Field::UShort(value) => u64::from(*value).into(),
        Field::UInt(value) => u64::from(*value).into(),
        Field::ULong(value) => (*value).into(),
        Field::Float16(value) => single(value.to_f32()),
        Field::Float(value) => single(*value),
        Field::Double(value) => (*value).into(),
        Field::Decimal(value) => decimal(value)?.into(),
        Field::Str(value) => value.as_str().into(),
        Field::Bytes(value) => BASE64_STANDARD.encode(value.data()).into(),
        Field::Date(days) => date(*days)?.into(),
        Field::TimeMillis(millis) => time_of_day(i64::from(*millis) * 1_000)?.into(),
        Field::TimeMicros(micros) => time_of_day(*micros)?.into(),
        Field::TimestampMillis(millis) => {
            timestamp(jiff::Timestamp::from_millisecond(*millis))?.into()
        }
        Field::TimestampMicros(micros) => {
            timestamp(jiff::Timestamp::from_microsecond(*micros))?.into()
        }
        Field::Group(row) => item(row)?,
        Field::ListInternal(list) => {
            list.elements().iter().map(value).collect::<Converted<Vec<Json>>>()?.into()
        }
        Field::MapInternal(map) => {
            let mut object = Object::new();
            for (key, field) in map.entries() {
                object.insert(key_text(key)?, value(field)?);
            }
            object.into()
        }
    })
}

/// Keys that are no texts are written as their JSON text.
fn key_text(key: &Field) -> Converted<String> {
    let key = value(key)?;
    Ok(key.as_str().map_or_else(|| key.to_string(), str::to_owned))
}

/// A number of single precision, with the digits that it needs and no more.
fn single(value: f32) -> Json {
    value.to_string().parse().unwrap_or(f64::from(value)).into()
}

/// An unscaled number, which is written big-endian, with its scale.
fn decimal(decimal: &Decimal) -> Converted<String> {
    let data = decimal.data();
    if data.len() > size_of::<i128>() {
        return Err(format!("a decimal of {} bytes", data.len()));
    }
    let sign = if data.first().is_some_and(|first| *first >= 0x80) { -1 } else { 0 };
    let unscaled = data.iter().fold(sign, |number: i128, byte| number << 8 | i128::from(*byte));
    let scale = usize::try_from(decimal.scale()).ok().filter(|scale| *scale <= SCALE_MAX);
    let scale = scale.ok_or_else(|| format!("a decimal of scale {}", decimal.scale()))?;
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    Ok(format!("{sign}{whole}{point}{fraction}"))
}

/// Days since the epoch, as a date (ISO 8601).
fn date(days: i32) -> Converted<String> {
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = jiff::Span::new().try_days(i64::from(days));
    let date = days.and_then(|days| epoch.checked_add(days));
    date.map(|date| date.to_string()).map_err(|error| error.to_string())
}

/// Microseconds since midnight, as a time (ISO 8601).
fn time_of_day(micros: i64) -> Converted<String> {
    let time = jiff::civil::Time::midnight()
        .checked_add(std::time::Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)));
    time.map(|time| time.to_string()).map_err(|error| error.to_string())
}

fn timestamp(time: Result<jiff::Timestamp, jiff::Error>) -> Converted<String> {
    time.map(|time| time.to_string()).map_err(|error| error.to_string())
}
