//! Talk between the nodes of a cluster: JSON over HTTP on the port that serves everything else, each request
//! signed with the key that the nodes share.

mod address;
mod client;
mod key;
mod map_run_message;
mod message;
mod task_message;

pub(crate) use address::NodeAddress;
use client::HttpPeer;
pub(crate) use key::NodeKey;
pub(crate) use map_run_message::{MapRunMessage, MapRunReply};
pub(crate) use message::{
    RedriveMessage, RedriveReply, Reply, StartMessage, StartReply, StopMessage, StopReply,
};
pub(crate) use task_message::{CallbackMessage, CallbackReply, TakeMessage, TakeReply};

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::bail;
use stepyard_machine::Limits;
use stepyard_runtime::ClusterOptions;

use crate::config::Settings;

/// Largest request or answer between nodes, in bytes. Each may hold the largest data that any node takes, as JSON text
/// within JSON, whatever this one takes itself.
pub(crate) const MESSAGE_BYTES_MAX: usize = (1 << 20) + 3 * Limits::EXTENDED.data_bytes;

/// Paths of the calls.
pub(crate) const START: &str = "/peer/v1/start";
pub(crate) const STOP: &str = "/peer/v1/stop";
pub(crate) const CALLBACK: &str = "/peer/v1/callback";
pub(crate) const TAKE: &str = "/peer/v1/take-activity-task";
pub(crate) const REDRIVE: &str = "/peer/v1/redrive";
pub(crate) const MAP_RUN: &str = "/peer/v1/map-run";
pub(crate) const POKE: &str = "/peer/v1/poke";

/// How this process takes part in a cluster; `None` when its database is its own.
///
/// # Errors
/// When others could not reach it, or anybody could.
pub(crate) fn cluster_options(
    settings: &Settings,
    listens_on: SocketAddr,
) -> anyhow::Result<Option<ClusterOptions>> {
    if !settings.database.is_shared() {
        return Ok(None);
    }
    if !listens_on.ip().is_loopback() && !settings.node_key.is_given() {
        bail!(
            "listening on {listens_on} with a shared database needs --node-key, a secret that all nodes have; or listen on 127.0.0.1"
        );
    }
    let address = match &settings.node_address {
        Some(address) => address.clone(),
        None if listens_on.ip().is_unspecified() => bail!(
            "other nodes cannot reach this one at {listens_on}; --node-address http://HOST:PORT tells where they can"
        ),
        None => NodeAddress::from(listens_on),
    };
    let peer = Arc::new(HttpPeer::new(settings.node_key.clone()));
    Ok(Some(ClusterOptions { address: address.text(), peer }))
}
