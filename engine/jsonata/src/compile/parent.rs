//! The parent operator: each `%` looks for the step whose input it means.

use std::sync::Arc;

use crate::ast::{Kind, Node, Slot};
use crate::error::{Error, Outcome};

use super::lower::seeking_of;

/// The slots of all `%` of an expression. A step that is found to be the child of a wanted parent
/// binds its input to the variable of the slot.
#[derive(Default)]
pub(super) struct Ancestry {
    slots: Vec<State>,
}

struct State {
    /// Number of the variable; slots of the same step share one.
    label: usize,
    /// How many steps the parent is away.
    level: i32,
}

impl Ancestry {
    /// A slot for one `%`.
    pub(super) fn add(&mut self) -> Slot {
        let slot = self.slots.len();
        self.slots.push(State { label: slot, level: 1 });
        slot
    }

    /// The variable of each slot. No variable of an expression can have such a name.
    pub(super) fn labels(&self) -> Vec<Arc<str>> {
        self.slots.iter().map(|state| format!("!{}", state.label).into()).collect()
    }

    /// Looks for the parents that the last step of a path wants, among the steps before it.
    pub(super) fn resolve_path(&mut self, node: &mut Node) -> Outcome<()> {
        let Kind::Path(path) = &mut node.kind else { return Ok(()) };
        let steps = &mut path.steps;
        let wanted = steps.last().map(seeking_of).unwrap_or_default();
        let mut unresolved = Vec::new();
        for slot in wanted {
            let mut before = steps.len() - 1;
            while self.slots[slot].level > 0 {
                if before == 0 {
                    unresolved.push(slot);
                    break;
                }
                before -= 1;
                // Of steps that bind variables one after the other, the first counts.
                while before > 0
                    && steps[before].focus.is_some()
                    && steps[before - 1].focus.is_some()
                {
                    before -= 1;
                }
                self.seek(&mut steps[before], slot)?;
            }
        }
        node.seeking.extend(unresolved);
        Ok(())
    }

    /// Looks for the parents that a predicate of that step wants.
    pub(super) fn seek_from_predicate(&mut self, step: &mut Node, predicate: &Node) -> Outcome<()> {
        for slot in &predicate.seeking {
            if self.slots[*slot].level == 1 {
                self.seek(step, *slot)?;
            } else {
                self.slots[*slot].level -= 1;
            }
        }
        // A predicate that is nothing but `%` looks for no parent, as in the reference.
        if !predicate.seeking.is_empty() {
            step.seeking.extend(seeking_of(predicate));
        }
        Ok(())
    }

    fn seek(&mut self, node: &mut Node, slot: Slot) -> Outcome<()> {
        match &mut node.kind {
            Kind::Name(_) | Kind::Wildcard => {
                self.slots[slot].level -= 1;
                if self.slots[slot].level == 0 {
                    if let Some(known) = node.ancestor {
                        self.slots[slot].label = self.slots[known].label;
                    }
                    node.ancestor = Some(slot);
                    node.tuple = true;
                }
            }
            Kind::Parent { .. } => self.slots[slot].level += 1,
            Kind::Block(expressions) => {
                if let Some(last) = expressions.last_mut() {
                    node.tuple = true;
                    self.seek(last, slot)?;
                }
            }
            Kind::Path(path) => {
                node.tuple = true;
                let mut at = path.steps.len();
                while at > 0 {
                    at -= 1;
                    self.seek(&mut path.steps[at], slot)?;
                    if self.slots[slot].level <= 0 {
                        break;
                    }
                }
            }
            _ => {
                return Err(Error::new("S0217").at(node.position).with_token(node.type_name()));
            }
        }
        Ok(())
    }
}
