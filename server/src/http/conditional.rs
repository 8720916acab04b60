//! Conditional and range requests (RFC 9110, sections 13 and 14): what a client has already is not sent again,
//! and who needs a part gets a part.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, StatusCode, header};
use headers::{
    AcceptRanges, ContentRange, ETag, HeaderMapExt, IfMatch, IfModifiedSince, IfNoneMatch, IfRange,
    IfUnmodifiedSince, LastModified,
};
use http_range_header::parse_range_header;
use stepyard_tasks::objects::ObjectInfo;

/// What tells one content of an object from another.
pub(super) struct Validators {
    etag: Option<ETag>,
    modified: SystemTime,
    length: u64,
}

/// What a request is answered with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Everything: 200.
    Whole,
    /// These bytes: 206.
    Part(RangeInclusive<u64>),
    /// The client has it: 304.
    NotModified,
    /// It is not what the client believes: 412.
    PreconditionFailed,
    /// It has no such bytes: 416.
    Unsatisfiable,
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Answer::Whole => StatusCode::OK,
            Answer::Part(_) => StatusCode::PARTIAL_CONTENT,
            Answer::NotModified => StatusCode::NOT_MODIFIED,
            Answer::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Answer::Unsatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        }
    }
}

impl Validators {
    pub(super) fn new(info: &ObjectInfo) -> Validators {
        let since_epoch = Duration::from_millis(u64::try_from(info.last_modified).unwrap_or(0));
        Validators {
            etag: format!("\"{}\"", info.etag).parse().ok(),
            modified: SystemTime::UNIX_EPOCH + since_epoch,
            length: info.size,
        }
    }

    /// In the order of section 13.2.2. A header that cannot be read counts as absent.
    pub(super) fn judge(&self, request: &HeaderMap) -> Answer {
        if !self.is_as_believed(request) {
            Answer::PreconditionFailed
        } else if self.is_known(request) {
            Answer::NotModified
        } else {
            self.part(request)
        }
    }

    /// Whether the object is still the one that the client means.
    fn is_as_believed(&self, request: &HeaderMap) -> bool {
        if let Some(condition) = request.typed_get::<IfMatch>() {
            return self.etag.as_ref().is_some_and(|etag| condition.precondition_passes(etag));
        }
        let condition = request.typed_get::<IfUnmodifiedSince>();
        condition.is_none_or(|condition| condition.precondition_passes(self.modified))
    }

    /// Whether the client has this content.
    fn is_known(&self, request: &HeaderMap) -> bool {
        if let Some(condition) = request.typed_get::<IfNoneMatch>() {
            return self.etag.as_ref().is_some_and(|etag| !condition.precondition_passes(etag));
        }
        let condition = request.typed_get::<IfModifiedSince>();
        condition.is_some_and(|condition| !condition.is_modified(self.modified))
    }

    /// One range is served; several in one request, or what is no range, give everything (section 14.2).
    fn part(&self, request: &HeaderMap) -> Answer {
        let range = request.get(header::RANGE).and_then(|value| value.to_str().ok());
        let Some(range) = range.filter(|range| !range.contains(',')) else { return Answer::Whole };
        let modified = LastModified::from(self.modified);
        let has_changed =
            |condition: IfRange| condition.is_modified(self.etag.as_ref(), Some(&modified));
        if request.typed_get::<IfRange>().is_some_and(has_changed) {
            return Answer::Whole;
        }
        let Ok(range) = parse_range_header(range) else { return Answer::Whole };
        match range.validate(self.length).ok().and_then(|ranges| ranges.into_iter().next()) {
            Some(range) => Answer::Part(range),
            None => Answer::Unsatisfiable,
        }
    }

