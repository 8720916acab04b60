//! Points in time as text and back: `$fromMillis` and `$toMillis`, after XPath Functions and
//! Operators 3.1, section 9.8.4, in the proleptic Gregorian calendar.

mod capture;
mod civil;
mod component;
mod format;
mod iso;
mod moment;
mod names;
mod parse;
mod pattern;
mod picture;
mod resolve;

pub(crate) use format::from_millis;
pub(crate) use parse::to_millis;
