//! What the operators of filters say of two values.

use std::cmp::Ordering;

use stepyard_json::{Json, Number};

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    /// `===`: of the same type, too.
    Identical,
    NotIdentical,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `=~`.
    Matches,
    In,
    NotIn,
    /// The left text or array contains the right value.
    Contains,
    /// The left array contains all values of the right one.
    ContainsAll,
    SubsetOf,
    AnyOf,
    NoneOf,
    /// Number of characters or elements.
    Size,
    Empty,
}

/// Operators that are symbols: one that begins like another stands after it.
pub(super) const SYMBOLS: [(&str, Operator); 9] = [
    ("===", Operator::Identical),
    ("!==", Operator::NotIdentical),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=~", Operator::Matches),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// Operators that are words, in letters of any case.
pub(super) const WORDS: [(&str, Operator); 9] = [
    ("in", Operator::In),
    ("nin", Operator::NotIn),
    ("contains", Operator::Contains),
    ("all", Operator::ContainsAll),
    ("subsetof", Operator::SubsetOf),
    ("anyof", Operator::AnyOf),
    ("noneof", Operator::NoneOf),
    ("size", Operator::Size),
    ("empty", Operator::Empty),
];

impl Operator {
    /// Whether it holds between two values, of which each may be missing. Patterns are not asked here.
    pub(super) fn holds(self, left: Option<&Json>, right: Option<&Json>) -> bool {
        match self {
            Operator::NotEqual => !Operator::Equal.holds(left, right),
            Operator::NotIdentical => !Operator::Identical.holds(left, right),
            Operator::NotIn => !Operator::In.holds(left, right),
            _ => match (left, right) {
                (Some(left), Some(right)) => self.holds_between(left, right),
                _ => false,
            },
        }
    }

    fn holds_between(self, left: &Json, right: &Json) -> bool {
        let order = order(left, right);
        match self {
            Operator::Equal => equal(left, right),
            Operator::Identical => left.type_name() == right.type_name() && left == right,
            Operator::Less => order.is_some_and(Ordering::is_lt),
            Operator::LessOrEqual => order.is_some_and(Ordering::is_le),
            Operator::Greater => order.is_some_and(Ordering::is_gt),
            Operator::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
            Operator::In => has(right, left),
            Operator::Contains => match (left.as_str(), right.as_str()) {
                (Some(text), Some(part)) => text.contains(part),
                _ => has(left, right),
            },
            Operator::ContainsAll => among(right, |value| has(left, value), Quantity::All),
            Operator::SubsetOf => among(left, |value| has(right, value), Quantity::All),
            Operator::AnyOf => among(left, |value| has(right, value), Quantity::Any),
            Operator::NoneOf => among(left, |value| !has(right, value), Quantity::All),
            Operator::Size => size(left).is_some_and(|size| right.as_i64() == Some(size)),
            Operator::Empty => size(left).is_some_and(|size| right.as_bool() == Some(size == 0)),
            Operator::NotEqual | Operator::NotIdentical | Operator::NotIn | Operator::Matches => {
                false
            }
        }
    }
}

/// How many elements must do.
#[derive(Clone, Copy)]
enum Quantity {
    All,
    Any,
}

fn among(array: &Json, holds: impl Fn(&Json) -> bool, quantity: Quantity) -> bool {
    array.as_array().is_some_and(|elements| match quantity {
        Quantity::All => elements.iter().all(holds),
        Quantity::Any => elements.iter().any(holds),
    })
}

fn has(array: &Json, value: &Json) -> bool {
    array.as_array().is_some_and(|elements| elements.iter().any(|element| equal(value, element)))
}

/// A number equals a text that spells it.
fn equal(left: &Json, right: &Json) -> bool {
    match (left, right) {
        (Json::Number(number), Json::String(text)) => spells(text, number),
        (Json::String(text), Json::Number(number)) => **text == number.to_string(),
        _ => left == right,
    }
}

fn spells(text: &str, number: &Number) -> bool {
    Json::parse(text).is_ok_and(|spelt| spelt.as_number() == Some(number))
}

/// Numbers and texts have an order among themselves.
fn order(left: &Json, right: &Json) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        return Some(left.cmp(right));
    }
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn size(value: &Json) -> Option<i64> {
    let size = match value {
        Json::String(text) => text.chars().count(),
        Json::Array(elements) => elements.len(),
        _ => return None,
    };
    i64::try_from(size).ok()
}
