//! An endpoint that takes events and keeps them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::lambda_stub::serve;

/// Takes events on a free port until it is dropped.
pub struct WebhookStub {
    address: SocketAddr,
    shared: Arc<Shared>,
    // Dropping the runtime ends the server.
    _runtime: Runtime,
}

struct Shared {
    status: Mutex<StatusCode>,
    events: Mutex<Vec<Value>>,
}

impl WebhookStub {
    /// Starts one that takes every event.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start() -> WebhookStub {
        let shared =
            Arc::new(Shared { status: Mutex::new(StatusCode::OK), events: Mutex::default() });
        let router = Router::new().route("/events", post(take)).with_state(Arc::clone(&shared));
        let (runtime, address) = serve(router).unwrap_or_else(|error| panic!("{error}"));
        WebhookStub { address, shared, _runtime: runtime }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// Answers with that status from now on; what is no success is not kept.
    pub fn answer(&self, status: StatusCode) {
        *lock(&self.shared.status) = status;
    }

    /// Every event that it has taken, in the order of arrival.
    pub fn events(&self) -> Vec<Value> {
        lock(&self.shared.events).clone()
    }

    /// The statuses that it was told, by the ARN of their execution, each event once however often it has come.
    pub fn statuses(&self) -> BTreeMap<String, Vec<String>> {
        let mut ids = BTreeMap::new();
        let mut statuses: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for event in &*lock(&self.shared.events) {
            if ids.insert(event["id"].to_string(), ()).is_none() {
                let text = |member: &str| event["detail"][member].as_str().unwrap_or_default();
                let of_execution = statuses.entry(text("executionArn").to_owned()).or_default();
                of_execution.push(text("status").to_owned());
            }
        }
        statuses
    }
}

async fn take(State(shared): State<Arc<Shared>>, body: String) -> StatusCode {
    let status = *lock(&shared.status);
    if status.is_success() {
        lock(&shared.events).push(serde_json::from_str(&body).unwrap_or_default());
    }
    status
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
