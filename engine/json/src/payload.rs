//! Shared data: text and tree of one JSON value, each made from the other on demand.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use bytestring::ByteString;

use crate::{Json, ParseError, ReferencePath, write};

/// A JSON value on its way through an execution. Cloning costs a reference count.
///
/// Data that nobody looks into is never parsed, data that is not written is never serialised, and
/// text that came from a client or a task keeps its spelling.
#[derive(Clone)]
pub struct Payload(Arc<Forms>);

/// At least one of the two is set, and both stand for the same value.
#[derive(Default)]
struct Forms {
    text: OnceLock<ByteString>,
    tree: OnceLock<Json>,
}

impl Payload {
    /// From a text that may not be JSON.
    ///
    /// # Errors
    /// When it is not JSON; UTF-8 that is broken counts as that.
    pub fn from_text(text: impl Into<Bytes>) -> Result<Payload, ParseError> {
        let text = ByteString::try_from(text.into()).map_err(|error| ParseError {
            offset: 0,
            line: 1,
            column: 1,
            message: format!("Invalid UTF-8: {error}"),
        })?;
        let tree = Json::parse(&text)?;
        Ok(Payload(Arc::new(Forms { text: OnceLock::from(text), tree: OnceLock::from(tree) })))
    }

    /// From a text that is known to be JSON, because a payload wrote it: it is parsed only when
    /// somebody looks into it. Should it not be JSON after all, its tree is `null`.
    pub fn from_trusted_text(text: ByteString) -> Payload {
        Payload(Arc::new(Forms { text: OnceLock::from(text), tree: OnceLock::new() }))
    }

    /// `{}`.
    pub fn empty_object() -> Payload {
        Payload::from(Json::empty_object())
    }

    /// The JSON text.
    pub fn text(&self) -> &ByteString {
        self.0.text.get_or_init(|| {
            let tree = self.0.tree.get().map(Json::to_text);
            ByteString::from(tree.unwrap_or_else(|| "null".to_owned()))
        })
    }

    /// The JSON text as shared bytes.
    pub fn bytes(&self) -> Bytes {
        self.text().as_bytes().clone()
    }

    /// The tree.
    pub fn tree(&self) -> &Json {
        self.0.tree.get_or_init(|| {
            self.0.text.get().and_then(|text| Json::parse(text).ok()).unwrap_or_default()
        })
    }

    /// What a path leads to, spelled as it is in the text; `None` when there is no text yet, or nothing at that place.
    pub fn excerpt(&self, path: &ReferencePath) -> Option<Payload> {
        let text = self.0.text.get()?;
        path.excerpt(text).map(|excerpt| Payload::from_trusted_text(text.slice_ref(excerpt)))
    }

    /// Length of the text in bytes, which is what AWS's limits count.
    pub fn len(&self) -> usize {
        self.text().len()
    }

    /// The same, unless the text would have to be made for that.
    pub fn text_len(&self) -> Option<usize> {
        self.0.text.get().map(|text| text.len())
    }

    /// Whether the text is at most so many bytes long. One that is longer is not made for that: a value that is put
    /// together from shared parts can be far larger than what it takes in memory.
    pub fn fits(&self, bytes: usize) -> bool {
        if let (None, Some(tree)) = (self.0.text.get(), self.0.tree.get()) {
            let Some(text) = write::text_within(tree, bytes) else { return false };
            self.0.text.get_or_init(|| ByteString::from(text));
        }
        self.len() <= bytes
    }

    /// Never true: no JSON text is empty.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// A number that tells this shared value from every other one that is alive: equal for two
    /// payloads exactly when [`Payload::ptr_eq`] holds.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Whether both are one and the same, so that one copy in the journal serves for both.
    pub fn ptr_eq(&self, other: &Payload) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<Json> for Payload {
    fn from(tree: Json) -> Payload {
        Payload(Arc::new(Forms { text: OnceLock::new(), tree: OnceLock::from(tree) }))
    }
}

/// Equal when the values are.
impl PartialEq for Payload {
    fn eq(&self, other: &Payload) -> bool {
        self.ptr_eq(other) || self.tree() == other.tree()
    }
}

/// The JSON text.
impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Payload;
    use crate::{Json, ReferencePath};

    #[test]
    fn text_keeps_its_spelling() {
        let payload = Payload::from_text("{ \"a\" : 1.0 }").unwrap();
        assert_eq!(payload.tree().get("a").unwrap().to_string(), "1.0");
        assert_eq!(&**payload.text(), "{ \"a\" : 1.0 }");
    }

    #[test]
    fn an_excerpt_keeps_its_spelling() {
        let text = r#"{"a": 1, "\u0061": {"b" : [ 1, [2,  3 ] , "]" ]}, "c": {}}"#;
        let payload = Payload::from_text(text).unwrap();
        for (path, spelled) in [
            ("$", Some(text)),
            ("$.a", Some(r#"{"b" : [ 1, [2,  3 ] , "]" ]}"#)),
            ("$.a.b", Some(r#"[ 1, [2,  3 ] , "]" ]"#)),
            ("$.a.b[1]", Some("[2,  3 ]")),
            ("$.a['b'][-1]", Some(r#""]""#)),
            ("$.a.b[3]", None),
            ("$.a[0]", None),
            ("$.c.b", None),
            ("$.a.b.c", None),
            ("$.a.b[0][0]", None),
        ] {
            let path = ReferencePath::parse(path).unwrap();
            let excerpt = payload.excerpt(&path);
            assert_eq!(excerpt.as_ref().map(|excerpt| &**excerpt.text()), spelled, "{path:?}");
            assert_eq!(excerpt.as_ref().map(Payload::tree), path.get(payload.tree()), "{path:?}");
        }
        assert_eq!(Payload::empty_object().excerpt(&ReferencePath::root()), None);
    }

    #[test]
    fn each_form_is_made_from_the_other() {
        let tree = Json::parse("[1,{\"b\":null}]").unwrap();
        let from_tree = Payload::from(tree.clone());
        let from_text = Payload::from_trusted_text("[1,{\"b\":null}]".into());
        assert_eq!(&**from_tree.text(), "[1,{\"b\":null}]");
        assert_eq!(from_text.tree(), &tree);
        assert_eq!(from_tree, from_text);
        assert!(!from_tree.ptr_eq(&from_text));
        assert!(from_tree.ptr_eq(&from_tree.clone()));
    }

    #[test]
    fn a_text_that_does_not_fit_is_not_made() {
        let mut tree = Json::from(1);
        for _ in 0..60 {
            tree = vec![tree.clone(), tree].into();
        }
        assert!(!Payload::from(tree).fits(1 << 20));
        let payload = Payload::from(Json::from("é"));
        assert!(payload.fits(4));
        assert!(!payload.fits(3));
        assert!(!Payload::from(Json::from("é")).fits(3));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        assert!(Payload::from_text("{").is_err());
        assert!(Payload::from_text(&b"\"\xff\""[..]).is_err());
    }
}
