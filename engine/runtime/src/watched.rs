//! A value that others wait for. Those who wait are woken in the order in which they came, so that a
//! simulation takes the same course each time; a `watch` channel of tokio wakes in no certain order.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A value, and who waits for it to change.
#[derive(Debug, Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Clone> Watched<T> {
    pub(crate) fn new(value: T) -> Watched<T> {
        Watched { value: Mutex::new(value), changed: Notify::new() }
    }

    pub(crate) fn get(&self) -> T {
        self.value().clone()
    }

    pub(crate) fn set(&self, value: T) {
        *self.value() = value;
        self.changed.notify_waiters();
    }

    /// The value, as soon as it is as wished.
    pub(crate) async fn wait_for(&self, is_wished: impl Fn(&T) -> bool) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Whoever changes it from here on is noticed.
            changed.as_mut().enable();
            let value = self.get();
            if is_wished(&value) {
                return value;
            }
            changed.await;
        }
    }

    fn value(&self) -> MutexGuard<'_, T> {
        // A change is one assignment.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Watched;

    #[tokio::test]
    async fn who_waits_learns_of_the_change_it_waits_for() {
        let watched = Watched::new(1);
        assert_eq!(watched.wait_for(|value| *value == 1).await, 1);
        let mut waiting = std::pin::pin!(watched.wait_for(|value| *value > 2));
        for (value, expected) in [(2, None), (3, Some(3))] {
            watched.set(value);
            let answer = futures::poll!(&mut waiting);
            let answer =
                if let std::task::Poll::Ready(value) = answer { Some(value) } else { None };
            assert_eq!(answer, expected);
        }
        assert_eq!(watched.get(), 3);
    }
}
