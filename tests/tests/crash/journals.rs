//! Reads every journal of a database and checks what must hold for each.

use std::path::Path;

use stepyard_machine::{Event, EventId, Execution as Folded};
use stepyard_store::{Chunk, ExecutionQuery, ExecutionRow, codec};
use stepyard_tests::{TestDatabase, block_on};

/// An execution as it lies in the database.
pub(crate) struct Execution {
    pub(crate) row: ExecutionRow,
    pub(crate) events: Vec<Event>,
}

/// Rows of one page.
const PAGE: usize = 500;

/// All executions, each with a sound journal.
pub(crate) fn read(database: &TestDatabase, data_dir: &Path) -> Vec<Execution> {
    block_on(async {
        let store = database.open(data_dir).await;
        let mut executions = Vec::new();
        let mut query = ExecutionQuery { limit: PAGE, ..ExecutionQuery::default() };
        loop {
            let rows = store.list_executions(&query).await.unwrap();
            query.after = rows.last().map(|row| row.id);
            for row in rows {
                let chunks = store.load_journal(row.shard, row.id).await.unwrap();
                let events = events(&row.name, &chunks);
                check(&row, &events);
                executions.push(Execution { row, events });
            }
            if query.after.is_none() {
                break;
            }
        }
        store.close().await;
        executions
    })
}

/// The events of all chunks, which must follow each other without gap and overlap.
fn events(name: &str, chunks: &[Chunk]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut visible = 1;
    for chunk in chunks {
        assert_eq!(chunk.first_event, events.len() as u64, "{name}: gap or overlap");
        assert_eq!(chunk.first_visible_id, visible, "{name}: gap or overlap in the event ids");
        let decoded = codec::decode(&chunk.body).unwrap();
        assert_eq!(u64::from(chunk.events), decoded.len() as u64, "{name}: a chunk miscounts");
        visible += decoded.iter().filter(|event| event.kind.is_visible()).count() as u64;
        events.extend(decoded);
    }
    events
}

fn check(row: &ExecutionRow, events: &[Event]) {
    let name = &row.name;
    let mut last = EventId::NONE;
    for event in events {
        let id = if event.kind.is_visible() { EventId(last.0 + 1) } else { EventId::NONE };
        assert_eq!(event.id, id, "{name}: event ids are dense");
        last = last.max(id);
        let earlier = event.previous < id || id == EventId::NONE && event.previous <= last;
        assert!(earlier, "{name}: an event precedes its cause");
    }
    let in_order = events.is_sorted_by_key(|event| event.at);
    assert!(in_order, "{name}: times go backwards");
    let terminal: Vec<usize> =
        (0..events.len()).filter(|at| events[*at].kind.is_terminal()).collect();
    assert_eq!(terminal, [events.len() - 1], "{name}: one terminal event, the last one");
    let folded = Folded::replay(events);
    assert_eq!(folded.status(), Some(row.status), "{name}: row and journal differ");
    assert_eq!(folded.stopped_at(), row.stopped_at, "{name}: row and journal differ");
    assert!(folded.pending().is_empty(), "{name}: {:?}", folded.pending());
}
