//! Calls to other nodes.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stepyard_asl::Timestamp;
use stepyard_runtime::{
    ActivityTask, CallbackError, CallbackRequest, MapRunProgress, MapRunRequest,
    MapRunRequestError, NotOwner, Peer, PeerError, RedriveError, RedriveRequest, StartError,
    StartRequest, StopError, StopRequest,
};
use stepyard_store::ExecutionRow;

use super::{
    CALLBACK, CallbackMessage, CallbackReply, MAP_RUN, MESSAGE_BYTES_MAX, MapRunMessage,
    MapRunReply, NodeKey, POKE, REDRIVE, RedriveMessage, RedriveReply, Reply, START, STOP,
    StartMessage, StartReply, StopMessage, StopReply, TAKE, TakeMessage, TakeReply,
};

/// A node that cannot be connected to within that time is taken for gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long an answer is waited for; a commit may be slow.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a poke is waited for.
const POKE_TIMEOUT: Duration = Duration::from_secs(1);

/// Reaches other nodes over HTTP; connections are kept open.
pub(crate) struct HttpPeer {
    client: Client<HttpConnector, Full<Bytes>>,
    key: NodeKey,
}

impl HttpPeer {
    pub(crate) fn new(key: NodeKey) -> HttpPeer {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        HttpPeer { client: Client::builder(TokioExecutor::new()).build(connector), key }
    }

    /// The answer of the shard's owner.
    async fn call<T: DeserializeOwned>(
        &self,
        address: &str,
        path: &str,
        message: &(impl Serialize + Sync),
    ) -> Result<T, PeerError> {
        let body = serde_json::to_vec(message).map_err(|error| unreachable(&error))?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.send(address, path, body.into()));
        let answer = answer.await.map_err(|_| unreachable(&"no answer in time"))??;
        match serde_json::from_slice(&answer).map_err(|error| unreachable(&error))? {
            Reply::Owner(reply) => Ok(reply),
            Reply::NotOwner => Err(NotOwner.into()),
        }
    }

    async fn send(&self, address: &str, path: &str, body: Bytes) -> Result<Bytes, PeerError> {
        let mut request = Request::post(format!("{address}{path}"))
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in self.key.sign(path, &body) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).map_err(|error| unreachable(&error))?;
        let answer = self.client.request(request).await.map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MESSAGE_BYTES_MAX).collect().await;
        let body = body.map_err(|error| unreachable(&error))?.to_bytes();
        if status == StatusCode::OK {
            return Ok(body);
        }
        if status == StatusCode::UNAUTHORIZED {
            tracing::error!(
                address,
                "a node refuses the signature of this one; all nodes need the same --node-key and releases that sign alike"
            );
        }
        Err(unreachable(&format!("{status}: {}", String::from_utf8_lossy(&body))))
    }
}

fn unreachable(why: &impl ToString) -> PeerError {
    PeerError::Unreachable(why.to_string())
}

#[async_trait]
impl Peer for HttpPeer {
    async fn start_execution(
        &self,
        address: &str,
        request: &StartRequest,
    ) -> Result<Result<ExecutionRow, StartError>, PeerError> {
        let reply: StartReply = self.call(address, START, &StartMessage::from(request)).await?;
        Ok(reply.into_result(request))
    }

    async fn stop_execution(
        &self,
        address: &str,
        request: &StopRequest,
    ) -> Result<Result<Timestamp, StopError>, PeerError> {
        let reply: StopReply = self.call(address, STOP, &StopMessage::from(request)).await?;
        Ok(reply.into())
    }

    async fn call_back(
        &self,
        address: &str,
        request: &CallbackRequest,
    ) -> Result<Result<(), CallbackError>, PeerError> {
        let message = CallbackMessage::from(request);
        let reply: CallbackReply = self.call(address, CALLBACK, &message).await?;
        Ok(reply.into())
    }

    async fn take_activity_task(
        &self,
        address: &str,
        activity: &str,
        worker: Option<&str>,
    ) -> Result<Option<ActivityTask>, PeerError> {
        let (activity, worker) = (activity.to_owned(), worker.map(str::to_owned));
        let message = TakeMessage { activity, worker };
        let reply: TakeReply = self.call(address, TAKE, &message).await?;
        reply.into_task().map_err(|error| unreachable(&error))
    }

    async fn redrive_execution(
        &self,
        address: &str,
        request: &RedriveRequest,
    ) -> Result<Result<Timestamp, RedriveError>, PeerError> {
        let message = RedriveMessage::from(request);
        let reply: RedriveReply = self.call(address, REDRIVE, &message).await?;
        Ok(reply.into())
    }

    async fn ask_map_run(
        &self,
        address: &str,
        request: &MapRunRequest,
    ) -> Result<Result<MapRunProgress, MapRunRequestError>, PeerError> {
        let message = MapRunMessage::from(request);
        let reply: MapRunReply = self.call(address, MAP_RUN, &message).await?;
        Ok(reply.into())
    }

    async fn poke(&self, address: &str) {
        let poked = tokio::time::timeout(POKE_TIMEOUT, self.send(address, POKE, Bytes::new()));
        if let Ok(Err(error)) = poked.await {
            tracing::debug!(%error, address, "a node cannot be poked");
        }
    }
}
