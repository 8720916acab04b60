//! What Step Functions adds.

use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use stepyard_json::Json;

use super::Arguments;
use crate::error::{Error, Outcome};
use crate::eval::Machine;
use crate::limits::{BYTES_PER_TEXT, SEQUENCE_MAX};
use crate::memory;
use crate::random::Random;
use crate::value::{ArrayBuilder, Flags, Value, quote};

type Result = Outcome<Value>;

/// Parts of a size; the last one may be smaller.
pub(super) fn partition(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(items) = arguments.get(0).items() else { return Ok(Value::Undefined) };
    let Some(size) = arguments.number(1) else { return Ok(Value::Undefined) };
    let size = size.floor();
    if size < 1.0 {
        return Err(Error::new("D3144").with_json("value", &quote(arguments.get(1))));
    }
    machine.fuel.pay(items.len() as u64)?;
    let size = size as usize;
    let mut parts = ArrayBuilder::new();
    let values = items.to_vec();
    for part in values.chunks(size) {
        let mut chunk = ArrayBuilder::new();
        for value in part {
            chunk.push(value.clone())?;
        }
        parts.push(chunk.finish(Flags::NONE).map(Value::Array)?)?;
    }
    parts.finish(Flags::NONE).map(Value::Array)
}

/// Numbers from the first on, by a step up or down, to the last.
pub(super) fn range(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let whole = |at: usize| arguments.number(at).map(f64::floor);
    let (Some(first), Some(last), Some(step)) = (whole(0), whole(1), whole(2)) else {
        return Ok(Value::Undefined);
    };
    if step == 0.0 {
        return Err(Error::new("D3145"));
    }
    let steps = ((last - first) / step).floor();
    if steps < 0.0 {
        return Ok(Value::array(Vec::new()));
    }
    if steps >= SEQUENCE_MAX as f64 {
        return Err(Error::limit("D2015", SEQUENCE_MAX));
    }
    machine.fuel.pay(steps as u64 + 1)?;
    machine.fuel.check_memory((steps as usize + 1) * size_of::<Value>())?;
    Ok(Value::array((0..=steps as u64).map(|at| Value::Number(first + at as f64 * step)).collect()))
}

/// The hash of a text, in lower-case hexadecimal digits.
pub(super) fn hash(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(4 * text.len())?;
    let text = text.as_bytes();
    let digest = match arguments.text(1).map_or("", |algorithm| algorithm) {
        "MD5" => Md5::digest(text).to_vec(),
        "SHA-1" => Sha1::digest(text).to_vec(),
        "SHA-256" => Sha256::digest(text).to_vec(),
        "SHA-384" => Sha384::digest(text).to_vec(),
        "SHA-512" => Sha512::digest(text).to_vec(),
        _ => return Err(Error::new("D3143").with_json("value", &quote(arguments.get(1)))),
    };
    Ok(Value::text(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

/// A number from 0 on, below 1: the same for the same seed.
pub(super) fn random(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    Ok(Value::Number(match arguments.number(0) {
        Some(seed) => Random::from_seed(seed.floor().to_bits()).unit(),
        None => machine.random().unit(),
    }))
}

pub(super) fn uuid(machine: &mut Machine<'_>, _: &mut Arguments<'_>) -> Result {
    Ok(Value::text(machine.random().uuid_v4()))
}

/// The value that a JSON text is.
pub(super) fn parse(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    machine.fuel.pay_bytes(4 * text.len())?;
    // Parsed data is shared as data from outside is: nobody counts when it goes.
    memory::keep(BYTES_PER_TEXT * text.len());
    machine.fuel.check_memory(0)?;
    Json::parse(text)
        .map(Value::Json)
        .map_err(|error| Error::new("D3142").with_text("reason", &error.to_string()))
}
