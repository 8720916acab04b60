//! Functions on arrays.

use stepyard_json::Json;

use super::Arguments;
use crate::EvalError;

/// Most elements that `States.ArrayRange` makes (AWS developer guide).
const RANGE_MAX: i64 = 1_000;

pub(super) fn contains(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    Ok(arguments.array(0)?.contains(arguments.json(1)?).into())
}

pub(super) fn get_item(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let array = arguments.array(0)?;
    let item = usize::try_from(arguments.integer(1)?).ok().and_then(|at| array.get(at));
    item.cloned().ok_or_else(|| {
        arguments.fault(1, &format!("must be an index of an array of {} elements", array.len()))
    })
}

pub(super) fn length(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    Ok(arguments.array(0)?.len().into())
}

pub(super) fn partition(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let array = arguments.array(0)?;
    match usize::try_from(arguments.integer(1)?) {
        Ok(size) if size > 0 => Ok(array.chunks(size).map(|chunk| chunk.to_vec().into()).collect()),
        _ => Err(arguments.fault(1, "must be a positive integer")),
    }
}

pub(super) fn range(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let (first, last) = (arguments.integer(0)?, arguments.integer(1)?);
    let step = arguments.integer(2)?;
    if step == 0 {
        return Err(arguments.fault(2, "must not be zero"));
    }
    // Integers are within 2^63, so differences need 128 bits.
    let steps = (i128::from(last) - i128::from(first)) / i128::from(step);
    let forward = (last >= first) == (step > 0) || last == first;
    let count = if forward { steps + 1 } else { 0 };
    if count > i128::from(RANGE_MAX) {
        return Err(arguments.failure(&format!("the range has more than {RANGE_MAX} elements")));
    }
    Ok((0..count as i64).map(|at| Json::from(first + at * step)).collect())
}

pub(super) fn unique(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let mut seen: Vec<Json> = Vec::new();
    for element in arguments.array(0)? {
        if !seen.contains(element) {
            seen.push(element.clone());
        }
    }
    Ok(seen.into())
}
