//! Names that stand again in an object of a definition.

use std::fmt::Write;

use stepyard_json::Step;

use crate::{Code, Diagnostic, Severity};

/// What is wrong with such a name at that place. AWS refuses a state machine whose states share a name; of other members
/// with one name it takes the last one, which is hardly ever meant.
pub(crate) fn diagnostic(place: &[Step]) -> Diagnostic {
    let name = match place.last() {
        Some(Step::Member(name)) => &**name,
        _ => "",
    };
    let location = Some(pointer(place));
    if is_state(place) {
        let message = format!("Duplicate State name: {name}");
        return Diagnostic {
            severity: Severity::Error,
            code: Code::DuplicateStateName,
            message,
            location,
        };
    }
    let message = format!("The field '{name}' is there more than once; the last one counts");
    let code = Code::SchemaValidationFailed;
    Diagnostic { severity: Severity::Warning, code, message, location }
}

fn is_state(place: &[Step]) -> bool {
    let is = |step: &Step, names: &[&str]| matches!(step, Step::Member(name) if names.contains(&&**name));
    let mut rest = place;
    loop {
        rest = match rest {
            [states, Step::Member(_)] => return is(states, &["States"]),
            [states, _, branches, Step::Index(_), inner @ ..]
                if is(states, &["States"]) && is(branches, &["Branches"]) =>
            {
                inner
            }
            [states, _, processor, inner @ ..]
                if is(states, &["States"]) && is(processor, &["ItemProcessor", "Iterator"]) =>
            {
                inner
            }
            _ => return false,
        }
    }
}

fn pointer(place: &[Step]) -> String {
    place.iter().fold(String::new(), |mut pointer, step| {
        // Writing to a string cannot fail.
        let _ = match step {
            Step::Member(name) => write!(pointer, "/{name}"),
            Step::Index(index) => write!(pointer, "[{index}]"),
        };
        pointer
    })
}

#[cfg(test)]
mod tests {
    use crate::{Severity, compile};

    #[test]
    fn states_that_share_a_name_are_refused_and_other_members_told() {
        let state = r#"{"Type":"Pass","End":true}"#;
        let scope = |name: &str| {
            format!(r#"{{"StartAt":"{name}","States":{{"{name}":{state},"{name}":{state}}}}}"#)
        };
        let text = format!(
            r#"{{"Comment":"1","Comment":"2","StartAt":"P","States":{{
                "P":{{"Type":"Parallel","Next":"M","Branches":[{{"StartAt":"B","States":{{"B":{state}}}}},{}]}},
                "M":{{"Type":"Map","ItemProcessor":{},"Parameters":{{"x":1,"x":2}},"Next":"M2"}},
                "M2":{state},"M2":{state}}}}}"#,
            scope("A"),
            scope("C"),
        );
        let told: Vec<_> = compile(&text)
            .diagnostics
            .into_iter()
            .filter(|fault| fault.message.contains("Duplicate") || fault.message.contains("once"))
            .map(|fault| (fault.severity, fault.to_string()))
            .collect();
        let state = |name: &str, place: &str| {
            (
                Severity::Error,
                format!("DUPLICATE_STATE_NAME: Duplicate State name: {name} at {place}"),
            )
        };
        let field = |name: &str, place: &str| {
            let rule = "is there more than once; the last one counts";
            let text = format!("SCHEMA_VALIDATION_FAILED: The field '{name}' {rule} at {place}");
            (Severity::Warning, text)
        };
        let expected = [
            state("A", "/States/P/Branches[1]/States/A"),
            state("C", "/States/M/ItemProcessor/States/C"),
            field("x", "/States/M/Parameters/x"),
            state("M2", "/States/M2"),
            field("Comment", "/Comment"),
        ];
        assert_eq!(told, expected);
    }
}
