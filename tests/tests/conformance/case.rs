//! The cases: data files that say what a state machine does.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stepyard_tests::{Reply, root};

/// One file of `tests/conformance/cases`; its name names state machine and execution.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    #[serde(skip)]
    pub(crate) name: String,
    /// What it shows.
    pub(crate) about: String,
    pub(crate) definition: Value,
    /// Input of the execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<Value>,
    /// The same as text, where its spelling matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input_text: Option<String>,
    /// What each function answers, call by call. No function stands in two cases.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    pub(crate) tasks: HashMap<String, Vec<Answer>>,
    /// How often it is redriven after an end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) redrives: u32,
    /// Status of the execution at its end.
    pub(crate) status: String,
    /// Of an execution that succeeds.
    #[serde(default, with = "present", skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Value>,
    /// Of one that does not; a text that is not given may be any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// See [`crate::lines`].
    pub(crate) history: Vec<String>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// One answer of a function.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Answer {
    Raise {
        /// Error type and message.
        raise: (String, String),
    },
    Text {
        /// A text of that many letters.
        return_text_of_length: usize,
    },
    Return {
        #[serde(rename = "return")]
        value: Value,
        /// How long it takes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delay_seconds: Option<u64>,
    },
}

impl Answer {
    pub(crate) fn delay(&self) -> Duration {
        match self {
            Answer::Return { delay_seconds: Some(seconds), .. } => Duration::from_secs(*seconds),
            _ => Duration::ZERO,
        }
    }

    pub(crate) fn reply(&self) -> Reply {
        match self {
            Answer::Raise { raise: (error, message) } => {
                Reply::Raise { error: error.clone(), message: message.clone() }
            }
            Answer::Text { return_text_of_length } => {
                Reply::Return("x".repeat(*return_text_of_length).into())
            }
            Answer::Return { value, .. } => Reply::Return(value.clone()),
        }
    }
}

impl Case {
    pub(crate) fn input(&self) -> String {
        let written = || self.input.clone().unwrap_or_default().to_string();
        self.input_text.clone().unwrap_or_else(written)
    }

    pub(crate) fn path(&self) -> PathBuf {
        folder().join(format!("{}.json", self.name))
    }
}

/// All cases by name.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> =
        fs::read_dir(folder()).unwrap().map(|entry| load(&entry.unwrap().path())).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

/// The answers of all cases, by function.
pub(crate) fn script(cases: &[Case]) -> HashMap<String, Vec<Answer>> {
    let mut script = HashMap::new();
    for (function, answers) in cases.iter().flat_map(|case| &case.tasks) {
        let earlier = script.insert(function.clone(), answers.clone());
        assert!(earlier.is_none(), "{function} stands in two cases");
    }
    script
}

fn folder() -> PathBuf {
    root().join("tests/conformance/cases")
}

fn load(path: &Path) -> Case {
    let text = fs::read_to_string(path).unwrap();
    let case: Case =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    Case { name, ..case }
}

/// An output of `null` is one, too.
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Value>, D::Error> {
        Value::deserialize(from).map(Some)
    }

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Value>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }
}
