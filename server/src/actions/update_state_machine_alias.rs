//! UpdateStateMachineAlias.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepyard_asl::Timestamp;
use stepyard_store::{Alias, PublicationChange};

use super::describe_state_machine_alias::read_arn;
use super::publish_state_machine_version::DESCRIPTION_CHARS_MAX;
use super::routing::{self, Routed, RoutingConfigurationListItem};
use crate::app::App;
use crate::wire::{ApiError, Constraints, epoch_seconds, required};

/// Request of UpdateStateMachineAlias.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateStateMachineAliasRequest {
    pub(crate) state_machine_alias_arn: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) routing_configuration: Option<Vec<RoutingConfigurationListItem>>,
}

/// Answer of UpdateStateMachineAlias.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdateStateMachineAliasResponse {
    #[serde(serialize_with = "epoch_seconds")]
    update_date: Timestamp,
}

/// Changes the description of an alias, or where it leads. An update that changes nothing keeps its date.
pub(crate) async fn update_state_machine_alias(
    app: &App,
    request: UpdateStateMachineAliasRequest,
) -> Result<UpdateStateMachineAliasResponse, ApiError> {
    let arn = required(request.state_machine_alias_arn.as_deref(), "stateMachineAliasArn")?;
    let routed = check(&request)?;
    let (machine_arn, name) = read_arn(arn)?;
    if routed.as_ref().is_some_and(|routed| routed.machine_arn != machine_arn) {
        return Err(ApiError::validation(format!(
            "Routing configuration must contain versions of the state machine of the alias {arn}"
        )));
    }
    app.check_not_deleting(&machine_arn).await?;
    loop {
        let publication = app.store.publication(&machine_arn).await?.unwrap_or_default();
        let present = publication.alias(&name).ok_or_else(ApiError::resource_not_found)?;
        if let Some(routed) = &routed {
            routed.check_versions(&publication)?;
        }
        let changed = changed(present, &request, routed.as_ref(), app.runtime.clock().now());
        let update_date = changed.updated_at;
        if changed == *present {
            return Ok(UpdateStateMachineAliasResponse { update_date });
        }
        let change = PublicationChange::PutAlias(changed);
        if app.store.change_publication(&machine_arn, publication.changes, change).await? {
            app.machines.forget(&machine_arn);
            return Ok(UpdateStateMachineAliasResponse { update_date });
        }
    }
}

fn check(request: &UpdateStateMachineAliasRequest) -> Result<Option<Routed>, ApiError> {
    let (description, items) = (&request.description, request.routing_configuration.as_deref());
    if description.is_none() && items.is_none() {
        return Err(ApiError::validation(
            "Either the description or the routing configuration must be specified",
        ));
    }
    let constraints = Constraints::default().sensitive_length(
        "description",
        description.as_deref(),
        0..=DESCRIPTION_CHARS_MAX,
    );
    let Some(items) = items else {
        constraints.check()?;
        return Ok(None);
    };
    routing::constrain(constraints, items).check()?;
    routing::read(items).map(Some)
}

/// The alias as it is to be; what the request does not name stays, and so does its date when all stays.
fn changed(
    present: &Alias,
    request: &UpdateStateMachineAliasRequest,
    routed: Option<&Routed>,
    now: Timestamp,
) -> Alias {
    let description = request.description.as_deref().map(Arc::from);
    let alias = Alias {
        description: description.or_else(|| present.description.clone()),
        routing: routed.map_or(present.routing, |routed| routed.routing),
        ..present.clone()
    };
    let updated_at = if alias == *present { present.updated_at } else { now };
    Alias { updated_at, ..alias }
}
