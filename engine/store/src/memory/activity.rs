//! Activities in memory.

use super::Tables;
use crate::{Activity, Tags};

impl Tables {
    /// Gives back the one that has that ARN already.
    pub(super) fn create_activity(&mut self, activity: Activity) -> Option<Activity> {
        if let Some(present) = self.activities.get(&activity.arn) {
            return Some(present.clone());
        }
        self.activities.insert(activity.arn.clone(), activity);
        None
    }

    pub(super) fn list_activities(&self, after: Option<&str>, limit: usize) -> Vec<Activity> {
        let is_later = |activity: &&Activity| after.is_none_or(|after| &*activity.arn > after);
        self.activities.values().filter(is_later).take(limit).cloned().collect()
    }

    pub(super) fn set_activity_tags(&mut self, arn: &str, present: &Tags, tags: &Tags) -> bool {
        let activity = self.activities.get_mut(arn).filter(|activity| activity.tags == *present);
        let Some(activity) = activity else { return false };
        activity.tags.clone_from(tags);
        true
    }
}
