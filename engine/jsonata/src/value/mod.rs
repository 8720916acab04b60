//! Values of an evaluation.

mod array;
mod compare;
mod convert;
mod function;
mod record;
mod text;

use std::rc::Rc;
use std::sync::Arc;

use stepyard_json::{Json, Object};

use crate::ast::Name;
use crate::limits::{COUNTED_TEXT_MIN, TEXT_BYTES};
use crate::memory::Charge;

pub(crate) use array::{Array, ArrayBuilder, Flags};
pub(crate) use compare::{compare_text, equal, is_same, reversed, truth};
pub(crate) use convert::{out_of_range, quote, to_json, to_pure_json};
pub(crate) use function::{Callable, Function};
pub(crate) use record::Record;
pub(crate) use text::{shortest, to_text};

/// What an expression evaluates to. Data from outside stays as it is; what is built wraps it.
#[derive(Clone, Debug, Default)]
pub(crate) enum Value {
    /// Nothing.
    #[default]
    Undefined,
    /// Data, and every scalar but computed numbers.
    Json(Json),
    /// A computed number.
    Number(f64),
    /// A long string that was built.
    Text(Rc<Text>),
    /// An array that was built.
    Array(Array),
    /// An object that was built.
    Object(Rc<Record>),
    /// A function.
    Function(Rc<Function>),
    /// The results of a path together with the variables that its steps bound.
    Tuples(Rc<Vec<Tuple>>),
}

/// A string and the memory that it takes.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    text: Arc<str>,
    _charge: Charge,
}

/// One result of a path and the variables that belong to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tuple {
    pub(crate) context: Value,
    pub(crate) bindings: Vec<(Name, Value)>,
}

impl Tuple {
    pub(crate) fn bind(&mut self, name: &Name, value: Value) {
        match self.bindings.iter_mut().find(|(bound, _)| bound == name) {
            Some((_, slot)) => *slot = value,
            None => self.bindings.push((name.clone(), value)),
        }
    }
}

