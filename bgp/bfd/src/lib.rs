//! Bidirectional Forwarding Detection (RFC 5880, 5881, 5883) without IO.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod auth;
mod state;

pub use auth::Authentication;
pub use state::{Diagnostic, State};
