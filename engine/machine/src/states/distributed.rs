//! Map in DISTRIBUTED mode: a child execution for each item, or for each batch of items, of a Map Run.

use std::ops::RangeInclusive;
use std::sync::Arc;

use stepyard_asl::{
    BATCH_BYTES_MAX, Count, Distributed, EvalError, Flow, ITEMS_MAX, ItemBatcher, Map, Path,
    StateId, StateKind, Tolerated, WorkflowType,
};
use stepyard_json::{Json, Payload};

use super::{computed, outcome_of, shown};
use crate::context::Subject;
use crate::decide::Run;
use crate::failure::{Failure, RUNTIME};
use crate::map_run::MAP_RUN_REDRIVES_MAX;
use crate::{
    BatchLimits, Batches, EndedChild, EventKind, FrameId, MapLimits, MapRun, MapRunId, MapRunItems,
    MapRunPlan, MapRunTotals,
};

/// What `ToleratedFailureCount` may be when JSONata computes it.
const COUNT: RangeInclusive<u64> = 0..=u32::MAX as u64;

/// What `ToleratedFailurePercentage` may be.
const PERCENTAGE: RangeInclusive<f64> = 0.0..=100.0;

/// Starts the Map Run, of a state with that effective input, those items and that `MaxConcurrency`.
pub(super) fn start(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    (map, distributed): (&Map, &Distributed),
    (input, items, max_concurrency): (Payload, Payload, u64),
) -> Result<(), Failure> {
    let length = items.tree().as_array().map_or(0, <[Json]>::len);
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let (shown, concurrency) = ((input.clone(), items.clone()), 0);
    let kind =
        EventKind::MapStateStarted { state, input: shown.0, items: shown.1, length, concurrency };
    run.emit(id, kind);
    let limits = limits(run, id, map, &input, max_concurrency)?;
    let limits = limits.or_none_tolerated();
    let items = source(run, id, distributed, &input, items)?;
    let batches = match &distributed.item_batcher {
        Some(batcher) => Some(batches(run, id, batcher, &input)?),
        None => None,
    };
    let exporter = distributed.result_writer.as_ref().filter(|writer| writer.is_export);
    let export = match exporter {
        Some(writer) => {
            Some(run.template(id, writer.arguments.as_ref(), Subject::Input(&input))?)
        }
        None => None,
    };
    let arn = arn(run, distributed);
    let plan = Arc::new(MapRunPlan { arn, input, items, batches, export, limits });
    run.emit(id, EventKind::MapRunStarted { state, plan });
    let started = run.execution().frame(id).and_then(|frame| frame.map_run()).map(MapRun::id);
    if let Some(map_run) = started {
        run.serve_map_run(map_run);
    }
    Ok(())
}

/// Goes on with a Map Run that has ended badly, after a redrive of its execution.
pub(super) fn redrive(run: &mut Run<'_>, id: FrameId, state: StateId) -> Result<(), Failure> {
    let ended = run.execution().frame(id).and_then(|frame| frame.ended_map_run());
    let Some(ended) = ended else { return Ok(()) };
    let redrive_count = ended.redrive_count() + 1;
    if redrive_count > MAP_RUN_REDRIVES_MAX {
        let cause = format!("A Map Run can be redriven {MAP_RUN_REDRIVES_MAX} times at most.");
        return Err(Failure::new(RUNTIME, cause));
    }
    let (map_run, map_run_arn) = (ended.id(), ended.plan().arn.clone());
    run.emit(id, EventKind::MapRunRedriven { state, map_run_arn, redrive_count });
    settle(run, id, state, map_run);
    if waiting(run, map_run).is_some_and(|(_, _, waiting)| !waiting.is_complete()) {
        run.serve_map_run(map_run);
    }
    Ok(())
}

/// `arn:aws:states:REGION:ACCOUNT:mapRun:STATE_MACHINE/LABEL:UUID`.
fn arn(run: &mut Run<'_>, distributed: &Distributed) -> Arc<str> {
    let context = run.execution().context().cloned();
    let machine = context.map(|context| context.state_machine_arn.clone()).unwrap_or_default();
    // That of a child execution has a label already.
    let machine = machine.split_once('/').map_or(&*machine, |(machine, _)| machine);
    let base = machine.replacen(":stateMachine:", ":mapRun:", 1);
    let label = distributed.label.clone().unwrap_or_else(|| run.random.uuid_v4().into());
    format!("{base}/{label}:{}", run.random.uuid_v4()).into()
}

