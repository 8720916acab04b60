//! From values to data.

use stepyard_json::{DEPTH_MAX, Json, Number, Object};

use super::{Value, text};
use crate::Dialect;
use crate::error::{Error, Outcome};
use crate::eval::Fuel;
use crate::limits::{QUOTE_DEPTH_MAX, QUOTE_MAX, RESULT_MAX};

/// A value as data. Functions inside become empty strings as in `$string`, what is undefined inside
/// an array becomes `null`.
///
/// # Errors
/// When it holds numbers that JSON cannot write, nests too deeply, or is too large.
pub(crate) fn to_json(value: &Value, fuel: &mut Fuel) -> Outcome<Json> {
    Conversion { fuel, left: RESULT_MAX, functions: false, spells_numbers: false }
        .convert(value, DEPTH_MAX)
}

/// A value as data, or nothing when there is a function in it. Step Functions has texts for numbers that
/// are not finite: `Infinity`, `-Infinity` and `NaN`.
///
/// # Errors
/// Those of [`to_json`].
pub(crate) fn to_pure_json(
    value: &Value,
    dialect: Dialect,
    fuel: &mut Fuel,
) -> Outcome<Option<Json>> {
    let spells_numbers = dialect == Dialect::StepFunctions;
    let mut conversion = Conversion { fuel, left: RESULT_MAX, functions: false, spells_numbers };
    let json = conversion.convert(value, DEPTH_MAX)?;
    Ok((!conversion.functions).then_some(json))
}

/// Members of shared data that are looked at for one step.
const MEMBERS_PER_FUEL: u64 = 8;

struct Conversion<'a> {
    fuel: &'a mut Fuel,
    /// Whether a function was met.
    functions: bool,
    /// Whether numbers that are not finite become texts.
    spells_numbers: bool,
    /// Bytes that may still be made.
    left: usize,
}

impl Conversion<'_> {
    fn convert(&mut self, value: &Value, levels: usize) -> Outcome<Json> {
        self.fuel.pay(1)?;
        self.spend(2)?;
        self.fuel.enter(1)?;
        let json = self.converted(value, levels)?;
        self.fuel.leave(1);
        Ok(json)
    }

    fn converted(&mut self, value: &Value, levels: usize) -> Outcome<Json> {
        match value {
            Value::Json(json) => self.data(json, levels),
            Value::Number(number) if self.spells_numbers && !number.is_finite() => {
                Ok(Json::from(spelled(*number)))
            }
            Value::Number(number) => number_json(*number),
            Value::Array(array) => {
                let below = below(levels)?;
                let mut elements = Vec::with_capacity(array.items().len());
                for item in array.items() {
                    elements.push(self.convert(item, below)?);
                }
                Ok(elements.into())
            }
            Value::Object(record) => {
                let below = below(levels)?;
                let mut members = Vec::with_capacity(record.len());
                for (name, member) in record.iter() {
                    if !member.is_undefined() {
                        self.spend(name.len() + 4)?;
                        members.push((name.clone(), self.convert(member, below)?));
                    }
                }
                Ok(Object::from_distinct(members).into())
            }
            Value::Text(built) => {
                self.spend(built.text.len())?;
                Ok(Json::String(built.text.clone()))
            }
            Value::Undefined => Ok(Json::Null),
            Value::Function(_) | Value::Tuples(_) => {
                self.functions = true;
                Ok(Json::from(""))
            }
        }
    }

    /// Data is shared, but its text counts as often as it stands in the result.
    fn data(&mut self, json: &Json, levels: usize) -> Outcome<Json> {
        self.weigh(json, levels)?;
        Ok(json.clone())
    }

    fn weigh(&mut self, json: &Json, levels: usize) -> Outcome<()> {
        match json {
            Json::String(text) => self.spend(text.len()),
            Json::Array(elements) => {
                let below = self.weigh_container(elements.len(), levels)?;
                elements.iter().try_for_each(|element| self.weigh(element, below))
            }
            Json::Object(object) => {
                let below = self.weigh_container(object.len(), levels)?;
                object.iter().try_for_each(|(name, member)| {
                    self.spend(name.len() + 3)?;
                    self.weigh(member, below)
                })
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => self.spend(1),
        }
    }

    /// Looking at what is in it costs less than making it. How many levels there may be below.
    fn weigh_container(&mut self, length: usize, levels: usize) -> Outcome<usize> {
        self.fuel.pay(1 + length as u64 / MEMBERS_PER_FUEL)?;
        self.spend(2 + length)?;
        below(levels)
    }

    fn spend(&mut self, bytes: usize) -> Outcome<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Error::limit("D1017", RESULT_MAX)),
        }
    }
}

fn spelled(number: f64) -> &'static str {
    match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

fn below(levels: usize) -> Outcome<usize> {
    levels.checked_sub(1).ok_or_else(too_deep)
}

fn too_deep() -> Box<Error> {
    Error::limit("D1015", DEPTH_MAX)
}

/// A number as data.
///
/// # Errors
/// When it is infinite; what is not a number becomes `null`, as in JavaScript.
pub(crate) fn number_json(number: f64) -> Outcome<Json> {
    if number.is_infinite() {
        return Err(out_of_range());
    }
    if number.fract() == 0.0 && number.abs() < 9e18 {
        return Ok(Json::from(number as i64));
    }
    Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
}

/// A number is infinite. JSON has no infinity: JavaScript writes null.
pub(crate) fn out_of_range() -> Box<Error> {
    Error::new("D1001").with_json("value", "null")
}

/// The text of a value that an error quotes; a long one is left out.
pub(crate) fn quote(value: &Value) -> String {
    match value {
        Value::Undefined | Value::Tuples(_) => "undefined".to_owned(),
        Value::Function(_) => "{}".to_owned(),
        Value::Number(number) if !number.is_finite() => "null".to_owned(),
        other => match other.as_text() {
            Some(text) if text.len() > QUOTE_MAX => "...".to_owned(),
            Some(text) => Json::String(text.clone()).to_string(),
            None => {
                let mut fuel = Fuel::new(QUOTE_MAX as u64, QUOTE_DEPTH_MAX, usize::MAX);
                let text = text::to_bounded_text(other, false, &mut fuel, QUOTE_MAX);
                text.unwrap_or_else(|_| "...".to_owned())
            }
        },
    }
}
