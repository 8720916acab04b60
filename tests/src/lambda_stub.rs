//! An endpoint that plays AWS Lambda and keeps a log of every run.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::post;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What a function answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A result.
    Return(Value),
    /// An error of the function.
    Raise {
        /// `errorType`.
        error: String,
        /// `errorMessage`.
        message: String,
    },
}

impl Reply {
    /// The body that Lambda sends. Of an error this is the cause that Step Functions shows.
    pub fn body(&self) -> String {
        match self {
            Reply::Return(value) => value.to_string(),
            Reply::Raise { error, message } => {
                json!({ "errorMessage": message, "errorType": error }).to_string()
            }
        }
    }
}

/// One run of a function.
#[derive(Clone, Debug)]
pub struct Run {
    /// Name of the function, without account and qualifier.
    pub function: String,
    /// What identifies the task to the outside: the same for every repetition.
    pub idempotency_key: Option<String>,
    /// The input.
    pub event: Value,
}

/// What decides on a run: how long it takes and what comes of it.
type Behaviour = dyn Fn(&Run) -> (Duration, Reply) + Send + Sync;

struct Shared {
    behaviour: Box<Behaviour>,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    runs: Vec<Run>,
    in_flight: usize,
}

/// A Lambda endpoint on a free port, served until it is dropped.
pub struct LambdaStub {
    address: SocketAddr,
    shared: Arc<Shared>,
    // Dropping the runtime ends the server.
    _runtime: Runtime,
}

impl LambdaStub {
    /// Serves functions of any name; `behaviour` decides on each run.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start(
        behaviour: impl Fn(&Run) -> (Duration, Reply) + Send + Sync + 'static,
    ) -> LambdaStub {
        let shared = Arc::new(Shared { behaviour: Box::new(behaviour), log: Mutex::default() });
        let router = Router::new()
            .route("/2015-03-31/functions/{name}/invocations", post(invoke))
            .with_state(Arc::clone(&shared));
        let (runtime, address) = serve(router).unwrap_or_else(|error| panic!("{error}"));
        LambdaStub { address, shared, _runtime: runtime }
    }

    /// Its URL, for `AWS_ENDPOINT_URL_LAMBDA`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every run so far, in the order of arrival.
    pub fn runs(&self) -> Vec<Run> {
        self.shared.log().runs.clone()
    }

    /// How many runs have begun and not ended.
    pub fn in_flight(&self) -> usize {
        self.shared.log().in_flight
    }
}

impl Shared {
    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves on a free port until the runtime is dropped.
pub(crate) fn serve(router: Router) -> std::io::Result<(Runtime, SocketAddr)> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let serving: Pin<Box<dyn Future<Output = _> + Send>> =
        Box::pin(async move { axum::serve(listener, router).await });
    runtime.spawn(serving);
    Ok((runtime, address))
}

/// Counts a run as in flight until it is dropped, also when the caller goes away.
struct InFlight(Arc<Shared>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.log().in_flight -= 1;
    }
}

async fn invoke(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let run = Run {
        function: function_name(&name).to_owned(),
        idempotency_key: idempotency_key(&headers),
        event: serde_json::from_str(&body).unwrap_or_default(),
    };
    let (delay, reply) = (shared.behaviour)(&run);
    {
        let mut log = shared.log();
        log.runs.push(run);
        log.in_flight += 1;
    }
    let in_flight = InFlight(shared);
    tokio::time::sleep(delay).await;
    drop(in_flight);
    answer(&reply)
}

fn answer(reply: &Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, axum::http::HeaderValue::from_static(value));
    set("content-type", "application/json");
    set("x-amzn-requestid", "00000000-0000-4000-8000-000000000000");
    set("x-amz-executed-version", "$LATEST");
    if matches!(reply, Reply::Raise { .. }) {
        set("x-amz-function-error", "Unhandled");
    }
    response
}

/// `F` of `F`, `F:live`, `arn:aws:lambda:us-east-1:000000000000:function:F` and the same with a qualifier.
fn function_name(reference: &str) -> &str {
    let name = reference.split_once(":function:").map_or(reference, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}

/// Reads `custom.idempotency_key` of the client context, which travels as Base64 of a JSON object.
fn idempotency_key(headers: &HeaderMap) -> Option<String> {
    let context = BASE64_STANDARD.decode(headers.get("x-amz-client-context")?).ok()?;
    let context: Value = serde_json::from_slice(&context).ok()?;
    context["custom"]["idempotency_key"].as_str().map(str::to_owned)
}
