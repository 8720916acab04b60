//! What the benchmarks share: programs and data.

use std::sync::Arc;

use stepyard_asl::{Program, Timestamp, compile};
use stepyard_json::Payload;
use stepyard_machine::{Decision, Event, Execution, Moment, StartContext, Stimulus, decide};

/// A chain of so many Pass states.
pub fn chain_definition(length: usize) -> String {
    let state = |at: usize| {
        let next = match at + 1 == length {
            true => r#""End":true"#.to_owned(),
            false => format!(r#""Next":"S{}""#, at + 1),
        };
        format!(r#""S{at}":{{"Type":"Pass",{next}}}"#)
    };
    let states: Vec<_> = (0..length).map(state).collect();
    format!(r#"{{"StartAt":"S0","States":{{{}}}}}"#, states.join(","))
}

/// The same, compiled.
///
/// # Panics
/// Never: the definition is valid.
pub fn chain(length: usize) -> Arc<Program> {
    compile(&chain_definition(length)).program.expect("the chain is valid")
}

/// A Choice state whose condition, in JSONata, names two fields of an order.
///
/// # Panics
/// Never: the definition is valid.
pub fn choice_in_jsonata() -> Arc<Program> {
    let definition = r#"{"QueryLanguage":"JSONata","StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{"Next":"S",
        "Condition":"{% $states.input.order = 'O-1' and $states.input.customer.id > 5 %}"}],"Default":"F"},
        "S":{"Type":"Succeed"},"F":{"Type":"Fail"}}}"#;
    compile(definition).program.expect("the definition is valid")
}

/// Lines of an order of about 1 KB.
pub const LINES_OF_1_KB: usize = 14;

/// Lines of an order of about 1.5 KB.
pub const LINES_OF_1_5_KB: usize = 21;

/// An order of so many lines.
pub fn order_text(lines: usize) -> String {
    let line = |at: usize| {
        format!(
            r#"{{"sku":"A-{at:05}","name":"Widget number {at}","quantity":{at},"price":{at}.50}}"#
        )
    };
    let lines: Vec<_> = (0..lines).map(line).collect();
    format!(r#"{{"order":"O-1","customer":{{"id":7,"name":"Ada"}},"lines":[{}]}}"#, lines.join(","))
}

/// An order of about 1 KB as a payload.
///
/// # Panics
/// Never: the text is JSON.
pub fn order() -> Payload {
    Payload::from_text(order_text(LINES_OF_1_KB)).expect("the order is JSON")
}

/// A start with that input.
pub fn start(name: &str, input: Payload) -> Stimulus {
    Stimulus::Start { context: context(name), input }
}

/// Names and ARNs of an execution.
pub fn context(name: &str) -> Arc<StartContext> {
    Arc::new(StartContext {
        execution_arn: format!("arn:aws:states:us-east-1:000000000000:execution:bench:{name}")
            .into(),
        execution_name: name.into(),
        state_machine_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:bench".into(),
        state_machine_name: "bench".into(),
        role_arn: "arn:aws:iam::000000000000:role/bench".into(),
        qualifier: None,
        child_of: None,
        kind: Default::default(),
        limits: Default::default(),
    })
}

/// A fixed moment.
pub fn moment() -> Moment {
    Moment { now: Timestamp(1_700_000_000_000), entropy: [7; 16] }
}

/// All events of a chain that runs to its end.
pub fn events_of_chain(length: usize) -> Vec<Event> {
    let (program, mut execution) = (chain(length), Execution::new());
    let mut decision = Decision::default();
    decide(&program, &mut execution, moment(), start("one", order()), &mut decision);
    while !execution.is_closed() {
        decide(&program, &mut execution, moment(), Stimulus::Continue, &mut decision);
    }
    decision.events
}
