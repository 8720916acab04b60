//! Histories as compact lines, such as
//!
//! ```text
//! 3 <- 2 LambdaFunctionScheduled resource=arn:... input={"n":4}
//! ```
//!
//! for event 3 with `previousEventId` 2. Times, roles and what is the same in every event are left
//! out. In an expected line `*` stands for any text.

use serde_json::Value;

/// Members of details in the order in which they are shown. `inputDetails` and its like are not.
const MEMBERS: [&str; 13] = [
    "name",
    "index",
    "length",
    "resourceType",
    "resource",
    "parameters",
    "input",
    "output",
    "assignedVariables",
    "error",
    "cause",
    "timeoutInSeconds",
    "heartbeatInSeconds",
];

/// Data longer than this, in bytes, is shown by its length.
const DATA_MAX: usize = 4_096;

/// One event of GetExecutionHistory.
pub(crate) fn line(event: &Value) -> String {
    let kind = event["type"].as_str().unwrap_or_default();
    let mut line = format!("{} <- {} {kind}", event["id"], event["previousEventId"]);
    let details = event.as_object().and_then(|event| {
        event.iter().find(|(name, _)| name.ends_with("EventDetails")).map(|(_, details)| details)
    });
    for name in MEMBERS {
        match details.and_then(|details| details.get(name)) {
            Some(Value::String(text)) if text.len() > DATA_MAX => {
                line.push_str(&format!(" {name}=({} bytes)", text.len()));
            }
            Some(Value::String(text)) => line.push_str(&format!(" {name}={text}")),
            Some(other) => line.push_str(&format!(" {name}={other}")),
            None => {}
        }
    }
    line
}

/// What differs, or nothing.
pub(crate) fn difference(expected: &[String], found: &[String]) -> Option<String> {
    let same = expected.len() == found.len()
        && expected.iter().zip(found).all(|(expected, found)| matches(expected, found));
    let marked = |(at, line): (usize, &String)| {
        let fits = expected.get(at).is_some_and(|expected| matches(expected, line));
        format!("{} {line}", if fits { " " } else { "!" })
    };
    (!same).then(|| {
        let found: Vec<String> = found.iter().enumerate().map(marked).collect();
        format!("expected\n  {}\nfound\n{}", expected.join("\n  "), found.join("\n"))
    })
}

/// Whether a text fits a pattern in which `*` stands for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
