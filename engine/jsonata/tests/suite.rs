//! The test suite of the JSONata reference, when it is there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs};

use stepyard_json::Json;
use stepyard_jsonata::{Dialect, Error, ErrorKind, Evaluated, Expression, Input};

/// So many cases must pass. The two others hold half a surrogate pair, which no string of ours can.
const PASSED_MIN: usize = 1_684;

/// More than any case needs.
const FUEL: u64 = 200_000_000;

/// For cases that have no end.
const FUEL_OF_ENDLESS: u64 = 200_000;

#[test]
fn the_reference_suite_passes() {
    let Some(folder) = folder() else {
        eprintln!("SKIPPED: the JSONata suite is not there (STEPYARD_SHARED)");
        return;
    };
    let datasets = Json::parse(&fs::read_to_string(folder.join("datasets.json")).unwrap()).unwrap();
    let cases = fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let mut failures = Vec::new();
    let mut count = 0;
    for line in cases.lines() {
        count += 1;
        let case = Json::parse(line).unwrap();
        if let Err(reason) = check(&case, &datasets) {
            let text = |name| case.get(name).and_then(Json::as_str).unwrap_or_default();
            failures.push(format!("{}: {}\n    {reason}", text("id"), text("expr")));
        }
    }
    let passed = count - failures.len();
    println!("JSONata suite: {passed} of {count} cases pass");
    println!("{}", failures.join("\n"));
    assert!(passed >= PASSED_MIN, "{passed} of {count} cases pass, {PASSED_MIN} must");
}

fn folder() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = env::var("STEPYARD_SHARED").map_or_else(|_| root.join("../shared"), PathBuf::from);
    let folder = shared.join("jsonata-suite");
    folder.join("cases.jsonl").exists().then_some(folder)
}

fn check(case: &Json, datasets: &Json) -> Result<(), String> {
    let outcome = run(case, datasets);
    let code = case.get("code").or_else(|| case.get("error").and_then(|error| error.get("code")));
    if let Some(code) = code.and_then(Json::as_str) {
        let error = match outcome {
            Err(error) => error,
            Ok(value) => return Err(format!("{code} expected, but got {value:?}")),
        };
        return check_error(case, code, &error);
    }
    let evaluated = outcome.map_err(|error| format!("failed: {error}"))?;
    match (case.get("result"), evaluated) {
        (Some(wanted), Evaluated::Value(got)) if is_close(wanted, &got, is_unordered(case)) => {
            Ok(())
        }
        // The reference's harness compares functions by nothing at all.
        (None, Evaluated::Undefined | Evaluated::Function) => Ok(()),
        (wanted, got) => Err(format!("{wanted:?} expected, but got {got:?}")),
    }
}

fn check_error(case: &Json, code: &str, error: &Error) -> Result<(), String> {
    // The harness of the reference ends cases by itself when they take too long or nest too deeply.
    let bounded = code == "U1001" && error.kind != ErrorKind::Expression;
    if error.code != code && !bounded {
        return Err(format!("{code} expected, but got {error}"));
    }
    let details = case.get("error").unwrap_or(case);
    if let Some(token) = details.get("token").and_then(Json::as_str)
        && error.token.as_deref() != Some(token)
    {
        return Err(format!("token {token} expected, but got {:?}", error.token));
    }
    match details.get("message").and_then(Json::as_str) {
        Some(message) if error.message() != message => {
            Err(format!("{message} expected, but got {}", error.message()))
        }
        _ => Ok(()),
    }
}

fn run(case: &Json, datasets: &Json) -> Result<Evaluated, Error> {
    let text = case.get("expr").and_then(Json::as_str).unwrap_or_default();
    let dataset = case.get("dataset").and_then(Json::as_str).and_then(|name| datasets.get(name));
    let data = case.get("data").or(dataset).cloned();
    let mut bindings = BTreeMap::new();
    if let Some(object) = case.get("bindings").and_then(Json::as_object) {
        bindings.extend(object.iter().map(|(name, value)| (name.to_string(), value.clone())));
    }
    let expression = Expression::compile(text, Dialect::Plain)?;
    let mut input = Input::new(data);
    input.bindings = &bindings;
    input.now_millis = 1_700_000_000_000;
    let endless = case.get("code").and_then(Json::as_str) == Some("U1001");
    // Ranges may have ten million elements there.
    input.memory = 1 << 30;
    input.fuel = if endless { FUEL_OF_ENDLESS } else { FUEL };
    if let Some(depth) = case.get("depth").and_then(Json::as_i64) {
        input.depth = depth as usize;
    }
    expression.evaluate(&mut input)
}

fn is_unordered(case: &Json) -> bool {
    case.get("unordered").and_then(Json::as_bool).unwrap_or(false)
}

/// Equal, but for the last digits of numbers.
fn is_close(wanted: &Json, got: &Json, unordered: bool) -> bool {
    match (wanted, got) {
        (Json::Number(a), Json::Number(b)) => {
            let (a, b) = (a.as_f64(), b.as_f64());
            a == b || (a - b).abs() <= 1e-14 * a.abs()
        }
        (Json::Array(a), Json::Array(b)) if unordered => {
            let mut left = b.to_vec();
            a.len() == b.len()
                && a.iter().all(|wanted| {
                    let at = left.iter().position(|got| is_close(wanted, got, true));
                    at.map(|at| left.remove(at)).is_some()
                })
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| is_close(a, b, false))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, wanted)| {
                    b.get(name).is_some_and(|got| is_close(wanted, got, unordered))
                })
        }
        _ => wanted == got,
    }
}
