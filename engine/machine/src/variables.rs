//! The variables of one scope.

use std::collections::BTreeMap;
use std::sync::Arc;

use stepyard_json::{Json, Object, Payload};

/// Variables by name. Those of the scopes around it are kept by the frames above.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Variables {
    by_name: BTreeMap<Arc<str>, Json>,
    /// Length of all values as JSON text, which AWS limits.
    bytes: usize,
}

impl Variables {
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.by_name.get(name)
    }

    /// Sets those that are the members of an object.
    pub(crate) fn assign(&mut self, assigned: &Payload) {
        self.bytes = self.bytes_after(assigned);
        for (name, value) in members(assigned) {
            self.by_name.insert(name.clone(), value.clone());
        }
    }

    /// Length of all values as JSON text.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it will be once those are set.
    pub(crate) fn bytes_after(&self, assigned: &Payload) -> usize {
        members(assigned).fold(self.bytes, |bytes, (name, value)| {
            let replaced = self.get(name).map_or(0, Json::text_len);
            bytes + value.text_len() - replaced
        })
    }
}

fn members(assigned: &Payload) -> impl Iterator<Item = (&Arc<str>, &Json)> {
    assigned.tree().as_object().into_iter().flat_map(Object::iter)
}

#[cfg(test)]
mod tests {
    use stepyard_json::{Json, Payload};

    use super::Variables;

    #[test]
    fn what_is_replaced_does_not_count() {
        let assigned = |text: &str| Payload::from(Json::parse(text).unwrap());
        let mut variables = Variables::default();
        variables.assign(&assigned(r#"{"a":"12345","b":[1, 2]}"#));
        assert_eq!(variables.bytes(), 12);
        assert_eq!(variables.bytes_after(&assigned(r#"{"a":1,"c":null}"#)), 10);
        variables.assign(&assigned(r#"{"a":1}"#));
        assert_eq!(variables.bytes(), 6);
        assert_eq!(variables.get("a"), Some(&Json::from(1)));
    }
}
