//! A history as a tree: branches and iterations stand further right than the state that holds them.

use std::collections::BTreeMap;

use serde_json::Value;
use stepyard_asl::Timestamp;
use stepyard_machine::history::HistoryEvent;

/// Longest data that is shown, in characters.
const DATA_CHARS_MAX: usize = 100;

/// An event of a history, from the machine or from a server.
#[derive(Clone, Debug)]
pub(crate) struct HistoryLine {
    pub(crate) id: u64,
    pub(crate) previous: u64,
    pub(crate) at: Timestamp,
    pub(crate) event_type: String,
    pub(crate) details: Value,
}

impl From<&HistoryEvent> for HistoryLine {
    fn from(event: &HistoryEvent) -> HistoryLine {
        HistoryLine {
            id: event.id.0,
            previous: event.previous_event_id.0,
            at: event.timestamp,
            event_type: event.event_type.as_str().into(),
            details: event
                .details
                .as_ref()
                .map_or(Value::Null, |details| details.to_json(true).into()),
        }
    }
}

impl HistoryLine {
    /// The name of the state, where the event has one.
    fn name(&self) -> Option<&str> {
        self.details["name"].as_str()
    }

    fn is(&self, suffix: &str) -> bool {
        self.event_type.ends_with(suffix)
    }

    /// Name and data, in few words unless they are wanted in whole.
    fn summary(&self, is_whole: bool) -> String {
        let mut parts = Vec::new();
        parts.extend(self.name().map(str::to_owned));
        parts.extend(self.details["index"].as_u64().map(|index| format!("[{index}]")));
        parts.extend(self.details["error"].as_str().map(str::to_owned));
        parts.extend(self.details["mapRunArn"].as_str().map(str::to_owned));
        let resource = self.details["resource"].as_str().filter(|_| is_whole);
        parts.extend(resource.map(str::to_owned));
        let data = ["cause", "input", "output", "parameters"]
            .into_iter()
            .find_map(|member| self.details[member].as_str());
        parts.extend(data.map(|data| if is_whole { one_line(data) } else { shorten(data) }));
        parts.join("  ")
    }
}

