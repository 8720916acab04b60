//! HTTP headers of Lambda's answers as Step Functions shows them in `SdkHttpMetadata`.
//!
//! HTTP libraries write header names in lower case; AWS shows them as Lambda's servers spell them,
//! in two different orders (recorded from AWS).

use stepyard_json::{Json, Object};

/// Spelling and order in `AllHttpHeaders`.
const KNOWN: [&str; 10] = [
    "X-Amz-Executed-Version",
    "X-Amz-Function-Error",
    "X-Amz-Log-Result",
    "x-amzn-Remapped-Content-Length",
    "Connection",
    "x-amzn-RequestId",
    "Content-Length",
    "Date",
    "X-Amzn-Trace-Id",
    "Content-Type",
];

/// The id of the request, for `SdkResponseMetadata`.
pub(super) fn request_id(headers: &[(String, String)]) -> Option<&str> {
    let (_, id) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amzn-RequestId"))?;
    Some(id)
}

/// `{AllHttpHeaders: {name: [value]}, HttpHeaders: {name: value}, HttpStatusCode}`.
pub(super) fn sdk_http_metadata(headers: &[(String, String)], status: u16) -> Json {
    let mut headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (spelled(name), value.as_str())).collect();
    headers.sort_by_key(|(name, _)| KNOWN.iter().position(|known| known == name));
    let all = grouped(&headers);
    headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let single: Object = headers.into_iter().collect();
    let mut metadata = Object::new();
    metadata.insert("AllHttpHeaders", all);
    metadata.insert("HttpHeaders", single);
    metadata.insert("HttpStatusCode", i64::from(status));
    Json::from(metadata)
}

/// Collects the values of each name.
fn grouped(headers: &[(&str, &str)]) -> Object {
    let mut all = Object::new();
    for (name, _) in headers {
        let same = headers.iter().filter(|(other, _)| other == name);
        all.insert(*name, same.map(|(_, value)| Json::from(*value)).collect::<Vec<_>>());
    }
    all
}

fn spelled(name: &str) -> &str {
    KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or(name)
}
