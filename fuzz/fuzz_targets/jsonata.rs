//! Any expression over a document: it ends, and does the same again.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use stepyard_json::Json;
use stepyard_jsonata::{Dialect, Expression, Input};

const STATES: &str = r#"{"input":{"a":[1,2.5,"x",null,true,[3]],"b":{"c":"a1 b2","d":-7},
    "items":[{"id":"p","n":3,"on":"2026-03-04T05:06:07Z"},{"id":"q","n":1,"tags":["s","t"]}]}}"#;

fuzz_target!(|text: &str| {
    let Ok(expression) = Expression::compile(text, Dialect::StepFunctions) else { return };
    let _ = expression.references();
    let states = Json::parse(STATES).expect("the document is JSON");
    let bindings = BTreeMap::from([("states".to_owned(), states.clone())]);
    let evaluate = || {
        let mut input = Input::new(Some(states.clone()));
        input.bindings = &bindings;
        input.fuel = 20_000;
        expression.evaluate(&mut input)
    };
    assert_eq!(evaluate(), evaluate());
});
