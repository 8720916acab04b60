//! Task runners: the in-process image functions and AWS Lambda.

pub mod image;
pub mod objects;
