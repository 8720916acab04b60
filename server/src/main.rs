//! The `stepyard` binary.

fn main() {}
