//! Text to syntax tree.

mod lexer;
mod parser;
mod raw;
mod regex_literal;
mod signature;

pub(crate) use parser::parse;
pub(crate) use raw::{Raw, RawKind, RawPair, RawTerm};
pub(crate) use signature::{Parameter, Signature, check};
