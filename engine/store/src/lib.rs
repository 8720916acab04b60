//! The durable journal and its indexes.
