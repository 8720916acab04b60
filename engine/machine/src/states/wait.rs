//! Wait: waits for a time.

use std::ops::RangeInclusive;

use stepyard_asl::{
    EvalError, Jsonata, Path, Seconds, StateId, StateKind, Timestamp, Wait, WaitUntil,
};
use stepyard_json::{Json, Payload};

use super::{computed, shown};
use crate::context::Subject;
use crate::decide::{Left, Run};
use crate::failure::Failure;
use crate::{EventKind, FrameId};

/// Longest wait until a timestamp, in seconds, recorded from AWS: 24,855 days are accepted, 24,856 are not.
const SECONDS_MAX: i64 = i32::MAX as i64;

/// What `Seconds` may be when JSONata computes it.
const COMPUTED_SECONDS: RangeInclusive<u64> = 0..=99_999_999;

/// Begins to wait. A time that has passed ends the state at once.
pub(super) fn work(
    run: &mut Run<'_>,
    id: FrameId,
    state: StateId,
    wait: &Wait,
) -> Result<(), Failure> {
    let input = run.effective_input(id, state)?;
    let until = until(run, id, &wait.until, &input)?;
    if until <= run.now {
        return leave(run, id, state, wait);
    }
    run.emit(id, EventKind::WaitStarted { until });
    run.arm(id);
    Ok(())
}

/// The time has come.
pub(crate) fn elapsed(run: &mut Run<'_>, id: FrameId, state: StateId) {
    let program = run.program;
    let StateKind::Wait(wait) = &program.state(state).kind else { return };
    if let Err(failure) = leave(run, id, state, wait) {
        run.fail(id, state, failure);
    }
}

fn leave(run: &mut Run<'_>, id: FrameId, state: StateId, wait: &Wait) -> Result<(), Failure> {
    let input = run.effective_input(id, state)?;
    let program = run.program;
    let input = Subject::Input(&input);
    let assigned = run.assign(id, state, program.state(state).assign.as_ref(), input)?;
    let output = run.filter_output(id, state, input)?;
    run.leave(id, state, Left { output, assigned }, wait.transition);
    Ok(())
}

fn until(
    run: &mut Run<'_>,
    id: FrameId,
    until: &WaitUntil,
    input: &Payload,
) -> Result<Timestamp, Failure> {
    let data = Subject::Input(input);
    let found = match until {
        WaitUntil::Seconds(Seconds::Literal(seconds)) => {
            return Ok(run.now.plus_seconds(*seconds));
        }
        WaitUntil::Seconds(Seconds::Path(path)) => {
            let value = run.evaluate(id, data, |env| Ok::<_, EvalError>(path.eval(env).ok()))?;
            seconds(path, value).map(|seconds| run.now.plus_seconds(seconds))
        }
        WaitUntil::Seconds(Seconds::Jsonata(jsonata)) => {
            let seconds = computed(run, id, input, jsonata, COMPUTED_SECONDS)?;
            return Ok(run.now.plus_seconds(seconds));
        }
        WaitUntil::Timestamp(time) => Ok(*time),
        WaitUntil::TimestampPath(path) => {
            let value = run.evaluate(id, data, |env| path.eval(env))?;
            timestamp(path, &value)
        }
        WaitUntil::TimestampJsonata(jsonata) => {
            let value = run.evaluate(id, data, |env| jsonata.eval(env))?;
            Ok(computed_timestamp(jsonata, &value).map_err(|error| run.locate(id, error))?)
        }
    };
    let checked = found.and_then(|time| {
        let too_long = time.millis_since(run.now) / 1_000 > SECONDS_MAX;
        if too_long { Err("Wait state delay is too long.".to_owned()) } else { Ok(time) }
    });
    checked.map_err(|cause| run.locate(id, EvalError::runtime(cause)))
}

fn computed_timestamp(jsonata: &Jsonata, value: &Json) -> Result<Timestamp, EvalError> {
    let Json::String(text) = value else { return Err(jsonata.unexpected("string", value)) };
    Timestamp::parse(text).ok_or_else(|| {
        let cause = format!(
            "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {text}"
        );
        EvalError::out_of_range(cause, jsonata.location().clone())
    })
}

fn seconds(path: &Path, value: Option<Json>) -> Result<u64, String> {
    let Some(value) = value else {
        return Err(format!("The SecondsPath parameter does not reference an input value: {path}"));
    };
    let Some(seconds) = value.as_i64() else {
        return Err(format!(
            "The SecondsPath parameter cannot be parsed as a long value: {path} == {}",
            shown(&value)
        ));
    };
    u64::try_from(seconds).map_err(|_| {
        format!("The SecondsPath parameter references a negative value: {path} == {seconds}")
    })
}

fn timestamp(path: &Path, value: &Json) -> Result<Timestamp, String> {
    value.as_str().and_then(Timestamp::parse).ok_or_else(|| {
        format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset \
             date-time format string: {path} == {}",
            shown(value)
        )
    })
}
