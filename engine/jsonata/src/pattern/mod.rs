//! Regular expressions: JavaScript's, matched in linear time.

mod translate;

use std::sync::Arc;

use regex::{Regex, RegexBuilder};

use crate::error::{Error, Outcome};
use crate::limits::PATTERN_MAX;

/// A regular expression literal.
#[derive(Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    source: Arc<str>,
}

/// Where a pattern was found, in bytes.
pub(crate) struct Found {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What each group matched.
    pub(crate) groups: Vec<Option<(usize, usize)>>,
}

impl Pattern {
    /// Compiles a pattern with the flags `i` and `m`.
    ///
    /// # Errors
    /// When it is none, is too large, or needs look-around or back-references: those cannot be
    /// matched in linear time.
    pub(crate) fn new(source: &str, flags: &str) -> Outcome<Pattern> {
        let refused = |reason: &str| {
            Error::new("S0303").with_text("value", source).with_text("reason", reason)
        };
        let translated = translate::translate(source).map_err(refused)?;
        let regex = RegexBuilder::new(&translated)
            .case_insensitive(flags.contains('i'))
            .multi_line(flags.contains('m'))
            .nest_limit(100)
            .size_limit(PATTERN_MAX)
            .dfa_size_limit(PATTERN_MAX)
            .build();
        let regex = regex.map_err(|error| {
            let text = error.to_string();
            refused(text.lines().last().unwrap_or_default().trim_start_matches("error: "))
        })?;
        Ok(Pattern { regex, source: source.into() })
    }

    /// The first match from that byte on.
    pub(crate) fn find(&self, text: &str, from: usize) -> Option<Found> {
        if from > text.len() || !text.is_char_boundary(from) {
            return None;
        }
        let captures = self.regex.captures_at(text, from)?;
        let whole = captures.get(0)?;
        let groups = (1..captures.len())
            .map(|group| captures.get(group).map(|group| (group.start(), group.end())))
            .collect();
        Some(Found { start: whole.start(), end: whole.end(), groups })
    }

    /// Whether it occurs.
    pub(crate) fn occurs(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }
}
