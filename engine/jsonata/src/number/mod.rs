//! Numbers as text and back: `$formatNumber`, `$formatInteger`, `$parseInteger` and `$formatBase`,
//! after XPath Functions and Operators 3.1, sections 4.6 and 4.7.

mod decimal_format;
mod digits;
mod format_base;
mod format_integer;
mod format_number;
mod grouping;
mod integer_picture;
mod letters;
mod parse_integer;
mod power;
mod roman;
mod round;
mod sub_picture;
mod words;

pub(crate) use format_base::format_base;
pub(crate) use format_integer::format_integer;
pub(crate) use format_number::format_number;
pub(crate) use parse_integer::parse_integer;
pub(crate) use power::power;
pub(crate) use round::round;

pub(crate) use digits::Family;
pub(crate) use integer_picture::{Case, IntegerPicture, Presentation};
pub(crate) use words::lengths as word_lengths;
