//! ARNs of Step Functions resources.

use std::fmt;

use uuid::Uuid;

use crate::wire::ApiError;

/// Longest ARN that is accepted, in bytes (AWS: 256 for most calls, 2,000 for nested ones).
const ARN_BYTES_MAX: usize = 2_000;

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
    /// `stateMachine:NAME`, maybe with the version or alias after another colon.
    StateMachine { name: String, qualifier: Option<String> },
    /// `execution:MACHINE:NAME`.
    Execution { state_machine: String, name: String },
    /// `activity:NAME`.
    Activity { name: String },
    /// Anything else of the service: its type, such as `express`.
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
            ["activity", name] => Resource::Activity { name: name.into() },
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
        let Arn { partition, region, account, .. } = self;
        let machine = self.state_machine_name()?;
        let place = format!("arn:{partition}:states:{region}:{account}");
        Ok(format!("{place}:{EXPRESS}:{machine}:{execution}:{id}"))
    }

    /// Whether it names an execution of an EXPRESS state machine.
    pub(crate) fn is_express_execution(&self) -> bool {
        matches!(&self.resource, Resource::Other { resource_type } if resource_type == EXPRESS)
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

/// An ARN of a state machine that lacks what this call asks for, or has too much.
pub(crate) fn wrong_qualifier(arn: &str, wanted: &str) -> ApiError {
    invalid(&format!("{arn} is not the ARN of {wanted}"))
}

fn wrong_type(resource: &Resource) -> ApiError {
    let resource_type = match resource {
        Resource::StateMachine { .. } => "stateMachine",
        Resource::Execution { .. } => "execution",
        Resource::Activity { .. } => "activity",
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
            Resource::Activity { name } => write!(f, "activity:{name}"),
            Resource::Other { resource_type } => f.write_str(resource_type),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Arn, Qualified};

    const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";

    #[test]
    fn executions_and_machines_lead_to_each_other() {
        let machine = Arn::parse(MACHINE).unwrap();
        let execution = machine.execution("e").unwrap();
        assert_eq!(execution, "arn:aws:states:us-east-1:000000000000:execution:m:e");
        let execution = Arn::parse(&execution).unwrap();
        assert_eq!(execution.state_machine_of_execution().unwrap(), (MACHINE.to_owned(), "e"));
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
        assert!(express.is_express_execution());
        assert_eq!(
            express.state_machine_of_execution().unwrap_err().message,
            "Invalid Arn: 'Resource type not valid in this context: express'"
        );
    }
}
