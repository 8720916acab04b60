//! The items of a Map state, as the context object shows them.

use std::sync::Arc;

use stepyard_json::{Json, Object};

/// One item of a Map state.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// `Map.Item.Index`: how many items come before it.
    pub index: u64,
    /// `Map.Item.Key`, when it is the member of an object.
    pub key: Option<Arc<str>>,
    /// `Map.Item.Value`.
    pub value: Json,
    /// `Map.Item.Source`: the object that it was read from (AWS developer guide, "Context object").
    pub source: Option<Arc<str>>,
}

impl Item {
    /// One of an array.
    pub fn of_array(index: u64, value: Json) -> Item {
        Item { index, key: None, value, source: None }
    }

    /// What an iteration or a child execution gets when no `ItemSelector` says otherwise: the value, or key and value of
    /// a member (measured at AWS: floci, pull request 1588).
    pub fn input(&self) -> Json {
        let Some(key) = &self.key else { return self.value.clone() };
        let mut member = Object::new();
        member.insert("Key", key.clone());
        member.insert("Value", self.value.clone());
        member.into()
    }

    /// `Map.Item`.
    pub(crate) fn in_context(&self) -> Json {
        let mut item = Object::new();
        item.insert("Index", Json::from(self.index));
        if let Some(key) = &self.key {
            item.insert("Key", key.clone());
        }
        item.insert("Value", self.value.clone());
        if let Some(source) = &self.source {
            item.insert("Source", source.clone());
        }
        item.into()
    }
}
