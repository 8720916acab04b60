//! The interpreter of the States Language as a pure function over events.
