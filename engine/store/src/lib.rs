//! The durable journal and its indexes.

mod error;
mod metadata;

pub use error::Error;
pub use metadata::{MetadataItem, MetadataStore};
