//! The tokens by which others end tasks.

use std::fmt;
use std::sync::Arc;

use crate::TaskId;

/// Makes the tokens of an execution's tasks. A function: a task has the same token always, also before it is handed out
/// and after a restart.
pub trait TaskTokens: Send + Sync {
    /// The token of a task.
    fn token(&self, task: TaskId) -> String;
}

/// Where an execution has its tokens from, if it has any. What it is does not depend on them.
#[derive(Clone, Default)]
pub(crate) struct Tokens(Option<Arc<dyn TaskTokens>>);

impl Tokens {
    pub(crate) fn of(&self, task: TaskId) -> Option<String> {
        self.0.as_ref().map(|tokens| tokens.token(task))
    }
}

impl From<Arc<dyn TaskTokens>> for Tokens {
    fn from(tokens: Arc<dyn TaskTokens>) -> Tokens {
        Tokens(Some(tokens))
    }
}

impl PartialEq for Tokens {
    fn eq(&self, _other: &Tokens) -> bool {
        true
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Tokens(***)" } else { "Tokens(none)" })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{TaskTokens, Tokens};
    use crate::{EventId, TaskId};

    struct Named;

    impl TaskTokens for Named {
        fn token(&self, task: TaskId) -> String {
            format!("secret-{}", task.0.0)
        }
    }

    #[test]
    fn a_log_shows_no_token() {
        let tokens = Tokens::from(Arc::new(Named) as Arc<dyn TaskTokens>);
        assert_eq!(tokens.of(TaskId(EventId(3))).as_deref(), Some("secret-3"));
        assert_eq!(format!("{tokens:?} {:?}", Tokens::default()), "Tokens(***) Tokens(none)");
    }
}
