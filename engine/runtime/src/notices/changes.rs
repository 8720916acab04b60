//! What a notice stands for, read from the journal.

use stepyard_machine::{StatusChange, StatusChanges};
use stepyard_store::{Error, Notice, ReadLimit, Store, codec};

/// What is held at a time; many are told of changes at once.
const PIECE: ReadLimit = ReadLimit { chunks: 16, ..ReadLimit::PIECE };

/// The changes of a notice, in order; none, when the execution is kept no longer.
///
/// They are in one chunk. What they mean depends on those before it: on the first one, which tells of the start, and on all
/// of them when the execution had been redriven.
pub(super) async fn changes(
    store: &dyn Store,
    notice: &Notice,
) -> Result<Vec<StatusChange>, Error> {
    let Notice { shard, execution, first_event, redrives, .. } = *notice;
    let limit = if redrives > 0 { PIECE } else { ReadLimit::of_chunks(1) };
    let (mut fold, mut from) = (StatusChanges::default(), 0);
    loop {
        let chunks = store.journal_from(shard, execution, from, limit).await?;
        for chunk in &chunks {
            let told = (chunk.first_event..).zip(codec::decode(&chunk.body)?);
            let changed: Vec<_> =
                told.filter_map(|(position, event)| fold.apply(position, &event)).collect();
            if chunk.first_event >= first_event {
                return Ok(if chunk.first_event == first_event { changed } else { Vec::new() });
            }
        }
        let Some(last) = chunks.last() else { return Ok(Vec::new()) };
        from = if redrives > 0 { last.end() } else { first_event };
    }
}