/// One line, and not too long.
fn shorten(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(DATA_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Renders events as they come.
#[derive(Default)]
pub(crate) struct Tree {
    seen: BTreeMap<u64, Seen>,
    /// Where each state was entered last; names are unique in a definition.
    entered: BTreeMap<String, u64>,
    started_at: Option<Timestamp>,
    /// Whether data and causes are shown in whole.
    is_whole: bool,
}

struct Seen {
    depth: usize,
    previous: u64,
    event_type: String,
    name: Option<String>,
}

impl Tree {
    /// A tree that shows data and causes in whole, or only how they begin.
    pub(crate) fn new(is_whole: bool) -> Tree {
        Tree { is_whole, ..Tree::default() }
    }

    /// The next event as a line.
    pub(crate) fn line(&mut self, event: &HistoryLine) -> String {
        let depth = self.depth(event);
        let millis = event.at.millis_since(*self.started_at.get_or_insert(event.at));
        if event.is("StateEntered")
            && let Some(name) = event.name()
        {
            self.entered.insert(name.into(), event.id);
        }
        let seen = Seen {
            depth,
            previous: event.previous,
            event_type: event.event_type.clone(),
            name: event.name().map(str::to_owned),
        };
        self.seen.insert(event.id, seen);
        let seconds = millis as f64 / 1_000.0;
        let indent = "  ".repeat(depth);
        let line = format!(
            "{:>5} {seconds:>9.3}s  {indent}{}  {}",
            event.id,
            event.event_type,
            event.summary(self.is_whole)
        );
        line.trim_end().to_owned()
    }

    fn depth(&self, event: &HistoryLine) -> usize {
        if let Some(name) = event.name().filter(|_| event.is("StateExited")) {
            return self.depth_of(self.entered.get(name).copied());
        }
        if event.event_type.starts_with("Execution") {
            return 0;
        }
        let container = ["Parallel", "Map"]
            .into_iter()
            .find(|kind| event.event_type.starts_with(&format!("{kind}State")));
        match container {
            Some(kind) if event.is("Succeeded") || event.is("Failed") => {
                self.depth_of(self.container(event.previous, kind))
            }
            _ if event.event_type.starts_with("MapIteration") && !event.is("Started") => {
                let entered = event.name().and_then(|name| self.entered.get(name));
                self.depth_of(entered.copied())
            }
            _ => self.inside(event.previous),
        }
    }

    /// How deep an event stands that follows this one.
    fn inside(&self, previous: u64) -> usize {
        let Some(seen) = self.seen.get(&previous) else { return 0 };
        let opens = matches!(&*seen.event_type, "ParallelStateStarted" | "MapIterationStarted");
        seen.depth + usize::from(opens)
    }

    fn depth_of(&self, id: Option<u64>) -> usize {
        id.and_then(|id| self.seen.get(&id)).map_or(0, |seen| seen.depth)
    }

    /// The start of the Parallel or Map state around an event: up the chain, past inner ones that
    /// were left before.
    fn container(&self, mut id: u64, kind: &str) -> Option<u64> {
        loop {
            let seen = self.seen.get(&id)?;
            if seen.event_type == format!("{kind}StateStarted") {
                return Some(id);
            }
            let left = seen.event_type.ends_with("StateExited");
            let entered =
                seen.name.as_ref().filter(|_| left).and_then(|name| self.entered.get(name));
            id = match entered {
                Some(entered) => self.seen.get(entered)?.previous,
                None => seen.previous,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use stepyard_asl::Timestamp;

    use super::{DATA_CHARS_MAX, HistoryLine, Tree};

    fn render(events: &[(u64, u64, &str, Value)]) -> Vec<String> {
        let mut tree = Tree::default();
        let line = |(id, previous, event_type, details): &(u64, u64, &str, Value)| {
            let line = tree.line(&HistoryLine {
                id: *id,
                previous: *previous,
                at: Timestamp(1_000 + i64::try_from(*id).unwrap()),
                event_type: (*event_type).into(),
                details: details.clone(),
            });
            line[18..].to_owned()
        };
        events.iter().map(line).collect()
    }

    #[test]
    fn data_is_shown_in_whole_or_how_it_begins() {
        let cause = "long ".repeat(30);
        let event = HistoryLine {
            id: 3,
            previous: 2,
            at: Timestamp(0),
            event_type: "ExecutionFailed".into(),
            details: json!({ "error": "E", "cause": cause }),
        };
        let whole = Tree::new(true).line(&event);
        assert!(whole.ends_with(&format!("E  {}", cause.trim_end())), "{whole}");
        let begin = Tree::new(false).line(&event);
        assert!(begin.ends_with(&format!("E  {}…", &cause[..DATA_CHARS_MAX])), "{begin}");
    }

    #[test]
    fn branches_and_iterations_stand_further_right() {
        let named = |name: &str| json!({ "name": name });
        let lines = render(&[
            (1, 0, "ExecutionStarted", Value::Null),
            (2, 0, "ParallelStateEntered", named("P")),
            (3, 2, "ParallelStateStarted", Value::Null),
            (4, 3, "MapStateEntered", named("M")),
            (5, 4, "MapStateStarted", json!({ "length": 1 })),
            (6, 5, "MapIterationStarted", json!({ "name": "M", "index": 0 })),
            (7, 6, "PassStateEntered", named("X")),
            (8, 7, "PassStateExited", named("X")),
            (9, 8, "MapIterationSucceeded", json!({ "name": "M", "index": 0 })),
            (10, 9, "MapStateSucceeded", Value::Null),
            (11, 9, "MapStateExited", named("M")),
            (12, 11, "ParallelStateSucceeded", Value::Null),
            (13, 11, "ParallelStateExited", named("P")),
            (14, 13, "ExecutionSucceeded", json!({ "output": "{ \"a\":\n 1}" })),
        ]);
        assert_eq!(
            lines,
            [
                "ExecutionStarted",
                "ParallelStateEntered  P",
                "ParallelStateStarted",
                "  MapStateEntered  M",
                "  MapStateStarted",
                "  MapIterationStarted  M  [0]",
                "    PassStateEntered  X",
                "    PassStateExited  X",
                "  MapIterationSucceeded  M  [0]",
                "  MapStateSucceeded",
                "  MapStateExited  M",
                "ParallelStateSucceeded",
                "ParallelStateExited  P",
                "ExecutionSucceeded  { \"a\": 1}",
            ]
        );
    }
}
