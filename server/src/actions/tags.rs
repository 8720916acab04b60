//! Tags: what they may be, and how they are changed.

use serde::{Deserialize, Serialize};
use stepyard_store::Tags;

use crate::app::App;
use crate::arn::{Arn, Resource};
use crate::wire::{ApiError, Constraints};

/// Most tags of a resource (Step Functions developer guide, "Quotas").
const TAGS_MAX: usize = 50;

/// Longest key and value, in characters.
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;

/// What keys and values may hold besides letters, digits and blanks.
const PUNCTUATION: &str = "_.:/=+-@";

/// Keys that start with this belong to AWS.
const RESERVED_PREFIX: &str = "aws:";

/// A tag of a request or an answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Tag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
}

/// Reads tags that are to be set.
///
/// # Errors
/// `ValidationException` for a key or value that cannot be.
pub(super) fn read(tags: Option<Vec<Tag>>) -> Result<Tags, ApiError> {
    let tags = tags.unwrap_or_default();
    for (at, tag) in tags.iter().enumerate() {
        check(at, tag)?;
    }
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// Refuses keys that no tag can have.
///
/// # Errors
/// `ValidationException`.
pub(super) fn check_keys(keys: &[String]) -> Result<(), ApiError> {
    let constraints = keys.iter().enumerate().fold(Constraints::default(), |found, (at, key)| {
        found.length(&format!("tagKeys.{}.member", at + 1), Some(key), 1..=KEY_CHARS_MAX)
    });
    constraints.check()
}

/// Refuses more than a resource may have.
pub(super) fn check_count(tags: &Tags) -> Result<(), ApiError> {
    if tags.len() <= TAGS_MAX {
        return Ok(());
    }
    Err(ApiError::new("TooManyTags", format!("A resource has at most {TAGS_MAX} tags")))
}

fn check(at: usize, tag: &Tag) -> Result<(), ApiError> {
    let member = |name: &str| format!("tags.{}.member.{name}", at + 1);
    Constraints::default()
        .length(&member("key"), Some(&tag.key), 1..=KEY_CHARS_MAX)
        .length(&member("value"), Some(&tag.value), 0..=VALUE_CHARS_MAX)
        .check()?;
    for text in [&tag.key, &tag.value] {
        let is_allowed = |c: char| c.is_alphanumeric() || c == ' ' || PUNCTUATION.contains(c);
        if let Some(character) = text.chars().find(|c| !is_allowed(*c)) {
            return Err(ApiError::validation(format!(
                "The tag '{text}' holds {character:?}: letters, digits, blanks and {PUNCTUATION} are allowed"
            )));
        }
    }
    if tag.key.to_lowercase().starts_with(RESERVED_PREFIX) {
        return Err(ApiError::validation(
            "aws: prefixed tag key names are not allowed for external use.",
        ));
    }
    Ok(())
}

/// As they are shown: by key.
pub(super) fn show(tags: Tags) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag { key, value }).collect()
}

/// The tags of a resource.
///
/// # Errors
/// `ResourceNotFound`.
pub(super) async fn of(app: &App, arn: &str) -> Result<Tags, ApiError> {
    let tags = match is_activity(arn)? {
        true => app.store.get_activity(arn).await?.map(|activity| activity.tags),
        false => app.store.get_state_machine(arn).await?.map(|machine| machine.tags),
    };
    let missing = || ApiError::new("ResourceNotFound", format!("Resource not found: '{arn}'"));
    tags.ok_or_else(missing)
}

/// Whether it is an activity that has tags; else it is a state machine.
fn is_activity(arn: &str) -> Result<bool, ApiError> {
    let parsed = Arn::parse(arn)?;
    match parsed.resource {
        Resource::Activity { .. } => Ok(true),
        _ => parsed.state_machine_name().map(|_| false),
    }
}

/// Changes the tags of a resource. Somebody else may change them at the same time: then it is done again.
///
/// # Errors
/// `ResourceNotFound`, `TooManyTags`.
pub(super) async fn change(
    app: &App,
    arn: &str,
    change: impl Fn(&mut Tags) + Send,
) -> Result<(), ApiError> {
    loop {
        let present = of(app, arn).await?;
        let mut tags = present.clone();
        change(&mut tags);
        check_count(&tags)?;
        let is_done = tags == present
            || match is_activity(arn)? {
                true => app.store.set_activity_tags(arn, &present, &tags).await?,
                false => app.store.set_tags(arn, &present, &tags).await?,
            };
        if is_done {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Tag, check_count, read};

    fn refusal(key: &str, value: &str) -> Option<String> {
        let tag = Tag { key: key.into(), value: value.into() };
        read(Some(vec![tag])).err().map(|error| error.message)
    }

    #[test]
    fn tags_follow_the_rules_of_aws() {
        for (key, value) in [("k", ""), ("cost centre", "a+b=c@d"), ("é", "ü")] {
            assert_eq!(refusal(key, value), None, "{key}");
        }
        let long = "k".repeat(129);
        for (key, value) in [("", "v"), (&*long, "v"), ("k", "a\nb"), ("k{", "v"), ("AWS:k", "v")] {
            assert!(refusal(key, value).is_some(), "{key}");
        }
        let many = (0..51).map(|key| (key.to_string(), String::new())).collect();
        assert_eq!(check_count(&many).unwrap_err().name, "TooManyTags");
    }
}
