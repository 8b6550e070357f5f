//! Prepare on all forwarders, then commit: both sides, without IO.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod connection;
pub mod coordinator;
pub mod follower;
mod record;
mod settings;

pub use connection::ConnectionId;
pub use coordinator::Coordinator;
pub use follower::Follower;
pub use record::{Record, RequestId, Stamp, Stored, Version, WriteFault};
pub use settings::{FollowerSettings, OverBudget, Settings};
