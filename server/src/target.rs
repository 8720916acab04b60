//! What the ARN of a state machine, a version or an alias leads to.

use std::sync::Arc;

use stepyard_machine::Qualifier;
use stepyard_store::{Alias, StateMachine, Version};

use crate::app::App;
use crate::arn::{Arn, Qualified};
use crate::wire::ApiError;

/// How often an alias is read whose version is gone when it is looked up.
const ROUTING_ATTEMPTS: usize = 3;

/// What is started.
pub(crate) struct Target {
    /// The state machine, with the revision that is to run.
    pub(crate) machine: Arc<StateMachine>,
    /// The version, if the ARN names one or leads to one.
    pub(crate) qualifier: Option<Qualifier>,
}

/// A state machine as somebody asked for it.
pub(crate) struct Described {
    /// The state machine, with the revision of the version.
    pub(crate) machine: StateMachine,
    /// The version that was asked for.
    pub(crate) version: Option<Version>,
}

impl App {
    /// What an ARN leads to this time, maybe as it was a moment ago.
    pub(crate) async fn target_to_start(&self, arn: &str) -> Result<Target, ApiError> {
        let target = self.target(arn).await?;
        match target.machine.deleting_since {
            None => Ok(target),
            Some(_) => Err(ApiError::state_machine_deleting(&target.machine.arn)),
        }
    }

    async fn target(&self, arn: &str) -> Result<Target, ApiError> {
        let parsed = Arn::parse(arn)?;
        let machine_arn = parsed.unqualified()?;
        parsed.refuse_label()?;
        let not_there = || ApiError::state_machine_does_not_exist(arn);
        match parsed.qualified() {
            None => {
                let machine = self.state_machine_to_start(arn).await?;
                Ok(Target { machine, qualifier: None })
            }
            Some(Qualified::Version(version)) => {
                let machine = self.version_to_start(&machine_arn, version).await?;
                let qualifier = Some(Qualifier { version, alias: None });
                Ok(Target { machine: machine.ok_or_else(not_there)?, qualifier })
            }
            Some(Qualified::Alias(name)) => {
                let target = self.routed(&machine_arn, name).await?;
                target.ok_or_else(not_there)
            }
        }
    }

    /// What an alias leads to this time.
    async fn routed(&self, machine_arn: &str, name: &str) -> Result<Option<Target>, ApiError> {
        let arn = format!("{machine_arn}:{name}");
        for _ in 0..ROUTING_ATTEMPTS {
            let Some(alias) = self.alias_to_start(machine_arn, name, &arn).await? else {
                return Ok(None);
            };
            let version = alias.routing.choose(self.runtime.entropy().draw());
            if let Some(machine) = self.version_to_start(machine_arn, version).await? {
                let qualifier = Some(Qualifier { version, alias: Some(alias.name.clone()) });
                return Ok(Some(Target { machine, qualifier }));
            }
            // A version goes after its last alias: this one leads somewhere else by now, or is gone.
            self.machines.aliases.forget(&arn);
        }
        Ok(None)
    }

    async fn alias_to_start(
        &self,
        machine_arn: &str,
        name: &str,
        arn: &str,
    ) -> Result<Option<Arc<Alias>>, ApiError> {
        let now = || self.runtime.clock().monotonic();
        let read = async || match self.store.find_alias(machine_arn, name).await {
            Ok(alias) => alias.ok_or(None),
            Err(error) => Err(Some(ApiError::from(error))),
        };
        found(self.machines.aliases.get(arn, now, read).await)
    }

    async fn version_to_start(
        &self,
        machine_arn: &str,
        number: u64,
    ) -> Result<Option<Arc<StateMachine>>, ApiError> {
        let now = || self.runtime.clock().monotonic();
        let read = async || match self.version(machine_arn, number).await {
            Ok(version) => version.map(|(machine, _)| machine).ok_or(None),
            Err(error) => Err(Some(error)),
        };
        let arn = format!("{machine_arn}:{number}");
        found(self.machines.known.get(&arn, now, read).await)
    }

    /// A version, and the state machine with its revision.
    pub(crate) async fn version(
        &self,
        machine_arn: &str,
        number: u64,
    ) -> Result<Option<(StateMachine, Version)>, ApiError> {
        let Some(version) = self.store.find_version(machine_arn, number).await? else {
            return Ok(None);
        };
        let Some(machine) = self.store.get_state_machine(machine_arn).await? else {
            return Ok(None);
        };
        let revision = self.store.get_revision(version.revision).await?;
        let revision = revision.ok_or_else(|| ApiError::internal(&"a revision is missing"))?;
        let revision = Arc::unwrap_or_clone(revision);
        Ok(Some((StateMachine { revision, ..machine }, version)))
    }

    /// The state machine, or the version of it, that an ARN names. For an alias that is its first version.
    pub(crate) async fn described(&self, arn: &str) -> Result<Described, ApiError> {
        let parsed = Arn::parse(arn)?;
        let machine_arn = parsed.unqualified()?;
        let not_there = || ApiError::state_machine_does_not_exist(arn);
        let number = match parsed.qualified() {
            None => {
                let machine = self.state_machine(arn).await?;
                return Ok(Described { machine, version: None });
            }
            Some(Qualified::Version(number)) => number,
            Some(Qualified::Alias(name)) => {
                let alias = self.store.find_alias(&machine_arn, name).await?;
                alias.ok_or_else(not_there)?.routing.first
            }
        };
        let (machine, version) = self.version(&machine_arn, number).await?.ok_or_else(not_there)?;
        Ok(Described { machine, version: Some(version) })
    }
}

/// What is not there is an error without a text for who reads: it is not kept, so that it is found as soon as it is.
fn found<T>(read: Result<T, Option<ApiError>>) -> Result<Option<T>, ApiError> {
    match read {
        Ok(thing) => Ok(Some(thing)),
        Err(None) => Ok(None),
        Err(Some(error)) => Err(error),
    }
}
