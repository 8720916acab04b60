//! An endpoint that speaks the Invoke operation of AWS Lambda, so that the way over HTTP can be measured
//! where there is no Lambda. Its functions do nothing.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The path of the operation (AWS Lambda API reference, "Invoke").
const INVOKE: &str = "/2015-03-31/functions/{function}/invocations";

/// The endpoint, on a free port of this machine. Dropped, it is gone.
pub(crate) struct LambdaEndpoint {
    url: String,
    _served: JoinSet<std::io::Result<()>>,
}

impl LambdaEndpoint {
    /// Name of a function in ARNs; all names are good.
    pub(crate) const FUNCTION: &str = "NoOpFunction";

    pub(crate) async fn start() -> anyhow::Result<LambdaEndpoint> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route(INVOKE, post(invoke)).layer(DefaultBodyLimit::disable());
        let mut served = JoinSet::new();
        served.spawn(async move { axum::serve(listener, router).await });
        Ok(LambdaEndpoint { url, _served: served })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// The result is the input.
async fn invoke(payload: Bytes) -> impl IntoResponse {
    ([(CONTENT_TYPE.as_str(), "application/json"), ("x-amz-executed-version", "$LATEST")], payload)
}
