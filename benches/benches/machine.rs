//! The interpreter: deciding, folding, parsing, encoding.

use divan::Bencher;
use divan::counter::ItemsCount;
use stepyard_asl::{DEFINITION_BYTES_MAX, compile};
use stepyard_benches::{
    LINES_OF_1_5_KB, LINES_OF_1_KB, chain, chain_definition, choice_in_jsonata, events_of_chain,
    moment, order, order_text, start,
};
use stepyard_json::Payload;
use stepyard_machine::{Decision, Execution, decide};
use stepyard_store::codec::{decode, encode};

/// States of the chain.
const STATES: usize = 100;

fn main() {
    divan::main();
}

/// Per state: a Pass state that hands on 1 KB.
#[divan::bench]
fn decide_pass(bencher: Bencher) {
    let (program, input) = (chain(STATES), order());
    bencher.counter(ItemsCount::new(STATES)).bench_local(|| {
        let (mut execution, mut decision) = (Execution::new(), Decision::default());
        decide(&program, &mut execution, moment(), start("one", input.clone()), &mut decision);
        decision
    });
}

/// A Choice state whose condition in JSONata names two fields of 1.5 KB, from the start of the execution to its end. Its
/// input is text that nobody has looked into yet.
#[divan::bench]
fn decide_choice_in_jsonata(bencher: Bencher) {
    let program = choice_in_jsonata();
    let input = || Payload::from_trusted_text(order_text(LINES_OF_1_5_KB).into());
    bencher.with_inputs(input).bench_local_values(|input| {
        let (mut execution, mut decision) = (Execution::new(), Decision::default());
        decide(&program, &mut execution, moment(), start("one", input), &mut decision);
        decision
    });
}

/// Per event.
#[divan::bench]
fn replay(bencher: Bencher) {
    let events = events_of_chain(STATES);
    bencher.counter(ItemsCount::new(events.len())).bench_local(|| Execution::replay(&events));
}

/// Per event: a chunk of a whole chain, its input in it once.
#[divan::bench]
fn encode_chunk(bencher: Bencher) {
    let events = events_of_chain(STATES);
    bencher.counter(ItemsCount::new(events.len())).bench_local(|| encode(&events, 1));
}

/// Per event.
#[divan::bench]
fn decode_chunk(bencher: Bencher) {
    let events = events_of_chain(STATES);
    let body = encode(&events, 1);
    bencher.counter(ItemsCount::new(events.len())).bench_local(|| decode(&body));
}

/// A payload of 1 KB.
#[divan::bench]
fn parse_payload(bencher: Bencher) {
    bencher.with_inputs(|| order_text(LINES_OF_1_KB)).bench_values(Payload::from_text);
}

/// A definition of 10,000 Pass states.
#[divan::bench]
fn compile_many_states(bencher: Bencher) {
    let definition = chain_definition(10_000);
    bencher.bench_local(|| compile(&definition));
}

/// A definition as large as AWS allows: templates, choices, retriers and catchers over and over.
#[divan::bench]
fn compile_largest(bencher: Bencher) {
    let definition = largest_definition();
    bencher.bench_local(|| compile(&definition));
}

fn largest_definition() -> String {
    let state = |at: usize| {
        let next = at + 1;
        format!(
            r#""C{at}":{{"Type":"Choice","Choices":[{{"And":[{{"Variable":"$.a.b[0]","NumericGreaterThan":1}},
            {{"Variable":"$.c","StringMatches":"x*"}}],"Next":"T{at}"}}],"Default":"T{at}"}},
            "T{at}":{{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{{"FunctionName":"f",
            "Payload":{{"id.$":"$.order.id","tags.$":"$.items[?(@.ok == true)].tag","text.$":
            "States.Format('{{}} of {{}}', $.a, States.ArrayLength($.items))"}}}},"ResultPath":"$.result",
            "Retry":[{{"ErrorEquals":["Lambda.TooManyRequestsException"],"BackoffRate":2}}],
            "Catch":[{{"ErrorEquals":["States.ALL"],"Next":"C{next}"}}],"Next":"C{next}"}}"#
        )
    };
    let mut states = String::new();
    let mut count = 0;
    while states.len() + state(count).len() + 200 < DEFINITION_BYTES_MAX {
        states += &state(count);
        states.push(',');
        count += 1;
    }
    format!(r#"{{"StartAt":"C0","States":{{{states}"C{count}":{{"Type":"Succeed"}}}}}}"#)
}
