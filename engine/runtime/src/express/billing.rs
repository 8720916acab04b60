//! What AWS would charge for an Express execution.

use std::time::Duration;

/// Durations are charged in steps of so many milliseconds.
const STEP_MILLIS: u64 = 100;

/// Memory is charged in steps of so many megabytes.
const STEP_MB: u64 = 64;

/// What AWS would charge for: at least one step of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Billing {
    /// `billedDurationInMilliseconds`.
    pub duration_millis: u64,
    /// `billedMemoryUsedInMB`.
    pub memory_mb: u64,
}

impl Billing {
    /// Of an execution that took so long and held that much data.
    pub(super) fn new(took: Duration, bytes: usize) -> Billing {
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let megabytes = (bytes as u64).div_ceil(1 << 20);
        Billing {
            duration_millis: steps(millis, STEP_MILLIS),
            memory_mb: steps(megabytes, STEP_MB),
        }
    }
}

fn steps(amount: u64, step: u64) -> u64 {
    amount.div_ceil(step).max(1).saturating_mul(step)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Billing;

    #[test]
    fn every_step_that_has_begun_is_charged() {
        for (millis, bytes, charged) in [
            (0, 0, (100, 64)),
            (100, 64 << 20, (100, 64)),
            (101, (64 << 20) + 1, (200, 128)),
            (250, 1, (300, 64)),
        ] {
            let billing = Billing::new(Duration::from_millis(millis), bytes);
            assert_eq!((billing.duration_millis, billing.memory_mb), charged);
        }
    }
}
