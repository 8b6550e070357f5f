//! One configuration for all forwarders.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
