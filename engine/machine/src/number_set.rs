//! Sets of numbers that often lie close together: those of one block take as much room as a single one.

use std::collections::BTreeMap;

/// Numbers of one block: the bits of its mask.
const BLOCK: u64 = u64::BITS as u64;

/// A set of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NumberSet {
    /// By block, which of its numbers are in the set; a mask without any is not kept.
    masks: BTreeMap<u64, u64>,
}

impl NumberSet {
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.masks.get(&(number / BLOCK)).is_some_and(|mask| mask & bit(number) != 0)
    }

    /// The lowest one.
    pub(crate) fn first(&self) -> Option<u64> {
        let (block, mask) = self.masks.first_key_value()?;
        Some(block * BLOCK + u64::from(mask.trailing_zeros()))
    }

    pub(crate) fn insert(&mut self, number: u64) {
        *self.masks.entry(number / BLOCK).or_default() |= bit(number);
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, number: u64) -> bool {
        let block = number / BLOCK;
        let Some(mask) = self.masks.get_mut(&block) else { return false };
        let was_there = *mask & bit(number) != 0;
        *mask &= !bit(number);
        if *mask == 0 {
            self.masks.remove(&block);
        }
        was_there
    }

    /// Takes in those of another set.
    pub(crate) fn append(&mut self, other: NumberSet) {
        for (block, mask) in other.masks {
            *self.masks.entry(block).or_default() |= mask;
        }
    }
}

fn bit(number: u64) -> u64 {
    1 << (number % BLOCK)
}

#[cfg(test)]
mod tests {
    use super::NumberSet;

    #[test]
    fn numbers_come_and_go() {
        let mut set = NumberSet::default();
        assert_eq!(set.first(), None);
        for number in [64, 63, 1_000, u64::MAX] {
            set.insert(number);
        }
        assert_eq!((set.first(), set.masks.len()), (Some(63), 4));
        assert!(set.contains(64) && set.contains(u64::MAX) && !set.contains(65));
        assert!(set.remove(63) && !set.remove(63) && !set.remove(5));
        assert_eq!(set.first(), Some(64));
        let mut other = NumberSet::default();
        other.insert(65);
        set.append(other);
        for number in [64, 65, 1_000, u64::MAX] {
            assert!(set.remove(number));
        }
        assert_eq!(set, NumberSet::default());
    }
}
