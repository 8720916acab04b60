//! `Parameters` of `arn:aws:states:::lambda:invoke`.

use bytes::Bytes;
use stepyard_json::{Json, Payload};

use super::InvokeRequest;

/// Reads the parameters; others than those of the action are dropped, as in AWS. The error is a
/// cause.
pub(crate) fn parse_invoke(parameters: &Payload) -> Result<InvokeRequest, String> {
    let tree = parameters.tree();
    let text = |name: &str| match tree.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.to_string())),
        Some(_) => Err(refused(
            parameters,
            &format!("The value of the field '{name}' has an invalid format"),
        )),
    };
    let function_name = text("FunctionName")?.filter(|name| !name.is_empty()).ok_or_else(|| {
        refused(parameters, "The field 'FunctionName' is required but was missing")
    })?;
    Ok(InvokeRequest {
        function_name,
        qualifier: text("Qualifier")?,
        invocation_type: text("InvocationType")?,
        client_context: text("ClientContext")?,
        log_type: text("LogType")?,
        payload: tree.get("Payload").and_then(event),
    })
}

/// Recorded from AWS: a string is sent as it is, not as JSON text; for `null` nothing is sent.
fn event(payload: &Json) -> Option<Bytes> {
    match payload {
        Json::Null => None,
        Json::String(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
        other => Some(other.to_string().into()),
    }
}

/// The form of this text is recorded from AWS.
fn refused(parameters: &Payload, why: &str) -> String {
    format!("The Parameters '{}' could not be used to start the Task: [{why}]", parameters.text())
}

/// The name in `FunctionName`: a name, `account:function:name` or an ARN, each perhaps with a
/// qualifier.
pub(crate) fn function_name(text: &str) -> &str {
    let name = match text.split_once("function:") {
        Some((before, name)) if before.is_empty() || before.ends_with(':') => name,
        _ => text,
    };
    name.split_once(':').map_or(name, |(name, _)| name)
}
