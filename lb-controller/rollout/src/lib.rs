//! Prepare on all, then commit.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
