//! bgp-speaker: announces the VIP addresses that this forwarder serves to its BGP peers.
//!
//! The protocol lives in `guideway-bgp-wire` and `guideway-bgp-fsm`; this crate is the IO around them. [`daemon`] shows
//! every task and channel.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admin;
mod agent;
pub mod config;
pub mod daemon;
mod metrics;
mod peer;
mod prefixes;
mod status;
