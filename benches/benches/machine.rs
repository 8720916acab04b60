//! The interpreter: deciding, folding, parsing, encoding.

use divan::Bencher;
use divan::counter::ItemsCount;
use stepyard_benches::{chain, events_of_chain, moment, order, order_text, start};
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
    bencher.with_inputs(order_text).bench_values(Payload::from_text);
}
