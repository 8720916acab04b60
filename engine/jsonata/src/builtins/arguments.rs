//! Arguments as functions see them: the signature has been checked.

use std::rc::Rc;
use std::sync::Arc;

use crate::value::{Function, Value};

/// Checked arguments, and the context of the call.
pub(crate) struct Arguments<'a> {
    values: Vec<Value>,
    pub(crate) context: &'a Value,
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(values: Vec<Value>, context: &'a Value) -> Arguments<'a> {
        Arguments { values, context }
    }

    /// An argument; undefined when it is missing.
    pub(super) fn get(&self, at: usize) -> &Value {
        const MISSING: &Value = &Value::Undefined;
        self.values.get(at).unwrap_or(MISSING)
    }

    /// Takes an argument out.
    pub(super) fn take(&mut self, at: usize) -> Value {
        self.values.get_mut(at).map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn all(&self) -> &[Value] {
        &self.values
    }

    pub(super) fn text(&self, at: usize) -> Option<&Arc<str>> {
        self.get(at).as_text()
    }

    pub(super) fn number(&self, at: usize) -> Option<f64> {
        self.get(at).as_f64()
    }

    pub(super) fn function(&self, at: usize) -> Option<&Rc<Function>> {
        match self.get(at) {
            Value::Function(function) => Some(function),
            _ => None,
        }
    }
}
