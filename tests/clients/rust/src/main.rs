//! Answers calls with the AWS SDK for Rust. Speaks as `../boto3_client.py` does.

mod host_prefix;
mod members;
mod operations;
mod shapes;

use std::io::{self, Write};

use anyhow::Context;
use aws_config::BehaviorVersion;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use serde_json::Value;

use host_prefix::NoHostPrefix;
use members::Members;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // The crates are built without the SDK's own choice of a TLS stack.
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let shared = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    let config = aws_sdk_sfn::config::Builder::from(&shared).interceptor(NoHostPrefix).build();
    let client = aws_sdk_sfn::Client::from_conf(config);
    for line in io::stdin().lines() {
        let mut request: Value = serde_json::from_str(&line?)?;
        let operation = request["operation"].as_str().context("no operation")?.to_owned();
        let parameters = Members::new(request["parameters"].take())?;
        let outcome = operations::call(&client, &operation, parameters).await?;
        let mut out = io::stdout().lock();
        writeln!(out, "{outcome}")?;
    }
    Ok(())
}
