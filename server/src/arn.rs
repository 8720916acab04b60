//! ARNs of Step Functions resources.

use std::fmt;

use stepyard_store::{ExecutionId, ShardId};
use uuid::Uuid;

use crate::wire::ApiError;

/// Longest ARN that is accepted, in bytes (AWS: 256 for most calls, 2,000 for nested ones).
const ARN_BYTES_MAX: usize = 2_000;

/// Digits of an account.
const ACCOUNT_DIGITS: usize = 12;

/// What stands in the ARNs of executions of EXPRESS state machines.
const EXPRESS: &str = "express";

/// The role of state machines for which nobody names one: roles decide nothing here.
pub(crate) const ANY_ROLE_ARN: &str = "arn:aws:iam::000000000000:role/stepyard";

/// An ARN of this service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arn {
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) resource: Resource,
}

/// What an ARN names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `stateMachine:NAME`, maybe with the version or alias after another colon. For the item processor of a Map state in
    /// DISTRIBUTED mode the label of that stands behind the name, after a slash.
    StateMachine { name: String, qualifier: Option<String> },
    /// `execution:MACHINE:NAME`.
    Execution { state_machine: String, name: String },
    /// `mapRun:MACHINE/LABEL:UUID`.
    MapRun { labelled: String, id: String },
    /// `activity:NAME`.
    Activity { name: String },
    /// `express:MACHINE:NAME:UUID`: an execution of an EXPRESS state machine, whose name others may have, too.
    ExpressExecution { state_machine: String, name: String, id: Uuid },
    /// Anything else of the service: its type.
    Other { resource_type: String },
}

/// What the qualifier of a state machine's ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Qualified<'a> {
    /// A version, by its number.
    Version(u64),
    /// An alias, whose name is never a number.
    Alias(&'a str),
}

/// An execution of an EXPRESS state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpressExecution {
    pub(crate) arn: String,
    pub(crate) state_machine_arn: String,
    pub(crate) name: String,
    pub(crate) id: ExecutionId,
}

impl ExpressExecution {
    /// Where its history is, if one is kept.
    pub(crate) fn shard(&self) -> ShardId {
        ShardId::of(&self.state_machine_arn, &self.name)
    }
}

impl Arn {
    /// Reads an ARN.
    ///
    /// # Errors
    /// `InvalidArn`, in AWS's words.
    pub(crate) fn parse(text: &str) -> Result<Arn, ApiError> {
        let bad_prefix = || invalid(&format!("Invalid ARN prefix: {text}"));
        if text.len() > ARN_BYTES_MAX {
            return Err(invalid(&format!("An ARN is at most {ARN_BYTES_MAX} bytes long")));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "states", region, account, rest] = parts[..] else {
            return Err(bad_prefix());
        };
        let parts: Vec<&str> = rest.split(':').collect();
        let resource = match parts[..] {
            ["stateMachine", name] => Resource::StateMachine { name: name.into(), qualifier: None },
            ["stateMachine", name, qualifier] => {
                Resource::StateMachine { name: name.into(), qualifier: Some(qualifier.into()) }
            }
            ["execution", state_machine, name] => {
                Resource::Execution { state_machine: state_machine.into(), name: name.into() }
            }
            ["mapRun", labelled, id] => {
                Resource::MapRun { labelled: labelled.into(), id: id.into() }
            }
            ["activity", name] => Resource::Activity { name: name.into() },
            [EXPRESS, state_machine, name, id] => match Uuid::try_parse(id) {
                Ok(id) => Resource::ExpressExecution {
                    state_machine: state_machine.into(),
                    name: name.into(),
                    id,
                },
                Err(_) => Resource::Other { resource_type: EXPRESS.into() },
            },
            [resource_type, _, ..] => Resource::Other { resource_type: resource_type.into() },
            _ => return Err(bad_prefix()),
        };
        let (partition, region, account) = (partition.into(), region.into(), account.into());
        Ok(Arn { partition, region, account, resource })
    }

    /// The same place with another resource.
    fn with(&self, resource: Resource) -> Arn {
        Arn { resource, ..self.clone() }
    }

    /// The ARN of a state machine that an execution belongs to.
    pub(crate) fn state_machine_of_execution(&self) -> Result<(String, &str), ApiError> {
        match &self.resource {
            Resource::Execution { state_machine, name } => {
                let machine =
                    Resource::StateMachine { name: state_machine.clone(), qualifier: None };
                Ok((self.with(machine).to_string(), name))
            }
            other => Err(wrong_type(other)),
        }
    }

    /// The ARN of the state machine that the child executions of a Map Run belong to: with the label of the Map state.
    pub(crate) fn state_machine_of_map_run(&self) -> Result<String, ApiError> {
        match &self.resource {
            Resource::MapRun { labelled, .. } => {
                let machine = Resource::StateMachine { name: labelled.clone(), qualifier: None };
                Ok(self.with(machine).to_string())
            }
            other => Err(wrong_type(other)),
        }
    }

