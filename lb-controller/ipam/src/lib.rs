//! Addresses of Services from pools.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
