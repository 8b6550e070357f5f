//! bgp-speaker: announces the VIP addresses that this forwarder serves to its BGP peers.
//!
//! Sessions live in `guideway-bgp-peer`, messages and policy in pure crates below it. This crate decides what is announced,
//! drains, restarts without a trace, and answers operators. [`daemon`] shows every task and
//! channel.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::time::{SystemTime, UNIX_EPOCH};

pub mod admin;
mod agent;
pub mod config;
pub mod daemon;
mod drain;
mod drains;
mod metrics;
mod prefixes;
mod restart;
mod shared;
mod speaker;
mod status;
mod table;

/// Milliseconds of Unix time.
fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
