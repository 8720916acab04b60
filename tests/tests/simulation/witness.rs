//! What is written down during a simulation: the trace, and the first rule that was broken.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use crate::time::Time;

/// Which checker has found something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checker {
    /// What nodes and workers show is the fold of what is stored.
    Fold,
    /// A naive interpreter comes to the same end.
    Oracle,
    /// Journals obey the grammar of histories, rows and journals agree.
    History,
    /// Commits are dense, and each epoch has one owner.
    Ledger,
    /// What clients were told is true.
    Replies,
    /// What workers see was committed before.
    Effects,
    /// Everything comes to its end.
    Liveness,
}

/// A rule that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) checker: Checker,
    pub(crate) text: String,
}

/// Shared by everything in a world.
#[derive(Clone)]
pub(crate) struct Witness {
    time: Time,
    state: Arc<Mutex<State>>,
}

struct State {
    hash: Hash,
    /// The trace itself, when somebody wants to read it.
    lines: Option<String>,
    violation: Option<Violation>,
}

/// FNV-1a of all that was noted.
struct Hash(u64);

impl Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

impl Witness {
    pub(crate) fn new(time: Time, keeps_lines: bool) -> Witness {
        let lines = keeps_lines.then(String::new);
        let state = State { hash: Hash(0xcbf2_9ce4_8422_2325), lines, violation: None };
        Witness { time, state: Arc::new(Mutex::new(state)) }
    }

    /// Writes down what happens.
    pub(crate) fn note(&self, what: fmt::Arguments<'_>) {
        let at = self.time.elapsed().as_millis();
        let mut state = self.state.lock().unwrap();
        // Writing to these cannot fail.
        let _ = writeln!(state.hash, "{at} {what}");
        if let Some(lines) = &mut state.lines {
            let _ = writeln!(lines, "{at:>9} {what}");
        }
    }

    /// A rule is broken; the first one counts.
    pub(crate) fn violation(&self, checker: Checker, text: String) {
        self.note(format_args!("VIOLATION {checker:?} {text}"));
        self.state.lock().unwrap().violation.get_or_insert(Violation { checker, text });
    }

    /// A rule that must hold.
    pub(crate) fn must(&self, checker: Checker, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.violation(checker, text());
        }
    }

    pub(crate) fn found(&self) -> Option<Violation> {
        self.state.lock().unwrap().violation.clone()
    }

    pub(crate) fn hash(&self) -> u64 {
        self.state.lock().unwrap().hash.0
    }

    pub(crate) fn lines(&self) -> String {
        self.state.lock().unwrap().lines.clone().unwrap_or_default()
    }
}
