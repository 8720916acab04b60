//! What a decision is told of the outside, besides time and chance.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Which activities there are. What is not known and matters is asked for: see [`crate::Undecided`].
#[derive(Clone, Debug, Default)]
pub struct Facts {
    activities: BTreeMap<Arc<str>, bool>,
    /// Whether everything is taken for granted that is not known.
    is_trusting: bool,
}

impl Facts {
    /// Every activity is taken for existing.
    pub fn trusting() -> Facts {
        Facts { is_trusting: true, ..Facts::default() }
    }

    /// Learns whether there is an activity with that ARN.
    pub fn learn(&mut self, activity: Arc<str>, exists: bool) {
        self.activities.insert(activity, exists);
    }

    /// Whether there is one; `None` when that is not known.
    pub(crate) fn activity(&self, arn: &str) -> Option<bool> {
        self.activities.get(arn).copied().or(self.is_trusting.then_some(true))
    }
}
