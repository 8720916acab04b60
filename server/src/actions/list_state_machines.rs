//! ListStateMachines.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;

use super::describe_state_machine::type_word;
use crate::app::App;
use crate::wire::{
    ApiError, Constraints, TOKEN_CHARS_MAX, decode_token, encode_token, epoch_seconds, page_size,
};

/// Request of ListStateMachines.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListStateMachinesRequest {
    pub(crate) max_results: Option<i64>,
    pub(crate) next_token: Option<String>,
}

/// Answer of ListStateMachines.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListStateMachinesResponse {
    pub(crate) state_machines: Vec<StateMachineListItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

/// One state machine of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StateMachineListItem {
    pub(crate) state_machine_arn: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) r#type: &'static str,
    #[serde(serialize_with = "epoch_seconds")]
    pub(crate) creation_date: Timestamp,
}

/// Lists state machines in the order of their ARNs.
pub(crate) async fn list_state_machines(
    app: &App,
    request: ListStateMachinesRequest,
) -> Result<ListStateMachinesResponse, ApiError> {
    Constraints::default()
        .max_results(request.max_results)
        .length("nextToken", request.next_token.as_deref(), 1..=TOKEN_CHARS_MAX)
        .check()?;
    let size = page_size(request.max_results);
    let after = request.next_token.as_deref().map(decode_token).transpose()?;
    let mut machines = app.store.list_state_machines(after.as_deref(), size + 1).await?;
    let more = machines.len() > size;
    machines.truncate(size);
    let last = machines.last().filter(|_| more);
    Ok(ListStateMachinesResponse {
        next_token: last.map(|machine| encode_token(&machine.arn)),
        state_machines: machines
            .into_iter()
            .map(|machine| StateMachineListItem {
                r#type: type_word(machine.machine_type),
                state_machine_arn: machine.arn,
                name: machine.name,
                creation_date: machine.created_at,
            })
            .collect(),
    })
}
