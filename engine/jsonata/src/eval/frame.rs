//! Variables.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use crate::ast::Name;
use crate::limits::SCOPE_BYTES;
use crate::memory::Charge;
use crate::value::Value;

/// The variables of a scope and of those around it.
pub(crate) type Env = Rc<Frame>;

/// The variables of one scope.
#[derive(Debug)]
pub(crate) struct Frame {
    bindings: RefCell<Vec<(Name, Value)>>,
    parent: Option<Env>,
    /// Whether the registry knows it.
    registered: Cell<bool>,
    _charge: Charge,
}

impl Frame {
    pub(super) fn new(parent: Option<&Env>, bindings: Vec<(Name, Value)>) -> Frame {
        let held: usize = bindings.iter().map(|(_, value)| value.weight()).sum();
        let _charge = Charge::new(SCOPE_BYTES + held);
        let bindings = RefCell::new(bindings);
        Frame { bindings, parent: parent.cloned(), registered: Cell::new(false), _charge }
    }

    /// Looks a variable up, from the innermost scope.
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        let mut frame = self;
        loop {
            let bindings = frame.bindings.borrow();
            if let Some((_, value)) = bindings.iter().find(|(bound, _)| &**bound == name) {
                return Some(value.clone());
            }
            drop(bindings);
            frame = frame.parent.as_deref()?;
        }
    }

    fn set(&self, name: &Name, value: Value) -> Option<Value> {
        let mut bindings = self.bindings.borrow_mut();
        match bindings.iter_mut().find(|(bound, _)| bound == name) {
            Some((_, slot)) => Some(std::mem::replace(slot, value)),
            None => {
                bindings.push((name.clone(), value));
                None
            }
        }
    }
}

/// Scopes that hold functions. A function holds the scope that it was made in: such circles are
/// broken when the evaluation ends.
#[derive(Default)]
pub(super) struct Registry {
    frames: Vec<Weak<Frame>>,
    /// At so many scopes those that are gone are taken out.
    sweep_at: usize,
}

impl Registry {
    /// A new scope.
    pub(super) fn open(&mut self, parent: Option<&Env>, bindings: Vec<(Name, Value)>) -> Env {
        let may_close_a_circle = bindings.iter().any(|(_, value)| may_hold_functions(value));
        let env = Rc::new(Frame::new(parent, bindings));
        if may_close_a_circle {
            self.register(&env);
        }
        env
    }

    /// Binds a variable of a scope.
    pub(super) fn bind(&mut self, env: &Env, name: &Name, value: Value) {
        if may_hold_functions(&value) {
            self.register(env);
        }
        // Dropped here, when nothing is borrowed: a drop may reach this scope again.
        drop(env.set(name, value));
    }

    fn register(&mut self, env: &Env) {
        if env.registered.replace(true) {
            return;
        }
        if self.frames.len() >= self.sweep_at {
            self.frames.retain(|frame| frame.strong_count() > 0);
            self.sweep_at = 64.max(2 * self.frames.len());
        }
        self.frames.push(Rc::downgrade(env));
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        for frame in &self.frames {
            let bindings = frame.upgrade().map(|frame| frame.bindings.take());
            drop(bindings);
        }
    }
}

fn may_hold_functions(value: &Value) -> bool {
    matches!(value, Value::Function(_) | Value::Array(_) | Value::Object(_) | Value::Tuples(_))
}
