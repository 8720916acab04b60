//! Whether a scope assigns a variable that a scope around it assigns: its states could not tell them apart (AWS developer
//! guide, "Variable scope").

use std::collections::{BTreeMap, BTreeSet};

use stepyard_json::{Json, Object};

use super::Faults;
use super::number::Numbering;
use crate::ScopeId;

type Names<'a> = BTreeSet<&'a str>;

pub(super) fn check(numbering: &Numbering<'_>, faults: &mut Faults) {
    let mut assigned: BTreeMap<ScopeId, Names<'_>> = BTreeMap::new();
    for state in &numbering.states {
        for (_, names) in assigns(state.json) {
            assigned.entry(state.scope).or_default().extend(names);
        }
    }
    if assigned.len() < 2 {
        return;
    }
    for state in &numbering.states {
        for (place, names) in assigns(state.json) {
            for name in names {
                let mut outer = scopes_around(numbering, state.scope);
                if outer.any(|scope| assigned.get(&scope).is_some_and(|all| all.contains(name))) {
                    let message =
                        format!("The variable '{name}' is assigned in an outer scope already");
                    faults.schema(message, format!("{}/{place}", state.pointer));
                }
            }
        }
    }
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

fn scopes_around(numbering: &Numbering<'_>, scope: ScopeId) -> impl Iterator<Item = ScopeId> {
    let around = |scope: &ScopeId| {
        let parent = numbering.scopes.get(scope.0 as usize)?.parent?;
        Some(numbering.states.get(parent.0 as usize)?.scope)
    };
    std::iter::successors(around(&scope), around)
}
