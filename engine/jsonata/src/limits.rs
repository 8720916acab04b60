//! What an expression may cost, in one place.

/// Deepest nesting of an expression's text. Operators of one precedence nest to the left, so a sum
/// of so many terms reaches it too.
pub const NESTING_MAX: usize = 250;

/// Longest text of an expression, in bytes.
pub const SOURCE_MAX: usize = 1 << 20;

/// Deepest nesting of evaluations, as the reference counts them: one for each node of the expression
/// that is being evaluated. The worst nesting fits into a thread with a stack of 2 MiB in a build
/// without optimisation (`tests/bounds.rs`); who has a larger stack may allow more.
pub const DEPTH_MAX: usize = 400;

/// Deepest nesting of arrays and objects that an expression builds around the data that it was given.
pub(crate) const VALUE_DEPTH_MAX: u16 = 200;

/// Most elements of an array.
pub(crate) const SEQUENCE_MAX: usize = 10_000_000;

/// Bytes that the values of an evaluation may hold at a time, unless its caller says otherwise. Step
/// Functions gives up at about 7 MB; an element takes more room here than there.
pub const MEMORY_MAX: usize = 64 << 20;

/// Longest string, in bytes: one that Step Functions fails at.
pub(crate) const STRING_MAX: usize = 1 << 23;

/// Most bytes of one result, counted roughly as the length of its compact text.
pub(crate) const RESULT_MAX: usize = 16 << 20;

/// Bytes that a scope takes besides its variables.
pub(crate) const SCOPE_BYTES: usize = 96;

/// Strings from that length on are counted by themselves; shorter ones with what holds them.
pub(crate) const COUNTED_TEXT_MIN: usize = 256;

/// Bytes that a string takes besides its text.
pub(crate) const TEXT_BYTES: usize = 32;

/// Bytes that parsed data takes at most, for each byte of its text.
pub(crate) const BYTES_PER_TEXT: usize = 16;

/// Bytes that a value takes in data that is copied.
pub(crate) const NODE_BYTES: usize = 64;

/// Bytes that a function takes, without the values that it holds.
pub(crate) const FUNCTION_BYTES: usize = 128;

/// Longest text of a value that an error quotes, in bytes.
pub(crate) const QUOTE_MAX: usize = 4_096;

/// Deepest nesting of a value that an error quotes.
pub(crate) const QUOTE_DEPTH_MAX: usize = 20;

/// Largest program that a regular expression may compile to, in bytes.
pub(crate) const PATTERN_MAX: usize = 1 << 20;

/// Bytes of text that cost as much as one step of the evaluation.
pub(crate) const BYTES_PER_FUEL: usize = 16;
