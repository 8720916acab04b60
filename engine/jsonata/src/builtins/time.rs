//! Functions of time. The moment is an argument of the evaluation.

use super::Arguments;
use super::numeric::{defined, fault};
use crate::datetime;
use crate::error::Outcome;
use crate::eval::Machine;
use crate::value::Value;

type Result = Outcome<Value>;

pub(super) fn now(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let (picture, timezone) = (arguments.text(0), arguments.text(1));
    written(machine, machine.now_millis as f64, picture, timezone)
}

pub(super) fn millis(machine: &mut Machine<'_>, _: &mut Arguments<'_>) -> Result {
    Ok(Value::Number(machine.now_millis as f64))
}

pub(super) fn from_millis(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(millis) = arguments.number(0) else { return Ok(Value::Undefined) };
    written(machine, millis, arguments.text(1), arguments.text(2))
}

fn written(
    machine: &mut Machine<'_>,
    millis: f64,
    picture: Option<&std::sync::Arc<str>>,
    timezone: Option<&std::sync::Arc<str>>,
) -> Result {
    machine.fuel.pay_bytes(picture.map_or(0, |picture| picture.len()))?;
    let (picture, timezone) = (picture.map(|text| &**text), timezone.map(|text| &**text));
    datetime::from_millis(millis, picture, timezone).map(Value::text).map_err(fault)
}

pub(super) fn to_millis(machine: &mut Machine<'_>, arguments: &mut Arguments<'_>) -> Result {
    let Some(timestamp) = arguments.text(0) else { return Ok(Value::Undefined) };
    let picture = arguments.text(1).map(|picture| &**picture);
    machine.fuel.pay_bytes(timestamp.len() + picture.map_or(0, str::len))?;
    datetime::to_millis(timestamp, picture, machine.now_millis).map(defined).map_err(fault)
}