    /// The state machine and the label, if it names the item processor of a Map state in DISTRIBUTED mode.
    pub(crate) fn labelled(&self) -> Option<(String, &str)> {
        let Resource::StateMachine { name, .. } = &self.resource else { return None };
        let (name, label) = name.split_once('/')?;
        let machine = Resource::StateMachine { name: name.to_owned(), qualifier: None };
        Some((self.with(machine).to_string(), label))
    }

    /// Refuses what names only a part of a state machine.
    pub(crate) fn refuse_label(&self) -> Result<(), ApiError> {
        match self.labelled() {
            None => Ok(()),
            Some(_) => Err(ApiError::validation_because(
                "API_DOES_NOT_SUPPORT_LABELED_ARNS",
                format!("This operation does not support the labeled ARN {self}"),
            )),
        }
    }

    /// The ARN of an execution of this state machine.
    pub(crate) fn execution(&self, execution: &str) -> Result<String, ApiError> {
        let state_machine = self.state_machine_name()?.to_owned();
        let name = execution.to_owned();
        Ok(self.with(Resource::Execution { state_machine, name }).to_string())
    }

    /// The version or alias that it names, if it names one.
    pub(crate) fn qualified(&self) -> Option<Qualified<'_>> {
        let Resource::StateMachine { qualifier: Some(qualifier), .. } = &self.resource else {
            return None;
        };
        let number =
            qualifier.parse::<u64>().ok().filter(|number| number.to_string() == *qualifier);
        Some(number.map_or(Qualified::Alias(qualifier), Qualified::Version))
    }

    /// The ARN of the state machine that it names, without version and alias.
    pub(crate) fn unqualified(&self) -> Result<String, ApiError> {
        let name = self.state_machine_name()?.to_owned();
        Ok(self.with(Resource::StateMachine { name, qualifier: None }).to_string())
    }

    /// The ARN of an execution of this state machine, if that is EXPRESS.
    pub(crate) fn express_execution(&self, execution: &str, id: Uuid) -> Result<String, ApiError> {
        let state_machine = self.state_machine_name()?.to_owned();
        let name = execution.to_owned();
        Ok(self.with(Resource::ExpressExecution { state_machine, name, id }).to_string())
    }

    /// The execution of an EXPRESS state machine that it names, if it names one.
    pub(crate) fn as_express_execution(&self) -> Option<ExpressExecution> {
        let Resource::ExpressExecution { state_machine, name, id } = &self.resource else {
            return None;
        };
        let machine = Resource::StateMachine { name: state_machine.clone(), qualifier: None };
        let state_machine_arn = self.with(machine).to_string();
        let (arn, name) = (self.to_string(), name.clone());
        Some(ExpressExecution { arn, state_machine_arn, name, id: ExecutionId(*id) })
    }

    /// The state machine and the name of the execution that it names, of whatever type, as they stand in a path of
    /// the REST API.
    pub(crate) fn rest_place_of_execution(&self) -> Result<(&str, String), ApiError> {
        match &self.resource {
            Resource::Execution { state_machine, name } => Ok((state_machine, name.clone())),
            Resource::ExpressExecution { state_machine, name, id } => {
                Ok((state_machine, format!("{name}:{id}")))
            }
            other => Err(wrong_type(other)),
        }
    }

    /// Refuses what is no activity.
    pub(crate) fn check_activity(&self) -> Result<(), ApiError> {
        match &self.resource {
            Resource::Activity { .. } => Ok(()),
            other => Err(wrong_type(other)),
        }
    }

    /// The name of the state machine that it names.
    pub(crate) fn state_machine_name(&self) -> Result<&str, ApiError> {
        match &self.resource {
            Resource::StateMachine { name, .. } => Ok(name),
            other => Err(wrong_type(other)),
        }
    }
}

/// Refuses what is no role, in AWS's words. Roles decide nothing here, but a definition that is tried here is to be deployed
/// there.
pub(crate) fn check_role(text: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "iam", "", account, resource] if is_account(account) && is_role(resource) => {
            Ok(())
        }
        _ => Err(ApiError::new("InvalidArn", format!("Invalid Role Arn: '{text}'"))),
    }
}

/// Whether it is an account id: 12 digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == ACCOUNT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_role(resource: &str) -> bool {
    resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
}

/// An ARN of a state machine that lacks what this call asks for, or has too much.
pub(crate) fn wrong_qualifier(arn: &str, wanted: &str) -> ApiError {
    invalid(&format!("{arn} is not the ARN of {wanted}"))
}

fn wrong_type(resource: &Resource) -> ApiError {
    let resource_type = match resource {
        Resource::StateMachine { .. } => "stateMachine",
        Resource::Execution { .. } => "execution",
        Resource::MapRun { .. } => "mapRun",
        Resource::Activity { .. } => "activity",
        Resource::ExpressExecution { .. } => EXPRESS,
        Resource::Other { resource_type } => resource_type,
    };
    invalid(&format!("Resource type not valid in this context: {resource_type}"))
}

