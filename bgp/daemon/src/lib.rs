//! What bgp-speaker, bgp-aggregator and lb-bfd have in common around their sessions.
//!
//! [`command`] is the command line's log and end, [`mod@file`] reads configurations, [`socket`] listens for lbctl, [`http`] serves
//! metrics and health, [`service`] is the side of signals and of the service manager.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod command;
pub mod file;
pub mod http;
pub mod service;
pub mod socket;
