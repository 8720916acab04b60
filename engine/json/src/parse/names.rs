//! Names of members: objects mostly look like others that were read before, and share their names with them.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use crate::object::Shape;

/// So many names and shapes each thread remembers: powers of two.
const NAMES: usize = 256;
const SHAPES: usize = 64;

/// Longest name in bytes and largest shape in names that are remembered, so that what a thread holds is bounded.
const NAME_MAX: usize = 64;
const SHAPE_MAX: usize = 64;

/// Up to so many members are looked through for a name that stands again; the names of more are sorted in the end, should
/// their hashes not tell.
const SCAN_MAX: usize = 16;

/// Odd, with bits everywhere: 2^64 by the golden ratio.
const DIGEST_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

thread_local! {
    static KNOWN: RefCell<Known> = const { RefCell::new(Known::new()) };
}

/// Names and shapes that were met, the last one of each slot.
struct Known {
    names: [Option<Arc<str>>; NAMES],
    shapes: [Option<Arc<Shape>>; SHAPES],
}

/// A name, shared with the last one that was equal.
pub(super) fn shared_name(name: &str) -> Arc<str> {
    KNOWN.with_borrow_mut(|known| known.name(name))
}

/// The shape of an object with such names, shared with the last one that was equal; `None` when a name stands twice.
pub(super) fn shared_shape(names: &[Cow<'_, str>], seen: Seen) -> Option<Arc<Shape>> {
    KNOWN.with_borrow_mut(|known| known.shape(names, seen))
}

impl Known {
    const fn new() -> Known {
        Known { names: [const { None }; NAMES], shapes: [const { None }; SHAPES] }
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        let known = &mut self.names[hash(name) % NAMES];
        match known {
            Some(known) if **known == *name => known.clone(),
            _ if name.len() > NAME_MAX => name.into(),
            _ => known.insert(name.into()).clone(),
        }
    }

    fn shape(&mut self, names: &[Cow<'_, str>], seen: Seen) -> Option<Arc<Shape>> {
        let at = (seen.digest >> 32) as usize % SHAPES;
        if let Some(shape) = &self.shapes[at]
            && shape.has(names)
        {
            return Some(shape.clone());
        }
        if seen.may_repeat && has_repeated(names) {
            return None;
        }
        let is_kept = names.len() <= SHAPE_MAX && names.iter().all(|name| name.len() <= NAME_MAX);
        let names = names.iter().map(|name| self.name(name)).collect();
        let shape = Arc::new(Shape::of_distinct(names));
        if is_kept {
            self.shapes[at] = Some(shape.clone());
        }
        Some(shape)
    }
}

fn has_repeated(names: &[Cow<'_, str>]) -> bool {
    let mut names: Vec<&str> = names.iter().map(|name| &**name).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

/// Equal names have the same. What tells most names apart: their length and their ends.
fn hash(name: &str) -> usize {
    let bytes = name.as_bytes();
    let byte = |byte: Option<&u8>| usize::from(byte.copied().unwrap_or_default());
    let middle = byte(bytes.get(bytes.len() / 2));
    13 * byte(bytes.first()) + 7 * middle + byte(bytes.last()) + 5 * bytes.len()
}

/// Which hashes the names of an object have. Names of different hashes differ, so most objects need no closer look to know
/// that no name stands twice.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    /// One bit for each hash, by its lowest bits.
    hashes: u64,
    /// Of all hashes in order; its higher bits are the better ones.
    digest: u64,
    may_repeat: bool,
}

impl Seen {
    /// Adds a name, given those before it.
    #[inline]
    pub(super) fn add(&mut self, name: &str, before: &[Cow<'_, str>]) {
        let hash = hash(name);
        let bit = 1 << (hash % u64::BITS as usize);
        if self.hashes & bit != 0 {
            self.may_repeat |=
                before.len() > SCAN_MAX || before.iter().any(|earlier| **earlier == *name);
        }
        self.hashes |= bit;
        self.digest = (self.digest ^ hash as u64).wrapping_mul(DIGEST_FACTOR);
    }
}
