//! Base64 and hashes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use stepyard_json::Json;

use super::Arguments;
use crate::EvalError;

pub(super) fn base64_encode(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    Ok(STANDARD.encode(arguments.short_string(0)?).into())
}

pub(super) fn base64_decode(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let bytes = STANDARD.decode(arguments.short_string(0)?);
    bytes
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Json::from)
        .ok_or_else(|| arguments.fault(0, "must be Base64 of UTF-8 text"))
}

/// Anything but a string is hashed as its JSON text.
pub(super) fn hash(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let json = arguments.json(0)?;
    let data = match json {
        Json::String(_) => arguments.short_string(0)?.to_owned(),
        _ => json.to_string(),
    };
    let digest = match arguments.string(1)? {
        "MD5" => hex::<Md5>(&data),
        "SHA-1" => hex::<Sha1>(&data),
        "SHA-256" => hex::<Sha256>(&data),
        "SHA-384" => hex::<Sha384>(&data),
        "SHA-512" => hex::<Sha512>(&data),
        _ => {
            let rule = "must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512";
            return Err(arguments.fault(1, rule));
        }
    };
    Ok(digest.into())
}

fn hex<D: Digest>(data: &str) -> String {
    D::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}
