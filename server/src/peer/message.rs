//! What nodes send each other, as JSON.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::{StateId, Timestamp};
use stepyard_json::Payload;
use stepyard_machine::{
    ChildOf, ExecutionKind, ExecutionStatus, Limits, NotRedrivable, Qualifier, StartContext,
};
use stepyard_runtime::{
    RedriveError, RedriveRequest, StartError, StartRequest, StopError, StopRequest,
};
use stepyard_store::{ChildRow, ExecutionId, ExecutionRow, ShardId};
use uuid::Uuid;

/// A start that is forwarded.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StartMessage {
    id: Uuid,
    execution_arn: String,
    execution_name: String,
    state_machine_arn: String,
    state_machine_name: String,
    role_arn: String,
    /// Nodes of an earlier version name none.
    #[serde(default)]
    version: Option<u64>,
    #[serde(default)]
    alias: Option<String>,
    #[serde(default)]
    child_of: Option<ChildOfMessage>,
    /// Nodes of an earlier version know AWS's only.
    #[serde(default)]
    limits: Option<LimitsMessage>,
    name_is_chosen: bool,
    revision: Uuid,
    input: String,
    is_repeat: bool,
}

/// Limits that are not AWS's.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LimitsMessage {
    data_bytes: usize,
    history_events: u64,
    variable_bytes: usize,
    variables_bytes: usize,
}

impl LimitsMessage {
    /// `None` for those of AWS.
    fn of(limits: Limits) -> Option<LimitsMessage> {
        let Limits { data_bytes, history_events, variable_bytes, variables_bytes } = limits;
        (limits != Limits::AWS).then_some(LimitsMessage {
            data_bytes,
            history_events,
            variable_bytes,
            variables_bytes,
        })
    }
}

impl From<LimitsMessage> for Limits {
    fn from(message: LimitsMessage) -> Limits {
        let LimitsMessage { data_bytes, history_events, variable_bytes, variables_bytes } = message;
        Limits { data_bytes, history_events, variable_bytes, variables_bytes }
    }
}

/// The Map Run of a child execution.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ChildOfMessage {
    map_run_arn: String,
    state: u32,
    /// Nodes of an earlier version do not tell.
    #[serde(default = "one")]
    items: u64,
    #[serde(default)]
    redrive_count: u32,
}

fn one() -> u64 {
    1
}

impl From<&StartRequest> for StartMessage {
    fn from(request: &StartRequest) -> StartMessage {
        let context = &request.context;
        StartMessage {
            id: request.id.0,
            execution_arn: context.execution_arn.to_string(),
            execution_name: context.execution_name.to_string(),
            state_machine_arn: context.state_machine_arn.to_string(),
            state_machine_name: context.state_machine_name.to_string(),
            role_arn: context.role_arn.to_string(),
            version: context.qualifier.as_ref().map(|qualifier| qualifier.version),
            alias: context
                .qualifier
                .as_ref()
                .and_then(|qualifier| qualifier.alias.as_deref().map(str::to_owned)),
            child_of: context.child_of.as_ref().map(|child_of| ChildOfMessage {
                map_run_arn: child_of.map_run_arn.to_string(),
                state: child_of.state.0,
                items: child_of.items,
                redrive_count: child_of.redrive_count,
            }),
            limits: LimitsMessage::of(context.limits),
            name_is_chosen: request.name_is_chosen,
            revision: request.revision,
            input: request.input.text().to_string(),
            is_repeat: request.is_repeat,
        }
    }
}

impl StartMessage {
    /// # Errors
    /// When its input is no JSON.
    pub(crate) fn into_request(self) -> Result<StartRequest, stepyard_json::ParseError> {
        let alias = self.alias.map(Arc::from);
        Ok(StartRequest {
            id: ExecutionId(self.id),
            context: Arc::new(StartContext {
                execution_arn: self.execution_arn.into(),
                execution_name: self.execution_name.into(),
                state_machine_arn: self.state_machine_arn.into(),
                state_machine_name: self.state_machine_name.into(),
                role_arn: self.role_arn.into(),
                qualifier: self.version.map(|version| Qualifier { version, alias }),
                child_of: self.child_of.map(|child_of| ChildOf {
                    map_run_arn: child_of.map_run_arn.into(),
                    state: StateId(child_of.state),
                    items: child_of.items,
                    redrive_count: child_of.redrive_count,
                }),
                kind: ExecutionKind::Standard,
                limits: self.limits.map(Limits::from).unwrap_or_default(),
            }),
            name_is_chosen: self.name_is_chosen,
            revision: self.revision,
            input: Payload::from_text(self.input)?,
            is_repeat: self.is_repeat,
        })
    }
}

