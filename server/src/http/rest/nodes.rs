//! Nodes, and which shards are whose.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use stepyard_store::Node;
use uuid::Uuid;

use crate::app::App;
use crate::http::extract::{Nothing, Parameters};

/// A node that is alive.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeView {
    id: Uuid,
    address: String,
    /// Whether it is the one that answers.
    this_one: bool,
    /// Whether it gives its shards away because it is about to stop.
    draining: bool,
    /// The shards that belong to it.
    shards: Vec<u16>,
}

/// All nodes, as the one that answers saw them last.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    _: Parameters<Nothing>,
) -> Json<serde_json::Value> {
    let membership = app.runtime.membership();
    let view = |node: &Node| NodeView {
        id: node.id.0,
        address: node.address.to_string(),
        this_one: node.id == app.runtime.node(),
        draining: node.draining,
        shards: membership
            .shards
            .iter()
            .filter(|shard| shard.owner == Some(node.id))
            .map(|shard| shard.lease.shard.0)
            .collect(),
    };
    let nodes: Vec<_> = membership.nodes.iter().map(view).collect();
    Json(serde_json::json!({ "nodes": nodes }))
}
