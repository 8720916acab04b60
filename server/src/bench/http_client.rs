//! A connection that is kept open, for one client.

use std::net::SocketAddr;

use anyhow::bail;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Speaks the AWS protocol over one connection.
pub(super) struct HttpClient {
    requests: SendRequest<Full<Bytes>>,
    host: String,
}

impl HttpClient {
    pub(super) async fn connect(address: SocketAddr) -> anyhow::Result<HttpClient> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(HttpClient { requests, host: address.to_string() })
    }

    /// Calls an operation until it is not throttled.
    pub(super) async fn call(&mut self, operation: &str, body: Bytes) -> anyhow::Result<Value> {
        loop {
            let (status, answer) = self.send(operation, body.clone()).await?;
            if status == StatusCode::OK {
                return Ok(serde_json::from_slice(&answer)?);
            }
            let text = String::from_utf8_lossy(&answer);
            if !text.contains("ThrottlingException") {
                bail!("{operation} answers {status}: {text}");
            }
        }
    }

    async fn send(&mut self, operation: &str, body: Bytes) -> anyhow::Result<(StatusCode, Bytes)> {
        let request = Request::post("/")
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
            .header("X-Amz-Target", format!("AWSStepFunctions.{operation}"))
            .body(Full::new(body))?;
        self.requests.ready().await?;
        let answer = self.requests.send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}
