//! Notices against the journal. It tells what each stands for; that it has still to be told, only the notice says.

use stepyard_machine::{Event, EventKind};

use super::StoredExecution;
use crate::Notice;

/// The notices that stand for changes of status, as the journal leads to them. The others would be passed over.
pub(super) fn derived(stored: &StoredExecution, events: &[Event]) -> Vec<Notice> {
    let notices = stored.notices.iter().flatten();
    notices.filter_map(|notice| standing(stored, events, notice)).collect()
}

/// One that cannot be read stands for nothing.
pub(super) fn stand_for_changes(stored: &StoredExecution, events: &[Event]) -> Result<(), String> {
    for notice in &stored.notices {
        let notice = notice.as_ref().map_err(ToString::to_string)?;
        let fault = match standing(stored, events, notice) {
            None => "names no chunk that changes the status".to_owned(),
            Some(standing) if standing.redrives != notice.redrives => {
                format!("says {} redrives, the journal {}", notice.redrives, standing.redrives)
            }
            Some(_) => continue,
        };
        let Notice { commit_seq, target, .. } = notice;
        return Err(format!("the notice of commit {commit_seq} for target {} {fault}", target.0));
    }
    Ok(())
}

fn standing(stored: &StoredExecution, events: &[Event], notice: &Notice) -> Option<Notice> {
    let mut chunks = stored.chunks.iter().flatten();
    let chunk = chunks.find(|chunk| chunk.first_event == notice.first_event)?;
    let (before, rest) = events.split_at_checked(usize::try_from(chunk.first_event).ok()?)?;
    let of_chunk = rest.get(..usize::try_from(chunk.events).ok()?)?;
    let is_redrive = |event: &&Event| matches!(event.kind, EventKind::ExecutionRedriven { .. });
    let redrives = u32::try_from(before.iter().filter(is_redrive).count()).ok()?;
    let changes = of_chunk.iter().any(|event| event.kind.new_status().is_some());
    changes.then(|| Notice { redrives, ..notice.clone() })
}
