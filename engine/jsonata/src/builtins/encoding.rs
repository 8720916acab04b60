//! Base64, of bytes as JavaScript sees them: one for each UTF-16 unit, its low byte.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;

use super::Arguments;
use crate::error::Outcome;
use crate::eval::Machine;
use crate::value::Value;

/// Takes a text with or without padding, and any bits behind the last byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

pub(super) fn base64_encode(
    machine: &mut Machine<'_>,
    arguments: &mut Arguments<'_>,
) -> Outcome<Value> {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(text.len())?;
    let bytes: Vec<u8> = text.encode_utf16().map(|unit| (unit & 0xff) as u8).collect();
    Ok(Value::text(BASE64_STANDARD.encode(bytes)))
}

/// What is no base64 is skipped, as in Node.js.
pub(super) fn base64_decode(
    machine: &mut Machine<'_>,
    arguments: &mut Arguments<'_>,
) -> Outcome<Value> {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(text.len())?;
    let mut symbols: String = text
        .chars()
        .take_while(|c| *c != '=')
        .filter_map(|c| match c {
            '-' => Some('+'),
            '_' => Some('/'),
            c if c.is_ascii_alphanumeric() || c == '+' || c == '/' => Some(c),
            _ => None,
        })
        .collect();
    if symbols.len() % 4 == 1 {
        symbols.pop();
    }
    let bytes = LENIENT.decode(symbols).unwrap_or_default();
    Ok(Value::text(bytes.into_iter().map(char::from).collect::<String>()))
}
