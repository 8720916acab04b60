//! What the operations share that speak of a task by its token.

use stepyard_runtime::{TaskPlace, Word};

use super::Empty;
use crate::app::App;
use crate::wire::{ApiError, Constraints};

/// Longest `taskToken`, in characters.
const TOKEN_CHARS_MAX: usize = 2_048;

/// What AWS's front end looks at.
pub(super) fn check(token: &str) -> Constraints {
    Constraints::default().length("taskToken", Some(token), 1..=TOKEN_CHARS_MAX)
}

/// Says something of a task.
pub(super) async fn say(app: &App, place: TaskPlace, word: Word) -> Result<Empty, ApiError> {
    app.runtime.call_back(place, word).await?;
    Ok(Empty {})
}
