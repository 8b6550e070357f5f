//! bgp-aggregator: sits between all speakers and the routers, so that a router has one session instead of one for each
//! forwarder.
//!
//! Route selection, stale paths, reflection and aggregates are `guideway_bgp_rib::loc`, sessions are `guideway-bgp-peer`; this
//! crate joins them. [`daemon`] shows every task and channel.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admin;
pub mod config;
pub mod core;
pub mod daemon;
mod metrics;
mod remember;
