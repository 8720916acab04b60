//! Objects: ordered members with quick look-up.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::Json;

/// Up to so many members a scan beats an index.
const SCAN_MAX: usize = 16;

/// A JSON object. Members keep the order in which they were first inserted.
#[derive(Clone, Default)]
pub struct Object {
    members: Vec<(Arc<str>, Json)>,
    /// Position by name; made on the first look-up in a large object, dropped when positions change.
    index: OnceLock<BTreeMap<Arc<str>, usize>>,
}

impl Object {
    /// An object without members.
    pub fn new() -> Object {
        Object::default()
    }

    /// From members as they were written: of members with the same name the last one counts, at the
    /// place of the first.
    pub(crate) fn from_written(members: Vec<(Arc<str>, Json)>) -> Object {
        if has_duplicates(&members) {
            return members.into_iter().collect();
        }
        Object { members, index: OnceLock::new() }
    }

    /// The member of that name.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.position(key).map(|at| &self.members[at].1)
    }

    /// The member of that name, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        self.position(key).map(|at| &mut self.members[at].1)
    }

    /// Whether there is a member of that name.
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Sets a member: in place when there is one of that name, else at the end.
    pub fn insert(&mut self, key: impl Into<Arc<str>>, value: impl Into<Json>) {
        let key = key.into();
        match self.position(&key) {
            Some(at) => self.members[at].1 = value.into(),
            None => {
                if let Some(index) = self.index.get_mut() {
                    index.insert(key.clone(), self.members.len());
                }
                self.members.push((key, value.into()));
            }
        }
    }

    /// Takes a member out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        let at = self.position(key)?;
        self.index = OnceLock::new();
        Some(self.members.remove(at).1)
    }

    /// Members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Json)> {
        self.members.iter().map(|(key, value)| (key, value))
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn position(&self, key: &str) -> Option<usize> {
        if self.members.len() <= SCAN_MAX {
            return self.members.iter().position(|(name, _)| &**name == key);
        }
        let index = self.index.get_or_init(|| {
            self.members.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect()
        });
        index.get(key).copied()
    }
}

fn has_duplicates(members: &[(Arc<str>, Json)]) -> bool {
    if members.len() <= SCAN_MAX {
        return members
            .iter()
            .enumerate()
            .any(|(at, (name, _))| members[..at].iter().any(|(earlier, _)| earlier == name));
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// Objects are equal when they have the same members, in whatever order.
impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        self.len() == other.len()
            && self.iter().all(|(key, value)| other.get(key).is_some_and(|found| found == value))
    }
}

impl<K: Into<Arc<str>>, V: Into<Json>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Object {
        let mut object = Object::new();
        for (key, value) in members {
            object.insert(key, value);
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::Object;
    use crate::Json;

    #[test]
    fn large_objects_stay_ordered_and_quick_to_change() {
        let mut object: Object = (0..100).map(|n| (format!("k{n}"), Json::from(n))).collect();
        assert_eq!(object.get("k70"), Some(&Json::from(70)));
        object.insert("k70", 7);
        object.insert("new", true);
        assert_eq!(object.remove("k0"), Some(Json::from(0)));
        assert_eq!(object.get("k70"), Some(&Json::from(7)));
        assert_eq!(object.get("new"), Some(&Json::Bool(true)));
        assert_eq!(object.iter().next().map(|(key, _)| key.to_string()), Some("k1".into()));
    }

    #[test]
    fn the_last_of_equal_names_counts_at_the_place_of_the_first() {
        let json = Json::parse(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(json.to_string(), r#"{"a":3,"b":2}"#);
    }
}
