//! `stepyard validate`.

use std::path::PathBuf;

use anyhow::Context;
use stepyard_asl::{Program, Resource, Severity, StateKind, compile};
use stepyard_tasks::TaskRegistry;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Definition in the Amazon States Language
    file: PathBuf,
}

/// Prints every fault; the exit code is 1 when one of them is an error.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let file = arguments.file.display();
    let text =
        std::fs::read_to_string(&arguments.file).with_context(|| format!("cannot read {file}"))?;
    let compilation = compile(&text);
    for fault in &compilation.diagnostics {
        let severity = fault.severity.as_str().to_lowercase();
        println!("{severity}: {fault}");
    }
    let errors = compilation.diagnostics.iter().filter(|fault| fault.severity == Severity::Error);
    match (errors.count(), &compilation.program) {
        (0, Some(program)) => {
            warn_of_unsupported(program);
            println!("{file}: valid, {} states", program.states.len());
            Ok(0)
        }
        (count, _) => {
            println!("{file}: {count} error{}", if count == 1 { "" } else { "s" });
            Ok(1)
        }
    }
}

/// Tells of service integrations that AWS accepts and runs, and that no server of Stepyard runs.
fn warn_of_unsupported(program: &Program) {
    for state in &program.states {
        if let StateKind::Task(task) = &state.kind
            && let Resource::Service(call) = &task.resource
            && !TaskRegistry::is_supported(call)
        {
            let (arn, name) = (&call.arn, &state.name);
            println!(
                "warning: nothing here runs {arn}: the task of state \"{name}\" would fail with States.Runtime"
            );
        }
    }
}
