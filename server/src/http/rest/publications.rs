//! `/api/v1/state-machines/NAME/versions` and `/aliases`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use stepyard_store::{Alias, Publication, Version};

use crate::app::App;
use crate::http::extract::{Nothing, Parameters, Segments};
use crate::wire::{ApiError, Problem};

/// All versions of a state machine, newest first.
pub(super) async fn versions(
    State(app): State<Arc<App>>,
    Segments(name): Segments<String>,
    _: Parameters<Nothing>,
) -> Result<Json<Value>, Problem> {
    let publication = publication(&app, &name).await?;
    let shown: Vec<_> = publication.versions.iter().map(version).collect();
    Ok(Json(json!({ "versions": shown })))
}

/// All aliases of a state machine, by name.
pub(super) async fn aliases(
    State(app): State<Arc<App>>,
    Segments(name): Segments<String>,
    _: Parameters<Nothing>,
) -> Result<Json<Value>, Problem> {
    let publication = publication(&app, &name).await?;
    let shown: Vec<_> = publication.aliases.iter().map(alias).collect();
    Ok(Json(json!({ "aliases": shown })))
}

async fn publication(app: &App, name: &str) -> Result<Publication, ApiError> {
    let arn = app.identity.state_machine(name).to_string();
    let publication = app.store.publication(&arn).await?;
    publication.ok_or_else(|| ApiError::state_machine_does_not_exist(&arn))
}

fn version(version: &Version) -> Value {
    json!({
        "version": version.number,
        "description": version.description.as_deref(),
        "createdAt": version.created_at.to_string(),
    })
}

fn alias(alias: &Alias) -> Value {
    let route = |(version, weight)| json!({ "version": version, "weight": weight });
    json!({
        "name": &*alias.name,
        "description": alias.description.as_deref(),
        "routing": alias.routing.routes().map(route).collect::<Vec<_>>(),
        "createdAt": alias.created_at.to_string(),
        "updatedAt": alias.updated_at.to_string(),
    })
}
