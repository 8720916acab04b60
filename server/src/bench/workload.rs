//! What is run.

use serde_json::{Map, Value, json};
use stepyard_json::Payload;

use super::{EchoFunction, LambdaEndpoint};

/// A state machine of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Workload {
    /// Ten Pass states, one after another.
    Chain,
    /// One task, run in this process.
    Task,
    /// One task, run over HTTP by a Lambda that this process plays.
    Lambda,
    /// Two branches of three Pass states each.
    Parallel,
    /// Ten iterations of a Pass state.
    Map,
    /// A Wait of one second.
    Wait,
    /// A Wait of a year, whose end is not awaited.
    Sleep,
}

/// A year, in seconds.
const YEAR: u32 = 365 * 24 * 3_600;

/// States of the chain.
const CHAIN_LENGTH: usize = 10;

/// Items of the Map state.
const ITEMS: usize = 10;

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::Chain => "chain",
            Workload::Task => "task",
            Workload::Lambda => "lambda",
            Workload::Parallel => "parallel",
            Workload::Map => "map",
            Workload::Wait => "wait",
            Workload::Sleep => "sleep",
        }
    }

    pub(crate) fn definition(self) -> String {
        let definition = match self {
            Workload::Chain => chain(CHAIN_LENGTH),
            Workload::Task => only(&task(EchoFunction::NAME)),
            Workload::Lambda => only(&task(LambdaEndpoint::FUNCTION)),
            Workload::Parallel => {
                only(&json!({ "Type": "Parallel", "Branches": [chain(3), chain(3)], "End": true }))
            }
            Workload::Map => only(&json!({
                "Type": "Map",
                "ItemsPath": "$.items",
                "ItemProcessor": chain(1),
                "End": true,
            })),
            Workload::Wait => only(&json!({ "Type": "Wait", "Seconds": 1, "End": true })),
            Workload::Sleep => only(&json!({ "Type": "Wait", "Seconds": YEAR, "End": true })),
        };
        definition.to_string()
    }

    /// Whether a client waits for the end of its execution before it starts the next one.
    pub(crate) fn awaits_end(self) -> bool {
        self != Workload::Sleep
    }

    /// An input of about so many bytes.
    pub(crate) fn input(self, bytes: usize) -> Payload {
        let mut input =
            json!({ "items": (0..ITEMS).collect::<Vec<_>>(), "order": { "id": 7, "paid": true } });
        let rest = bytes.saturating_sub(input.to_string().len() + r#","filling":"""#.len());
        input["filling"] = "x".repeat(rest).into();
        Payload::from_trusted_text(input.to_string().into())
    }
}

fn chain(length: usize) -> Value {
    let state = |number: usize| {
        let state = match number + 1 < length {
            true => json!({ "Type": "Pass", "Next": format!("S{}", number + 1) }),
            false => json!({ "Type": "Pass", "End": true }),
        };
        (format!("S{number}"), state)
    };
    let states: Map<String, Value> = (0..length).map(state).collect();
    json!({ "StartAt": "S0", "States": states })
}

fn task(function: &str) -> Value {
    let resource = format!("arn:aws:lambda:us-east-1:000000000000:function:{function}");
    json!({ "Type": "Task", "Resource": resource, "End": true })
}

fn only(state: &Value) -> Value {
    json!({ "StartAt": "Only", "States": { "Only": state } })
}
