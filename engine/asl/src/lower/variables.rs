//! Variables across states. No scope assigns one that a scope around it assigns: its states could not tell them apart (AWS
//! developer guide, "Variable scope"). And what is read but assigned nowhere is told, for it is hardly what was meant.

use std::collections::{BTreeMap, BTreeSet};

use stepyard_json::{Json, Object};

use super::Faults;
use super::number::Numbering;
use crate::references::references;
use crate::{Code, Diagnostic, ScopeId, Severity, State};

type Names<'a> = BTreeSet<&'a str>;

type Assigned<'a> = BTreeMap<ScopeId, Names<'a>>;

/// Looks at all states together; those that were lowered are all there are, or none.
pub(super) fn check(numbering: &Numbering<'_>, lowered: &[State], faults: &mut Faults) {
    let mut assigned = Assigned::new();
    for state in &numbering.states {
        for (_, names) in assigns(state.json) {
            assigned.entry(state.scope).or_default().extend(names);
        }
    }
    for (state, raw) in lowered.iter().zip(&numbering.states) {
        for name in references(state) {
            if !scopes_from(numbering, raw.scope).any(|scope| has(&assigned, scope, &name)) {
                faults.0.push(Diagnostic {
                    severity: Severity::Warning,
                    code: Code::PossiblyUndefinedVariable,
                    message: format!("Variable '{name}' is possibly not defined."),
                    location: Some(raw.pointer.clone()),
                });
            }
        }
    }
    if assigned.len() > 1 {
        check_shadows(numbering, &assigned, faults);
    }
}

fn check_shadows(numbering: &Numbering<'_>, assigned: &Assigned<'_>, faults: &mut Faults) {
    for state in &numbering.states {
        for (place, names) in assigns(state.json) {
            for name in names {
                let mut around = scopes_from(numbering, state.scope).skip(1);
                if around.any(|scope| has(assigned, scope, name)) {
                    let message = format!(
                        "The variable name '{name}' was already defined in a parent scope."
                    );
                    let place = format!("{}/{place}/{name}", state.pointer);
                    faults.add(Code::DuplicateVariableName, message, place);
                }
            }
        }
    }
}

fn has(assigned: &Assigned<'_>, scope: ScopeId, name: &str) -> bool {
    assigned.get(&scope).is_some_and(|all| all.contains(name))
}

/// Every `Assign` of a state with its place: its own, those of its choices and of its catchers.
fn assigns(state: &Json) -> impl Iterator<Item = (String, Names<'_>)> {
    let entries = ["Choices", "Catch"].into_iter().flat_map(move |field| {
        let list = state.get(field).and_then(Json::as_array).unwrap_or_default();
        list.iter().enumerate().filter_map(move |(at, entry)| {
            Some((format!("{field}[{at}]/Assign"), names(entry.get("Assign")?)))
        })
    });
    let own = state.get("Assign").map(|assign| ("Assign".to_owned(), names(assign)));
    own.into_iter().chain(entries)
}

fn names(assign: &Json) -> Names<'_> {
    let members = assign.as_object().into_iter().flat_map(Object::iter);
    members.map(|(key, _)| key.strip_suffix(".$").unwrap_or(key)).collect()
}

/// A scope and those around it.
fn scopes_from(numbering: &Numbering<'_>, scope: ScopeId) -> impl Iterator<Item = ScopeId> {
    std::iter::successors(Some(scope), |scope| {
        let parent = numbering.scopes.get(scope.0 as usize)?.parent?;
        Some(numbering.states.get(parent.0 as usize)?.scope)
    })
}
