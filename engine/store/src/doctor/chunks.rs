//! From chunks to events.

use stepyard_machine::Event;

use super::StoredExecution;
use crate::codec;

/// The events of all chunks up to the first fault, and that fault.
pub(super) fn events(stored: &StoredExecution) -> (Vec<Event>, Result<(), String>) {
    let mut events = Vec::new();
    let mut visible = 1;
    for chunk in &stored.chunks {
        // A chunk that has no form is another finding.
        let Ok(chunk) = chunk else { return (events, Ok(())) };
        let expected = events.len() as u64;
        if chunk.first_event != expected {
            let found = chunk.first_event;
            return (events, Err(format!("event {expected} is expected, {found} found")));
        }
        let decoded = match codec::decode(&chunk.body) {
            Ok(decoded) => decoded,
            Err(error) => return (events, Err(format!("at event {expected}: {error}"))),
        };
        if decoded.len() as u64 != u64::from(chunk.events) || decoded.is_empty() {
            let (said, held) = (chunk.events, decoded.len());
            let text = format!("the chunk at event {expected} says {said} events and has {held}");
            return (events, Err(text));
        }
        if chunk.first_visible_id != visible {
            let said = chunk.first_visible_id;
            let text = format!("the chunk at event {expected} says id {said}, {visible} is due");
            return (events, Err(text));
        }
        visible += decoded.iter().filter(|event| event.kind.is_visible()).count() as u64;
        events.extend(decoded);
    }
    (events, Ok(()))
}
