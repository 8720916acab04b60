//! `routingConfiguration` of aliases: what it may be, and how it is shown.

use serde::{Deserialize, Serialize};
use stepyard_store::{Publication, Routing, WEIGHTS_SUM};

use super::publish_state_machine_version::version_arn;
use crate::arn::{Arn, Qualified};
use crate::wire::{ApiError, Constraints, required};

/// Most versions that an alias leads to.
const ROUTES_MAX: usize = 2;

/// What each weight is at most.
const WEIGHT_MAX: i64 = 100;

/// An item of `routingConfiguration`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoutingConfigurationListItem {
    state_machine_version_arn: Option<String>,
    weight: Option<i64>,
}

/// A routing configuration that has been read.
pub(super) struct Routed {
    /// ARN of the state machine whose versions it names.
    pub(super) machine_arn: String,
    pub(super) routing: Routing,
    /// As it was sent.
    arns: Vec<String>,
}

/// Adds what AWS's front end looks at.
pub(super) fn constrain(
    constraints: Constraints,
    items: &[RoutingConfigurationListItem],
) -> Constraints {
    let shown: Vec<_> = items.iter().map(show_item).collect();
    let shown = format!("[{}]", shown.join(", "));
    let mut constraints =
        constraints.items("routingConfiguration", &shown, items.len(), 1..=ROUTES_MAX);
    for (at, item) in items.iter().enumerate() {
        let member = format!("routingConfiguration.{}.member.weight", at + 1);
        constraints = constraints.range(&member, item.weight, 0..=WEIGHT_MAX);
    }
    constraints
}

fn show_item(item: &RoutingConfigurationListItem) -> String {
    let arn = item.state_machine_version_arn.as_deref().unwrap_or("null");
    let weight = item.weight.map_or("null".to_owned(), |weight| weight.to_string());
    format!("RoutingConfigurationListItem(stateMachineVersionArn={arn}, weight={weight})")
}

/// Reads a routing configuration that keeps its constraints. Whether the versions exist is looked up later.
///
/// # Errors
/// `ValidationException`, `InvalidArn`.
pub(super) fn read(items: &[RoutingConfigurationListItem]) -> Result<Routed, ApiError> {
    let (mut arns, mut weights) = (Vec::new(), Vec::new());
    for (at, item) in items.iter().enumerate() {
        let member = |name: &str| format!("routingConfiguration.{}.member.{name}", at + 1);
        let arn = item.state_machine_version_arn.clone();
        arns.push(required(arn, &member("stateMachineVersionArn"))?);
        weights.push(required(item.weight, &member("weight"))?);
    }
    if arns.iter().enumerate().any(|(at, arn)| arns[..at].contains(arn)) {
        return Err(refused("contain distinct state machine version ARNs", &arns));
    }
    let sum: i64 = weights.iter().sum();
    if u64::try_from(sum) != Ok(WEIGHTS_SUM) {
        return Err(ApiError::validation(format!(
            "Sum of routing configuration weights must equal {WEIGHTS_SUM}. Received: {weights:?}"
        )));
    }
    let versions = arns.iter().map(|arn| version(arn)).collect::<Result<Vec<_>, _>>()?;
    let versions: Option<Vec<_>> = versions.into_iter().collect();
    let Some(versions) = versions else { return Err(no_versions(&arns)) };
    let Some((machine_arn, first)) = versions.first().cloned() else {
        return Err(no_versions(&arns));
    };
    if versions.iter().any(|(of, _)| *of != machine_arn) {
        return Err(refused("contain versions of the same state machine", &arns));
    }
    let weight = weights.first().and_then(|weight| u64::try_from(*weight).ok());
    let routing = Routing {
        first,
        weight: weight.unwrap_or(WEIGHTS_SUM),
        second: versions.get(1).map(|(_, version)| *version),
    };
    Ok(Routed { machine_arn, routing, arns })
}

