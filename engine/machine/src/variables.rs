//! The variables of one scope.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepyard_json::{Json, Object, Payload};

/// Variables by name. Those of the scopes around it are kept by the frames above.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Variables(BTreeMap<Arc<str>, Variable>);

#[derive(Clone, Debug, PartialEq)]
struct Variable {
    value: Json,
    /// Length of its JSON text, which AWS limits.
    bytes: usize,
}

impl Variables {
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name).map(|variable| &variable.value)
    }

    /// Sets those that are the members of an object.
    pub(crate) fn assign(&mut self, assigned: &Payload) {
        for (name, value) in assigned.tree().as_object().into_iter().flat_map(Object::iter) {
            let bytes = value.to_string().len();
            self.0.insert(name.clone(), Variable { value: value.clone(), bytes });
        }
    }

    /// Length of all values as JSON text.
    pub(crate) fn bytes(&self) -> usize {
        self.0.values().map(|variable| variable.bytes).sum()
    }
}
