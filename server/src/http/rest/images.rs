//! `/api/v1/images`: the metadata that the pipeline stores.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use stepyard_store::MetadataItem;

use super::{as_written, limit, place};
use crate::app::App;
use crate::http::extract::{Nothing, Parameters, Segments};
use crate::wire::{Problem, encode_token};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Metadata of images.
#[derive(Serialize)]
pub(super) struct Images {
    images: Vec<Box<RawValue>>,
    cursor: Option<String>,
}

/// Metadata of one image.
#[derive(Serialize)]
pub(super) struct Items {
    items: Vec<Box<RawValue>>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Parameters(page): Parameters<Page>,
) -> Result<Json<Images>, Problem> {
    let limit = limit(page.limit)?;
    let after = page.cursor.as_deref().map(parse_cursor).transpose()?;
    let mut items = app.metadata.scan_items(after, limit + 1).await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let cursor = items.last().filter(|_| more).map(cursor);
    Ok(Json(Images { images: items.iter().map(attributes).collect(), cursor }))
}

/// All items of an image, newest first.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Segments(image_id): Segments<String>,
    _: Parameters<Nothing>,
) -> Result<Json<Items>, Problem> {
    let items = app.metadata.query_items(&image_id).await?;
    if items.is_empty() {
        let detail = format!("There is no metadata of an image '{image_id}' (yet)");
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    }
    Ok(Json(Items { items: items.iter().map(attributes).collect() }))
}

fn attributes(item: &MetadataItem) -> Box<RawValue> {
    as_written(item.attributes.text())
}

fn cursor(item: &MetadataItem) -> String {
    encode_token(&format!("{} {}", item.timestamp, item.image_id))
}

fn parse_cursor(cursor: &str) -> Result<(String, i64), Problem> {
    place(cursor, |key| {
        let (timestamp, image_id) = key.split_once(' ')?;
        Some((image_id.to_owned(), timestamp.parse().ok()?))
    })
}
