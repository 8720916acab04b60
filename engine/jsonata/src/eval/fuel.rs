//! The budget of an evaluation.

use crate::error::{Error, Outcome};
use crate::limits::BYTES_PER_FUEL;

/// Steps that an evaluation may still take.
#[derive(Debug)]
pub(crate) struct Fuel {
    left: u64,
}

impl Fuel {
    pub(crate) fn new(left: u64) -> Fuel {
        Fuel { left }
    }

    /// Pays for so many steps.
    ///
    /// # Errors
    /// When the budget is used up.
    pub(crate) fn pay(&mut self, steps: u64) -> Outcome<()> {
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
