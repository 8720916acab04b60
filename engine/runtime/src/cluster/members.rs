//! The membership as it was seen last, for those who only look.

use std::sync::{Arc, Mutex, PoisonError};

use stepyard_store::Membership;

/// The latest membership.
#[derive(Debug, Default)]
pub(crate) struct Members(Mutex<Arc<Membership>>);

impl Members {
    pub(crate) fn get(&self) -> Arc<Membership> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, membership: Arc<Membership>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = membership;
    }
}
