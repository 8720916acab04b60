//! Definition text to program.

use std::sync::Arc;

use stepyard_json::Json;

use crate::lower::lower;
use crate::{Code, Diagnostic, Program, Severity};

/// Largest definition, in bytes (AWS quota).
pub const DEFINITION_BYTES_MAX: usize = 1_048_576;

/// What came of compiling a definition.
#[derive(Debug)]
pub struct Compilation {
    /// The program; there iff no diagnostic is an error.
    pub program: Option<Arc<Program>>,
    /// All faults, in document order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a definition. Tells all faults at once.
pub fn compile(text: &str) -> Compilation {
    match document(text) {
        Ok(document) => lower(&document),
        Err(diagnostic) => Compilation { program: None, diagnostics: vec![diagnostic] },
    }
}

fn document(text: &str) -> Result<Json, Diagnostic> {
    let error = |code, message: String, location| {
        Err(Diagnostic { severity: Severity::Error, code, message, location })
    };
    if text.is_empty() {
        let message = "Definition must be a valid JSON object".into();
        return error(Code::SchemaValidationFailed, message, None);
    }
    if text.len() > DEFINITION_BYTES_MAX {
        let message = format!("A definition is at most {DEFINITION_BYTES_MAX} bytes long");
        return error(Code::SchemaValidationFailed, message, None);
    }
    match Json::parse(text) {
        Ok(document @ Json::Object(_)) => Ok(document),
        Ok(_) => {
            let message = "Definition must be a valid JSON object".into();
            error(Code::SchemaValidationFailed, message, None)
        }
        Err(fault) => {
            let location = format!("line: {}, column: {}", fault.line, fault.column);
            error(Code::InvalidJsonDescription, fault.message, Some(location))
        }
    }
}
