//! Definition text to program.

use std::sync::Arc;

use stepyard_json::{Json, ParseError, Place};

use crate::lower::lower;
use crate::{Code, Diagnostic, Program, Severity, repeated};

/// Largest definition, in bytes (AWS quota).
pub const DEFINITION_BYTES_MAX: usize = 1_048_576;

/// So much of a text that is no JSON is quoted.
const SOURCE_CHARS_MAX: usize = 500;

/// What came of compiling a definition.
#[derive(Debug)]
pub struct Compilation {
    /// The program; there iff no diagnostic is an error.
    pub program: Option<Arc<Program>>,
    /// All faults, in document order.
    pub diagnostics: Vec<Diagnostic>,
}

/// What kind of workflow a definition is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkflowType {
    /// Durable, each step once.
    #[default]
    Standard,
    /// Short, without callbacks and jobs to wait for.
    Express,
}

/// Compiles a definition of a Standard workflow. Tells all faults at once.
pub fn compile(text: &str) -> Compilation {
    compile_as(text, WorkflowType::Standard)
}

/// Compiles a definition of that type. Tells all faults at once.
pub fn compile_as(text: &str, workflow: WorkflowType) -> Compilation {
    match document(text) {
        Ok((document, repeated)) => {
            let mut compilation = lower(&document, workflow);
            compilation
                .diagnostics
                .extend(repeated.iter().map(|place| repeated::diagnostic(place)));
            if compilation.diagnostics.iter().any(|fault| fault.severity == Severity::Error) {
                compilation.program = None;
            }
            compilation
        }
        Err(diagnostic) => Compilation { program: None, diagnostics: vec![diagnostic] },
    }
}

/// Compiles a definition that was accepted before. Rules that are stricter today do not count: what runs goes on. `None`
/// when it cannot be run as it is written, which only a later version can have accepted.
pub fn compile_accepted(text: &str) -> Option<Arc<Program>> {
    lower(&document(text).ok()?.0, WorkflowType::Standard).program
}

/// The tree, and the places where names stand again.
fn document(text: &str) -> Result<(Json, Vec<Place>), Diagnostic> {
    let error = |code, message: String, location| {
        Err(Diagnostic { severity: Severity::Error, code, message, location })
    };
    if text.trim().is_empty() {
        let message = "Definition must be a valid JSON object".into();
        return error(Code::SchemaValidationFailed, message, None);
    }
    if text.len() > DEFINITION_BYTES_MAX {
        let message = format!("A definition is at most {DEFINITION_BYTES_MAX} bytes long");
        return error(Code::SchemaValidationFailed, message, None);
    }
    match Json::parse_noting_repeated(text) {
        Ok((document @ Json::Object(_), repeated)) => Ok((document, repeated)),
        Ok(_) => {
            let message = "Definition must be a valid JSON object".into();
            error(Code::SchemaValidationFailed, message, None)
        }
        Err(fault) => {
            let location = source_location(text, &fault);
            let message = format!("{}\n at {location}", fault.message);
            error(Code::InvalidJsonDescription, message, Some(location))
        }
    }
}

/// Where a text is no JSON, as the parser that AWS uses tells it.
fn source_location(text: &str, fault: &ParseError) -> String {
    let shown: String = text.chars().take(SOURCE_CHARS_MAX).collect();
    let left_out = text.chars().count().saturating_sub(SOURCE_CHARS_MAX);
    let left_out =
        if left_out > 0 { format!("[truncated {left_out} chars]") } else { String::new() };
    let (line, column) = (fault.line, fault.column);
    format!("[Source: (String)\"{shown}\"{left_out}; line: {line}, column: {column}]")
}
