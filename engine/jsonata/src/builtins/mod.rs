//! The built-in functions.

mod arguments;
mod array;
mod encoding;
mod higher_order;
mod matcher;
mod numeric;
mod object;
mod parse_number;
mod replace;
mod step_functions;
mod table;
mod text;
mod time;
mod url;
mod various;

use std::fmt;
use std::sync::OnceLock;

use crate::Dialect;
use crate::error::Outcome;
use crate::eval::Machine;
use crate::syntax::Signature;
use crate::value::Value;

pub(crate) use arguments::Arguments;
pub(crate) use matcher::{Cursor, match_from_arguments, next_match};

/// A built-in function.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// How many arguments it tells other functions to give it.
    pub(crate) arity: usize,
    pub(crate) run: Run,
    signature: &'static str,
    parsed: OnceLock<Signature>,
    dialects: Dialects,
}

type Run = fn(&mut Machine<'_>, &mut Arguments<'_>) -> Outcome<Value>;

/// Which dialects have a function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialects {
    Both,
    Plain,
    StepFunctions,
}

impl Builtin {
    const fn new(name: &'static str, signature: &'static str, arity: usize, run: Run) -> Builtin {
        let dialects = Dialects::Both;
        Builtin { name, arity, run, signature, parsed: OnceLock::new(), dialects }
    }

    const fn only(mut self, dialects: Dialects) -> Builtin {
        self.dialects = dialects;
        self
    }

    pub(crate) fn signature(&self) -> &Signature {
        self.parsed.get_or_init(|| Signature::builtin(self.signature))
    }

    /// A function that does nothing.
    pub(crate) fn nothing() -> &'static Builtin {
        static NOTHING: Builtin =
            Builtin::new("", "<>", 0, |_, _| Ok(Value::Undefined)).only(Dialects::Plain);
        &NOTHING
    }

    fn belongs_to(&self, dialect: Dialect) -> bool {
        match self.dialects {
            Dialects::Both => true,
            Dialects::Plain => dialect == Dialect::Plain,
            Dialects::StepFunctions => dialect == Dialect::StepFunctions,
        }
    }
}

/// The function of that name.
pub(crate) fn find(name: &str, dialect: Dialect) -> Option<&'static Builtin> {
    table::BUILTINS.iter().find(|builtin| builtin.name == name && builtin.belongs_to(dialect))
}

impl fmt::Debug for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${}", self.name)
    }
}
