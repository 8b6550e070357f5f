//! The core of a BGP-4 session (RFC 4271 section 8) without IO: no socket, no clock, no randomness.
//!
//! The owner of a [`Session`] feeds it [`Event`]s with the time at which they happened and does what the returned
//! [`Action`]s say; [`Session::poll_timeout`] tells when [`Event::Timeout`] is due, and [`Session::poll_update`] gives the
//! next UPDATE whenever there is room to write one. Any event is valid in any state.
//!
//! ```text
//!            Start, IdleHold                       connected: OPEN            OPEN: KEEPALIVE
//!   Idle ─────────────────────► Connect ─────────────────────► OpenSent ─────────────────► OpenConfirm
//!    ▲                           │    ▲                          │                              │ KEEPALIVE
//!    │                    failed ▼    │ ConnectRetry             │ closed                       ▼
//!    │                          Active ◄─────────────────────────┘                         Established
//!    └──────── error, NOTIFICATION, hold timer, closed, Stop (from every state) ────────────────┘
//! ```
//!
//! Differences from RFC 4271: there is no DelayOpen, and a session that ended waits in Idle on the IdleHold timer (the
//! RFC's optional IdleHoldTimer) before it tries again, unless it was stopped. Both waiting timers back off.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adj_rib_out;
mod backoff;
mod config;
mod event;
mod negotiate;
mod session;
mod timer;

#[cfg(test)]
mod tests;

pub use adj_rib_out::AdjRibOut;
pub use backoff::Jitter;
pub use config::{Config, HoldTime, NextHop};
pub use event::{Action, Cause, Event, Stop};
pub use negotiate::Negotiated;
pub use session::{Session, State};
pub use timer::Timer;