    /// Headers of an answer: what the client may ask for next time, and which part this is.
    pub(super) fn describe(&self, answer: &Answer, headers: &mut HeaderMap) {
        if let Some(etag) = &self.etag {
            headers.typed_insert(etag.clone());
        }
        headers.typed_insert(LastModified::from(self.modified));
        headers.typed_insert(AcceptRanges::bytes());
        match answer {
            Answer::Part(range) => {
                if let Ok(range) = ContentRange::bytes(range.clone(), self.length) {
                    headers.typed_insert(range);
                }
            }
            Answer::Unsatisfiable => {
                headers.typed_insert(ContentRange::unsatisfied_bytes(self.length));
            }
            Answer::Whole | Answer::NotModified | Answer::PreconditionFailed => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use stepyard_tasks::objects::ObjectInfo;

    use super::{Answer, Validators};

    /// Ten bytes, stored at 2023-11-14 22:13:20.5 UTC.
    fn validators() -> Validators {
        Validators::new(&ObjectInfo {
            key: "k".into(),
            size: 10,
            etag: "abc".into(),
            content_type: "image/jpeg".into(),
            last_modified: 1_700_000_000_500,
            user_metadata: BTreeMap::new(),
            storage_class: None,
        })
    }

    const THEN: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    const BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";

    #[test]
    fn requests_are_judged_in_the_order_of_the_rfc() {
        let cases: [(&[(&str, &str)], Answer); 24] = [
            (&[], Answer::Whole),
            (&[("if-none-match", "\"abc\"")], Answer::NotModified),
            (&[("if-none-match", "W/\"abc\"")], Answer::NotModified),
            (&[("if-none-match", "\"x\", \"abc\"")], Answer::NotModified),
            (&[("if-none-match", "*")], Answer::NotModified),
            (&[("if-none-match", "\"x\"")], Answer::Whole),
            (&[("if-none-match", "\"x\""), ("if-modified-since", THEN)], Answer::Whole),
            (&[("if-modified-since", THEN)], Answer::NotModified),
            (&[("if-modified-since", BEFORE)], Answer::Whole),
            (&[("if-modified-since", "yesterday")], Answer::Whole),
            (&[("if-match", "\"abc\"")], Answer::Whole),
            (&[("if-match", "\"x\"")], Answer::PreconditionFailed),
            (&[("if-unmodified-since", BEFORE)], Answer::PreconditionFailed),
            (&[("if-unmodified-since", THEN)], Answer::Whole),
            (&[("range", "bytes=0-3")], Answer::Part(0..=3)),
            (&[("range", "bytes=4-")], Answer::Part(4..=9)),
            (&[("range", "bytes=-3")], Answer::Part(7..=9)),
            (&[("range", "bytes=5-99")], Answer::Part(5..=9)),
            (&[("range", "bytes=10-")], Answer::Unsatisfiable),
            (&[("range", "bytes=0-1,3-4")], Answer::Whole),
            (&[("range", "lines=0-1")], Answer::Whole),
            (&[("range", "bytes=0-3"), ("if-range", "\"abc\"")], Answer::Part(0..=3)),
            (&[("range", "bytes=0-3"), ("if-range", "\"x\"")], Answer::Whole),
            (&[("range", "bytes=0-3"), ("if-none-match", "\"abc\"")], Answer::NotModified),
        ];
        for (headers, expected) in cases {
            let request: HeaderMap = headers
                .iter()
                .map(|(name, value)| {
                    (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
                })
                .collect();
            assert_eq!(validators().judge(&request), expected, "{headers:?}");
        }
    }

    #[test]
    fn an_answer_says_which_part_it_is() {
        let described = |answer: &Answer| {
            let mut headers = HeaderMap::new();
            validators().describe(answer, &mut headers);
            headers
        };
        let headers = described(&Answer::Part(4..=9));
        assert_eq!(headers["etag"], "\"abc\"");
        assert_eq!(headers["last-modified"], THEN);
        assert_eq!(headers["accept-ranges"], "bytes");
        assert_eq!(headers["content-range"], "bytes 4-9/10");
        assert_eq!(described(&Answer::Unsatisfiable)["content-range"], "bytes */10");
        assert!(!described(&Answer::Whole).contains_key("content-range"));
    }
}
