//! Asks lb-bfd for sessions and follows their states.
//!
//! ```no_run
//! # async fn example() {
//! use guideway_bfd_client::{BfdState, Client, Spec};
//!
//! let client = Client::new("/run/guideway/bfd.sock".into(), "bgp-speaker");
//! let session = client.session(Spec::new("10.1.1.1".parse().unwrap()));
//! let mut status = session.state();
//! while status.changed().await.is_ok() {
//!     if status.borrow_and_update().state == BfdState::Down { /* ... */ }
//! }
//! # }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod client;
mod link;
mod spec;
mod status;

pub use client::{Client, Session};
pub use guideway_bfd::{Authentication, Diagnostic, auth};
pub use guideway_bgp_admin::bfd::DEFAULT_SOCKET;
pub use spec::Spec;
pub use status::{BfdState, Problem, Status};
