//! The ways to the backends: follows the kernel's routes, neighbours and interfaces, and keeps the words that the program
//! sends packets by ([`ROUTES`](guideway_abi::ROUTES)) as they say.
//!
//! ```text
//!  control loop ── wanted backends ──┐
//!  notifications (rtnetlink) ────────┼──▶ Table ── ways that changed ──▶ Ways ──▶ LINKS, ROUTES
//!  answers of the FIB ───────────────┘      └── addresses to ask the FIB about
//! ```
//!
//! While the follower is up to date it renews [its deadline](guideway_abi::NodeRecord::routes_valid_until) every second. When it
//! is not, or is gone, the program asks the kernel for each packet, as it does for a backend whose legs are zero.
//!
//! Next hops are also kept resolved. Packets that leave from XDP do not refresh a neighbour entry, so that the kernel
//! would let it go stale and collect it; the agent marks each one as used on the program's behalf.

mod fib;
mod follow;
mod links;
mod message;
mod netlink;
#[cfg(test)]
pub(crate) mod paper;
mod spread;
mod table;
mod ways;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::watch;

pub use fib::{Hop, Interface, Need, Neighbour, NextHop, Path, Problem, Route, Way};
pub use follow::{Found, follow};
pub use ways::{LegStore, Ways};

/// The backends whose ways are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What each needs.
    pub backends: BTreeMap<IpAddr, Need>,
    /// All packets leave by this next hop; none when routes decide.
    pub fixed: Option<Fixed>,
    /// Backends that left the configuration and may have flows are among them. As long as nobody knows which these are,
    /// the ways to all that stand in the maps are kept.
    pub is_whole: bool,
}

/// The same next hop for all backends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// Name of the interface.
    pub interface: String,
    /// MAC address of the next hop.
    pub mac: [u8; 6],
}

/// Where the control loop says which backends it wants.
pub type Wants = watch::Sender<Arc<Wanted>>;
