//! Waiting, with an end.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// From now on.
    #[expect(clippy::disallowed_methods, reason = "the real binary runs in real time")]
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Since its start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A time by which something must have happened. Tests live in real time; the program does not read
/// clocks outside of its `Clock`.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// So much time from now.
    #[expect(clippy::disallowed_methods, reason = "the real binary runs in real time")]
    pub fn after(duration: Duration) -> Deadline {
        Deadline(Instant::now() + duration)
    }

    /// Whether it has passed.
    #[expect(clippy::disallowed_methods, reason = "the real binary runs in real time")]
    pub fn has_passed(self) -> bool {
        Instant::now() >= self.0
    }

    /// Asks again and again until there is an answer.
    ///
    /// # Panics
    /// When the deadline passes first.
    pub fn wait_for<T>(self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(!self.has_passed(), "waited too long for {what}");
            sleep(PAUSE);
        }
    }
}
