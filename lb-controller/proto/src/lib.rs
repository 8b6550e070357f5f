//! The gRPC API between controller and forwarders.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
