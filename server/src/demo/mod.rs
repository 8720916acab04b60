//! `stepyard demo`: the whole application on pictures made on the fly.

mod live;
mod pictures;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;

use stepyard_asl::Timestamp;
use stepyard_json::{Object, Payload};
use tokio::sync::broadcast::error::RecvError;

use crate::app::App;
use crate::upload::{Upload, accept};
use live::Live;
use pictures::Picture;
pub(crate) use report::{Outcome, print_next_steps, print_outcomes};

/// Longest wait for all pictures, in seconds.
const PATIENCE_SECONDS: u64 = 300;

/// Uploads the pictures, shows what happens, and tells what came out.
pub(crate) async fn run(app: &Arc<App>) -> anyhow::Result<Vec<Outcome>> {
    println!("Making pictures ...");
    let pictures = pictures::all()?;
    let mut news = app.runtime.watch();
    let (mut live, mut uploaded) = (Live::default(), Vec::new());
    println!("Uploading {} pictures, one of them broken on purpose.\n", pictures.len());
    for picture in pictures {
        let upload = Upload {
            user: Some(picture.user.into()),
            file_name: Some(picture.file_name.into()),
            content_type: Some(picture.content_type.into()),
            body: picture.bytes.clone().into(),
        };
        let accepted = accept(app, upload).await?;
        live.expect(&accepted.execution_arn, picture.file_name);
        uploaded.push((picture, accepted));
    }
    let clock = app.runtime.clock();
    let deadline = clock.now().plus_seconds(PATIENCE_SECONDS);
    while live.is_waiting() {
        tokio::select! {
            committed = news.recv() => match committed {
                Ok(committed) => live.show(&committed),
                Err(RecvError::Lagged(missed)) => println!("  ({missed} steps are not shown)"),
                Err(RecvError::Closed) => break,
            },
            () = clock.sleep_until(deadline) => break,
        }
    }
    let mut outcomes = Vec::new();
    for (picture, accepted) in uploaded {
        let arn = accepted.execution_arn;
        outcomes.push(outcome(app, picture, accepted.image_id, &arn).await?);
    }
    Ok(outcomes)
}

async fn outcome(
    app: &App,
    picture: Picture,
    image_id: String,
    arn: &str,
) -> anyhow::Result<Outcome> {
    let view = app.execution_view(arn).await.map_err(|error| anyhow::anyhow!(error.message))?;
    let items = app.metadata.query_items(&image_id).await?;
    let attributes = items.into_iter().next().map(|item| item.attributes);
    let tree = attributes.as_ref().map(Payload::tree);
    let metadata: BTreeMap<String, String> = tree
        .and_then(|tree| tree.as_object())
        .into_iter()
        .flat_map(Object::iter)
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.to_string(), text)
        })
        .collect();
    let key = metadata.get("processed_key");
    let bucket = metadata.get("processed_bucket");
    let processed = match (bucket, key) {
        (Some(bucket), Some(key)) => app.objects.head(bucket, key).await.is_ok(),
        _ => false,
    };
    let took = |end: Timestamp| end.millis_since(view.row.started_at);
    Ok(Outcome {
        file_name: picture.file_name,
        is_broken: picture.is_broken,
        image_id,
        status: view.row.status,
        millis: view.row.stopped_at.map(took),
        error: view.error.as_deref().map(str::to_owned),
        cause: view.cause.as_deref().map(str::to_owned),
        metadata,
        processed,
    })
}
