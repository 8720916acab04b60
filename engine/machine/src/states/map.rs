//! Map in INLINE mode: runs its item processor for each item of an array.

use std::ops::RangeInclusive;

use stepyard_asl::{EvalError, Flow, Items, Map, MaxConcurrency, Path, StateId, Template};
use stepyard_json::{Json, Payload};

use super::{computed, distributed, finish, results, whole_number};
use crate::context::Subject;
use crate::decide::Run;
use crate::failure::{Failure, RUNTIME};
use crate::frame::{Frame, Iterations};
use crate::{EventId, EventKind, FrameId, Item, Stage};

/// How many iterations AWS runs at once at most in INLINE mode, also when `MaxConcurrency` is 0 or higher.
const CONCURRENCY_MAX: u64 = 40;

/// What `MaxConcurrency` and `ToleratedFailureCount` may be when JSONata computes them.
const COUNT: RangeInclusive<u64> = 0..=u32::MAX as u64;

/// Starts the first iterations.
pub(super) fn work(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    map: &Map,
) -> Result<(), Failure> {
    let input = run.effective_input(id, state)?;
    let distributed = map.distributed.as_deref();
    let is_read = distributed.is_some_and(|distributed| distributed.item_reader.is_some());
    let items = match run.given_items() {
        Some(items) => items,
        None if is_read && !run.is_inspected() => Payload::from(Json::from_iter([])),
        None => items(run, id, state, map, &input)?,
    };
    let wanted = max_concurrency(run, id, map, &input)?;
    run.note(Stage::AfterItemsPath, &items);
    let length = items.tree().as_array().map_or(0, <[Json]>::len);
    if run.is_inspected() {
        let limits = distributed::limits(run, id, map, &input, wanted)?;
        if let Some(mocked) = run.mocked_map(limits, length) {
            return finish(run, id, state, &mocked?, &map.outcome);
        }
    }
    if let Some(distributed) = distributed {
        return distributed::start(run, id, state, (map, distributed), (input, items, wanted));
    }
    let concurrency = granted(wanted);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    run.emit(id, EventKind::MapStateStarted { state, input, items, length, concurrency });
    go_on(run, id, state, map)
}

/// An iteration has reached its end and makes room for another. With the last one the state ends.
pub(super) fn iteration_succeeded(
    run: &mut Run<'_>,
    id: FrameId,
    iteration: FrameId,
    state: StateId,
    index: u32,
    map: &Map,
) -> Result<(), Failure> {
    run.emit(iteration, EventKind::MapIterationSucceeded { state, index });
    go_on(run, id, state, map)
}

/// Starts the iterations that there is room for. When all have ended the state ends.
pub(super) fn go_on(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    map: &Map,
) -> Result<(), Failure> {
    start_iterations(run, id, state, map)?;
    finish_if_complete(run, id, state, map)
}

/// Starts as many iterations as there is room for.
fn start_iterations(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    map: &Map,
) -> Result<(), Failure> {
    while let Some((index, previous)) = next_iteration(run, id) {
        let input = iteration_input(run, id, map, index)?;
        run.within_limit(&input, &run.program.state(state).name)?;
        run.emit_after(id, previous, EventKind::MapIterationStarted { state, index, input });
    }
    Ok(())
}

/// The next iteration and the event it follows, if there is one and room for it.
fn next_iteration(run: &Run<'_>, id: FrameId) -> Option<(u32, EventId)> {
    let children = run.execution().frame(id)?.children()?;
    let iterations = children.map.as_ref()?;
    children.have_room().then_some((iterations.next, iterations.made_room))
}

/// The item, or what `ItemSelector` makes of it.
fn iteration_input(
    run: &mut Run<'_>,
    id: FrameId,
    map: &Map,
    index: u32,
) -> Result<Payload, Failure> {
    let children = run.execution().frame(id).and_then(Frame::children);
    let iterations = children.and_then(|children| children.map.clone());
    let Some(Iterations { input, items, .. }) = iterations else {
        return Ok(Payload::empty_object());
    };
    let item = items.tree().index(index as usize).unwrap_or(&Json::Null);
    let Some(selector) = &map.item_selector else { return Ok(Payload::from(item.clone())) };
    let input = Subject::Input(&input);
    let item = Item::of_array(u64::from(index), item.clone());
    let json = run.evaluate_for_item(id, input, &item, |env| selector.eval(env))?;
    run.payload(id, json)
}

fn finish_if_complete(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    map: &Map,
) -> Result<(), Failure> {
    let Some(results) = results(run, id) else { return Ok(()) };
    let results = run.payload(id, results)?;
    run.emit(id, EventKind::MapStateSucceeded { state });
    finish(run, id, state, &results, &map.outcome)
}

/// What is iterated over, an array.
fn items(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    map: &Map,
    input: &Payload,
) -> Result<Payload, Failure> {
    match (&map.items, &run.program.state(state).flow) {
        (Items::Template(items), _) => computed_items(run, id, items, state, input),
        (Items::Path(_), Flow::Jsonata { .. }) if !is_array(input) => {
            let cause = format!("Map state input must be an array but was: {}", input.text());
            Err(run.locate(id, EvalError::query(cause, None)))
        }
        (Items::Path(path), _) => items_at(run, id, path, input),
    }
}

/// `Items`.
fn computed_items(
    run: &mut Run<'_>,
    id: FrameId,
    items: &Template,
    state: StateId,
    input: &Payload,
) -> Result<Payload, Failure> {
    let computed = run.template(id, Some(items), Subject::Input(input))?;
    match items.jsonata() {
        Some(jsonata) if !is_array(&computed) => {
            Err(run.locate(id, jsonata.unexpected("array", computed.tree())))
        }
        _ => {
            run.within_limit(&computed, &run.program.state(state).name)?;
            Ok(computed)
        }
    }
}

fn is_array(payload: &Payload) -> bool {
    payload.tree().as_array().is_some()
}

/// `ItemsPath`.
fn items_at(
    run: &mut Run<'_>,
    id: FrameId,
    path: &Path,
    input: &Payload,
) -> Result<Payload, Failure> {
    let items = run.selected(id, path, input)?;
    if !is_array(&items) {
        // A path into the context object is told as one inside it (recorded from AWS).
        let shown = path.to_string();
        let shown =
            shown.strip_prefix('$').filter(|inner| inner.starts_with('$')).unwrap_or(&shown);
        let cause = format!("Reference path \"{shown}\" must point to array.");
        return Err(Failure::new(RUNTIME, cause));
    }
    Ok(items)
}

fn max_concurrency(
    run: &mut Run<'_>,
    id: FrameId,
    map: &Map,
    input: &Payload,
) -> Result<u64, Failure> {
    match &map.max_concurrency {
        MaxConcurrency::Literal(wanted) => Ok(u64::from(*wanted)),
        MaxConcurrency::Path(path) => whole_number(run, id, "MaxConcurrencyPath", path, input),
        MaxConcurrency::Jsonata(jsonata) => computed(run, id, input, jsonata, COUNT),
    }
}

/// How many iterations run at once when so many are wanted.
fn granted(wanted: u64) -> u32 {
    let granted = if wanted == 0 { CONCURRENCY_MAX } else { wanted.min(CONCURRENCY_MAX) };
    u32::try_from(granted).unwrap_or(u32::MAX)
}