/// A value as the language sees it: data and what was built look the same.
pub(crate) enum View<'a> {
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    Text(&'a Arc<str>),
    Array(Items<'a>),
    Object(Members<'a>),
    Function(&'a Rc<Function>),
}

/// The elements of an array.
#[derive(Clone, Copy)]
pub(crate) enum Items<'a> {
    Json(&'a [Json]),
    Values(&'a [Value]),
}

/// The members of an object.
#[derive(Clone, Copy)]
pub(crate) enum Members<'a> {
    Json(&'a Object),
    Record(&'a Record),
}

impl Value {
    pub(crate) fn view(&self) -> View<'_> {
        match self {
            Value::Undefined | Value::Tuples(_) => View::Undefined,
            Value::Number(number) => View::Number(*number),
            Value::Text(built) => View::Text(&built.text),
            Value::Array(array) => View::Array(Items::Values(array.items())),
            Value::Object(record) => View::Object(Members::Record(record)),
            Value::Function(function) => View::Function(function),
            Value::Json(json) => match json {
                Json::Null => View::Null,
                Json::Bool(value) => View::Bool(*value),
                Json::Number(number) => View::Number(number.as_f64()),
                Json::String(text) => View::Text(text),
                Json::Array(elements) => View::Array(Items::Json(elements)),
                Json::Object(object) => View::Object(Members::Json(object)),
            },
        }
    }

    pub(crate) fn null() -> Value {
        Value::Json(Json::Null)
    }

    /// A string that was built.
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Value {
        let text = text.into();
        if text.len() < COUNTED_TEXT_MIN {
            return Value::Json(Json::String(text));
        }
        let _charge = Charge::new(text.len());
        Value::Text(Rc::new(Text { text, _charge }))
    }

    /// Bytes that it takes inside of something: those of a short string are its own.
    pub(crate) fn weight(&self) -> usize {
        let text = match self {
            Value::Json(Json::String(text)) if text.len() < COUNTED_TEXT_MIN => {
                TEXT_BYTES + text.len()
            }
            _ => 0,
        };
        size_of::<Value>() + text
    }

    /// A sequence with that element alone.
    pub(crate) fn sequence_of(value: Value) -> Value {
        Value::Array(Array::new(vec![value], Flags::SEQUENCE))
    }

    /// An array of what is within the limits of nesting by itself.
    pub(crate) fn array(items: Vec<Value>) -> Value {
        Value::Array(Array::new(items, Flags::NONE))
    }

    pub(crate) fn is_undefined(&self) -> bool {
        matches!(self, Value::Undefined)
    }

    pub(crate) fn is_function(&self) -> bool {
        matches!(self, Value::Function(_))
    }

    pub(crate) fn is_array(&self) -> bool {
        matches!(self, Value::Array(_) | Value::Json(Json::Array(_)))
    }

    /// Whether it is an array that a path or a function made of its results.
    pub(crate) fn is_sequence(&self) -> bool {
        matches!(self, Value::Array(array) if array.is(Flags::SEQUENCE))
    }

    /// Whether it is an array that must not be flattened.
    pub(crate) fn is_cons(&self) -> bool {
        matches!(self, Value::Array(array) if array.is(Flags::CONS))
    }

    pub(crate) fn as_text(&self) -> Option<&Arc<str>> {
        match self {
            Value::Json(Json::String(text)) => Some(text),
            Value::Text(built) => Some(&built.text),
            _ => None,
        }
    }

    /// The number, which may be infinite.
    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Json(Json::Number(number)) => Some(number.as_f64()),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> Option<Items<'_>> {
        match self {
            Value::Array(array) => Some(Items::Values(array.items())),
            Value::Json(Json::Array(elements)) => Some(Items::Json(elements)),
            _ => None,
        }
    }

    pub(crate) fn members(&self) -> Option<Members<'_>> {
        match self {
            Value::Object(record) => Some(Members::Record(record)),
            Value::Json(Json::Object(object)) => Some(Members::Json(object)),
            _ => None,
        }
    }

    /// Levels of what was built around data.
    pub(crate) fn depth(&self) -> u16 {
        match self {
            Value::Array(array) => array.depth(),
            Value::Object(record) => record.depth(),
            _ => 0,
        }
    }

    /// The letter of its type in a signature.
    pub(crate) fn symbol(&self) -> u8 {
        match self.view() {
            View::Undefined => b'm',
            View::Null => b'l',
            View::Bool(_) => b'b',
            View::Number(_) => b'n',
            View::Text(_) => b's',
            View::Array(_) => b'a',
            View::Object(_) => b'o',
            View::Function(_) => b'f',
        }
    }

    /// What the context of a path is for `$`: data that came as an array counts as one value.
    pub(crate) fn unwrapped(&self) -> Value {
        match self {
            Value::Array(array) if array.is(Flags::OUTER) => {
                array.items().first().cloned().unwrap_or_default()
            }
            other => other.clone(),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Json(Json::Bool(value))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Number(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Value {
        Value::Number(value as f64)
    }
}

impl<'a> Items<'a> {
    pub(crate) fn len(self) -> usize {
        match self {
            Items::Json(items) => items.len(),
            Items::Values(items) => items.len(),
        }
    }

    pub(crate) fn get(self, at: usize) -> Value {
        match self {
            Items::Json(items) => items.get(at).cloned().map(Value::Json),
            Items::Values(items) => items.get(at).cloned(),
        }
        .unwrap_or_default()
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Value> + use<'a> {
        (0..self.len()).map(move |at| self.get(at))
    }

    pub(crate) fn to_vec(self) -> Vec<Value> {
        match self {
            Items::Json(items) => items.iter().cloned().map(Value::Json).collect(),
            Items::Values(items) => items.to_vec(),
        }
    }
}

impl<'a> Members<'a> {
    pub(crate) fn len(self) -> usize {
        match self {
            Members::Json(object) => object.len(),
            Members::Record(record) => record.len(),
        }
    }

    pub(crate) fn get(self, name: &str) -> Option<Value> {
        match self {
            Members::Json(object) => object.get(name).cloned().map(Value::Json),
            Members::Record(record) => record.get(name).cloned(),
        }
    }

    /// Names and values, in order.
    pub(crate) fn to_vec(self) -> Vec<(Name, Value)> {
        match self {
            Members::Json(object) => object
                .iter()
                .map(|(key, value)| (key.clone(), Value::Json(value.clone())))
                .collect(),
            Members::Record(record) => record.iter().cloned().collect(),
        }
    }

    pub(crate) fn names(self) -> Vec<Name> {
        match self {
            Members::Json(object) => object.iter().map(|(key, _)| key.clone()).collect(),
            Members::Record(record) => record.iter().map(|(key, _)| key.clone()).collect(),
        }
    }
}
