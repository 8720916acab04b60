//! Settings as values.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;

use stepyard_machine::Limits;
use stepyard_runtime::ExpressHistory;
use stepyard_store::RETENTION_DAYS_MAX;

use super::{Database, Resolved};
use crate::app::Identity;
use crate::arn::is_account;
use crate::events::{EventSettings, WebhookUrl};
use crate::peer::{NodeAddress, NodeKey};

/// All settings of a server.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    /// Where objects lie, when that is not in the data directory.
    objects_dir: Option<PathBuf>,
    pub(crate) database: Database,
    pub(crate) allow_unsafe_database: bool,
    pub(crate) accept_data_loss: bool,
    /// Where other nodes reach this one, when that is not where it listens.
    pub(crate) node_address: Option<NodeAddress>,
    pub(crate) node_key: NodeKey,
    pub(crate) identity: Identity,
    pub(crate) limits: Limits,
    /// Names of functions that run on Lambda; `*` stands for all.
    pub(crate) lambda_functions: Vec<String>,
    /// Names of buckets that are on S3; `*` stands for all.
    pub(crate) s3_buckets: Vec<String>,
    pub(crate) tasks_max: usize,
    pub(crate) upload_bytes_max: usize,
    pub(crate) upload_state_machine: String,
    pub(crate) image_pixels_max: u64,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) shutdown_grace_seconds: u64,
    pub(crate) retention_days: u32,
    pub(crate) express_history: ExpressHistory,
    pub(crate) log_format: LogFormat,
    pub(crate) events: EventSettings,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Pretty,
    /// For machines, an object a line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<LogFormat, &'static str> {
        match text {
            "pretty" => Ok(LogFormat::Pretty),
            "json" => Ok(LogFormat::Json),
            _ => Err("it must be pretty or json"),
        }
    }
}

/// Where to listen.
struct Listen(SocketAddr);

impl std::str::FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Listen, &'static str> {
        let address = text.parse().map(Listen);
        address.map_err(|_| "it must be an IP address and a port, such as 127.0.0.1:8083")
    }
}

/// A set of limits, by its name.
struct NamedLimits(Limits);

impl std::str::FromStr for NamedLimits {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<NamedLimits, &'static str> {
        match text {
            "aws" => Ok(NamedLimits(Limits::AWS)),
            "extended" => Ok(NamedLimits(Limits::EXTENDED)),
            _ => Err("it must be aws or extended"),
        }
    }
}

/// A number of days for which executions may be kept.
struct RetentionDays(u32);

impl std::str::FromStr for RetentionDays {
    type Err = String;

    fn from_str(text: &str) -> Result<RetentionDays, String> {
        match text.parse() {
            Ok(days) if days <= RETENTION_DAYS_MAX => Ok(RetentionDays(days)),
            _ => Err(format!("it must be a number of days from 0 to {RETENTION_DAYS_MAX}")),
        }
    }
}

/// An account id as ARNs have it.
struct Account(String);

impl std::str::FromStr for Account {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Account, &'static str> {
        is_account(text).then(|| Account(text.to_owned())).ok_or("it must have 12 digits")
    }
}

impl Settings {
    /// Reads all values.
    ///
    /// # Errors
    /// The first value that cannot be, with its origin.
    pub(crate) fn new(resolved: &Resolved) -> anyhow::Result<Settings> {
        let data_dir: PathBuf = resolved.text("data-dir").into();
        Ok(Settings {
            listen: resolved.parse::<Listen>("listen")?.0,
            database: Database::new(resolved.text("database-url"), &data_dir)?,
            allow_unsafe_database: resolved.parse("allow-unsafe-database")?,
            accept_data_loss: resolved.parse("accept-data-loss")?,
            node_address: match resolved.text("node-address") {
                "" => None,
                _ => Some(resolved.parse("node-address")?),
            },
            node_key: resolved.parse("node-key")?,
            data_dir,
            objects_dir: match resolved.text("objects-dir") {
                "" => None,
                path => Some(path.into()),
            },
            identity: Identity {
                account: resolved.parse::<Account>("account")?.0,
                region: resolved.text("region").into(),
            },
            limits: resolved.parse::<NamedLimits>("limits")?.0,
            lambda_functions: list(resolved.text("lambda-functions")),
            s3_buckets: list(resolved.text("s3-buckets")),
            tasks_max: resolved.parse::<NonZero<usize>>("tasks-max")?.get(),
            upload_bytes_max: resolved.parse("upload-bytes-max")?,
            upload_state_machine: resolved.text("upload-state-machine").into(),
            image_pixels_max: resolved.parse("image-pixels-max")?,
            allowed_hosts: list(resolved.text("allowed-hosts")),
            shutdown_grace_seconds: resolved.parse("shutdown-grace-seconds")?,
            retention_days: resolved.parse::<RetentionDays>("retention-days")?.0,
            express_history: resolved.parse("express-history")?,
            log_format: resolved.parse("log-format")?,
            events: EventSettings {
                webhooks: webhooks(resolved.text("events-webhook"))?,
                log: resolved.parse("events-log")?,
            },
        })
    }
}

impl Settings {
    /// Where the commits that the database has acknowledged are noted, for the next start.
    pub(crate) fn witness_file(&self) -> PathBuf {
        match &self.database {
            Database::Sqlite(file) => file.with_added_extension("witness"),
            Database::Postgres(_) => self.data_dir.join("postgres.witness"),
        }
    }

    /// The folder of the object store.
    pub(crate) fn objects_dir(&self) -> PathBuf {
        self.objects_dir.clone().unwrap_or_else(|| self.data_dir.join("objects"))
    }
}

fn webhooks(text: &str) -> anyhow::Result<Vec<WebhookUrl>> {
    list(text).iter().map(|url| WebhookUrl::parse(url)).collect()
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
