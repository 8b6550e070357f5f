//! The node agent of a Guideway forwarder.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admin;
pub mod announce;
pub mod apply;
pub mod check;
pub mod cli;
pub mod control;
pub mod controller;
pub mod desired;
pub mod error;
#[cfg(test)]
mod fixtures;
pub mod flows;
pub mod health;
pub mod history;
pub mod http;
pub mod load;
pub mod log;
pub mod metrics;
pub mod node;
pub mod null_route;
pub mod on_link;
pub mod route;
pub mod run;
pub mod socket;
pub mod systemd;
pub mod view;
pub mod watch;
