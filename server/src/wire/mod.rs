//! What goes over the wire: the AWS JSON protocol, problem documents, tokens, checks of members.

mod check;
mod error;
mod json10;
mod problem;
mod time;
mod token;

pub(crate) use check::{
    Constraints, METADATA_ONLY, TOKEN_CHARS_MAX, check_data, check_name, page_size, required,
};
pub(crate) use error::ApiError;
pub(crate) use json10::{parse, respond};
pub(crate) use problem::Problem;
pub(crate) use time::{EpochSeconds, epoch_seconds};
pub(crate) use token::{decode_token, encode_token, invalid_token};
