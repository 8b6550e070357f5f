//! Shows BGP sessions to others: to stations that speak BMP (RFC 7854), and in MRT files (RFC 6396).
//!
//! [`bmp`] and [`mrt`] make the bytes and do nothing else. [`Monitor`] hangs at the sessions as their
//! [`Tap`](guideway_bgp_peer::Tap), connects to the stations and writes the files:
//!
//! ```text
//!  sessions ──► Monitor ──► Queue ──► station task ──► TCP       what has no room: station is told everything anew
//!                      └──► Queue ──► MRT task ─────► files      what has no room: lost and counted
//!  tables ◄── asked now and then ──── table task ───► files
//! ```
//!
//! A session never waits for any of it.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod bmp;
mod files;
mod monitor;
pub mod mrt;
mod queue;
mod settings;
mod station;
mod tables;
mod tap;
#[cfg(test)]
mod testing;
mod view;

pub use files::MrtStatus;
pub use monitor::{Monitor, Tables};
pub use settings::{MonitorSettings, MrtSettings, Own, StationSettings};
pub use station::{StationState, StationStatus};
pub use tables::TableStatus;
pub use view::{Direction, PeerNumber, View};
