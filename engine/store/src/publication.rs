//! What is published of a state machine: versions, and aliases that lead to them.

use std::sync::Arc;

use stepyard_asl::{Random, Timestamp};
use uuid::Uuid;

/// What the weights of an alias add up to.
pub const WEIGHTS_SUM: u64 = 100;

/// A published revision: immutable, under a number that no other version of its state machine ever has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub number: u64,
    /// What was published.
    pub revision: Uuid,
    /// Description.
    pub description: Option<Arc<str>>,
    /// When it was published.
    pub created_at: Timestamp,
}

/// A name that leads to one or two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Its name, unique in the state machine.
    pub name: Arc<str>,
    /// Description.
    pub description: Option<Arc<str>>,
    /// Where it leads.
    pub routing: Routing,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// Which versions an alias leads to, and how often to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Routing {
    /// The first version.
    pub first: u64,
    /// How many of [`WEIGHTS_SUM`] starts the first one gets, about.
    pub weight: u64,
    /// The version that gets the others.
    pub second: Option<u64>,
}

impl Routing {
    /// The versions with their weights.
    pub fn routes(&self) -> impl Iterator<Item = (u64, u64)> {
        let second = self.second.map(|version| (version, WEIGHTS_SUM.saturating_sub(self.weight)));
        [(self.first, self.weight)].into_iter().chain(second)
    }

    /// Whether it leads to that version.
    pub fn leads_to(&self, version: u64) -> bool {
        self.first == version || self.second == Some(version)
    }

    /// The version of one start.
    pub fn choose(&self, entropy: [u8; 16]) -> u64 {
        match self.second {
            Some(second) if Random::from_entropy(entropy).below(WEIGHTS_SUM) >= self.weight => {
                second
            }
            _ => self.first,
        }
    }
}

/// All that is published of one state machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// How often it has changed. A change is made to what was read, or not at all.
    pub changes: u64,
    /// The highest number that a version has ever had; 0 before the first.
    pub last_version: u64,
    /// Its versions, newest first.
    pub versions: Vec<Version>,
    /// Its aliases, by name.
    pub aliases: Vec<Alias>,
}

impl Publication {
    /// The version with that number.
    pub fn version(&self, number: u64) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The alias of that name.
    pub fn alias(&self, name: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| &*alias.name == name)
    }

    /// Aliases that lead to a version.
    pub fn aliases_to(&self, version: u64) -> impl Iterator<Item = &Alias> {
        self.aliases.iter().filter(move |alias| alias.routing.leads_to(version))
    }

    /// What a change makes of it.
    pub(crate) fn apply(&mut self, change: &PublicationChange) {
        self.changes += 1;
        match change {
            PublicationChange::AddVersion(version) => {
                self.last_version = version.number;
                self.versions.insert(0, version.clone());
            }
            PublicationChange::RemoveVersion(number) => {
                self.versions.retain(|version| version.number != *number);
            }
            PublicationChange::PutAlias(alias) => {
                self.aliases.retain(|present| present.name != alias.name);
                let at = self.aliases.partition_point(|present| present.name < alias.name);
                self.aliases.insert(at, alias.clone());
            }
            PublicationChange::RemoveAlias(name) => {
                self.aliases.retain(|alias| alias.name != *name);
            }
        }
    }
}

/// One change of what is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicationChange {
    /// A version with the number after the last one.
    AddVersion(Version),
    /// The version with that number goes.
    RemoveVersion(u64),
    /// A new alias, or another form of one that is there.
    PutAlias(Alias),
    /// The alias of that name goes.
    RemoveAlias(Arc<str>),
}

#[cfg(test)]
mod tests {
    use super::Routing;

    #[test]
    fn starts_are_spread_by_weight() {
        let share = |weight| {
            let routing = Routing { first: 1, weight, second: Some(2) };
            let draw =
                |number: u128| routing.choose(number.wrapping_mul(0x9e37_79b9).to_le_bytes());
            (0..10_000).filter(|number| draw(*number) == 1).count()
        };
        assert_eq!(share(0), 0);
        assert_eq!(share(100), 10_000);
        assert!((2_300..2_700).contains(&share(25)), "{}", share(25));
        let single = Routing { first: 7, weight: 100, second: None };
        assert_eq!(single.choose([0xff; 16]), 7);
        assert_eq!(single.routes().collect::<Vec<_>>(), [(7, 100)]);
    }
}
