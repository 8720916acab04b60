//! The budget of an evaluation.

use crate::error::{Error, Outcome};
use crate::limits::BYTES_PER_FUEL;
use crate::memory;

/// Steps that an evaluation may still take, and how deep it is.
#[derive(Debug)]
pub(crate) struct Fuel {
    left: u64,
    depth: usize,
    depth_max: usize,
    memory_max: usize,
}

impl Fuel {
    pub(crate) fn new(left: u64, depth_max: usize, memory_max: usize) -> Fuel {
        Fuel { left, depth: 0, depth_max, memory_max }
    }

    /// Goes so many levels deeper. Whoever fails need not come back: the evaluation has ended.
    ///
    /// # Errors
    /// When that is too deep.
    pub(crate) fn enter(&mut self, levels: usize) -> Outcome<()> {
        self.depth += levels;
        if self.depth > self.depth_max {
            return Err(Error::too_deep());
        }
        Ok(())
    }

    /// Comes back from so many levels.
    pub(crate) fn leave(&mut self, levels: usize) {
        self.depth -= levels;
    }

    /// Steps that may still be taken.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Comes back to a depth.
    pub(super) fn return_to(&mut self, depth: usize) {
        self.depth = depth;
    }

    /// Refuses to go on when so many bytes more would be too many.
    pub(crate) fn check_memory(&self, bytes: usize) -> Outcome<()> {
        if memory::held().saturating_add(bytes) > self.memory_max {
            return Err(Error::limit("D1018", self.memory_max));
        }
        Ok(())
    }

    /// Pays for so many steps.
    ///
    /// # Errors
    /// When the budget is used up, or values hold more than they may.
    pub(crate) fn pay(&mut self, steps: u64) -> Outcome<()> {
        self.check_memory(0)?;
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Error::out_of_fuel())
            }
        }
    }

    /// Pays for looking at so many bytes of text.
    pub(crate) fn pay_bytes(&mut self, bytes: usize) -> Outcome<()> {
        self.pay(1 + (bytes / BYTES_PER_FUEL) as u64)
    }
}
