//! Arithmetic and chance.

use stepyard_json::Json;

use super::Arguments;
use crate::{EvalError, Random};

/// Range of the arguments and of the sum (AWS developer guide).
const INTEGERS: std::ops::RangeInclusive<i64> = -2_147_483_648..=2_147_483_647;

fn small_integer(arguments: &Arguments<'_>, at: usize) -> Result<i64, EvalError> {
    let value = arguments.integer(at)?;
    if INTEGERS.contains(&value) {
        return Ok(value);
    }
    Err(arguments.fault(at, "must be between -2147483648 and 2147483647"))
}

pub(super) fn add(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    let sum = small_integer(arguments, 0)? + small_integer(arguments, 1)?;
    if INTEGERS.contains(&sum) {
        return Ok(sum.into());
    }
    Err(arguments.failure("the sum is not between -2147483648 and 2147483647"))
}

/// From the first argument on, below the second; the same seed gives the same number.
pub(super) fn random(arguments: &Arguments<'_>, random: &mut Random) -> Result<Json, EvalError> {
    let (start, end) = (small_integer(arguments, 0)?, small_integer(arguments, 1)?);
    let Some(width) = u64::try_from(end - start).ok().filter(|width| *width > 0) else {
        return Err(arguments.failure("the end of the range must be above its start"));
    };
    let drawn = match arguments.values.len() {
        3 => Random::from_seed(arguments.integer(2)? as u64).below(width),
        _ => random.below(width),
    };
    Ok((start + drawn as i64).into())
}
