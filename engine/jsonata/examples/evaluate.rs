//! Evaluates expressions for `scripts/compare-jsonata`: a JSON text per line in, one per line out.
//!
//! In: `{"expression": text, "input": any}`, which the expression sees as `$states.input`.
//! Out: `{"value": any}`, `{"undefined": true}`, `{"function": true}` or `{"error": code, "message": text}`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, BufRead, BufWriter, Write};

use stepyard_json::{Json, Object};
use stepyard_jsonata::{Dialect, Evaluated, Expression, Input};

/// 2026-03-04T05:06:07.089Z
const NOW_MILLIS: i64 = 1_772_600_767_089;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let case = Json::parse(&line?)?;
        writeln!(out, "{}", outcome(&case))?;
    }
    Ok(())
}

fn outcome(case: &Json) -> Json {
    let text = case.get("expression").and_then(Json::as_str).unwrap_or_default();
    let evaluated = Expression::compile(text, Dialect::StepFunctions)
        .and_then(|expression| evaluate(&expression, case));
    object(match evaluated {
        Ok(Evaluated::Value(value)) => vec![("value", value)],
        Ok(Evaluated::Undefined) => vec![("undefined", true.into())],
        Ok(Evaluated::Function) => vec![("function", true.into())],
        Err(error) => vec![("error", error.code.into()), ("message", error.message().into())],
    })
}

fn evaluate(expression: &Expression, case: &Json) -> Result<Evaluated, stepyard_jsonata::Error> {
    let input = case.get("input").cloned().unwrap_or(Json::Null);
    let bindings = BTreeMap::from([("states".to_owned(), object(vec![("input", input)]))]);
    let mut input = Input::new(None);
    input.bindings = &bindings;
    input.now_millis = NOW_MILLIS;
    expression.evaluate(&mut input)
}

fn object(members: Vec<(&str, Json)>) -> Json {
    members.into_iter().collect::<Object>().into()
}
