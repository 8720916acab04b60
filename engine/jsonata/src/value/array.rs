//! Arrays that an expression builds.

use std::cell::Cell;
use std::rc::Rc;

use super::Value;
use crate::error::{Error, Outcome};
use crate::limits::{SEQUENCE_MAX, VALUE_DEPTH_MAX};
use crate::memory::Charge;

/// What an array is besides its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    pub(crate) const NONE: Flags = Flags(0);
    /// Results of a path or a function: none of them is nothing, a single one is itself.
    pub(crate) const SEQUENCE: Flags = Flags(1);
    /// A sequence of one element that stays an array.
    pub(crate) const KEEP: Flags = Flags(2);
    /// An array constructor at the end of a path: is not flattened.
    pub(crate) const CONS: Flags = Flags(4);
    /// Wraps data that is an array, so that it counts as one value.
    pub(crate) const OUTER: Flags = Flags(8);

    pub(crate) const fn and(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// An array with its flags; copies share the elements.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    elements: Rc<Elements>,
    flags: Flags,
    depth: u16,
}

/// Elements and the memory that they take.
#[derive(Clone, Debug)]
struct Elements {
    items: Vec<Value>,
    charge: Charge,
    /// Whether an empty array has got the item that is nothing, see [`Array::put_nothing`].
    holds_nothing: Cell<bool>,
}

impl Elements {
    fn shared(items: Vec<Value>, charge: Charge) -> Rc<Elements> {
        Rc::new(Elements { items, charge, holds_nothing: Cell::new(false) })
    }
}

impl Array {
    pub(crate) fn new(items: Vec<Value>, flags: Flags) -> Array {
        let depth = 1 + items.iter().map(Value::depth).max().unwrap_or(0);
        let charge = Charge::new(items.iter().map(Value::weight).sum());
        Array { elements: Elements::shared(items, charge), flags, depth }
    }

    /// Whether one is a copy of the other.
    pub(crate) fn is_shared_with(&self, other: &Array) -> bool {
        Rc::ptr_eq(&self.elements, &other.elements)
    }

    pub(crate) fn items(&self) -> &[Value] {
        const NOTHING: &[Value] = &[Value::Undefined];
        if self.elements.holds_nothing.get() { NOTHING } else { &self.elements.items }
    }

    /// Puts an item that is nothing into an empty array, for all who share it: what the reference does to an array that an
    /// object is built over.
    pub(crate) fn put_nothing(&self) {
        self.elements.holds_nothing.set(self.elements.items.is_empty());
    }

    pub(crate) fn is(&self, flag: Flags) -> bool {
        self.flags.0 & flag.0 != 0
    }

    pub(crate) fn with(mut self, flag: Flags) -> Array {
        self.flags = self.flags.and(flag);
        self
    }

    /// The same elements as a sequence and nothing else. An empty one is a new one, which [`Array::put_nothing`] may change
    /// alone.
    pub(crate) fn into_sequence(mut self) -> Array {
        if self.items().is_empty() {
            return Array::new(Vec::new(), Flags::SEQUENCE);
        }
        self.flags = Flags::SEQUENCE;
        self
    }

    pub(crate) fn depth(&self) -> u16 {
        self.depth
    }

    /// The elements: not copied when nobody else has them.
    fn into_elements(self) -> Elements {
        let mut elements = Rc::try_unwrap(self.elements).unwrap_or_else(|shared| (*shared).clone());
        if elements.holds_nothing.take() {
            elements.items.push(Value::Undefined);
        }
        elements
    }
}

/// Collects elements within the limits.
pub(crate) struct ArrayBuilder {
    items: Vec<Value>,
    depth: u16,
    charge: Charge,
}

impl ArrayBuilder {
    pub(crate) fn new() -> ArrayBuilder {
        ArrayBuilder { items: Vec::new(), depth: 0, charge: Charge::default() }
    }

    /// Goes on with the elements of an array.
    pub(crate) fn from_array(array: Array) -> ArrayBuilder {
        let depth = array.depth - 1;
        let Elements { items, charge, .. } = array.into_elements();
        ArrayBuilder { items, depth, charge }
    }

    pub(crate) fn push(&mut self, value: Value) -> Outcome<()> {
        if self.items.len() >= SEQUENCE_MAX {
            return Err(Error::limit("D2015", SEQUENCE_MAX));
        }
        self.depth = self.depth.max(value.depth());
        self.charge.add(value.weight());
        self.items.push(value);
        Ok(())
    }

    /// Pushes the elements of an array, anything else as it is.
    pub(crate) fn extend(&mut self, value: Value) -> Outcome<()> {
        let Some(items) = value.items() else { return self.push(value) };
        if self.items.len() + items.len() > SEQUENCE_MAX {
            return Err(Error::limit("D2015", SEQUENCE_MAX));
        }
        self.depth = self.depth.max(value.depth().saturating_sub(1));
        let added = self.items.len();
        match items {
            super::Items::Json(items) => self.items.extend(items.iter().cloned().map(Value::Json)),
            super::Items::Values(items) => self.items.extend_from_slice(items),
        }
        self.charge.add(self.items[added..].iter().map(Value::weight).sum());
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn items(&self) -> &[Value] {
        &self.items
    }

    /// The array.
    ///
    /// # Errors
    /// When it nests too deeply.
    pub(crate) fn finish(self, flags: Flags) -> Outcome<Array> {
        check_depth(self.depth)?;
        let elements = Elements::shared(self.items, self.charge);
        Ok(Array { elements, flags, depth: self.depth + 1 })
    }

    pub(crate) fn sequence(self) -> Outcome<Value> {
        self.finish(Flags::SEQUENCE).map(Value::Array)
    }
}

/// Refuses to build one level more around something of that depth.
pub(crate) fn check_depth(depth: u16) -> Outcome<()> {
    if depth < VALUE_DEPTH_MAX {
        return Ok(());
    }
    Err(Error::limit("D1015", usize::from(VALUE_DEPTH_MAX)))
}
