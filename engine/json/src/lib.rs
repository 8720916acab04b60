//! JSON values that keep their written form, shared payloads and reference paths.
