//! A naive evaluator of sketches: recursion, one thing after the other, no events.

use stepyard_json::Json;

use super::{Answer, Failure, Handling, Kind, Sketch, Step, answer, families, object};

/// The text of the output, or the name of the error.
pub(crate) fn run(sketch: &Sketch, input: &Json) -> Result<String, String> {
    let items = input.get("items").and_then(Json::as_array).unwrap_or_default();
    match scope(sketch, input.clone(), items) {
        Ok(output) => Ok(output.to_string()),
        Err(failure) => Err(failure.error.to_owned()),
    }
}

type Evaluation = Result<Json, Failure>;

fn scope(sketch: &Sketch, mut data: Json, items: &[Json]) -> Evaluation {
    let mut at = 0;
    while let Some(step) = sketch.0.get(at) {
        let skip = matches!(step.kind, Kind::SkipIfString) && data.as_str().is_some();
        // Where there is nothing to skip to, skipping leads to the last state.
        at += if skip && at + 2 < sketch.0.len() { 2 } else { 1 };
        data = evaluate(step, data, items)?;
    }
    Ok(data)
}

fn evaluate(step: &Step, data: Json, items: &[Json]) -> Evaluation {
    match &step.kind {
        Kind::FailIfNumber if data.as_number().is_some() => Err(Failure::PLAIN),
        Kind::Identity
        | Kind::Discard
        | Kind::ThroughVariable
        | Kind::SkipIfString
        | Kind::FailIfNumber
        | Kind::Wait(_)
        | Kind::Succeed => Ok(data),
        Kind::Constant(value) => Ok(value.clone()),
        Kind::Wrap => Ok(object([("w", data)])),
        Kind::Task(handling) => {
            handle(handling, &data, |attempt| match answer(&step.name, &data, attempt) {
                Answer::Succeeds(output) => Ok(output),
                Answer::Fails(failure) | Answer::Panics(failure) => Err(failure),
                Answer::Hangs => Err(Failure::TIMEOUT),
            })
        }
        Kind::Parallel(branches, handling) => handle(handling, &data, |_| {
            branches
                .iter()
                .map(|branch| scope(branch, data.clone(), items))
                .collect::<Result<Vec<_>, _>>()
                .map(Json::from)
        }),
        Kind::Map { body, selector, handling, .. } => handle(handling, &data, |_| {
            let iterations = items.iter().enumerate().map(|(index, item)| {
                let input = if *selector {
                    object([("i", index.into()), ("v", item.clone()), ("d", data.clone())])
                } else {
                    item.clone()
                };
                scope(body, input, items)
            });
            let results = iterations.collect::<Result<Vec<_>, _>>().map(Json::from);
            results.map_err(|failure| families::failure_of_map(&step.name, failure))
        }),
    }
}

fn handle(handling: &Handling, data: &Json, work: impl Fn(u64) -> Evaluation) -> Evaluation {
    let mut attempt = 0;
    let retries = |failure: Failure| handling.retries_all || failure != Failure::TIMEOUT;
    let failure = loop {
        match work(attempt) {
            Ok(result) => return Ok(result),
            Err(failure) if retries(failure) && attempt < handling.attempts.unwrap_or_default() => {
                attempt += 1;
            }
            Err(failure) => break failure,
        }
    };
    match handling.catch {
        None => Err(failure),
        Some(true) => Ok(data.clone()),
        Some(false) => {
            let (error, cause) = (failure.error.into(), failure.cause.into());
            Ok(object([("Error", error), ("Cause", cause)]))
        }
    }
}
