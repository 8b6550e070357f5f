//! lb-bfd watches the paths to routers with BFD and tells its clients, the BGP daemons, how they are.
//!
//! It is a process of its own so that a session outlives the daemons that want it, and its timing is a thread of its own
//! that no other work can delay.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod board;
pub mod daemon;
mod engine;
mod metrics;
mod priority;
mod registry;
mod service;
mod spec;
mod watch;
