//! The node agent of a Guideway forwarder.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod announce;
pub mod health;
pub mod http;
pub mod log;
pub mod metrics;
pub mod neighbour;
pub mod socket;
pub mod systemd;
pub mod view;
pub mod watch;
