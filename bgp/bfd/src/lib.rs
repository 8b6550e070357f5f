//! Bidirectional Forwarding Detection without IO: RFC 5880 (protocol), 5881 (on a link), 5883 (over routers).
//!
//! A [`Session`] takes packets and the time in, and gives packets and [`Transition`]s out. It reads no clock, draws no
//! random numbers and allocates nothing.
//!
//! Not there: Demand mode for ourselves (a peer's wish for it is honoured), and point-to-multipoint.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod auth;
mod config;
pub mod endpoint;
pub mod frame;
mod interval;
pub mod packet;
mod session;
mod state;

pub use auth::Authentication;
pub use config::{Config, ConfigError};
pub use endpoint::{Arrival, Endpoint, Hops};
pub use interval::{Interval, Jitter};
pub use packet::{Discard, Packet};
pub use session::{Admin, ECHO_LEN, EchoPayload, Remote, Seed, Session, Transition};
pub use state::{Diagnostic, State};
