//! Amazon States Language: text to diagnostics and a typed program.
