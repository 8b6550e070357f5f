//! What peers are told and what they tell: Adj-RIB-Out, export policy, damping and Adj-RIB-In of BGP (RFC 4271 section 3.2)
//! without IO: no socket, no clock, no randomness.
//!
//! ```text
//!  VIPs ──► Announcements ──► Export ──► Group ──► bytes for each peer
//!              aggregates      policy     Adj-RIB-Out
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adj_rib_in;
mod damping;
mod group;
pub mod loc;
pub mod policy;
mod route;
mod routes;

pub use adj_rib_in::{AdjRibIn, AdjRibInLimit, Freshness, Full, Inserted, Received};
pub use damping::{Damping, DampingSettings, DampingState, Verdict};
pub use group::{Cursor, Departure, Enhanced, Group, Hold, SetError, updates};
pub use route::Route;
