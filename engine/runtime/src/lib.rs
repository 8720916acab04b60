//! Shards, group commit, timers, dispatch and recovery.
