//! Functions on arrays.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

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
    // Each element lies between the two ends.
    let element = |at: i128| (i128::from(first) + at * i128::from(step)) as i64;
    Ok((0..count).map(|at| Json::from(element(at))).collect())
}

pub(super) fn unique(arguments: &Arguments<'_>) -> Result<Json, EvalError> {
    // Values are compared with those of the same digest only, so the time is not quadratic.
    let mut seen: BTreeMap<u64, Vec<&Json>> = BTreeMap::new();
    let mut kept: Vec<Json> = Vec::new();
    for element in arguments.array(0)? {
        let alike = seen.entry(digest(element)).or_default();
        if !alike.contains(&element) {
            alike.push(element);
            kept.push(element.clone());
        }
    }
    Ok(kept.into())
}

/// The same for equal values.
fn digest(value: &Json) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Json::Null => 0_u8.hash(&mut hasher),
        Json::Bool(value) => value.hash(&mut hasher),
        // Zero has two signs and one value.
        Json::Number(number) => (number.as_f64() + 0.0).to_bits().hash(&mut hasher),
        Json::String(text) => text.hash(&mut hasher),
        Json::Array(elements) => {
            elements.iter().for_each(|element| digest(element).hash(&mut hasher));
        }
        // Members stand in any order.
        Json::Object(members) => {
            let member = |(name, value): (&Arc<str>, &Json)| {
                let mut hasher = DefaultHasher::new();
                (name, digest(value)).hash(&mut hasher);
                hasher.finish()
            };
            members.iter().map(member).fold(0, u64::wrapping_add).hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use stepyard_json::Json;

    use super::digest;

    #[test]
    fn equal_values_have_the_same_digest() {
        let digest = |text| digest(&Json::parse(text).unwrap());
        for (left, right) in [
            ("1", "1.0"),
            ("-0", "0"),
            ("1e2", "100"),
            ("[1, {\"a\": 2}]", "[1.0, {\"a\": 2e0}]"),
            ("{\"a\": 1, \"b\": [null]}", "{\"b\": [null], \"a\": 1}"),
        ] {
            assert_eq!(Json::parse(left).unwrap(), Json::parse(right).unwrap());
            assert_eq!(digest(left), digest(right), "{left} {right}");
        }
        assert_ne!(digest("[1, 2]"), digest("[2, 1]"));
    }
}
