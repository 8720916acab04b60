//! `stepyard history`.

use anyhow::{Context, bail};
use serde_json::Value;
use stepyard_asl::Timestamp;

use crate::arn::Arn;
use crate::render::{HistoryLine, Tree};

/// Events that are asked for at a time.
const PAGE: &str = "1000";

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// ARN of an execution; of an EXPRESS state machine one whose history is kept (express-history)
    arn: String,
    /// Show data and causes of all events in whole, not only how they begin
    #[arg(long)]
    full: bool,
    /// Print each event as a JSON object on a line of its own, and nothing else
    #[arg(long, conflicts_with = "full")]
    json: bool,
    /// The server to ask
    #[arg(long, env = "AWS_ENDPOINT_URL_SFN", default_value = "http://127.0.0.1:8083")]
    endpoint_url: String,
}

/// Prints the history of an execution as a tree.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let arn = Arn::parse(&arguments.arn).map_err(|error| anyhow::anyhow!(error.message))?;
    let (machine, name) =
        arn.rest_place_of_execution().map_err(|error| anyhow::anyhow!(error.message))?;
    let endpoint = arguments.endpoint_url.trim_end_matches('/');
    let url = format!("{endpoint}/api/v1/executions/{}/{}", escape(machine), escape(&name));
    let history = format!("{url}/history");
    let (mut tree, mut cursor) = (Tree::new(arguments.full), None);
    loop {
        let page = get(&history, &page_parameters(cursor.as_deref()))?;
        for event in page["events"].as_array().into_iter().flatten() {
            match arguments.json {
                true => println!("{event}"),
                false => println!("{}", tree.line(&line(event))),
            }
        }
        cursor = page["cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if !arguments.json {
        print_end(&get(&url, &[])?, &arguments.arn);
    }
    Ok(0)
}

fn page_parameters(cursor: Option<&str>) -> Vec<(&str, &str)> {
    [("limit", PAGE)].into_iter().chain(cursor.map(|cursor| ("cursor", cursor))).collect()
}

/// Tells how an execution has ended: its last failure in whole, and what can be done about it.
fn print_end(execution: &Value, arn: &str) {
    let status = execution["status"].as_str().unwrap_or_default();
    println!("\n{status}");
    let failure: Vec<_> =
        ["error", "cause"].into_iter().filter_map(|member| execution[member].as_str()).collect();
    if !failure.is_empty() {
        println!("{}", failure.join(": "));
    }
    if ["FAILED", "TIMED_OUT", "ABORTED"].contains(&status) {
        println!("\n{}", advice(execution, arn));
    }
}

/// What can be done about an execution that has ended badly.
fn advice(execution: &Value, arn: &str) -> String {
    let reason = execution["redriveStatusReason"].as_str();
    if Arn::parse(arn).is_ok_and(|arn| arn.as_express_execution().is_some()) {
        return "When the reason is gone, start it again: an Express execution does not go on."
            .into();
    }
    match execution["redriveStatus"].as_str() {
        Some("REDRIVABLE_BY_MAP_RUN") => {
            "When the reason is gone, redrive the execution that its Map Run belongs to: it goes on with it.".into()
        }
        // Servers of releases before do not say.
        None | Some("REDRIVABLE") => format!(
            "When the reason is gone, it can go on where it was: aws stepfunctions redrive-execution --execution-arn {arn}"
        ),
        Some(_) => format!("It does not go on: {}", reason.unwrap_or("it cannot be redriven")),
    }
}

fn get(url: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Value> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let request = agent.get(url).query_pairs(parameters.iter().copied());
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
