//! The core of a BGP-4 session (RFC 4271 section 8) without IO: no socket, no clock, no randomness, no routes.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod backoff;
mod config;
mod event;
mod negotiate;
mod offer;
mod refusal;
mod session;

pub use backoff::Jitter;
pub use config::{Change, Config, GracefulRestart, HoldTime, RemoteAs, RestartFlags};
pub use event::{Action, Cause, ConnectionId, Event, Loss, Side, Stop};
pub use negotiate::{LongLived, Negotiated, PeerRestart, Refresh};
pub use session::{Session, State};
