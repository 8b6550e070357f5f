//! The peers of a BGP daemon: listeners, connections of both directions, one task for each peer, BFD, unnumbered and dynamic
//! neighbours, statuses, history, metrics.
//!
//! A daemon gives settings ([`Peers::apply`]) and a [`Router`], which is told of sessions and routes and says with
//! [`Outlet`]s what peers are to be told.
//!
//! ```text
//!                 Peers::apply, reset, stop                 links (netlink), lb-bfd
//!                          │ mailbox: the latest of each kind          │
//!  listener ── accepted ──►│                                           │
//!                          ▼                                           │
//!                     task of a peer ◄─────────────────────────────────┘
//!       fsm::Session ◄─► task ─── TCP connections, at most four ─── peer
//!                          │ ▲
//!       up, update, down   │ │ cursors in update groups (Outlet), woken by their versions
//!                          ▼ │
//!                         Router                 Tap (BMP, MRT)
//! ```
//!
//! Nothing grows without a bound: a peer's send buffer takes another batch of an outlet only below 64 KiB, its receive buffer
//! holds one read and less than one message, and a mailbox keeps the latest letter of each kind.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admin;
mod connection;
mod counters;
mod history;
mod interface;
mod links;
mod listener;
mod liveness;
mod mailbox;
pub mod metrics;
mod outlet;
mod peers;
mod router;
mod socket;
mod status;
mod tap;
mod task;

pub use history::SessionEvent;
pub use listener::ListenerStatus;
pub use outlet::Outlet;
pub use peers::{Applied, Peers, Settings, UnknownPeer};
pub use router::{Kept, PeerId, RefreshMarker, Router, SessionView};
pub use status::{LastError, MessageCounts, PeerStatus, RangeStatus, SessionStatus};
pub use tap::Tap;
