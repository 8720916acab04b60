//! Exporting the results of a Map Run: its journal, read once more from the start of the Map Run on.

use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::WriterConfig;
use stepyard_json::{Json, Payload};
use stepyard_machine::{EventKind, FrameId, MapRunId, MapRunPlan};
use stepyard_store::{Chunk, Error, ExecutionId, ShardId, codec};
use tokio_util::sync::CancellationToken;

use super::data::{ExportResults, MapRunData, MapRunError, ResultSink};
use super::{News, Reporter};
use crate::shard::Shared;

/// Chunks read at a time.
const PAGE: usize = 64;

/// The pause before the journal is read again that could not be read.
const PAUSE: Duration = Duration::from_secs(1);

/// Exports the results of one Map Run.
pub(super) struct Exporter {
    pub(super) shared: Arc<Shared>,
    pub(super) data: Arc<dyn MapRunData>,
    pub(super) plan: Arc<MapRunPlan>,
    pub(super) config: WriterConfig,
    pub(super) is_express: bool,
    pub(super) shard: ShardId,
    pub(super) execution: ExecutionId,
    pub(super) run: MapRunId,
    pub(super) reporter: Reporter,
    /// Set when the Map Run does not count any more.
    pub(super) cancelled: CancellationToken,
}

impl Exporter {
    pub(super) async fn run(self) {
        let cancelled = self.cancelled.clone();
        tokio::select! {
            biased;
            () = cancelled.cancelled() => {}
            news = self.export() => self.reporter.report(news).await,
        }
    }

    async fn export(&self) -> News {
        let request = ExportResults {
            map_run_arn: self.plan.arn.clone(),
            arguments: self.plan.export.clone().unwrap_or_else(Payload::empty_object),
            config: self.config,
        };
        let exported = match self.data.export(request).await {
            Ok(sink) => self.write(sink).await,
            Err(error) => Err(error),
        };
        match exported {
            Ok(output) => News::Exported(output.into()),
            Err(MapRunError { error, cause }) => {
                News::Failed { error: Some(error), cause: Some(cause) }
            }
        }
    }

    async fn write(&self, mut sink: Box<dyn ResultSink>) -> Result<Json, MapRunError> {
        match self.write_all(&mut *sink).await {
            Ok(()) => sink.finish().await,
            Err(error) => {
                sink.abort().await;
                Err(error)
            }
        }
    }

    async fn write_all(&self, sink: &mut dyn ResultSink) -> Result<(), MapRunError> {
        let (mut from, mut frame) = (0, None);
        loop {
            let chunks = self.chunks(from).await;
            let Some(last) = chunks.last() else { return Ok(()) };
            from = last.first_event + u64::from(last.events);
            for chunk in chunks {
                for event in codec::decode(&chunk.body).map_err(|error| unreadable(&error))? {
                    if event.id == self.run.0 {
                        frame = Some(event.frame);
                    }
                    let child = ended_child(&event.kind).filter(|_| is_of(frame, event.frame));
                    if let Some(child) = child {
                        sink.write(&self.plan.result(self.is_express, child)).await?;
                    }
                }
            }
        }
    }

    /// Part of the journal, as soon as the store gives it.
    async fn chunks(&self, from: u64) -> Vec<Chunk> {
        loop {
            let store = &*self.shared.store;
            match store.journal_from(self.shard, self.execution, from, PAGE).await {
                Ok(chunks) => return chunks,
                Err(error) => {
                    tracing::warn!(%error, map_run = %self.plan.arn, "cannot read results; trying again");
                    self.shared.clock.sleep(PAUSE).await;
                }
            }
        }
    }
}

fn unreadable(error: &Error) -> MapRunError {
    MapRunError { error: "States.Runtime".into(), cause: error.to_string().into() }
}

fn ended_child(kind: &EventKind) -> Option<&stepyard_machine::EndedChild> {
    match kind {
        EventKind::MapRunChildEnded(child) => Some(child),
        _ => None,
    }
}

/// Whether an event belongs to the Map Run, whose frame is known since its start.
fn is_of(started: Option<FrameId>, frame: FrameId) -> bool {
    started == Some(frame)
}
