//! Percent-encoding, as JavaScript's four functions do it.

use super::Arguments;
use crate::error::{Error, Outcome};
use crate::eval::Machine;
use crate::value::{Value, quote};

type Result = Outcome<Value>;

/// What stays as it is in a component.
const UNRESERVED: &[u8] = b"-_.!~*'()";

/// What stays as it is in a whole URL besides.
const RESERVED: &[u8] = b";/?:@&=+$,#";

pub(super) fn encode_component(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    encoded(machine, arguments, b"")
}

pub(super) fn encode(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    encoded(machine, arguments, RESERVED)
}

pub(super) fn decode_component(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    decoded(machine, arguments, b"", "decodeUrlComponent")
}

pub(super) fn decode(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    decoded(machine, arguments, RESERVED, "decodeUrl")
}

fn encoded(machine: &mut Machine<'_>, arguments: &Arguments<'_>, kept: &[u8]) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(3 * text.len())?;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let stays =
            byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) || kept.contains(&byte);
        if stays {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(Value::text(encoded))
}

fn decoded(
    machine: &mut Machine<'_>,
    arguments: &Arguments<'_>,
    kept: &[u8],
    name: &str,
) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(text.len())?;
    let bytes = unescape(text.as_bytes(), kept).and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.map(Value::text).ok_or_else(|| {
        let error = Error::new("D3140").with_json("value", &quote(arguments.get(0)));
        error.with_text("functionName", name)
    })
}

/// The bytes that are meant, with the escapes of what is kept left as they are.
fn unescape(text: &[u8], kept: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'%' {
            bytes.push(text[at]);
            at += 1;
            continue;
        }
        let digits = std::str::from_utf8(text.get(at + 1..at + 3)?).ok()?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let byte = u8::from_str_radix(digits, 16).ok()?;
        if kept.contains(&byte) {
            bytes.extend_from_slice(&text[at..at + 3]);
        } else {
            bytes.push(byte);
        }
        at += 3;
    }
    Some(bytes)
}
