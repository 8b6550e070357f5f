//! From Services of many clusters to one content.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
