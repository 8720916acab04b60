//! Functions as values.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::Value;
use crate::ast::{Lambda, Transform};
use crate::builtins::{Builtin, Cursor};
use crate::eval::Env;
use crate::limits::FUNCTION_BYTES;
use crate::memory::Charge;
use crate::pattern::Pattern;

/// A function.
#[derive(Debug)]
pub(crate) struct Function {
    callable: Callable,
    _charge: Charge,
}

/// What a function does.
#[derive(Clone, Debug)]
pub(crate) enum Callable {
    /// `function($x){...}` with the variables and the context that it was made in.
    Lambda {
        lambda: Arc<Lambda>,
        env: Env,
        input: Value,
    },
    Builtin(&'static Builtin),
    /// A regular expression, which matches strings.
    Pattern(Arc<Pattern>),
    /// Gives the next match of a regular expression.
    Next(Rc<Cursor>),
    /// A function some of whose arguments are given.
    Partial {
        function: Rc<Function>,
        arguments: Vec<Option<Value>>,
    },
    /// Two functions, one after the other.
    Chain {
        first: Rc<Function>,
        second: Rc<Function>,
    },
    /// `|pattern|update|`
    Transform {
        transform: Arc<Transform>,
        env: Env,
    },
}

impl Function {
    pub(crate) fn value(callable: Callable) -> Value {
        let _charge = Charge::new(FUNCTION_BYTES);
        Value::Function(Rc::new(Function { callable, _charge }))
    }

    pub(crate) fn callable(&self) -> &Callable {
        &self.callable
    }

    /// How many arguments it takes.
    pub(crate) fn arity(&self) -> usize {
        match &self.callable {
            Callable::Lambda { lambda, .. } => lambda.parameters.len(),
            Callable::Builtin(builtin) => builtin.arity,
            // The reference's own take a string and the place to start at.
            Callable::Pattern(_) => 2,
            Callable::Next(_) => 0,
            Callable::Partial { arguments, .. } => {
                arguments.iter().filter(|argument| argument.is_none()).count()
            }
            Callable::Chain { .. } | Callable::Transform { .. } => 1,
        }
    }
}

thread_local! {
    /// What dropped functions held and has not been dropped yet, while some drop is under way.
    static LEFT: RefCell<Option<Vec<Callable>>> = const { RefCell::new(None) };
}

/// Functions hold variables, which hold functions, in chains of any length: they are taken apart one
/// after the other instead of by recursion.
impl Drop for Function {
    fn drop(&mut self) {
        if matches!(self.callable, Callable::Builtin(_) | Callable::Pattern(_)) {
            return;
        }
        let pattern = std::mem::replace(&mut self.callable, Callable::Builtin(Builtin::nothing()));
        let first = LEFT.with_borrow_mut(|left| match left {
            Some(left) => {
                left.push(pattern);
                None
            }
            None => {
                *left = Some(Vec::new());
                Some(pattern)
            }
        });
        let Some(first) = first else { return };
        drop(first);
        while let Some(next) = LEFT.with_borrow_mut(|left| left.as_mut().and_then(Vec::pop)) {
            drop(next);
        }
        LEFT.set(None);
    }
}
