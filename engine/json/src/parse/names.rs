//! Names of members: the objects of an array mostly have the same, and share them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::object::Shape;

/// So many names are remembered: one for each bit of [`Seen`].
const NAMES: usize = u64::BITS as usize;

/// So many shapes are remembered, a power of two.
const SHAPES: usize = 16;

/// Up to so many members are looked through for a name that may stand again; of more that is found out in the end.
const SCAN_MAX: usize = 16;

/// Names and shapes that were met, the last one of each slot.
pub(super) struct Known {
    names: [Option<Arc<str>>; NAMES],
    shapes: [Option<Arc<Shape>>; SHAPES],
}

impl Default for Known {
    fn default() -> Known {
        Known { names: [const { None }; NAMES], shapes: [const { None }; SHAPES] }
    }
}

impl Known {
    /// The name, shared with the last one that was equal.
    pub(super) fn name(&mut self, name: &str) -> Arc<str> {
        let known = &mut self.names[slot(name)];
        match known {
            Some(known) if **known == *name => known.clone(),
            _ => known.insert(name.into()).clone(),
        }
    }

    /// The shape of an object with such names, which all differ; shared with the last one that was equal.
    pub(super) fn shape(&mut self, names: &[Cow<'_, str>], seen: Seen) -> Arc<Shape> {
        let at = seen.digest % SHAPES;
        if let Some(shape) = &self.shapes[at]
            && shape.has(names)
        {
            return shape.clone();
        }
        let names = names.iter().map(|name| self.name(name)).collect();
        self.shapes[at].insert(Arc::new(Shape::of_distinct(names))).clone()
    }
}

/// Equal names have the same.
fn slot(name: &str) -> usize {
    let bytes = name.as_bytes();
    let end = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or_default());
    (3 * end(bytes.first()) + end(bytes.last()) + 5 * bytes.len()) % NAMES
}

/// Which slots the names of an object have. Names of different slots differ, so most objects need no closer look to know
/// that no name stands twice.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    slots: u64,
    /// Of all slots in order.
    digest: usize,
    may_repeat: bool,
}

impl Seen {
    /// Adds a name, given those before it.
    #[inline]
    pub(super) fn add(&mut self, name: &str, before: &[Cow<'_, str>]) {
        let slot = slot(name);
        let bit = 1 << slot;
        if self.slots & bit != 0 {
            self.may_repeat |=
                before.len() > SCAN_MAX || before.iter().any(|earlier| **earlier == *name);
        }
        self.slots |= bit;
        self.digest = self.digest.wrapping_mul(31).wrapping_add(slot);
    }

    /// Whether a name may stand twice; surely not if this is false.
    pub(super) fn may_repeat(self) -> bool {
        self.may_repeat
    }
}
