//! How many Express executions there may be, and how much data they may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Surroundings;

/// Express executions at the same time; more are throttled.
const EXECUTIONS_MAX: usize = 10_000;

/// Bytes of JSON text that they may hold together; with more, starts are throttled. What was made of the
/// text takes a few times as much.
const START_BYTES_MAX: usize = 256 << 20;

/// With more than so many, those that grow are ended.
const BYTES_MAX: usize = 512 << 20;

/// The counters of all Express executions of a process.
#[derive(Debug, Default)]
pub(super) struct Places {
    executions: AtomicUsize,
    bytes: AtomicUsize,
}

/// The place of one execution, until it is dropped.
pub(super) struct Place {
    surroundings: Arc<Surroundings>,
    bytes: usize,
}

impl Places {
    /// A place for an execution that begins with so much data, if there is one left.
    pub(super) fn take(surroundings: &Arc<Surroundings>, bytes: usize) -> Option<Place> {
        let places = &surroundings.places;
        let executions = places.executions.fetch_add(1, Ordering::Relaxed);
        let held = places.bytes.fetch_add(bytes, Ordering::Relaxed);
        // Gives both back when it is not returned.
        let place = Place { surroundings: surroundings.clone(), bytes };
        (executions < EXECUTIONS_MAX && held + bytes <= START_BYTES_MAX).then_some(place)
    }

    pub(super) fn count(&self) -> usize {
        self.executions.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Place {
    /// Says how much data the execution holds now; whether there is room for it.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        let counter = &self.surroundings.places.bytes;
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes <= before {
            counter.fetch_sub(before - bytes, Ordering::Relaxed);
            return true;
        }
        counter.fetch_add(bytes - before, Ordering::Relaxed) + (bytes - before) <= BYTES_MAX
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.surroundings.places.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.surroundings.places.executions.fetch_sub(1, Ordering::Relaxed);
    }
}