/// A stop that is forwarded.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StopMessage {
    state_machine_arn: String,
    name: String,
    error: Option<String>,
    cause: Option<String>,
}

impl From<&StopRequest> for StopMessage {
    fn from(request: &StopRequest) -> StopMessage {
        let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        StopMessage {
            state_machine_arn: request.state_machine_arn.to_string(),
            name: request.name.to_string(),
            error: text(&request.error),
            cause: text(&request.cause),
        }
    }
}

impl From<StopMessage> for StopRequest {
    fn from(message: StopMessage) -> StopRequest {
        StopRequest {
            state_machine_arn: message.state_machine_arn.into(),
            name: message.name.into(),
            error: message.error.map(Arc::from),
            cause: message.cause.map(Arc::from),
        }
    }
}

/// A redrive that is forwarded.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RedriveMessage {
    state_machine_arn: String,
    name: String,
    client_token: String,
}

impl From<&RedriveRequest> for RedriveMessage {
    fn from(request: &RedriveRequest) -> RedriveMessage {
        RedriveMessage {
            state_machine_arn: request.state_machine_arn.to_string(),
            name: request.name.to_string(),
            client_token: request.client_token.to_string(),
        }
    }
}

impl From<RedriveMessage> for RedriveRequest {
    fn from(message: RedriveMessage) -> RedriveRequest {
        RedriveRequest {
            state_machine_arn: message.state_machine_arn.into(),
            name: message.name.into(),
            client_token: message.client_token.into(),
        }
    }
}

/// The answer to a forwarded request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply<T> {
    /// What the owner of the shard says.
    Owner(T),
    /// The shard is not there.
    NotOwner,
}

/// What the owner says to a start.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StartReply {
    /// It has started, or had before.
    Started { id: Uuid, revision: Uuid, status: String, started_at: i64, stopped_at: Option<i64> },
    /// The name is taken.
    AlreadyExists,
    /// The shard has as much to do as it may take.
    Throttled,
    /// Whether it has started is unknown.
    Unavailable(String),
}

impl From<Result<ExecutionRow, StartError>> for StartReply {
    fn from(result: Result<ExecutionRow, StartError>) -> StartReply {
        match result {
            Ok(row) => StartReply::Started {
                id: row.id.0,
                revision: row.revision,
                status: row.status.as_str().to_owned(),
                started_at: row.started_at.0,
                stopped_at: row.stopped_at.map(|time| time.0),
            },
            Err(StartError::AlreadyExists { .. }) => StartReply::AlreadyExists,
            Err(StartError::Throttled) => StartReply::Throttled,
            Err(StartError::Unavailable(why)) => StartReply::Unavailable(why),
        }
    }
}

impl StartReply {
    /// With what the asking node knows already.
    pub(super) fn into_result(self, request: &StartRequest) -> Result<ExecutionRow, StartError> {
        let context = &request.context;
        match self {
            StartReply::Started { id, revision, status, started_at, stopped_at } => {
                Ok(ExecutionRow {
                    shard: ShardId::of(&context.state_machine_arn, &context.execution_name),
                    id: ExecutionId(id),
                    state_machine_arn: context.state_machine_arn.clone(),
                    name: context.execution_name.clone(),
                    qualifier: context.qualifier.clone(),
                    child: context.child_of.as_ref().and_then(ChildRow::of),
                    revision,
                    status: status_of(&status),
                    started_at: Timestamp(started_at),
                    stopped_at: stopped_at.map(Timestamp),
                    redriven: None,
                    resume_at: None,
                })
            }
            StartReply::AlreadyExists => {
                Err(StartError::AlreadyExists { arn: context.execution_arn.clone() })
            }
            StartReply::Throttled => Err(StartError::Throttled),
            StartReply::Unavailable(why) => Err(StartError::Unavailable(why)),
        }
    }
}

