//! Where the value of a setting comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};

/// What the environment variables of settings begin with.
const VARIABLE_PREFIX: &str = "STEPYARD_";

/// A name that is no setting is taken for one that is misspelled when it is so many letters away from it at most.
const MISSPELLED_LETTERS: usize = 2;

/// The configuration file when none is named; it may be absent.
const DEFAULT_FILE: &str = "stepyard.toml";

/// What can be set: key, default, help. The flag is `--key`, the variable `STEPYARD_KEY`.
pub(crate) const SETTINGS: [Setting; 24] = [
    Setting::new(
        "listen",
        "127.0.0.1:8083",
        "Address and port to listen on; port 0 takes a free one",
    ),
    Setting::new("data-dir", "./stepyard-data", "Folder of the database and the objects"),
    Setting::new(
        "objects-dir",
        "",
        "Folder of uploads and processed images, which several nodes may share; empty: objects in the data directory",
    ),
    Setting::new(
        "database-url",
        "",
        "sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME; empty: stepyard.db in the data directory",
    ),
    Setting::new(
        "allow-unsafe-database",
        "false",
        "true: accept a Postgres that may lose acknowledged executions in a crash",
    ),
    Setting::new(
        "accept-data-loss",
        "false",
        "true, for one start: go on with a database that lacks commits which it had acknowledged",
    ),
    Setting::new(
        "node-address",
        "",
        "Where other nodes on the same Postgres reach this one, http://HOST:PORT; empty: where it listens",
    ),
    Setting::new(
        "node-key",
        "",
        "Secret that the nodes of a cluster share; needed to listen beyond this machine with Postgres",
    ),
    Setting::new("account", "000000000000", "Account id in ARNs"),
    Setting::new("region", "us-east-1", "Region in ARNs and history"),
    Setting::new(
        "limits",
        "aws",
        "How much executions that start here may hold: aws (256 KiB of data, 25000 events) or extended (16 MiB, 1000000 events)",
    ),
    Setting::new(
        "lambda-functions",
        "",
        "Functions that run on AWS Lambda though this process has them: names with commas, * for all",
    ),
    Setting::new(
        "s3-buckets",
        "",
        "Buckets that are on S3 though this machine has them: names with commas, * for all",
    ),
    Setting::new("tasks-max", "1000", "Tasks that run at the same time"),
    Setting::new("upload-bytes-max", "104857600", "Largest upload, in bytes"),
    Setting::new("upload-state-machine", "image_pipeline", "State machine that an upload starts"),
    Setting::new("image-pixels-max", "64000000", "Largest image that is decoded, in pixels"),
    Setting::new("allowed-hosts", "", "Further host names to answer to, with commas"),
    Setting::new("shutdown-grace-seconds", "10", "How long running tasks may take to end"),
    Setting::new(
        "retention-days",
        "90",
        "Days for which executions are kept after their end; 0 keeps them for ever",
    ),
    Setting::new(
        "express-history",
        "failures",
        "Which Express executions leave a history: none, failures (all that do not succeed) or all",
    ),
    Setting::new("log-format", "pretty", "pretty or json"),
    Setting::new(
        "events-webhook",
        "",
        "URLs that status changes of executions are posted to, as EventBridge gets them on AWS: with commas",
    ),
    Setting::new("events-log", "false", "true: log status changes of executions in the same form"),
];

/// Settings that are lists: with commas, or in the configuration file also as lists.
const LISTS: [&str; 4] = ["lambda-functions", "s3-buckets", "allowed-hosts", "events-webhook"];

/// One setting.
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) default: &'static str,
    pub(crate) help: &'static str,
}

impl Setting {
    const fn new(key: &'static str, default: &'static str, help: &'static str) -> Setting {
        Setting { key, default, help }
    }

    /// Whether its flag may stand without a value.
    fn is_switch(&self) -> bool {
        self.default == "false"
    }

    fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.key.to_ascii_uppercase().replace('-', "_"))
    }

    /// The setting that is nearly called so.
    fn nearly(key: &str) -> Option<&'static Setting> {
        let distance = |setting: &Setting| strsim::damerau_levenshtein(setting.key, key);
        let nearest = SETTINGS.iter().min_by_key(|setting| distance(setting))?;
        (distance(nearest) <= MISSPELLED_LETTERS).then_some(nearest)
    }
}

/// Whether a flag of that name is a setting.
pub(crate) fn is_setting(key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.key == key)
}

/// Of names of environment variables those that look like that of a setting and are none, each with the right one.
/// Others that begin alike may be somebody else's: Kubernetes gives a service named `stepyard` some.
pub(crate) fn misspelled(
    variables: impl Iterator<Item = String>,
) -> impl Iterator<Item = (String, String)> {
    variables.filter_map(|variable| {
        let key = variable.strip_prefix(VARIABLE_PREFIX)?.to_ascii_lowercase().replace('_', "-");
        let meant = Setting::nearly(&key)?.variable();
        (meant != variable).then_some((variable, meant))
    })
}

