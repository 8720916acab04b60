//! What `Parameters` or `Arguments` of the fields of a Distributed Map say.

use stepyard_json::Json;

/// A text that may be absent; `null` counts as absent.
///
/// # Errors
/// The cause, when it is anything else.
pub(crate) fn text<'a>(arguments: &'a Json, name: &str) -> Result<Option<&'a str>, String> {
    match arguments.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("The field '{name}' must be a string but was: {other}")),
    }
}

/// A text that must be there.
///
/// # Errors
/// The cause, when it is not.
pub(crate) fn required_text<'a>(arguments: &'a Json, name: &str) -> Result<&'a str, String> {
    text(arguments, name)?.ok_or_else(|| format!("The field '{name}' is required but was missing"))
}
