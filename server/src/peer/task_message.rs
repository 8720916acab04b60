//! What nodes send each other about tasks that somebody outside has, as JSON.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_json::{ParseError, Payload};
use stepyard_machine::{EventId, TaskId, Text};
use stepyard_runtime::{ActivityTask, CallbackError, CallbackRequest, TaskPlace, Word};
use stepyard_store::{ExecutionId, ShardId};
use uuid::Uuid;

/// A word on a task that is forwarded.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CallbackMessage {
    shard: u16,
    execution: Uuid,
    task: u64,
    word: WordMessage,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WordMessage {
    Success { output: String },
    Failure { error: Option<String>, cause: Option<String> },
    Heartbeat,
}

impl From<&CallbackRequest> for CallbackMessage {
    fn from(request: &CallbackRequest) -> CallbackMessage {
        let text = |text: &Text| text.as_deref().map(str::to_owned);
        let TaskPlace { shard, execution, task } = request.place;
        let word = match &request.word {
            Word::Success(output) => WordMessage::Success { output: output.text().to_string() },
            Word::Failure { error, cause } => {
                WordMessage::Failure { error: text(error), cause: text(cause) }
            }
            Word::Heartbeat => WordMessage::Heartbeat,
        };
        CallbackMessage { shard: shard.0, execution: execution.0, task: task.0.0, word }
    }
}

impl CallbackMessage {
    /// # Errors
    /// When its output is no JSON.
    pub(crate) fn into_request(self) -> Result<CallbackRequest, ParseError> {
        let place = TaskPlace {
            shard: ShardId(self.shard),
            execution: ExecutionId(self.execution),
            task: TaskId(EventId(self.task)),
        };
        let word = match self.word {
            WordMessage::Success { output } => Word::Success(Payload::from_text(output)?),
            WordMessage::Failure { error, cause } => {
                Word::Failure { error: error.map(Arc::from), cause: cause.map(Arc::from) }
            }
            WordMessage::Heartbeat => Word::Heartbeat,
        };
        Ok(CallbackRequest { place, word })
    }
}

/// What the owner says to a word.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallbackReply {
    /// It was heard.
    Heard,
    /// This database has not given the token out.
    InvalidToken,
    /// The task has ended.
    TimedOut,
    /// There is nothing of its execution any more.
    DoesNotExist,
    /// There is as much on the way as may be.
    Throttled,
    /// Whether it was heard is unknown.
    Unavailable(String),
}

impl From<Result<(), CallbackError>> for CallbackReply {
    fn from(result: Result<(), CallbackError>) -> CallbackReply {
        match result {
            Ok(()) => CallbackReply::Heard,
            Err(CallbackError::InvalidToken) => CallbackReply::InvalidToken,
            Err(CallbackError::TimedOut) => CallbackReply::TimedOut,
            Err(CallbackError::DoesNotExist) => CallbackReply::DoesNotExist,
            Err(CallbackError::Throttled) => CallbackReply::Throttled,
            Err(CallbackError::Unavailable(why)) => CallbackReply::Unavailable(why),
        }
    }
}

impl From<CallbackReply> for Result<(), CallbackError> {
    fn from(reply: CallbackReply) -> Result<(), CallbackError> {
        match reply {
            CallbackReply::Heard => Ok(()),
            CallbackReply::InvalidToken => Err(CallbackError::InvalidToken),
            CallbackReply::TimedOut => Err(CallbackError::TimedOut),
            CallbackReply::DoesNotExist => Err(CallbackError::DoesNotExist),
            CallbackReply::Throttled => Err(CallbackError::Throttled),
            CallbackReply::Unavailable(why) => Err(CallbackError::Unavailable(why)),
        }
    }
}

/// A worker of another node asks for a task.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TakeMessage {
    pub(crate) activity: String,
    pub(crate) worker: Option<String>,
}

/// The task that the worker gets, if there was one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TakeReply(Option<TakenTask>);

#[derive(Debug, Serialize, Deserialize)]
struct TakenTask {
    token: String,
    input: String,
}

impl From<Option<ActivityTask>> for TakeReply {
    fn from(task: Option<ActivityTask>) -> TakeReply {
        let sent = |task: ActivityTask| TakenTask {
            token: task.token.to_string(),
            input: task.input.text().to_string(),
        };
        TakeReply(task.map(sent))
    }
}

impl TakeReply {
    /// # Errors
    /// When its input is no JSON.
    pub(super) fn into_task(self) -> Result<Option<ActivityTask>, ParseError> {
        let task = |sent: TakenTask| {
            let input = Payload::from_text(sent.input)?;
            Ok(ActivityTask { token: sent.token.into(), input })
        };
        self.0.map(task).transpose()
    }
}

#[cfg(test)]
mod tests {
    use stepyard_json::Payload;
    use stepyard_machine::{EventId, TaskId};
    use stepyard_runtime::{ActivityTask, CallbackError, CallbackRequest, TaskPlace, Word};
    use stepyard_store::{ExecutionId, ShardId};
    use uuid::Uuid;

    use super::{CallbackMessage, CallbackReply, TakeReply};

    fn sent<T: serde::Serialize + serde::de::DeserializeOwned>(message: &T) -> T {
        serde_json::from_str(&serde_json::to_string(message).unwrap()).unwrap()
    }

    #[test]
    fn words_arrive_as_they_were_sent() {
        let output = Payload::from_text(r#"{"a":1.0, "b":"\u0000\"" }"#).unwrap();
        let failure = Word::Failure { error: Some("E".into()), cause: None };
        for word in [Word::Success(output), failure, Word::Heartbeat] {
            let place = TaskPlace {
                shard: ShardId(5),
                execution: ExecutionId(Uuid::from_u128(7)),
                task: TaskId(EventId(3)),
            };
            let request = CallbackRequest { place, word };
            let came = sent(&CallbackMessage::from(&request)).into_request().unwrap();
            assert_eq!(came, request);
        }
        for said in
            [Ok(()), Err(CallbackError::TimedOut), Err(CallbackError::Unavailable("w".into()))]
        {
            let came: Result<(), CallbackError> = sent(&CallbackReply::from(said.clone())).into();
            assert_eq!(came, said);
        }
    }

    #[test]
    fn tasks_arrive_as_they_were_sent() {
        let input = Payload::from_text("[1.0]").unwrap();
        let task = ActivityTask { token: "t".into(), input };
        let came = sent(&TakeReply::from(Some(task.clone()))).into_task().unwrap();
        assert_eq!(came, Some(task));
        assert_eq!(sent(&TakeReply::from(None)).into_task().unwrap(), None);
    }
}
