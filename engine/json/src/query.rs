//! What `jsonpath-rust` asks of a tree.

use jsonpath_rust::query::queryable::Queryable;

use crate::Json;

impl Queryable for Json {
    fn get(&self, key: &str) -> Option<&Json> {
        Json::get(self, key)
    }

    fn as_array(&self) -> Option<&Vec<Json>> {
        match self {
            Json::Array(elements) => Some(elements),
            _ => None,
        }
    }

    fn as_object(&self) -> Option<Vec<(&str, &Json)>> {
        Some(Json::as_object(self)?.iter().map(|(key, member)| (&**key, member)).collect())
    }

    fn as_str(&self) -> Option<&str> {
        Json::as_str(self)
    }

    fn as_i64(&self) -> Option<i64> {
        Json::as_i64(self)
    }

    fn as_f64(&self) -> Option<f64> {
        Json::as_f64(self)
    }

    fn as_bool(&self) -> Option<bool> {
        Json::as_bool(self)
    }

    fn null() -> Json {
        Json::Null
    }
}
