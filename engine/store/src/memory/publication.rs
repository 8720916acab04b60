//! What is published of the state machines in memory.

use std::sync::Arc;

use super::Tables;
use crate::{Publication, PublicationChange, Version};

impl Tables {
    /// For a state machine that is new.
    pub(super) fn begin_publication(&mut self, arn: Arc<str>, version: Option<Version>) {
        let mut publication = Publication::default();
        if let Some(version) = version {
            publication.apply(&PublicationChange::AddVersion(version));
        }
        self.publications.insert(arn, publication);
    }

    /// False when it has changed since, or when there is no such state machine.
    pub(super) fn change_publication(
        &mut self,
        arn: &str,
        present: u64,
        change: &PublicationChange,
    ) -> bool {
        let publication = self.publications.get_mut(arn);
        let Some(publication) = publication.filter(|read| read.changes == present) else {
            return false;
        };
        publication.apply(change);
        true
    }
}
