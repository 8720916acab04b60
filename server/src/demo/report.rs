//! What came out, and how to go on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use stepyard_machine::ExecutionStatus;

use crate::client_environment::exports;
use crate::config::Settings;
use crate::render::Table;

/// What became of one picture.
pub(crate) struct Outcome {
    pub(crate) file_name: &'static str,
    pub(crate) is_broken: bool,
    pub(crate) image_id: String,
    pub(crate) status: ExecutionStatus,
    pub(crate) millis: Option<i64>,
    pub(crate) error: Option<String>,
    pub(crate) cause: Option<String>,
    /// Attributes of the metadata item.
    pub(crate) metadata: BTreeMap<String, String>,
    /// Whether the processed file is there.
    pub(crate) processed: bool,
}

impl Outcome {
    /// Good pictures are processed and have metadata; the broken one is caught and recorded.
    pub(crate) fn is_expected(&self) -> bool {
        let status = self.attribute("status");
        match self.is_broken {
            true => self.status == ExecutionStatus::Failed && status == "failed",
            false => {
                self.status == ExecutionStatus::Succeeded && status == "processed" && self.processed
            }
        }
    }

    fn attribute(&self, name: &str) -> &str {
        self.metadata.get(name).map_or("", String::as_str)
    }

    fn dimensions(&self, prefix: &str) -> String {
        let (width, height) = (format!("{prefix}width"), format!("{prefix}height"));
        match (self.attribute(&width), self.attribute(&height)) {
            ("", _) | (_, "") => "-".into(),
            (width, height) => format!("{width}x{height}"),
        }
    }
}

/// Prints the table.
pub(crate) fn print_outcomes(outcomes: &[Outcome], objects: &Path) {
    let head =
        ["picture", "user", "format", "original", "bytes", "result", "bytes", "time", "status"];
    let mut table = Table::new(head);
    for outcome in outcomes {
        let cell = |name: &str| match outcome.attribute(name) {
            "" => "-".to_owned(),
            text => text.to_owned(),
        };
        table.row([
            outcome.file_name.into(),
            cell("user"),
            cell("original_format"),
            outcome.dimensions("original_"),
            cell("original_bytes"),
            outcome.dimensions(""),
            cell("bytes"),
            outcome.millis.map_or("-".into(), |millis| format!("{millis} ms")),
            outcome.status.as_str().into(),
        ]);
    }
    println!("\nWhat came out:\n\n{table}");
    for outcome in outcomes.iter().filter(|outcome| outcome.error.is_some()) {
        let expected =
            if outcome.is_broken { ", as it should: it was caught and recorded" } else { "" };
        println!(
            "  {} failed{expected}\n    {}: {}\n",
            outcome.file_name,
            outcome.error.as_deref().unwrap_or_default(),
            outcome.cause.as_deref().unwrap_or_default()
        );
    }
    println!("  Originals: {}", objects.join("image-upload-source").display());
    println!("  Results:   {}", objects.join("image-processed-output").display());
}

/// Prints commands that work on this very server.
pub(crate) fn print_next_steps(address: SocketAddr, settings: &Settings, outcomes: &[Outcome]) {
    let url = format!("http://{address}");
    let (identity, machine) = (&settings.identity, &settings.upload_state_machine);
    let region = &identity.region;
    let machine_arn = identity.state_machine(machine).to_string();
    let executions = format!("arn:aws:states:{region}:{}:execution:{machine}", identity.account);
    let first = outcomes.first().map_or("IMAGE_ID", |outcome| outcome.image_id.as_str());
    let exports = exports(address, region).join("\n  ");
    println!(
        "
Go on:

  curl -F file=@photo.jpg -F user=me {url}/upload
  curl {url}/api/v1/images/{first}
  curl -O {url}/objects/image-processed-output/{first}
  curl {url}/api/v1/executions

  {exports}
  aws stepfunctions list-executions \\
      --state-machine-arn {machine_arn}
  aws stepfunctions get-execution-history \\
      --execution-arn {executions}:{first}
"
    );
}
