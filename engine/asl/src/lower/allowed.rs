//! Which fields a state may have, by its type and its language (States Language, "State types"). What is not on the list is
//! refused in AWS's words, as users report them from ValidateStateMachineDefinition: for `TimeoutSeconds`, `Retry` and
//! `Catch` of each type (floci, issue 2735) and for fields of the other language (floci, issue 2968).

use super::QueryLanguage;

/// Fields of all types.
const COMMON: &[&str] = &["Type", "Comment", "QueryLanguage"];

/// Fields of the types that do not end their scope.
const TRANSITION: &[&str] = &["Next", "End"];

/// Fields for errors, of Task, Parallel and Map.
const ERRORS: &[&str] = &["Retry", "Catch"];

/// Data flow in JSONPath, of all types but Fail.
const PATHS: &[&str] = &["InputPath", "OutputPath"];

/// What one type has beside the common fields, in both languages and in each.
struct Allowed {
    both: &'static [&'static [&'static str]],
    jsonpath: &'static [&'static [&'static str]],
    jsonata: &'static [&'static [&'static str]],
}

const PASS: Allowed = Allowed {
    both: &[TRANSITION, &["Assign"]],
    jsonpath: &[PATHS, &["Parameters", "Result", "ResultPath"]],
    jsonata: &[&["Output"]],
};

const TASK: Allowed = Allowed {
    both: &[
        TRANSITION,
        ERRORS,
        &["Resource", "TimeoutSeconds", "HeartbeatSeconds", "Credentials", "Assign"],
    ],
    jsonpath: &[
        PATHS,
        &[
            "Parameters",
            "ResultSelector",
            "ResultPath",
            "TimeoutSecondsPath",
            "HeartbeatSecondsPath",
        ],
    ],
    jsonata: &[&["Arguments", "Output"]],
};

const CHOICE: Allowed = Allowed {
    both: &[&["Choices", "Default", "Assign"]],
    jsonpath: &[PATHS],
    jsonata: &[&["Output"]],
};

const WAIT: Allowed = Allowed {
    both: &[TRANSITION, &["Seconds", "Timestamp", "Assign"]],
    jsonpath: &[PATHS, &["SecondsPath", "TimestampPath"]],
    jsonata: &[&["Output"]],
};

const SUCCEED: Allowed = Allowed { both: &[], jsonpath: &[PATHS], jsonata: &[&["Output"]] };

const FAIL: Allowed = Allowed {
    both: &[&["Error", "Cause"]],
    jsonpath: &[&["ErrorPath", "CausePath"]],
    jsonata: &[],
};

const PARALLEL: Allowed = Allowed {
    both: &[TRANSITION, ERRORS, &["Branches", "Assign"]],
    jsonpath: &[PATHS, &["Parameters", "ResultSelector", "ResultPath"]],
    jsonata: &[&["Arguments", "Output"]],
};

const MAP: Allowed = Allowed {
    both: &[
        TRANSITION,
        ERRORS,
        &["ItemProcessor", "Iterator", "ItemSelector", "MaxConcurrency", "Label", "Assign"],
        &["ItemReader", "ItemBatcher", "ResultWriter"],
        &["ToleratedFailureCount", "ToleratedFailurePercentage"],
    ],
    jsonpath: &[
        PATHS,
        &["ItemsPath", "Parameters", "ResultSelector", "ResultPath", "MaxConcurrencyPath"],
        &["ToleratedFailureCountPath", "ToleratedFailurePercentagePath"],
    ],
    jsonata: &[&["Items", "Output"]],
};

/// Why a state of that type and language does not have a field; `None` when it does.
pub(super) fn refusal(state_type: &str, language: QueryLanguage, field: &str) -> Option<String> {
    let allowed = match state_type {
        "Pass" => PASS,
        "Task" => TASK,
        "Choice" => CHOICE,
        "Wait" => WAIT,
        "Succeed" => SUCCEED,
        "Fail" => FAIL,
        "Parallel" => PARALLEL,
        "Map" => MAP,
        // The type itself is the fault then.
        _ => return None,
    };
    let is_in = |lists: &[&[&str]]| lists.iter().any(|list| list.contains(&field));
    let (own, other) = match language {
        QueryLanguage::JsonPath => (allowed.jsonpath, allowed.jsonata),
        QueryLanguage::Jsonata => (allowed.jsonata, allowed.jsonpath),
    };
    if COMMON.contains(&field) || is_in(allowed.both) || is_in(own) {
        return None;
    }
    Some(match is_in(other) {
        true => foreign(language, field),
        false => unsupported(field),
    })
}

/// A field that an object does not have, whatever the language.
pub(super) fn unsupported(field: &str) -> String {
    format!("Field '{field}' is not supported")
}

/// A field that only the other language has.
pub(super) fn foreign(language: QueryLanguage, field: &str) -> String {
    let (own, other) = match language {
        QueryLanguage::JsonPath => ("JSONPath", "JSONata"),
        QueryLanguage::Jsonata => ("JSONata", "JSONPath"),
    };
    format!(
        "The QueryLanguage is set to '{own}', but field '{field}' is only supported for the '{other}' QueryLanguage"
    )
}