/// The flags of a command that has settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) config: Option<PathBuf>,
    given: BTreeMap<&'static str, String>,
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Flags, clap::Error> {
        let mut flags = Flags { config: matches.get_one("config").cloned(), ..Flags::default() };
        for setting in &SETTINGS {
            if let Some(value) = matches.get_one::<String>(setting.key) {
                flags.given.insert(setting.key, value.clone());
            }
        }
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Flags::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Flags {
    fn augment_args(mut command: clap::Command) -> clap::Command {
        for setting in &SETTINGS {
            let default = match setting.default {
                "" => String::new(),
                default => format!(" [default: {default}]"),
            };
            let help = format!("{}{default} [env: {}]", setting.help, setting.variable());
            let mut flag =
                clap::Arg::new(setting.key).long(setting.key).value_name("VALUE").help(help);
            if setting.is_switch() {
                flag = flag.num_args(0..=1).default_missing_value("true");
            }
            command = command.arg(flag);
        }
        let config = clap::Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help(format!("Configuration file [default: {DEFAULT_FILE} if there]"));
        command.arg(config)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Flags::augment_args(command)
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Environment(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag => f.write_str("flag"),
            Origin::Environment(variable) => write!(f, "environment variable {variable}"),
            Origin::File(file) => write!(f, "{}", file.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// The texts of all settings with their origins.
#[derive(Debug)]
pub(crate) struct Resolved(BTreeMap<&'static str, (String, Origin)>);

impl Resolved {
    /// Looks in flags, environment, file and defaults, in this order.
    pub(crate) fn new(
        flags: &Flags,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Resolved> {
        let file = read_file(flags.config.as_ref())?;
        let resolve = |setting: &Setting| {
            let variable = setting.variable();
            if let Some(value) = flags.given.get(setting.key) {
                (value.clone(), Origin::Flag)
            } else if let Some(value) = environment(&variable) {
                (value, Origin::Environment(variable))
            } else if let Some((path, value)) =
                file.as_ref().and_then(|(path, table)| Some((path, table.get(setting.key)?)))
            {
                (value.clone(), Origin::File(path.clone()))
            } else {
                (setting.default.to_owned(), Origin::Default)
            }
        };
        Ok(Resolved(SETTINGS.iter().map(|setting| (setting.key, resolve(setting))).collect()))
    }

    /// With other values for settings of which nobody has said anything.
    pub(crate) fn with_defaults<const N: usize>(
        mut self,
        defaults: [(&'static str, String); N],
    ) -> Resolved {
        for (key, value) in defaults {
            if !self.is_given(key) {
                self.0.insert(key, (value, Origin::Default));
            }
        }
        self
    }

    /// A setting's text.
    pub(crate) fn text(&self, key: &str) -> &str {
        &self.0[key].0
    }

    /// Whether somebody has said what a setting is.
    pub(crate) fn is_given(&self, key: &str) -> bool {
        self.0[key].1 != Origin::Default
    }

    /// A setting as a value; the error names the setting and its origin.
    pub(crate) fn parse<T>(&self, key: &str) -> anyhow::Result<T>
    where
        T: std::str::FromStr,
        T::Err: fmt::Display,
    {
        let (text, origin) = &self.0[key];
        text.parse().map_err(|error| anyhow!("{key} = '{text}' ({origin}): {error}"))
    }

    /// Key, text and origin of each setting.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str, &Origin)> {
        SETTINGS.iter().map(|setting| {
            let (text, origin) = &self.0[setting.key];
            (setting.key, text.as_str(), origin)
        })
    }
}

type Table = BTreeMap<String, String>;

fn read_file(named: Option<&PathBuf>) -> anyhow::Result<Option<(PathBuf, Table)>> {
    let path = named.cloned().unwrap_or_else(|| DEFAULT_FILE.into());
    if named.is_none() && !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let table: toml::Table =
        text.parse().with_context(|| format!("cannot read {}", path.display()))?;
    let mut values = Table::new();
    for (key, value) in table {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            let hint = match Setting::nearly(&key) {
                Some(meant) => format!("did you mean {}?", meant.key),
                None => "see `stepyard config`".to_owned(),
            };
            bail!("{}: there is no setting '{key}'; {hint}", path.display());
        };
        let value =
            as_given(setting, &value).with_context(|| format!("{}: {key}", path.display()))?;
        values.insert(key, value);
    }
    Ok(Some((path, values)))
}

/// A value as a flag has it: a list stands with commas.
fn as_given(setting: &Setting, value: &toml::Value) -> anyhow::Result<String> {
    let toml::Value::Array(values) = value else { return one(value) };
    if !LISTS.contains(&setting.key) {
        bail!("it is one value, not a list");
    }
    let item = |value| match one(value)? {
        text if text.contains(',') => bail!("'{text}' has a comma; give each name by itself"),
        text => Ok(text),
    };
    Ok(values.iter().map(item).collect::<anyhow::Result<Vec<_>>>()?.join(","))
}

fn one(value: &toml::Value) -> anyhow::Result<String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(_) | toml::Value::Boolean(_) | toml::Value::Float(_) => {
            Ok(value.to_string())
        }
        toml::Value::Array(_) => bail!("a list holds no lists"),
        toml::Value::Datetime(_) | toml::Value::Table(_) => {
            bail!("it must be a text, a number, true or false")
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::{Flags, Origin, Resolved, misspelled};

    #[test]
    fn flags_beat_environment_beats_file_beats_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.toml");
        std::fs::write(&file, "region = 'file'\naccount = 'file'\ntasks-max = 7\n").unwrap();
        let mut flags = Flags { config: Some(file.clone()), ..Flags::default() };
        flags.given.insert("region", "flag".into());
        let environment = |name: &str| {
            ["STEPYARD_REGION", "STEPYARD_ACCOUNT"].contains(&name).then(|| "env".to_owned())
        };
        let resolved = Resolved::new(&flags, environment).unwrap();
        let of = |key| resolved.0[key].clone();
        assert_eq!(of("region"), ("flag".into(), Origin::Flag));
        assert_eq!(of("account"), ("env".into(), Origin::Environment("STEPYARD_ACCOUNT".into())));
        assert_eq!(of("tasks-max"), ("7".into(), Origin::File(file)));
        assert_eq!(of("listen"), ("127.0.0.1:8083".into(), Origin::Default));
    }

    #[test]
    fn a_bad_value_is_named_with_its_origin() {
        let flags = Flags::default();
        let environment = |name: &str| (name == "STEPYARD_TASKS_MAX").then(|| "many".to_owned());
        let resolved = Resolved::new(&flags, environment).unwrap();
        assert_eq!(
            resolved.parse::<usize>("tasks-max").unwrap_err().to_string(),
            "tasks-max = 'many' (environment variable STEPYARD_TASKS_MAX): invalid digit found in string"
        );
    }

    #[test]
    fn lists_in_the_file_stand_with_commas() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.toml");
        std::fs::write(&file, "allowed-hosts = ['a', 'b']").unwrap();
        let flags = Flags { config: Some(file.clone()), ..Flags::default() };
        assert_eq!(Resolved::new(&flags, |_| None).unwrap().text("allowed-hosts"), "a,b");
        for (line, fault) in [
            ("listen = { port = 1 }", "listen: it must be a text, a number, true or false"),
            ("listen = ['127.0.0.1:1', '127.0.0.1:2']", "listen: it is one value, not a list"),
            ("tasks-max = [7]", "tasks-max: it is one value, not a list"),
            ("allowed-hosts = [['a']]", "allowed-hosts: a list holds no lists"),
            (
                "allowed-hosts = ['a,b']",
                "allowed-hosts: 'a,b' has a comma; give each name by itself",
            ),
        ] {
            std::fs::write(&file, line).unwrap();
            let error = format!("{:#}", Resolved::new(&flags, |_| None).unwrap_err());
            assert!(error.ends_with(fault), "{error}");
        }
    }

    #[test]
    fn the_flag_of_a_switch_may_stand_alone() {
        let given = |arguments: &[&str]| {
            let command = Flags::augment_args(clap::Command::new("test"));
            let matches = command.try_get_matches_from(["test"].iter().chain(arguments)).unwrap();
            Flags::from_arg_matches(&matches).unwrap().given
        };
        let alone = given(&["--accept-data-loss", "--region", "r"]);
        assert_eq!((&*alone["accept-data-loss"], &*alone["region"]), ("true", "r"));
        assert_eq!(given(&["--accept-data-loss", "false"])["accept-data-loss"], "false");
        assert!(given(&[]).is_empty());
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.toml");
        let flags = Flags { config: Some(file.clone()), ..Flags::default() };
        for (key, told) in [
            ("listne", "there is no setting 'listne'; did you mean listen?"),
            ("speed", "there is no setting 'speed'; see `stepyard config`"),
        ] {
            std::fs::write(&file, format!("{key} = '1'")).unwrap();
            let error = Resolved::new(&flags, |_| None).unwrap_err().to_string();
            assert!(error.ends_with(told), "{error}");
        }
    }

    #[test]
    fn a_variable_that_is_nearly_a_setting_is_told() {
        let told = |variable: &str| misspelled([variable.to_owned()].into_iter()).next();
        let meant = |meant: &str| Some(meant.to_owned());
        assert_eq!(told("STEPYARD_LISTN").map(|(_, meant)| meant), meant("STEPYARD_LISTEN"));
        assert_eq!(told("STEPYARD_limits").map(|(_, meant)| meant), meant("STEPYARD_LIMITS"));
        for other in ["STEPYARD_LISTEN", "STEPYARD_SERVICE_HOST", "LISTN", "STEPYARD_"] {
            assert_eq!(told(other), None, "{other}");
        }
    }
}
