//! ListStateMachineAliases.

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;
use stepyard_store::Alias;

use super::create_state_machine_alias::alias_arn;
use crate::app::App;
use crate::arn::{Arn, Qualified, wrong_qualifier};
use crate::wire::{
    ApiError, Constraints, TOKEN_CHARS_MAX, decode_token, encode_token, epoch_seconds,
    invalid_token, page_size, required,
};

/// What tokens hold before the name of the last alias: any text may be a name.
const CURSOR: &str = "alias/";

/// Request of ListStateMachineAliases.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListStateMachineAliasesRequest {
    pub(crate) state_machine_arn: Option<String>,
    pub(crate) next_token: Option<String>,
    pub(crate) max_results: Option<i64>,
}

/// Answer of ListStateMachineAliases.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListStateMachineAliasesResponse {
    state_machine_aliases: Vec<StateMachineAliasListItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// One alias of the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StateMachineAliasListItem {
    state_machine_alias_arn: String,
    #[serde(serialize_with = "epoch_seconds")]
    creation_date: Timestamp,
}

/// Lists the aliases of a state machine, or those that lead to a version. By name: AWS's documentation says newest
/// first, but that is not what AWS does (recorded).
pub(crate) async fn list_state_machine_aliases(
    app: &App,
    request: ListStateMachineAliasesRequest,
) -> Result<ListStateMachineAliasesResponse, ApiError> {
    let arn = required(request.state_machine_arn.as_deref(), "stateMachineArn")?;
    Constraints::default()
        .max_results(request.max_results)
        .length("nextToken", request.next_token.as_deref(), 1..=TOKEN_CHARS_MAX)
        .check()?;
    let after = request.next_token.as_deref().map(cursor).transpose()?.unwrap_or_default();
    let (machine_arn, mut aliases) = aliases(app, arn).await?;
    aliases.retain(|alias| *alias.name > *after);
    let size = page_size(request.max_results);
    let has_more = aliases.len() > size;
    aliases.truncate(size);
    let last = aliases.last().filter(|_| has_more);
    Ok(ListStateMachineAliasesResponse {
        next_token: last.map(|alias| encode_token(&format!("{CURSOR}{}", alias.name))),
        state_machine_aliases: aliases
            .into_iter()
            .map(|alias| StateMachineAliasListItem {
                state_machine_alias_arn: alias_arn(&machine_arn, &alias.name),
                creation_date: alias.created_at,
            })
            .collect(),
    })
}

/// The aliases of what an ARN names, by name, with the ARN of the state machine.
async fn aliases(app: &App, arn: &str) -> Result<(String, Vec<Alias>), ApiError> {
    let parsed = Arn::parse(arn)?;
    let machine_arn = parsed.unqualified()?;
    app.check_not_deleting(&machine_arn).await?;
    let publication = app.store.publication(&machine_arn).await?;
    let publication = publication.ok_or_else(|| ApiError::state_machine_does_not_exist(arn))?;
    let aliases = match parsed.qualified() {
        None => publication.aliases,
        Some(Qualified::Version(number)) if publication.version(number).is_none() => {
            return Err(ApiError::resource_not_found());
        }
        Some(Qualified::Version(number)) => publication.aliases_to(number).cloned().collect(),
        Some(Qualified::Alias(_)) => {
            return Err(wrong_qualifier(arn, "a state machine or a version"));
        }
    };
    Ok((machine_arn, aliases))
}

fn cursor(token: &str) -> Result<String, ApiError> {
    let key = decode_token(token)?;
    key.strip_prefix(CURSOR).map(str::to_owned).ok_or_else(invalid_token)
}
