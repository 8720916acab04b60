//! The command line, one file a command.

mod backup;
mod bench;
mod closed_pipe;
mod config;
mod demo;
mod doctor;
mod env;
mod history;
mod migrate;
mod put;
mod run;
mod serve;
mod validate;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Flags, Resolved, Settings, is_setting, misspelled};

/// Durable workflows with the semantics of AWS Step Functions.
#[derive(Parser)]
#[command(name = "stepyard", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(Flags),
    /// Run the application on a handful of pictures, then keep serving
    Demo(demo::Arguments),
    /// Run a definition without a server and print its history
    Run(run::Arguments),
    /// Print the history of an execution as a tree, how it has ended, and what can be done then
    History(history::Arguments),
    /// Check a definition and print every fault of it
    Validate(validate::Arguments),
    /// Drive a load on this machine and print what it costs
    Bench(bench::Arguments),
    /// Copy a file into a bucket of this machine, also while the server runs
    Put(put::PutArguments),
    /// Write an object of a bucket of this machine to the standard output
    Get(put::GetArguments),
    /// Copy database and objects to a new folder, also while the server runs
    Backup(backup::Arguments),
    /// Look whether the database is as it must be, also while a server runs on it
    Doctor(doctor::Arguments),
    /// Bring the database up to date, as every start does
    Migrate(Flags),
    /// Print the environment in which clients of AWS use this server: eval "$(stepyard env)"
    Env(Flags),
    /// Print each setting with its value and where that comes from
    Config(Flags),
}

/// The settings that matter to a command, where it is not all of them. Any can be given.
const SETTINGS_SHOWN: [(&str, &[&str]); 7] = [
    (
        "run",
        &[
            "data-dir",
            "objects-dir",
            "account",
            "region",
            "limits",
            "lambda-functions",
            "s3-buckets",
            "image-pixels-max",
        ],
    ),
    ("put", &["data-dir", "objects-dir"]),
    ("get", &["data-dir", "objects-dir"]),
    ("backup", &["data-dir", "objects-dir", "database-url"]),
    ("doctor", &["data-dir", "database-url"]),
    ("migrate", &["data-dir", "database-url", "allow-unsafe-database"]),
    ("env", &["listen", "region"]),
];

/// The command line, with the help of each command as short as it can be.
fn command_line() -> clap::Command {
    SETTINGS_SHOWN.into_iter().fold(Arguments::command(), |command, (name, shown)| {
        command.mut_subcommand(name, |command| {
            let short = command.mut_args(|argument| {
                let id = argument.get_id().as_str();
                let is_hidden = is_setting(id) && !shown.contains(&id);
                argument.hide(is_hidden)
            });
            short.after_help("All other settings are accepted, too: stepyard serve --help")
        })
    })
}

/// Runs the command; the result is the exit code.
pub(crate) fn run() -> anyhow::Result<u8> {
    closed_pipe::end_quietly();
    let arguments = Arguments::from_arg_matches(&command_line().get_matches());
    match arguments.unwrap_or_else(|error| error.exit()).command {
        Command::Serve(flags) => serve::run(&flags),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::History(arguments) => history::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Put(arguments) => put::put(&arguments),
        Command::Get(arguments) => put::get(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Migrate(flags) => migrate::run(&flags),
        Command::Env(flags) => env::run(&flags),
        Command::Config(flags) => config::run(&flags),
    }
}

/// The settings of this process.
fn settings(flags: &Flags) -> anyhow::Result<Settings> {
    Settings::new(&resolved(flags)?)
}

/// The settings of this process as texts. Tells of variables that seem to be meant for one and are not.
fn resolved(flags: &Flags) -> anyhow::Result<Resolved> {
    let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for (variable, meant) in misspelled(variables) {
        eprintln!("{variable} is no setting and does nothing; did you mean {meant}?");
    }
    Resolved::new(flags, |name| std::env::var(name).ok())
}

/// Stack of a thread: data and states may be nested a thousand levels deep, and a query on them or the end
/// of such a state works level by level. Only what is used takes memory.
const STACK_BYTES: usize = 32 << 20;

/// The asynchronous runtime of commands that need one.
fn asynchronous() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.enable_all().thread_stack_size(STACK_BYTES).build()?)
}

#[cfg(test)]
mod tests {
    use super::{SETTINGS_SHOWN, command_line};
    use crate::config::is_setting;

    #[test]
    fn the_help_of_a_command_shows_the_settings_that_matter_to_it() {
        let mut commands = command_line();
        commands.clone().debug_assert();
        for (name, shown) in SETTINGS_SHOWN {
            assert!(shown.iter().all(|setting| is_setting(setting)), "{name}");
            let command = commands.find_subcommand_mut(name).unwrap();
            let help = command.render_long_help().to_string();
            assert!(shown.iter().all(|setting| help.contains(&format!("--{setting}"))), "{help}");
            assert!(!help.contains("--upload-bytes-max"), "{help}");
        }
    }

    #[test]
    fn what_is_not_shown_can_be_given() {
        let line = ["stepyard", "put", "b", "k", "f", "--upload-bytes-max", "1"];
        command_line().try_get_matches_from(line).unwrap();
    }
}
