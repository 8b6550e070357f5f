//! What a daemon makes of its sessions.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use guideway_bgp_config::PeerConfig;
use guideway_bgp_fsm::{Loss, Negotiated, Stop};
use guideway_bgp_wire::{Family, Update};

use crate::outlet::Outlet;

/// A peer of this process; never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

/// An established session.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Whose it is.
    pub peer: PeerId,
    /// The peer's settings when the session came up. That of a dynamic peer has its own address as name and remote.
    pub config: Arc<PeerConfig>,
    /// What both sides agreed on.
    pub negotiated: Negotiated,
    /// Own end of the connection.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// The interface that has the local address, with its index; `None` when none does (any more).
    pub interface: Option<(String, u32)>,
    /// Own link-local address on that interface.
    pub link_local: Option<Ipv6Addr>,
    /// An own global IPv6 address on that interface.
    pub global_v6: Option<Ipv6Addr>,
}

/// What a daemon makes of sessions. Called from the tasks of the peers, for one peer never twice at the same time; must be
/// quick.
pub trait Router: Send + Sync + 'static {
    /// A session is established. What the peer is to be told comes from these, one for each family.
    fn up(&self, session: &SessionView) -> Vec<Outlet>;

    /// Routes of the peer. Also those that a malformed UPDATE makes withdrawn (RFC 7606).
    ///
    /// # Errors
    ///
    /// Ends the session with this reason, for instance when there are too many prefixes.
    fn update(&self, session: &SessionView, update: Update) -> Result<(), Stop>;

    /// The peer has told everything that it had when the session came up (RFC 4724 section 2).
    fn end_of_rib(&self, session: &SessionView, family: Family);

    /// The peer begins, or has ended, to tell everything again (RFC 7313 section 4).
    fn refresh_marker(&self, session: &SessionView, family: Family, marker: RefreshMarker);

    /// The session is over.
    fn down(&self, session: &SessionView, loss: Loss);

    /// How many prefixes of the peer are kept now, and how many of these are stale.
    fn kept(&self, peer: PeerId) -> Kept {
        let _ = peer;
        Kept::default()
    }

    /// The peer is not configured any more, or a dynamic one has been gone for long: what is kept of it may go.
    fn forgotten(&self, peer: PeerId) {
        let _ = peer;
    }
}

/// BoRR and EoRR of RFC 7313.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshMarker {
    /// Beginning-of-RIB: what is not told again until the end is gone.
    Begin,
    /// End-of-RIB.
    End,
}

/// Prefixes that are kept of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// All of them.
    pub prefixes: u64,
    /// Those whose session ended (RFC 4724).
    pub stale: u64,
}