/// What the owner says to a stop.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StopReply {
    /// When it ended, in milliseconds since the epoch.
    Stopped(i64),
    /// It is not in progress.
    NotRunning,
    /// Its journal cannot be taken up there.
    SetAside,
    /// Whether it has been stopped is unknown.
    Unavailable(String),
}

impl From<Result<Timestamp, StopError>> for StopReply {
    fn from(result: Result<Timestamp, StopError>) -> StopReply {
        match result {
            Ok(time) => StopReply::Stopped(time.0),
            Err(StopError::NotRunning) => StopReply::NotRunning,
            Err(StopError::SetAside) => StopReply::SetAside,
            Err(StopError::Unavailable(why)) => StopReply::Unavailable(why),
        }
    }
}

impl From<StopReply> for Result<Timestamp, StopError> {
    fn from(reply: StopReply) -> Result<Timestamp, StopError> {
        match reply {
            StopReply::Stopped(time) => Ok(Timestamp(time)),
            StopReply::NotRunning => Err(StopError::NotRunning),
            StopReply::SetAside => Err(StopError::SetAside),
            StopReply::Unavailable(why) => Err(StopError::Unavailable(why)),
        }
    }
}

/// What the owner says to a redrive.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RedriveReply {
    /// When it was redriven, in milliseconds since the epoch.
    Redriven(i64),
    /// There is no such execution.
    DoesNotExist,
    /// It has this status.
    HasStatus(String),
    /// It has too many events.
    HistoryFull,
    /// It started too long ago.
    OpenTooLong,
    /// It ended too long ago.
    ClosedTooLong,
    /// Its journal cannot be taken up there.
    SetAside,
    /// Whether it has been redriven is unknown.
    Unavailable(String),
}

impl From<Result<Timestamp, RedriveError>> for RedriveReply {
    fn from(result: Result<Timestamp, RedriveError>) -> RedriveReply {
        match result {
            Ok(time) => RedriveReply::Redriven(time.0),
            Err(RedriveError::DoesNotExist) => RedriveReply::DoesNotExist,
            Err(RedriveError::NotRedrivable(NotRedrivable::Status(status))) => {
                RedriveReply::HasStatus(status.as_str().to_owned())
            }
            Err(RedriveError::NotRedrivable(NotRedrivable::HistoryFull)) => {
                RedriveReply::HistoryFull
            }
            Err(RedriveError::NotRedrivable(NotRedrivable::OpenTooLong)) => {
                RedriveReply::OpenTooLong
            }
            Err(RedriveError::NotRedrivable(NotRedrivable::ClosedTooLong)) => {
                RedriveReply::ClosedTooLong
            }
            Err(RedriveError::SetAside) => RedriveReply::SetAside,
            Err(RedriveError::Unavailable(why)) => RedriveReply::Unavailable(why),
        }
    }
}

impl From<RedriveReply> for Result<Timestamp, RedriveError> {
    fn from(reply: RedriveReply) -> Result<Timestamp, RedriveError> {
        let refused = |reason| Err(RedriveError::NotRedrivable(reason));
        match reply {
            RedriveReply::Redriven(time) => Ok(Timestamp(time)),
            RedriveReply::DoesNotExist => Err(RedriveError::DoesNotExist),
            RedriveReply::HasStatus(status) => refused(NotRedrivable::Status(status_of(&status))),
            RedriveReply::HistoryFull => refused(NotRedrivable::HistoryFull),
            RedriveReply::OpenTooLong => refused(NotRedrivable::OpenTooLong),
            RedriveReply::ClosedTooLong => refused(NotRedrivable::ClosedTooLong),
            RedriveReply::SetAside => Err(RedriveError::SetAside),
            RedriveReply::Unavailable(why) => Err(RedriveError::Unavailable(why)),
        }
    }
}