/// The state machine and the number that a version's ARN names.
fn version(arn: &str) -> Result<Option<(String, u64)>, ApiError> {
    let parsed = Arn::parse(arn)?;
    let machine_arn = parsed.unqualified()?;
    Ok(match parsed.qualified() {
        Some(Qualified::Version(number)) => Some((machine_arn, number)),
        _ => None,
    })
}

impl Routed {
    /// Refuses versions that are not published.
    pub(super) fn check_versions(&self, publication: &Publication) -> Result<(), ApiError> {
        let are_there =
            self.routing.routes().all(|(number, _)| publication.version(number).is_some());
        if are_there { Ok(()) } else { Err(no_versions(&self.arns)) }
    }
}

fn no_versions(arns: &[String]) -> ApiError {
    refused("contain state machine version ARNs", arns)
}

fn refused(rule: &str, arns: &[String]) -> ApiError {
    let received = arns.join(", ");
    ApiError::validation(format!("Routing configuration must {rule}. Received: [{received}]"))
}

/// As it is shown.
pub(super) fn show(machine_arn: &str, routing: &Routing) -> Vec<RoutingConfigurationListItem> {
    let item = |(number, weight): (u64, u64)| RoutingConfigurationListItem {
        state_machine_version_arn: Some(version_arn(machine_arn, number)),
        weight: i64::try_from(weight).ok(),
    };
    routing.routes().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::{RoutingConfigurationListItem, constrain, read, show};
    use crate::wire::Constraints;

    const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";

    fn items(routes: &[(&str, i64)]) -> Vec<RoutingConfigurationListItem> {
        let item = |(qualifier, weight): &(&str, i64)| RoutingConfigurationListItem {
            state_machine_version_arn: Some(format!("{MACHINE}{qualifier}")),
            weight: Some(*weight),
        };
        routes.iter().map(item).collect()
    }

    fn refusal(routes: &[(&str, i64)]) -> String {
        let items = items(routes);
        let constraints = constrain(Constraints::default(), &items).check();
        let refused = constraints.and_then(|()| read(&items).map(drop)).unwrap_err();
        assert_eq!(refused.name, "ValidationException");
        refused.message.replace(MACHINE, "M")
    }

    #[test]
    fn one_or_two_versions_with_weights_are_read() {
        for routes in [&[(":1", 100)][..], &[(":2", 70), (":1", 30)], &[(":1", 0), (":2", 100)]] {
            let routed = read(&items(routes)).unwrap();
            assert_eq!(routed.machine_arn, MACHINE);
            let shown = show(MACHINE, &routed.routing);
            assert_eq!(format!("{shown:?}"), format!("{:?}", items(routes)));
        }
    }

    #[test]
    fn what_aws_refuses_is_refused_in_its_words() {
        for (routes, message) in [
            (
                &[(":1", 70), (":2", 29)][..],
                "Sum of routing configuration weights must equal 100. Received: [70, 29]",
            ),
            (
                &[(":1", 50), (":1", 50)],
                "Routing configuration must contain distinct state machine version ARNs. Received: [M:1, M:1]",
            ),
            (
                &[("", 100)],
                "Routing configuration must contain state machine version ARNs. Received: [M]",
            ),
            (
                &[(":PROD", 100)],
                "Routing configuration must contain state machine version ARNs. Received: [M:PROD]",
            ),
            (
                &[("x:1", 50), (":1", 50)],
                "Routing configuration must contain versions of the same state machine. Received: [Mx:1, M:1]",
            ),
            (
                &[(":1", 101)],
                "1 validation error detected: Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: Member must have value less than or equal to 100",
            ),
            (
                &[(":1", 1), (":2", 1), (":3", 98)],
                "1 validation error detected: Value '[RoutingConfigurationListItem(stateMachineVersionArn=M:1, weight=1), RoutingConfigurationListItem(stateMachineVersionArn=M:2, weight=1), RoutingConfigurationListItem(stateMachineVersionArn=M:3, weight=98)]' at 'routingConfiguration' failed to satisfy constraint: Member must have length less than or equal to 2",
            ),
        ] {
            assert_eq!(refusal(routes), message);
        }
    }
}
