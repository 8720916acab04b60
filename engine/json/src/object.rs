//! Objects: ordered members with quick look-up.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::Json;

/// Up to so many members a scan beats an index.
const SCAN_MAX: usize = 16;

/// A JSON object. Members keep the order in which they were first inserted.
#[derive(Clone, Default)]
pub struct Object {
    /// `None` without members.
    shape: Option<Arc<Shape>>,
    /// One for each name of the shape.
    values: Vec<Json>,
}

/// The names of an object's members, in order and all different. Objects that were read share them with others like them.
#[derive(Default)]
pub(crate) struct Shape {
    names: Vec<Arc<str>>,
    /// Position by name; made on the first look-up in a large object, dropped when positions change.
    index: OnceLock<BTreeMap<Arc<str>, usize>>,
}

impl Shape {
    /// Of names that all differ.
    pub(crate) fn of_distinct(names: Vec<Arc<str>>) -> Shape {
        Shape { names, index: OnceLock::new() }
    }

    /// Whether it has exactly these names in this order.
    pub(crate) fn has(&self, names: &[Cow<'_, str>]) -> bool {
        self.names.len() == names.len()
            && self.names.iter().zip(names).all(|(name, other)| **name == **other)
    }

    fn position(&self, key: &str) -> Option<usize> {
        if self.names.len() <= SCAN_MAX {
            return self.names.iter().position(|name| **name == *key);
        }
        let index = self.index.get_or_init(|| {
            self.names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect()
        });
        index.get(key).copied()
    }

    fn push(&mut self, name: Arc<str>) {
        if let Some(index) = self.index.get_mut() {
            index.insert(name.clone(), self.names.len());
        }
        self.names.push(name);
    }

    fn remove(&mut self, at: usize) {
        self.index = OnceLock::new();
        self.names.remove(at);
    }
}

/// The index is made anew when it is needed.
impl Clone for Shape {
    fn clone(&self) -> Shape {
        Shape::of_distinct(self.names.clone())
    }
}

impl Object {
    /// An object without members.
    pub fn new() -> Object {
        Object::default()
    }

    /// From members whose names are known to differ all: quicker than to insert them one by one.
    pub fn from_distinct(members: Vec<(Arc<str>, Json)>) -> Object {
        let mut names = Vec::with_capacity(members.len());
        let mut values = Vec::with_capacity(members.len());
        for (name, value) in members {
            debug_assert!(names.len() > SCAN_MAX || !names.contains(&name), "{name} stands twice");
            names.push(name);
            values.push(value);
        }
        Object { shape: Some(Arc::new(Shape::of_distinct(names))), values }
    }

    /// From as many values as the shape has names.
    pub(crate) fn of_shape(shape: Arc<Shape>, values: Vec<Json>) -> Object {
        Object { shape: Some(shape), values }
    }

    /// The member of that name.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.position(key).map(|at| &self.values[at])
    }

    /// The member of that name, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json> {
        self.position(key).map(|at| &mut self.values[at])
    }

    /// Whether there is a member of that name.
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Sets a member: in place when there is one of that name, else at the end.
    pub fn insert(&mut self, key: impl Into<Arc<str>>, value: impl Into<Json>) {
        let key = key.into();
        match self.position(&key) {
            Some(at) => self.values[at] = value.into(),
            None => {
                Arc::make_mut(self.shape.get_or_insert_default()).push(key);
                self.values.push(value.into());
            }
        }
    }

    /// Takes a member out; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        let at = self.position(key)?;
        Arc::make_mut(self.shape.get_or_insert_default()).remove(at);
        Some(self.values.remove(at))
    }

    /// Members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Json)> {
        self.names().iter().zip(&self.values)
    }

    fn names(&self) -> &[Arc<str>] {
        self.shape.as_ref().map_or(&[], |shape| &shape.names)
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.shape.as_ref()?.position(key)
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Objects are equal when they have the same members, in whatever order.
impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        if let (Some(shape), Some(other_shape)) = (&self.shape, &other.shape)
            && Arc::ptr_eq(shape, other_shape)
        {
            return self.values == other.values;
        }
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
