//! Functions between JSON and its text, and on objects.

use stepyard_json::Json;

use super::Arguments;
use crate::EvalError;

/// Blank text is `null`, as recorded from AWS.
pub(super) fn from_string(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let text = arguments.string(0)?;
    if text.trim().is_empty() {
        return Ok(Json::Null);
    }
    match Json::parse(text) {
        // Recorded from AWS: minus zero loses its sign here.
        Ok(json) if json.to_string() == "-0" => Ok(Json::from(0)),
        Ok(json) => Ok(json),
        Err(error) => Err(arguments.fault(0, &format!("must be JSON text: {error}"))),
    }
}

pub(super) fn to_string(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    Ok(arguments.json(0)?.to_string().into())
}

/// Shallow merge; members of the second object win.
pub(super) fn merge(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let (first, second) = (arguments.object(0)?, arguments.object(1)?);
    if arguments.json(2)? != &Json::Bool(false) {
        return Err(arguments.fault(2, "must be false: deep merging is not supported"));
    }
    let mut merged = first.clone();
    for (key, value) in second.iter() {
        merged.insert(key.clone(), value.clone());
    }
    Ok(merged.into())
}
