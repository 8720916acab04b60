//! Objects that an expression builds.

use std::collections::HashMap;

use super::Value;
use super::array::check_depth;
use crate::ast::Name;
use crate::error::Outcome;
use crate::memory::Charge;

/// Up to so many members a scan beats an index.
const SCAN_MAX: usize = 16;

/// An object whose members keep the order in which they were set first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    members: Vec<(Name, Value)>,
    /// Place by name, once there are many.
    index: Option<HashMap<Name, usize>>,
    depth: u16,
    charge: Charge,
}

impl Record {
    /// An empty one with room for so many members.
    pub(crate) fn with_capacity(members: usize) -> Record {
        Record { members: Vec::with_capacity(members), ..Record::default() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).map(|at| &self.members[at].1)
    }

    /// Sets a member.
    ///
    /// # Errors
    /// When it nests too deeply.
    pub(crate) fn insert(&mut self, name: Name, value: Value) -> Outcome<()> {
        check_depth(value.depth())?;
        self.depth = self.depth.max(value.depth());
        if let Some(at) = self.position(&name) {
            self.members[at].1 = value;
            return Ok(());
        }
        if let Some(index) = &mut self.index {
            index.insert(name.clone(), self.members.len());
        }
        self.charge.add(size_of::<Name>() + name.len() + value.weight());
        self.members.push((name, value));
        if self.index.is_none() && self.members.len() > SCAN_MAX {
            let places = self.members.iter().enumerate();
            self.index = Some(places.map(|(at, (name, _))| (name.clone(), at)).collect());
        }
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Name, Value)> {
        self.members.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Levels of what was built, this one included.
    pub(crate) fn depth(&self) -> u16 {
        self.depth + 1
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.members.iter().position(|(known, _)| &**known == name),
        }
    }
}