/// The status with that word; only another version of this program sends one that is unknown.
pub(super) fn status_of(word: &str) -> ExecutionStatus {
    let known = ExecutionStatus::ALL.into_iter().find(|status| status.as_str() == word);
    known.unwrap_or(ExecutionStatus::Running)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stepyard_asl::{StateId, Timestamp};
    use stepyard_json::Payload;
    use stepyard_machine::{
        ChildOf, ExecutionKind, ExecutionStatus, Limits, NotRedrivable, Qualifier, StartContext,
    };
    use stepyard_runtime::{RedriveError, StartError, StartRequest, StopError};
    use stepyard_store::{ChildRow, ExecutionId, ExecutionRow, ShardId};
    use uuid::Uuid;

    use super::{RedriveReply, StartMessage, StartReply, StopReply};

    #[test]
    fn a_start_arrives_as_it_was_sent() {
        let run =
            format!("arn:aws:states:us-east-1:000000000000:mapRun:m/l:{}", Uuid::from_u128(6));
        let child_of =
            ChildOf { map_run_arn: run.into(), state: StateId(3), items: 2, redrive_count: 4 };
        let request = StartRequest {
            id: ExecutionId(Uuid::from_u128(7)),
            context: Arc::new(StartContext {
                execution_arn: "e".into(),
                execution_name: "ü".into(),
                state_machine_arn: "m".into(),
                state_machine_name: "n".into(),
                role_arn: "r".into(),
                qualifier: Some(Qualifier { version: 3, alias: Some("PROD".into()) }),
                child_of: Some(child_of.clone()),
                kind: ExecutionKind::Standard,
                limits: Limits::EXTENDED,
            }),
            name_is_chosen: true,
            revision: Uuid::from_u128(8),
            input: Payload::from_text(r#"{"a":1.0, "b":"\u0000\"" }"#).unwrap(),
            is_repeat: true,
        };
        let sent = serde_json::to_string(&StartMessage::from(&request)).unwrap();
        let came: StartMessage = serde_json::from_str(&sent).unwrap();
        let came = came.into_request().unwrap();
        assert_eq!(came.input.text(), request.input.text(), "as it was written");
        assert_eq!(format!("{came:?}"), format!("{request:?}"));
        let mut of_earlier: serde_json::Value = serde_json::from_str(&sent).unwrap();
        of_earlier.as_object_mut().unwrap().remove("limits").unwrap();
        let came: StartMessage = serde_json::from_value(of_earlier).unwrap();
        assert_eq!(came.into_request().unwrap().context.limits, Limits::AWS);

        let row = ExecutionRow {
            shard: ShardId::of("m", "ü"),
            id: request.id,
            state_machine_arn: "m".into(),
            name: "ü".into(),
            qualifier: request.context.qualifier.clone(),
            child: ChildRow::of(&child_of),
            revision: request.revision,
            status: ExecutionStatus::Succeeded,
            started_at: Timestamp(5),
            stopped_at: Some(Timestamp(9)),
            redriven: None,
            resume_at: None,
        };
        let answered = StartReply::from(Ok(row.clone())).into_result(&request);
        assert_eq!(answered.unwrap(), row);
        for refused in [
            RedriveError::DoesNotExist,
            RedriveError::NotRedrivable(NotRedrivable::Status(ExecutionStatus::Succeeded)),
            RedriveError::NotRedrivable(NotRedrivable::HistoryFull),
            RedriveError::NotRedrivable(NotRedrivable::OpenTooLong),
            RedriveError::NotRedrivable(NotRedrivable::ClosedTooLong),
            RedriveError::SetAside,
            RedriveError::Unavailable("why".into()),
        ] {
            let expected = refused.to_string();
            let answered = Result::from(RedriveReply::from(Err(refused)));
            assert_eq!(answered.unwrap_err().to_string(), expected);
        }
        for refused in
            [StopError::NotRunning, StopError::SetAside, StopError::Unavailable("why".into())]
        {
            let expected = refused.to_string();
            let answered = Result::from(StopReply::from(Err(refused)));
            assert_eq!(answered.unwrap_err().to_string(), expected);
        }
        let throttled = StartReply::from(Err(StartError::Throttled)).into_result(&request);
        assert!(matches!(throttled, Err(StartError::Throttled)));
    }
}