/// Where the items are.
fn source(
    run: &mut Run<'_>,
    id: FrameId,
    distributed: &Distributed,
    input: &Payload,
    items: Payload,
) -> Result<MapRunItems, Failure> {
    let Some(reader) = &distributed.item_reader else { return Ok(MapRunItems::Given(items)) };
    let arguments = run.template(id, reader.arguments.as_ref(), Subject::Input(input))?;
    let max_items = match &reader.max_items {
        None => 0,
        Some(Count::Literal(max_items)) => signed(*max_items),
        Some(Count::Path(path)) => integer(run, id, "MaxItemsPath", path, input)?,
        Some(Count::Jsonata(jsonata)) => signed(computed(run, id, input, jsonata, 0..=ITEMS_MAX)?),
    };
    Ok(MapRunItems::Read { arguments, max_items })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// `ItemBatcher`.
fn batches(
    run: &mut Run<'_>,
    id: FrameId,
    batcher: &ItemBatcher,
    input: &Payload,
) -> Result<Batches, Failure> {
    let mut count = |count: Option<&Count>, field, most| match count {
        None => Ok(None),
        Some(Count::Literal(count)) => Ok(Some(*count)),
        Some(Count::Path(path)) => {
            let count = integer(run, id, field, path, input)?;
            match u64::try_from(count) {
                Ok(count) if (1..=most).contains(&count) => Ok(Some(count)),
                _ => {
                    let field = field.strip_suffix("Path").unwrap_or(field);
                    let cause = format!("{field} must be between 1 and {most}.");
                    Err(run.locate(id, EvalError::runtime(cause)))
                }
            }
        }
        Some(Count::Jsonata(jsonata)) => computed(run, id, input, jsonata, 1..=most).map(Some),
    };
    let max_items = count(batcher.max_items.as_ref(), "MaxItemsPerBatchPath", ITEMS_MAX)?;
    let bytes = batcher.max_input_bytes.as_ref();
    let max_input_bytes = count(bytes, "MaxInputBytesPerBatchPath", BATCH_BYTES_MAX)?;
    let input = match &batcher.batch_input {
        Some(template) => Some(run.template(id, Some(template), Subject::Input(input))?),
        None => None,
    };
    let limits = BatchLimits { items: max_items, input_bytes: max_input_bytes };
    Ok(Batches { limits, input })
}

/// The limits of a Map state, as they are written or computed.
pub(super) fn limits(
    run: &mut Run<'_>,
    id: FrameId,
    map: &Map,
    input: &Payload,
    max_concurrency: u64,
) -> Result<MapLimits, Failure> {
    let tolerated_failure_count = match &map.tolerated_failure_count {
        None => None,
        Some(Tolerated::Literal(count)) => Some(*count as u64),
        Some(Tolerated::Path(path)) => {
            let count = integer(run, id, "ToleratedFailureCountPath", path, input)?;
            let refused = "ToleratedFailureCount cannot be negative.";
            let count = u64::try_from(count).map_err(|_| EvalError::runtime(refused));
            Some(count.map_err(|error| run.locate(id, error))?)
        }
        Some(Tolerated::Jsonata(jsonata)) => Some(computed(run, id, input, jsonata, COUNT)?),
    };
    let tolerated_failure_percentage = match &map.tolerated_failure_percentage {
        None => None,
        Some(Tolerated::Literal(percentage)) => Some(*percentage),
        Some(Tolerated::Path(path)) => Some(percentage(run, id, path, input)?),
        Some(Tolerated::Jsonata(jsonata)) => {
            Some(computed(run, id, input, jsonata, 0..=100)? as f64)
        }
    };
    Ok(MapLimits { max_concurrency, tolerated_failure_count, tolerated_failure_percentage })
}

/// `ToleratedFailurePercentagePath`.
fn percentage(
    run: &mut Run<'_>,
    id: FrameId,
    path: &Path,
    input: &Payload,
) -> Result<f64, Failure> {
    let value = run.evaluate(id, Subject::Input(input), |env| path.eval(env))?;
    let written = value.as_str().and_then(|text| text.parse().ok());
    let refused = match value.as_f64().or(written) {
        Some(percentage) if PERCENTAGE.contains(&percentage) => return Ok(percentage),
        Some(_) => "ToleratedFailurePercentage must be between 0 and 100.".to_owned(),
        None => format!(
            "The ToleratedFailurePercentagePath field refers to value \"{}\" which is not a \
             valid float: {path}",
            shown(&value)
        ),
    };
    Err(run.locate(id, EvalError::runtime(refused)))
}

/// A whole number at the end of a path, which may be written as a text (recorded).
fn integer(
    run: &mut Run<'_>,
    id: FrameId,
    field: &str,
    path: &Path,
    input: &Payload,
) -> Result<i64, Failure> {
    let value = run.evaluate(id, Subject::Input(input), |env| path.eval(env))?;
    let written = value.as_str().and_then(|text| text.parse().ok());
    value.as_i64().or(written).ok_or_else(|| {
        let value = shown(&value);
        let cause = format!(
            "The {field} field refers to value \"{value}\" which is not a valid integer: {path}"
        );
        run.locate(id, EvalError::runtime(cause))
    })
}

/// The frame and the state that wait for a Map Run, with that.
fn waiting<'r>(run: &'r Run<'_>, id: MapRunId) -> Option<(FrameId, StateId, &'r MapRun)> {
    let frame_id = run.execution().frame_of_map_run(id)?;
    let frame = run.execution().frame(frame_id)?;
    Some((frame_id, frame.state?, frame.map_run()?))
}

