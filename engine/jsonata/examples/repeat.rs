//! Evaluates an expression over and over for `scripts/bench-jsonata`, from the text of the input to the text of the result.
//!
//! In, a JSON text per line: `{"expression": text, "input": text, "times": n}`; out, once that is done: the last result.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, BufRead, Write};

use mimalloc::MiMalloc;
use stepyard_json::{Json, Object};
use stepyard_jsonata::{Dialect, Evaluated, Expression, Input};

/// As in the server.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        writeln!(out, "{}", repeat(&Json::parse(&line?)?)?)?;
        out.flush()?;
    }
    Ok(())
}

fn repeat(job: &Json) -> Result<String, Box<dyn Error>> {
    let text = |name| job.get(name).and_then(Json::as_str).unwrap_or_default();
    let expression = Expression::compile(text("expression"), Dialect::StepFunctions)?;
    let mut result = String::new();
    for _ in 0..job.get("times").and_then(Json::as_i64).unwrap_or(1) {
        result = once(&expression, text("input"))?;
    }
    Ok(result)
}

fn once(expression: &Expression, text: &str) -> Result<String, Box<dyn Error>> {
    let mut states = Object::new();
    states.insert("input", Json::parse(text)?);
    let bindings = BTreeMap::from([("states".to_owned(), Json::from(states))]);
    let mut input = Input::new(None);
    input.bindings = &bindings;
    match expression.evaluate(&mut input)? {
        Evaluated::Value(value) => Ok(value.to_text()),
        other => Err(format!("no value: {other:?}").into()),
    }
}
