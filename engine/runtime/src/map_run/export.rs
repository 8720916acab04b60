//! Exporting the results of a Map Run: its journal, read once more from the start of the Map Run on.

use std::sync::Arc;

use stepyard_asl::WriterConfig;
use stepyard_json::Payload;
use stepyard_machine::{EventKind, FrameId, MapRunId, MapRunPlan, Text};
use stepyard_store::{Error, ExecutionId, ShardId, codec};

use super::data::{ExportResults, MapRunData, MapRunError};
use super::{News, Reporter};
use crate::shard::Shared;

/// Chunks read at a time.
const PAGE: usize = 64;

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
}

/// Why there is no export.
enum Failed {
    /// The results cannot go where they should.
    Refused(MapRunError),
    /// The journal cannot be read.
    Unread(Error),
}

impl From<MapRunError> for Failed {
    fn from(error: MapRunError) -> Failed {
        Failed::Refused(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Unread(error)
    }
}

impl Exporter {
    pub(super) async fn run(self) {
        let news = match self.export().await {
            Ok(news) => news,
            Err(Failed::Refused(MapRunError { error, cause })) => {
                News::Failed { error: Some(error), cause: Some(cause) }
            }
            Err(Failed::Unread(error)) => {
                let error_name: Text = Some("States.ResultWriterFailed".into());
                News::Failed { error: error_name, cause: Some(error.to_string().into()) }
            }
        };
        self.reporter.report(news).await;
    }

    async fn export(&self) -> Result<News, Failed> {
        let request = ExportResults {
            map_run_arn: self.plan.arn.clone(),
            arguments: self.plan.export.clone().unwrap_or_else(Payload::empty_object),
            config: self.config,
        };
        let mut sink = self.data.export(request).await?;
        let (mut from, mut frame) = (0, None);
        loop {
            let store = &*self.shared.store;
            let chunks = store.journal_from(self.shard, self.execution, from, PAGE).await?;
            let Some(last) = chunks.last() else { break };
            from = last.first_event + u64::from(last.events);
            for chunk in chunks {
                for event in codec::decode(&chunk.body)? {
                    if event.id == self.run.0 {
                        frame = Some(event.frame);
                    }
                    if let (Some(child), true) =
                        (ended_child(&event.kind), is_of(frame, event.frame))
                    {
                        sink.write(&self.plan.result(self.is_express, child)).await?;
                    }
                }
            }
        }
        let output = sink.finish().await?;
        Ok(News::Exported(output.into()))
    }
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
