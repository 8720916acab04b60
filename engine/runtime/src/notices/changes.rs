//! What a notice stands for, read from the journal.

use stepyard_machine::{StatusChange, StatusChanges};
use stepyard_store::{Chunk, Error, Notice, Store, codec};

/// The changes of a notice, in order; none, when the execution is kept no longer.
pub(super) async fn changes(
    store: &dyn Store,
    notice: &Notice,
) -> Result<Vec<StatusChange>, Error> {
    let chunks = chunks(store, notice).await?;
    let mut fold = StatusChanges::default();
    let mut changes = Vec::new();
    for chunk in &chunks {
        let told = (chunk.first_event..).zip(codec::decode(&chunk.body)?);
        let changed = told.filter_map(|(position, event)| fold.apply(position, &event));
        changes.extend(changed.filter(|_| chunk.first_event == notice.first_event));
    }
    Ok(changes)
}

/// The chunk of the notice, after those that change its meaning: the one of the start, and all, when the execution had been
/// redriven before.
async fn chunks(store: &dyn Store, notice: &Notice) -> Result<Vec<Chunk>, Error> {
    let Notice { shard, execution, first_event, redrives, .. } = *notice;
    let mut chunks = if redrives > 0 {
        store.load_journal(shard, execution).await?
    } else {
        let mut chunks = store.journal_from(shard, execution, 0, 1).await?;
        if first_event > 0 {
            chunks.extend(store.journal_from(shard, execution, first_event, 1).await?);
        }
        chunks
    };
    chunks.retain(|chunk| chunk.first_event <= first_event);
    Ok(chunks)
}
