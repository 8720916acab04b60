//! What the values of an evaluation hold.
//!
//! What is built is counted when it is made and given back when it is dropped. The count belongs to the
//! thread: the values of an evaluation never leave theirs. Data from outside is shared, and not counted.

use std::cell::Cell;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Bytes that belong to a value, until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Charge(usize);

impl Charge {
    pub(crate) fn new(bytes: usize) -> Charge {
        keep(bytes);
        Charge(bytes)
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        keep(bytes);
        self.0 += bytes;
    }
}

/// A copy holds as much again.
impl Clone for Charge {
    fn clone(&self) -> Charge {
        Charge::new(self.0)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        HELD.set(HELD.get().saturating_sub(self.0));
    }
}

/// Forgets what was counted: an evaluation begins.
pub(crate) fn begin() {
    HELD.set(0);
}

/// Counts bytes that stay to the end of the evaluation.
pub(crate) fn keep(bytes: usize) {
    HELD.set(HELD.get().saturating_add(bytes));
}

/// Bytes that are held now.
pub(crate) fn held() -> usize {
    HELD.get()
}
