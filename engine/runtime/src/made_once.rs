//! One value that many ask for at the same time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A value that the first one who needs it makes while the others wait for it, in order.
#[derive(Debug)]
pub struct MadeOnce<T> {
    value: Mutex<Option<T>>,
    /// Held by the one who makes it.
    making: tokio::sync::Mutex<()>,
    failures: AtomicU64,
}

impl<T> Default for MadeOnce<T> {
    fn default() -> MadeOnce<T> {
        MadeOnce {
            value: Mutex::new(None),
            making: tokio::sync::Mutex::default(),
            failures: AtomicU64::default(),
        }
    }
}

impl<T: Clone> MadeOnce<T> {
    /// The value, as long as it is good; else it is made.
    ///
    /// # Errors
    /// Those of `make`. Who has waited for an attempt that failed tries alone, at the same time as the
    /// others: what takes long to fail must not be repeated by one after the other.
    pub async fn get<E>(
        &self,
        is_good: impl Fn(&T) -> bool,
        make: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if let Some(value) = self.present(&is_good) {
            return Ok(value);
        }
        let failures_before = self.failures.load(Ordering::Acquire);
        let making = self.making.lock().await;
        if let Some(value) = self.present(&is_good) {
            return Ok(value);
        }
        if self.failures.load(Ordering::Acquire) != failures_before {
            drop(making);
            return make().await;
        }
        let made = make().await;
        match &made {
            Ok(value) => self.set(value.clone()),
            Err(_) => _ = self.failures.fetch_add(1, Ordering::AcqRel),
        }
        made
    }

    /// The value, if it has been made.
    pub fn get_made(&self) -> Option<T> {
        self.present(|_| true)
    }

    fn present(&self, is_good: impl Fn(&T) -> bool) -> Option<T> {
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        value.as_ref().filter(|value| is_good(value)).cloned()
    }

    fn set(&self, value: T) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::future::join_all;

    use super::MadeOnce;

    #[tokio::test]
    async fn those_who_ask_at_the_same_time_share_one_value() {
        let (value, makings) = (MadeOnce::default(), Cell::new(0));
        let make = async || {
            makings.set(makings.get() + 1);
            tokio::task::yield_now().await;
            Ok::<_, ()>(makings.get())
        };
        let found = join_all((0..50).map(|_| value.get(|_| true, make))).await;
        assert!(found.iter().all(|found| *found == Ok(1)));
        assert_eq!(value.get(|value| *value > 1, make).await, Ok(2), "the first one is not good");
    }

    #[tokio::test]
    async fn an_attempt_that_fails_holds_nobody_up() {
        let (value, makings, most) = (MadeOnce::<()>::default(), Cell::new(0), Cell::new(0));
        let make = async || {
            makings.set(makings.get() + 1);
            most.set(most.get().max(makings.get()));
            tokio::task::yield_now().await;
            makings.set(makings.get() - 1);
            Err("gone")
        };
        let found = join_all((0..50).map(|_| value.get(|()| true, make))).await;
        assert!(found.iter().all(Result::is_err));
        assert!(most.get() > 10, "they do not stand in line: {}", most.get());
    }
}
