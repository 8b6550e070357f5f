//! What two OPEN messages agree on.

use std::net::Ipv4Addr;
use std::time::Duration;

use guideway_bgp_wire::{Context, Families, Family, Role};

/// The agreed properties of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The smaller of both hold times; zero means that nobody sends KEEPALIVE.
    pub hold_time: Duration,
    /// A third of the hold time.
    pub keepalive_interval: Duration,
    /// Families that both sides have.
    pub families: Families,
    /// How messages are read and written.
    pub context: Context,
    /// The peer's AS number.
    pub peer_as: u32,
    /// The peer's BGP identifier.
    pub peer_router_id: Ipv4Addr,
    /// True when the peer is in another AS.
    pub external: bool,
    /// The role that the peer told (RFC 9234).
    pub peer_role: Option<Role>,
    /// What the peer understands of route refresh.
    pub refresh: Refresh,
    /// What the peer said about graceful restart; `None` unless both sides have it.
    pub graceful_restart: Option<PeerRestart>,
    /// Long-lived graceful restart (RFC 9494) of the peer: which families, whether it has kept forwarding in them, and how
    /// long their stale routes are to be kept. Empty unless both sides have it and graceful restart.
    pub long_lived: Vec<LongLived>,
    /// The own OPEN, the header included.
    pub open_sent: Vec<u8>,
    /// The peer's OPEN, the header included. It is written anew from what was read: the order of the capabilities is kept,
    /// their grouping in optional parameters is not.
    pub open_received: Vec<u8>,
}

impl Negotiated {
    /// After how long a peer that reads nothing is given up, with [`crate::Event::SendStuck`]: the greater of eight
    /// minutes and twice the hold time (RFC 9687 section 3.3); `None` without a hold time.
    #[must_use]
    pub fn send_hold_time(&self) -> Option<Duration> {
        (!self.hold_time.is_zero()).then(|| (self.hold_time * 2).max(Duration::from_secs(480)))
    }
}

/// How routes can be asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refresh {
    /// Not at all.
    None,
    /// RFC 2918.
    Plain,
    /// RFC 7313: with markers of begin and end.
    Enhanced,
}

/// Graceful restart as the peer offers it (RFC 4724 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerRestart {
    /// The R bit: the peer has restarted.
    pub restarting: bool,
    /// Both sides have the N bit (RFC 8538): a NOTIFICATION other than Hard Reset loses no routes.
    pub notification: bool,
    /// How long the peer's routes are kept while it restarts.
    pub restart_time: Duration,
    /// The families in which the peer has kept forwarding (F bits). At a new session the stale routes of every other
    /// family are to be forgotten at once.
    pub forwarding: Families,
    /// The agreed families whose routes are to be kept. Stale routes of every other family are to be forgotten at once.
    pub families: Families,
}

/// One family of [`Negotiated::long_lived`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LongLived {
    /// The family.
    pub family: Family,
    /// The F bit.
    pub forwarding: bool,
    /// How long stale routes are kept after the restart time (RFC 9494 section 4.2).
    pub stale_time: Duration,
}
