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

use clap::{Parser, Subcommand};

use crate::config::{Flags, Resolved, Settings};

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

/// Runs the command; the result is the exit code.
pub(crate) fn run() -> anyhow::Result<u8> {
    closed_pipe::end_quietly();
    match Arguments::parse().command {
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
    Settings::new(&Resolved::new(flags, |name| std::env::var(name).ok())?)
}

/// Stack of a thread: data and states may be nested a thousand levels deep, and a query on them or the end
/// of such a state works level by level. Only what is used takes memory.
const STACK_BYTES: usize = 32 << 20;

/// The asynchronous runtime of commands that need one.
fn asynchronous() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.enable_all().thread_stack_size(STACK_BYTES).build()?)
}