fn invalid(why: &str) -> ApiError {
    ApiError::new("InvalidArn", format!("Invalid Arn: '{why}'"))
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, region, account, resource } = self;
        write!(f, "arn:{partition}:states:{region}:{account}:")?;
        match resource {
            Resource::StateMachine { name, qualifier: None } => write!(f, "stateMachine:{name}"),
            Resource::StateMachine { name, qualifier: Some(qualifier) } => {
                write!(f, "stateMachine:{name}:{qualifier}")
            }
            Resource::Execution { state_machine, name } => {
                write!(f, "execution:{state_machine}:{name}")
            }
            Resource::MapRun { labelled, id } => write!(f, "mapRun:{labelled}:{id}"),
            Resource::Activity { name } => write!(f, "activity:{name}"),
            Resource::ExpressExecution { state_machine, name, id } => {
                write!(f, "{EXPRESS}:{state_machine}:{name}:{id}")
            }
            Resource::Other { resource_type } => f.write_str(resource_type),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{ANY_ROLE_ARN, Arn, Qualified, check_role};

    const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";

    #[test]
    fn executions_and_machines_lead_to_each_other() {
        let machine = Arn::parse(MACHINE).unwrap();
        let execution = machine.execution("e").unwrap();
        assert_eq!(execution, "arn:aws:states:us-east-1:000000000000:execution:m:e");
        let execution = Arn::parse(&execution).unwrap();
        assert_eq!(execution.state_machine_of_execution().unwrap(), (MACHINE.to_owned(), "e"));
        assert_eq!(execution.rest_place_of_execution().unwrap(), ("m", "e".to_owned()));
        assert_eq!(execution.as_express_execution(), None);
    }

    #[test]
    fn versions_and_aliases_qualify_a_machine() {
        for (qualifier, named) in [
            (":7", Some(Qualified::Version(7))),
            (":PROD", Some(Qualified::Alias("PROD"))),
            (":07", Some(Qualified::Alias("07"))),
            ("", None),
        ] {
            let arn = Arn::parse(&format!("{MACHINE}{qualifier}")).unwrap();
            assert_eq!(arn.qualified(), named);
            assert_eq!(arn.unqualified().unwrap(), MACHINE);
        }
    }

    #[test]
    fn map_runs_lead_to_the_part_of_a_machine_that_they_run() {
        let run = "arn:aws:states:us-east-1:000000000000:mapRun:m/label:u-u-i-d";
        let parsed = Arn::parse(run).unwrap();
        assert_eq!(parsed.to_string(), run);
        let labelled = parsed.state_machine_of_map_run().unwrap();
        assert_eq!(labelled, format!("{MACHINE}/label"));
        let labelled = Arn::parse(&labelled).unwrap();
        assert_eq!(labelled.labelled(), Some((MACHINE.to_owned(), "label")));
        let refused = labelled.refuse_label().unwrap_err();
        assert_eq!(refused.reason, Some("API_DOES_NOT_SUPPORT_LABELED_ARNS"));
        let machine = Arn::parse(MACHINE).unwrap();
        assert_eq!((machine.labelled(), machine.refuse_label()), (None, Ok(())));
        assert_eq!(
            machine.state_machine_of_map_run().unwrap_err().message,
            "Invalid Arn: 'Resource type not valid in this context: stateMachine'"
        );
    }

    #[test]
    fn roles_are_told_from_other_things() {
        for role in [ANY_ROLE_ARN, "arn:aws-cn:iam::123456789012:role/path/name"] {
            assert_eq!(check_role(role), Ok(()));
        }
        for text in
            ["", "role", "arn:aws:iam::123456789012:role/", "arn:aws:iam::aws:policy/P", MACHINE]
        {
            let error = check_role(text).unwrap_err();
            let message = format!("Invalid Role Arn: '{text}'");
            assert_eq!((error.name, error.message), ("InvalidArn", message));
        }
    }

    #[test]
    fn what_is_no_arn_is_told_in_awss_words() {
        for (text, message) in [
            ("no_arn", "Invalid Arn: 'Invalid ARN prefix: no_arn'"),
            ("arn:aws:s3:::b", "Invalid Arn: 'Invalid ARN prefix: arn:aws:s3:::b'"),
        ] {
            assert_eq!(Arn::parse(text).unwrap_err().message, message);
        }
        let express = Arn::parse(MACHINE).unwrap().express_execution("e", Uuid::nil()).unwrap();
        assert_eq!(
            express,
            "arn:aws:states:us-east-1:000000000000:express:m:e:00000000-0000-0000-0000-000000000000"
        );
        let express = Arn::parse(&express).unwrap();
        let parts = express.as_express_execution().unwrap();
        assert_eq!(
            (&*parts.state_machine_arn, &*parts.name, parts.id.0),
            (MACHINE, "e", Uuid::nil())
        );
        let name = "e:00000000-0000-0000-0000-000000000000".to_owned();
        assert_eq!(express.rest_place_of_execution().unwrap(), ("m", name));
        assert_eq!(
            express.state_machine_of_execution().unwrap_err().message,
            "Invalid Arn: 'Resource type not valid in this context: express'"
        );
    }
}
