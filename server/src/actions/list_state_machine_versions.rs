//! ListStateMachineVersions.

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;

use super::publish_state_machine_version::version_arn;
use crate::app::App;
use crate::arn::{Arn, wrong_qualifier};
use crate::wire::{
    ApiError, Constraints, TOKEN_CHARS_MAX, decode_token, encode_token, epoch_seconds,
    invalid_token, page_size, required,
};

/// Request of ListStateMachineVersions.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListStateMachineVersionsRequest {
    pub(crate) state_machine_arn: Option<String>,
    pub(crate) next_token: Option<String>,
    pub(crate) max_results: Option<i64>,
}

/// Answer of ListStateMachineVersions.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListStateMachineVersionsResponse {
    state_machine_versions: Vec<StateMachineVersionListItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One version of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StateMachineVersionListItem {
    state_machine_version_arn: String,
    #[serde(serialize_with = "epoch_seconds")]
    creation_date: Timestamp,
}

/// Lists the versions of a state machine, newest first. For a state machine that does not exist, AWS's model knows no
/// error: there are none.
pub(crate) async fn list_state_machine_versions(
    app: &App,
    request: ListStateMachineVersionsRequest,
) -> Result<ListStateMachineVersionsResponse, ApiError> {
    let arn = required(request.state_machine_arn.as_deref(), "stateMachineArn")?;
    Constraints::default()
        .max_results(request.max_results)
        .length("nextToken", request.next_token.as_deref(), 1..=TOKEN_CHARS_MAX)
        .check()?;
    let parsed = Arn::parse(arn)?;
    let machine_arn = parsed.unqualified()?;
    if parsed.qualified().is_some() {
        return Err(wrong_qualifier(arn, "a state machine"));
    }
    let before = request.next_token.as_deref().map(cursor).transpose()?.unwrap_or(u64::MAX);
    let publication = app.store.publication(&machine_arn).await?.unwrap_or_default();
    let mut versions = publication.versions;
    versions.retain(|version| version.number < before);
    let size = page_size(request.max_results);
    let has_more = versions.len() > size;
    versions.truncate(size);
    let last = versions.last().filter(|_| has_more);
    Ok(ListStateMachineVersionsResponse {
        next_token: last.map(|version| encode_token(&version.number.to_string())),
        state_machine_versions: versions
            .into_iter()
            .map(|version| StateMachineVersionListItem {
                state_machine_version_arn: version_arn(&machine_arn, version.number),
                creation_date: version.created_at,
            })
            .collect(),
    })
}

fn cursor(token: &str) -> Result<u64, ApiError> {
    decode_token(token)?.parse().map_err(|_| invalid_token())
}