/// A child execution has ended.
pub(crate) fn child_ended(run: &mut Run<'_>, id: MapRunId, child: Arc<EndedChild>) -> bool {
    let Some((frame, state, map_run)) = waiting(run, id) else { return false };
    let is_unknown = map_run.totals().is_some_and(|totals| child.number >= totals.children);
    if map_run.has_ended(child.number) || is_unknown || !child.end.status.is_end() {
        return false;
    }
    run.emit(frame, EventKind::MapRunChildEnded(child));
    settle(run, frame, state, id);
    true
}

/// The last item was found.
pub(crate) fn totals_known(run: &mut Run<'_>, id: MapRunId, totals: MapRunTotals) -> bool {
    let Some((frame, state, map_run)) = waiting(run, id) else { return false };
    let known = map_run.totals();
    if known == Some(totals) {
        return false;
    }
    if known.is_some() || !map_run.admits(totals) {
        // They were read again, after a crash or a redrive.
        let cause = "The items are not those that were read before.";
        return failed(run, id, Failure::new("States.ItemReaderFailed", cause));
    }
    run.emit(frame, EventKind::MapRunTotalsKnown(totals));
    settle(run, frame, state, id);
    true
}

/// Its items cannot be read, the inputs of its child executions cannot be made, or its results cannot be exported.
pub(crate) fn failed(run: &mut Run<'_>, id: MapRunId, failure: Failure) -> bool {
    let Some((frame, state, _)) = waiting(run, id) else { return false };
    run.cancel_map_run(id);
    run.fail_map_run(frame, state, failure);
    true
}

/// `UpdateMapRun`.
pub(crate) fn updated(run: &mut Run<'_>, id: MapRunId, limits: MapLimits) -> bool {
    let Some((frame, state, map_run)) = waiting(run, id) else { return false };
    let before = map_run.limits();
    if before == limits {
        return false;
    }
    run.emit(frame, EventKind::MapRunUpdated(limits));
    if before.max_concurrency != limits.max_concurrency {
        run.limit_children(id, limits.max_concurrency);
    }
    settle(run, frame, state, id);
    true
}

/// Its results are exported.
pub(crate) fn exported(run: &mut Run<'_>, id: MapRunId, output: &Payload) -> bool {
    let Some((frame, state, map_run)) = waiting(run, id) else { return false };
    if !map_run.is_complete() || map_run.plan().export.is_none() {
        return false;
    }
    succeed(run, frame, state, output);
    true
}

/// What follows from what is known now.
fn settle(run: &mut Run<'_>, frame: FrameId, state: StateId, id: MapRunId) {
    let Some((_, _, map_run)) = waiting(run, id) else { return };
    if map_run.has_failed() {
        run.cancel_map_run(id);
        return run.fail_map_run(frame, state, Failure::too_many_iterations());
    }
    if !map_run.is_complete() {
        return;
    }
    if map_run.plan().export.is_some() {
        return run.serve_map_run(id);
    }
    match results(run, frame, state, id) {
        Ok(results) => succeed(run, frame, state, &results),
        Err(failure) => run.fail_map_run(frame, state, failure),
    }
}

/// What the child executions have left, as `WriterConfig` has it.
fn results(
    run: &Run<'_>,
    frame: FrameId,
    state: StateId,
    id: MapRunId,
) -> Result<Payload, Failure> {
    let program = run.program;
    let (StateKind::Map(map), Some((_, _, map_run))) =
        (&program.state(state).kind, waiting(run, id))
    else {
        return Ok(Payload::empty_object());
    };
    let Some(distributed) = &map.distributed else { return Ok(Payload::empty_object()) };
    let config = distributed.result_writer.as_ref().map(|writer| writer.config);
    let is_express = distributed.execution_type == WorkflowType::Express;
    match map_run.results(is_express, config.unwrap_or_default()) {
        Some(results) => run.payload(frame, results),
        None => Err(Failure::too_large(&program.state(state).name)),
    }
}

fn succeed(run: &mut Run<'_>, id: FrameId, state: StateId, results: &Payload) {
    let program = run.program;
    let StateKind::Map(map) = &program.state(state).kind else { return };
    if let Err(failure) = run.within_limit(results, &program.state(state).name) {
        return run.fail_map_run(id, state, failure);
    }
    let started = run.previous(id);
    run.emit(id, EventKind::MapRunSucceeded { state });
    run.emit(id, EventKind::MapStateSucceeded { state });
    // Recordings of JSONata, and the later ones of JSONPath, have the start of the Map Run here; most of JSONPath its end.
    let exit_follows = match program.state(state).flow {
        Flow::Jsonata { .. } => started,
        Flow::JsonPath { .. } => run.previous(id),
    };
    match outcome_of(run, id, state, results, &map.outcome) {
        Ok(left) => run.leave_after(id, exit_follows, state, left, map.outcome.transition),
        Err(failure) => run.fail(id, state, failure),
    }
}
