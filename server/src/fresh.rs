//! What has been read a moment ago, so that not every request reads it again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stepyard_runtime::MadeOnce;

/// How long a thing is not read again. A change through this server is seen at once; one through
/// another server on the same database after this time, as AWS promises no more than "a few seconds".
const FRESH: Duration = Duration::from_secs(1);

/// Things kept at the same time.
const THINGS_MAX: usize = 256;

/// Things of one kind, by ARN.
pub(crate) struct Fresh<T> {
    by_arn: Mutex<BTreeMap<String, Arc<MadeOnce<Entry<T>>>>>,
}

struct Entry<T> {
    thing: Arc<T>,
    read_at: Duration,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Entry<T> {
        Entry { thing: self.thing.clone(), read_at: self.read_at }
    }
}

impl<T> Default for Fresh<T> {
    fn default() -> Fresh<T> {
        Fresh { by_arn: Mutex::default() }
    }
}

impl<T> Fresh<T> {
    /// A thing that was read a moment ago, or is read now: once, however many ask for it.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) async fn get<E>(
        &self,
        arn: &str,
        now: impl Fn() -> Duration,
        read: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let is_fresh = |entry: &Entry<T>| now().saturating_sub(entry.read_at) < FRESH;
        let read = async || {
            // What changes while it is read may be missing in it, so its age counts from before.
            let read_at = now();
            Ok(Entry { thing: Arc::new(read().await?), read_at })
        };
        Ok(self.place(arn).get(is_fresh, read).await?.thing)
    }

    /// Forgets what has changed: the thing with that ARN, and those whose ARNs qualify it. Who is reading one at
    /// the moment keeps what it finds to itself and to those who wait for it already.
    pub(crate) fn forget(&self, arn: &str) {
        let mut by_arn = self.lock();
        by_arn.remove(arn);
        let qualified = format!("{arn}:");
        by_arn.retain(|known, _| !known.starts_with(&qualified));
    }

    fn place(&self, arn: &str) -> Arc<MadeOnce<Entry<T>>> {
        let mut by_arn = self.lock();
        if by_arn.len() >= THINGS_MAX && !by_arn.contains_key(arn) {
            by_arn.clear();
        }
        by_arn.entry(arn.to_owned()).or_default().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<MadeOnce<Entry<T>>>>> {
        self.by_arn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use futures::future::join_all;

    use super::Fresh;

    #[tokio::test]
    async fn those_who_ask_at_the_same_time_share_one_reading() {
        let (things, readings) = (Fresh::default(), Cell::new(0));
        let time = Cell::new(Duration::ZERO);
        let read = async || {
            readings.set(readings.get() + 1);
            tokio::task::yield_now().await;
            Ok::<_, ()>("thing")
        };
        let ask = || things.get("arn:1", || time.get(), read);
        let found = join_all((0..50).map(|_| ask())).await;
        assert!(found.iter().all(Result::is_ok));
        assert_eq!(readings.get(), 1);
        time.set(Duration::from_millis(999));
        ask().await.unwrap();
        assert_eq!(readings.get(), 1, "it is fresh");
        time.set(Duration::from_secs(1));
        ask().await.unwrap();
        assert_eq!(readings.get(), 2, "it is not");
        things.forget("ar");
        ask().await.unwrap();
        assert_eq!(readings.get(), 2, "another thing has changed");
        things.forget("arn");
        ask().await.unwrap();
        assert_eq!(readings.get(), 3, "what it belongs to has changed");
        things.forget("arn:1");
        ask().await.unwrap();
        assert_eq!(readings.get(), 4, "it has changed");
    }
}
