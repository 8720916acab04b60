//! The objects under a prefix, and what is told of each as an item.

use std::collections::VecDeque;
use std::sync::Arc;

use stepyard_json::{Json, Object};

use super::ItemReaderError;
use crate::objects::{DEFAULT_STORAGE_CLASS, LIST_LIMIT_MAX, ListQuery, ObjectInfo, ObjectStore};

/// Goes through a listing, page by page.
pub(super) struct Listing {
    objects: Arc<dyn ObjectStore>,
    bucket: String,
    prefix: String,
    page: VecDeque<ObjectInfo>,
    /// Where the next page begins; absent on the last one.
    next: Option<Option<String>>,
}

impl Listing {
    /// Of the objects behind that key.
    pub(super) fn new(
        objects: Arc<dyn ObjectStore>,
        bucket: String,
        prefix: String,
        after: Option<String>,
    ) -> Listing {
        Listing { objects, bucket, prefix, page: VecDeque::new(), next: Some(after) }
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The next object.
    pub(super) async fn next(&mut self) -> Result<Option<ObjectInfo>, ItemReaderError> {
        while self.page.is_empty() {
            let Some(start_after) = self.next.take() else { return Ok(None) };
            let prefix = self.prefix.clone();
            let query = ListQuery { prefix, start_after, limit: LIST_LIMIT_MAX };
            let page = self.objects.list(&self.bucket, query).await?;
            self.page = page.objects.into();
            self.next = page.next.map(Some);
        }
        Ok(self.page.pop_front())
    }
}

/// The item that stands for an object, with the members as Step Functions spells and orders them (measured at AWS: floci,
/// pull request 3460).
pub(super) fn item_of(object: &ObjectInfo) -> Json {
    let mut item = Object::new();
    item.insert("Etag", format!("\"{}\"", object.etag));
    item.insert("Key", &*object.key);
    item.insert("LastModified", seconds(object.last_modified));
    item.insert("Size", object.size);
    let class = object.storage_class.as_deref().unwrap_or(DEFAULT_STORAGE_CLASS);
    item.insert("StorageClass", class);
    item.into()
}

/// Milliseconds as seconds, spelt as Java spells a `double`.
fn seconds(millis: i64) -> Json {
    /// From here on Java writes an exponent.
    const PLAIN_SECONDS_MAX: i64 = 10_000_000;
    let millis = millis.max(0);
    let (seconds, fraction) = (millis / 1000, millis % 1000);
    let fraction = format!("{fraction:03}");
    let text = if seconds < PLAIN_SECONDS_MAX {
        format!("{seconds}.{}", without_zeros(&fraction))
    } else {
        let digits = seconds.to_string();
        let (first, rest) = digits.split_at(1);
        format!("{first}.{}E{}", without_zeros(&format!("{rest}{fraction}")), rest.len())
    };
    Json::parse(&text).unwrap_or_default()
}

/// Without zeros at the end, but for one.
fn without_zeros(digits: &str) -> &str {
    let shown = digits.trim_end_matches('0');
    if shown.is_empty() { "0" } else { shown }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn times_are_spelt_as_java_does() {
        for (millis, text) in [
            (1_789_180_622_000, "1.789180622E9"),
            (1_789_180_622_120, "1.78918062212E9"),
            (1_000_000_000_000, "1.0E9"),
            (10_000_000_000, "1.0E7"),
            (9_999_999_500, "9999999.5"),
            (0, "0.0"),
        ] {
            assert_eq!(seconds(millis).to_string(), text);
        }
    }
}
