//! The tree.

use std::fmt;
use std::sync::Arc;

use crate::{Number, Object, ParseError, Place, parse, write};

/// A JSON value. Cloning costs a reference count; equality is structural, numbers compare by value.
#[derive(Clone, Default, PartialEq)]
pub enum Json {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number in its written form.
    Number(Number),
    /// A string.
    String(Arc<str>),
    /// An array.
    Array(Arc<Vec<Json>>),
    /// An object with ordered members.
    Object(Arc<Object>),
}

impl Json {
    /// Parses a JSON text. Of members with equal names the last one counts.
    ///
    /// # Errors
    /// When the text is not JSON (RFC 8259) or nests deeper than [`crate::DEPTH_MAX`].
    pub fn parse(text: &str) -> Result<Json, ParseError> {
        parse::parse(text)
    }

    /// The same, and where names stand again in their object: at most 100 places, each as the steps from the root.
    ///
    /// # Errors
    /// Those of [`Json::parse`].
    pub fn parse_noting_repeated(text: &str) -> Result<(Json, Vec<Place>), ParseError> {
        parse::parse_noting_repeated(text)
    }

    /// The member of that name, when this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_object()?.get(key)
    }

    /// The element at that place, when this is an array that has it.
    pub fn index(&self, at: usize) -> Option<&Json> {
        self.as_array()?.get(at)
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// The string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Json::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The number as an integer, when it is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// The number as a float.
    pub fn as_f64(&self) -> Option<f64> {
        Some(self.as_number()?.as_f64())
    }

    /// The elements.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// An object without members.
    pub fn empty_object() -> Json {
        Json::Object(Arc::default())
    }

    /// The name of its type as JSON Schema spells it: `null`, `boolean`, `number`, `string`, `array`, `object`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        }
    }

    /// Its compact text; quicker than by way of [`fmt::Display`].
    pub fn to_text(&self) -> String {
        write::text(self)
    }

    /// Length of its compact text in bytes, without making it.
    pub fn text_len(&self) -> usize {
        write::text_len(self)
    }

    /// Whether it nests deeper than so many levels. Values that are built, not parsed, must be
    /// checked against [`crate::DEPTH_MAX`] before they are kept: the tree is walked by recursion.
    pub fn is_deeper_than(&self, levels: usize) -> bool {
        match (self, levels.checked_sub(1)) {
            (Json::Array(elements), Some(rest)) => {
                elements.iter().any(|element| element.is_deeper_than(rest))
            }
            (Json::Object(object), Some(rest)) => {
                object.iter().any(|(_, member)| member.is_deeper_than(rest))
            }
            (Json::Array(_) | Json::Object(_), None) => true,
            _ => false,
        }
    }
}

/// Compact JSON text.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write::write(self, f)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Bool(value)
    }
}

impl From<i32> for Json {
    fn from(value: i32) -> Json {
        Json::from(i64::from(value))
    }
}

impl From<u32> for Json {
    fn from(value: u32) -> Json {
        Json::from(i64::from(value))
    }
}

impl From<i64> for Json {
    fn from(value: i64) -> Json {
        Json::Number(Number::from(value))
    }
}

impl From<u64> for Json {
    fn from(value: u64) -> Json {
        Json::Number(Number::from_valid_text(&value.to_string()))
    }
}

impl From<usize> for Json {
    fn from(value: usize) -> Json {
        Json::from(value as u64)
    }
}

/// Infinities and NaN, which JSON cannot write, become `null`, as in JavaScript.
impl From<f64> for Json {
    fn from(value: f64) -> Json {
        Number::from_f64(value).map_or(Json::Null, Json::Number)
    }
}

impl From<&str> for Json {
    fn from(value: &str) -> Json {
        Json::String(value.into())
    }
}

impl From<String> for Json {
    fn from(value: String) -> Json {
        Json::String(value.into())
    }
}

impl From<Arc<str>> for Json {
    fn from(value: Arc<str>) -> Json {
        Json::String(value)
    }
}

impl From<Vec<Json>> for Json {
    fn from(elements: Vec<Json>) -> Json {
        Json::Array(Arc::new(elements))
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Json {
        Json::Object(Arc::new(object))
    }
}

impl FromIterator<Json> for Json {
    fn from_iter<I: IntoIterator<Item = Json>>(elements: I) -> Json {
        elements.into_iter().collect::<Vec<_>>().into()
    }
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Json {
        match value {
            serde_json::Value::Null => Json::Null,
            serde_json::Value::Bool(value) => Json::Bool(*value),
            serde_json::Value::Number(number) => {
                Json::Number(Number::from_valid_text(&number.to_string()))
            }
            serde_json::Value::String(text) => Json::from(text.as_str()),
            serde_json::Value::Array(elements) => elements.iter().map(Json::from).collect(),
            serde_json::Value::Object(members) => {
                members.iter().map(|(key, value)| (key.as_str(), value)).collect::<Object>().into()
            }
        }
    }
}

impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Json {
        Json::from(&value)
    }
}

/// Numbers that `serde_json` cannot hold exactly become floats; beyond their range, `null`.
impl From<&Json> for serde_json::Value {
    fn from(json: &Json) -> serde_json::Value {
        match json {
            Json::Null => serde_json::Value::Null,
            Json::Bool(value) => (*value).into(),
            Json::Number(number) => {
                serde_json::from_str(&number.to_string()).unwrap_or(serde_json::Value::Null)
            }
            Json::String(text) => serde_json::Value::from(&**text),
            Json::Array(elements) => elements.iter().map(serde_json::Value::from).collect(),
            Json::Object(object) => object
                .iter()
                .map(|(key, value)| (key.to_string(), serde_json::Value::from(value)))
                .collect(),
        }
    }
}

impl From<Json> for serde_json::Value {
    fn from(json: Json) -> serde_json::Value {
        serde_json::Value::from(&json)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Json;

    #[test]
    fn a_node_is_three_words() {
        assert_eq!(size_of::<Json>(), 24);
    }

    #[test]
    fn depth_is_counted_in_containers() {
        let json = Json::parse("[[1],{\"a\":[]}]").unwrap();
        assert!(!json.is_deeper_than(3));
        assert!(json.is_deeper_than(2));
        assert!(!Json::from(1).is_deeper_than(0));
    }

    fn any_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            (-1e15_f64..1e15).prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..24)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(value in any_value()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let json = Json::parse(&text).unwrap();
                prop_assert_eq!(json.to_string(), value.to_string());
                prop_assert_eq!(&json, &Json::from(&value));
                prop_assert_eq!(serde_json::Value::from(&json), value.clone());
            }
        }

        #[test]
        fn refuses_what_serde_json_refuses(text in "[\\[\\]{}:,\"\\\\a-u0-9eE+. -]{0,12}") {
            let reference = serde_json::from_str::<serde_json::Value>(&text);
            prop_assert_eq!(Json::parse(&text).is_ok(), reference.is_ok(), "{}", text);
        }
    }
}
