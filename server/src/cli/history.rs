//! `stepyard history`.

use anyhow::{Context, bail};
use serde_json::Value;
use stepyard_asl::Timestamp;

use crate::arn::Arn;
use crate::render::{HistoryLine, Tree};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// ARN of an execution
    arn: String,
    /// The server to ask
    #[arg(long, env = "AWS_ENDPOINT_URL_SFN", default_value = "http://127.0.0.1:8083")]
    endpoint_url: String,
}

/// Prints the history of an execution as a tree.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let arn = Arn::parse(&arguments.arn).map_err(|error| anyhow::anyhow!(error.message))?;
    let (machine, name) =
        arn.state_machine_of_execution().map_err(|error| anyhow::anyhow!(error.message))?;
    let machine = machine.rsplit(':').next().unwrap_or_default();
    let endpoint = arguments.endpoint_url.trim_end_matches('/');
    let url = format!("{endpoint}/api/v1/executions/{}/{}", escape(machine), escape(name));
    let history = format!("{url}/history");
    let (mut tree, mut cursor) = (Tree::default(), None);
    loop {
        let page = get(&history, cursor.as_deref())?;
        for event in page["events"].as_array().into_iter().flatten() {
            println!("{}", tree.line(&line(event)));
        }
        cursor = page["cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    println!("\n{}", get(&url, None)?["status"].as_str().unwrap_or_default());
    Ok(0)
}

fn get(url: &str, cursor: Option<&str>) -> anyhow::Result<Value> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.get(url).query("limit", "1000");
    if let Some(cursor) = cursor {
        request = request.query("cursor", cursor);
    }
    let mut answer = request.call().with_context(|| {
        format!("no server answers at {url}; start one with `stepyard serve`, or name it with --endpoint-url")
    })?;
    let status = answer.status();
    let text = answer.body_mut().with_config().limit(1 << 30).read_to_string()?;
    let answer: Value = serde_json::from_str(&text).context("the answer is not JSON")?;
    if !status.is_success() {
        bail!("{}", answer["detail"].as_str().unwrap_or("the server refuses"));
    }
    Ok(answer)
}

fn line(event: &Value) -> HistoryLine {
    let text = |member: &str| event[member].as_str().unwrap_or_default();
    HistoryLine {
        id: event["id"].as_u64().unwrap_or_default(),
        previous: event["previousEventId"].as_u64().unwrap_or_default(),
        at: Timestamp::parse(text("timestamp")).unwrap_or_default(),
        event_type: text("type").into(),
        details: event["details"].clone(),
    }
}

fn escape(part: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC)
}
