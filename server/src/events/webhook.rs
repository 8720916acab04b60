//! Events as POST requests.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use stepyard_machine::StatusChange;
use stepyard_runtime::{EventTarget, TellError};
use stepyard_store::{ExecutionId, TargetId};

use super::{WebhookUrl, event, target_id};

/// How long a connection is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an answer is waited for; later the event is sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest answer that is read to its end, in bytes; of a larger one the connection is closed.
const ANSWER_BYTES_MAX: usize = 64 << 10;

const USER_AGENT: &str = concat!("stepyard/", env!("CARGO_PKG_VERSION"));

/// Posts each event to a URL; connections are kept open.
pub(super) struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: WebhookUrl,
    name: Arc<str>,
}

impl Webhook {
    /// The webhook of that number among those of the settings.
    pub(super) fn new(url: &WebhookUrl, number: usize) -> anyhow::Result<Webhook> {
        let client = Client::builder(TokioExecutor::new()).build(connector(url)?);
        let name = format!("webhook {number} ({url})").into();
        Ok(Webhook { client, url: url.clone(), name })
    }

    async fn post(&self, event: String) -> Result<StatusCode, String> {
        let mut request = Request::post(self.url.uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, USER_AGENT);
        if let Some(authorization) = &self.url.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(Full::new(event.into())).map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await.map_err(|error| chain(&error))?;
        let status = answer.status();
        // Read to its end, the connection can be used again; what stands in it does not matter.
        drop(Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await);
        Ok(status)
    }
}

/// What speaks TLS needs the certificates that this machine trusts.
fn connector(url: &WebhookUrl) -> anyhow::Result<HttpsConnector<HttpConnector>> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    let provider = Arc::new(default_provider());
    let builder = HttpsConnectorBuilder::new();
    let with_tls = if url.is_https() {
        let roots = builder.with_provider_and_native_roots(provider);
        roots.context("events-webhook: the certificates of this machine cannot be read")?
    } else {
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        builder.with_tls_config(config)
    };
    Ok(with_tls.https_or_http().enable_http1().wrap_connector(tcp))
}

/// An error with its causes, where the reason stands.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[async_trait]
impl EventTarget for Webhook {
    fn id(&self) -> TargetId {
        target_id(self.url.text())
    }

    fn name(&self) -> Arc<str> {
        self.name.clone()
    }

    async fn tell(&self, execution: ExecutionId, change: &StatusChange) -> Result<(), TellError> {
        let posted = self.post(event(execution, change));
        match tokio::time::timeout(ANSWER_TIMEOUT, posted).await {
            Ok(Ok(status)) => judge(status),
            Ok(Err(reason)) => Err(TellError::Unavailable(reason)),
            Err(_) => Err(TellError::Unavailable("there is no answer in time".into())),
        }
    }
}

/// What an answer means. Some say that there is something wrong with the event itself; all others may be different when it is
/// sent again.
fn judge(status: StatusCode) -> Result<(), TellError> {
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE
        | StatusCode::UNPROCESSABLE_ENTITY => Err(TellError::Refused(status.to_string())),
        _ => Err(TellError::Unavailable(status.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use stepyard_runtime::TellError;

    use super::judge;

    #[test]
    fn only_a_fault_of_the_event_itself_is_final() {
        let refused = |status| matches!(judge(status), Err(TellError::Refused(_)));
        for number in 100..600 {
            let status = StatusCode::from_u16(number).unwrap();
            assert_eq!(judge(status).is_ok(), (200..300).contains(&number), "{status}");
            assert_eq!(refused(status), [400, 413, 415, 422].contains(&number), "{status}");
        }
    }
}
