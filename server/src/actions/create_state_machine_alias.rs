//! CreateStateMachineAlias.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;
use stepyard_store::{Alias, Publication, PublicationChange};

use super::publish_state_machine_version::DESCRIPTION_CHARS_MAX;
use super::routing::{self, RoutingConfigurationListItem};
use crate::app::App;
use crate::wire::{ApiError, Constraints, epoch_seconds, required};

/// Most aliases of a state machine (Step Functions developer guide, "Quotas").
const ALIASES_MAX: usize = 100;

/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 80;

/// What names are made of: never of digits only, so that no alias looks like a version.
const NAME_PATTERN: &str = r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$";

/// Request of CreateStateMachineAlias.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateStateMachineAliasRequest {
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) routing_configuration: Option<Vec<RoutingConfigurationListItem>>,
}

/// Answer of CreateStateMachineAlias.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateStateMachineAliasResponse {
    #[serde(serialize_with = "epoch_seconds")]
    creation_date: Timestamp,
    state_machine_alias_arn: String,
}

/// Creates an alias of the state machine whose versions it leads to. Creating the same one again gives the one that
/// is there.
pub(crate) async fn create_state_machine_alias(
    app: &App,
    request: CreateStateMachineAliasRequest,
) -> Result<CreateStateMachineAliasResponse, ApiError> {
    let name = required(request.name.as_deref(), "name")?;
    let items = required(request.routing_configuration, "routingConfiguration")?;
    let description = request.description.as_deref();
    let constraints = Constraints::default()
        .length("name", Some(name), 1..=NAME_CHARS_MAX)
        .pattern("name", Some(name), NAME_PATTERN, fits_pattern)
        .sensitive_length("description", description, 0..=DESCRIPTION_CHARS_MAX);
    routing::constrain(constraints, &items).check()?;
    let routed = routing::read(&items)?;
    let now = app.runtime.clock().now();
    let alias = Alias {
        name: name.into(),
        description: description.map(Arc::from),
        routing: routed.routing,
        created_at: now,
        updated_at: now,
    };
    let machine_arn = &routed.machine_arn;
    app.check_not_deleting(machine_arn).await?;
    loop {
        let publication = app.store.publication(machine_arn).await?.unwrap_or_default();
        routed.check_versions(&publication)?;
        if let Some(present) = publication.alias(name) {
            return same(present, &alias).map(|()| answer(machine_arn, present));
        }
        check_count(&publication)?;
        let change = PublicationChange::PutAlias(alias.clone());
        if app.store.change_publication(machine_arn, publication.changes, change).await? {
            return Ok(answer(machine_arn, &alias));
        }
    }
}

fn fits_pattern(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    name.chars().all(is_allowed) && name.contains(|c: char| !c.is_ascii_digit())
}

fn same(present: &Alias, asked: &Alias) -> Result<(), ApiError> {
    if present.description == asked.description && present.routing == asked.routing {
        return Ok(());
    }
    Err(ApiError::new(
        "ConflictException",
        "Failed to create alias because an alias with the same name and a different routing configuration already exists.",
    ))
}

fn check_count(publication: &Publication) -> Result<(), ApiError> {
    if publication.aliases.len() < ALIASES_MAX {
        return Ok(());
    }
    let message = format!("A state machine has at most {ALIASES_MAX} aliases");
    Err(ApiError::new("ServiceQuotaExceededException", message))
}

fn answer(machine_arn: &str, alias: &Alias) -> CreateStateMachineAliasResponse {
    CreateStateMachineAliasResponse {
        creation_date: alias.created_at,
        state_machine_alias_arn: alias_arn(machine_arn, &alias.name),
    }
}

/// ARN of an alias.
pub(super) fn alias_arn(machine_arn: &str, name: &str) -> String {
    format!("{machine_arn}:{name}")
}

#[cfg(test)]
mod tests {
    use super::fits_pattern;

    #[test]
    fn names_are_never_numbers() {
        for name in ["PROD", "a", "v1", "1.0", "-", "_1"] {
            assert!(fits_pattern(name), "{name}");
        }
        for name in ["123", "", "a b", "!a", "a@", "ä"] {
            assert!(!fits_pattern(name), "{name}");
        }
    }
}
