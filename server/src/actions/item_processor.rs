//! The item processor of a Map state in DISTRIBUTED mode, which the API shows as a state machine of its own.

use std::collections::BTreeSet;

use stepyard_json::{Json, Payload};

/// A part of a definition.
pub(super) struct ItemProcessor(Json);

impl ItemProcessor {
    /// That of the Map state with that name; no two states of a state machine have the same.
    pub(super) fn of_state(definition: &str, name: &str) -> Option<ItemProcessor> {
        find(definition, &|state_name, _| state_name == name)
    }

    /// That of the Map state with that label.
    pub(super) fn with_label(definition: &str, label: &str) -> Option<ItemProcessor> {
        find(definition, &|_, state| state.get("Label").and_then(Json::as_str) == Some(label))
    }

    /// Its text.
    pub(super) fn definition(&self) -> String {
        Payload::from(self.0.clone()).text().to_string()
    }

    /// `ExecutionType` of its `ProcessorConfig`.
    pub(super) fn execution_type(&self) -> Option<&str> {
        self.0.get("ProcessorConfig")?.get("ExecutionType")?.as_str()
    }

    /// Names of its states, those of states within them, too.
    pub(super) fn state_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for_each_state(&self.0, &mut |name, _| {
            names.insert(name.to_owned());
        });
        names
    }
}

fn find(definition: &str, is_it: &dyn Fn(&str, &Json) -> bool) -> Option<ItemProcessor> {
    let definition = Payload::from_text(definition.to_owned()).ok()?;
    let mut found = None;
    for_each_state(definition.tree(), &mut |name, state| {
        if found.is_none()
            && is_it(name, state)
            && let Some(processor) = processor(state)
        {
            found = Some(ItemProcessor(processor.clone()));
        }
    });
    found
}

/// `ItemProcessor`, or its older name.
fn processor(state: &Json) -> Option<&Json> {
    state.get("ItemProcessor").or_else(|| state.get("Iterator"))
}

/// Calls for each state and the states within it. Definitions are accepted up to a depth that recursion can bear.
fn for_each_state(machine: &Json, call: &mut dyn FnMut(&str, &Json)) {
    let Some(states) = machine.get("States").and_then(Json::as_object) else { return };
    for (name, state) in states.iter() {
        call(name, state);
        let branches = state.get("Branches").and_then(Json::as_array).unwrap_or_default();
        branches.iter().chain(processor(state)).for_each(|inner| for_each_state(inner, call));
    }
}

#[cfg(test)]
mod tests {
    use super::ItemProcessor;

    const DEFINITION: &str = r#"{"StartAt":"P","States":{
        "P":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"M","States":{
            "M":{"Type":"Map","Label":"l","End":true,"ItemProcessor":{
                "ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},
                "StartAt":"N","States":{"N":{"Type":"Map","End":true,"Iterator":{
                    "StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1.0,"End":true}}}}}}}}}]}}}"#;

    #[test]
    fn item_processors_are_found_by_state_and_label() {
        let processor = ItemProcessor::of_state(DEFINITION, "M").unwrap();
        assert_eq!(processor.execution_type(), Some("EXPRESS"));
        assert_eq!(processor.state_names(), ["N", "W"].map(str::to_owned).into());
        let text = processor.definition();
        assert!(text.starts_with(r#"{"ProcessorConfig":{"Mode""#), "{text}");
        assert!(text.contains(r#""Seconds":1.0"#), "as it was written: {text}");
        assert_eq!(ItemProcessor::with_label(DEFINITION, "l").unwrap().definition(), text);
        assert!(ItemProcessor::of_state(DEFINITION, "N").unwrap().execution_type().is_none());
        for missing in ["P", "W", "X"] {
            assert!(ItemProcessor::of_state(DEFINITION, missing).is_none());
        }
        assert!(ItemProcessor::with_label(DEFINITION, "x").is_none());
    }
}
