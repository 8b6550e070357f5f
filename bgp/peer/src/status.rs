//! What the task of a peer tells about itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use guideway_bfd_client as bfd;
use guideway_bgp_config::PeerConfig;
use guideway_bgp_fsm::{Negotiated, Side, State};
use guideway_bgp_wire::Family;
use ipnet::IpNet;

use crate::history::History;
use crate::router::{Kept, PeerId};

/// The state of one peer.
#[derive(Debug, Clone)]
pub struct PeerStatus {
    /// Whose it is.
    pub id: PeerId,
    /// The settings in force.
    pub config: Arc<PeerConfig>,
    /// The range that it came from; `None` for a peer that is configured by itself.
    pub dynamic: Option<String>,
    /// The peer's address; `None` while that of an unnumbered one is not known.
    pub address: Option<IpAddr>,
    /// The state of the side that got furthest.
    pub state: State,
    /// Since when.
    pub since: SystemTime,
    /// The connection that we made or make.
    pub outgoing: State,
    /// The connection that the peer made.
    pub incoming: State,
    /// Why an attempt or a session ended last.
    pub last_error: Option<LastError>,
    /// The session, while it is established.
    pub session: Option<SessionStatus>,
    /// What is in the peer's way, or was refused, in words.
    pub problems: Vec<String>,
    /// BFD's word; `None` when it is not configured, or the address is not known.
    pub bfd: Option<bfd::Status>,
    /// Since the start of the process.
    pub received: MessageCounts,
    /// Since the start of the process.
    pub sent: MessageCounts,
    /// UPDATEs with errors that the session survived (RFC 7606), since the start of the process.
    pub malformed_updates: u64,
    /// Sessions that were established.
    pub sessions: u64,
    /// Sessions that ended.
    pub flaps: u64,
    /// What is kept of the peer's routes; brought up to date by [`crate::Peers::statuses`].
    pub kept: Kept,
}

/// A range of addresses whose peers may connect.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeStatus {
    /// The settings of its peers.
    pub config: Arc<PeerConfig>,
    /// The addresses.
    pub prefix: IpNet,
    /// Peers that have a connection.
    pub connected: usize,
    /// How many may have one.
    pub limit: usize,
    /// What is in the way of its peers, in words.
    pub problems: Vec<String>,
}

/// An error with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// What happened and what it may be.
    pub text: String,
    /// When.
    pub at: SystemTime,
}

/// An established session.
#[derive(Debug, Clone)]
pub struct SessionStatus {
    /// Since when.
    pub since: SystemTime,
    /// Who made the connection.
    pub side: Side,
    /// Own end.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// What both sides agreed on.
    pub negotiated: Negotiated,
    /// Prefixes that the peer was told, by family.
    pub told: Vec<(Family, u64)>,
    /// Families of which the peer has said End-of-RIB.
    pub ended: Vec<Family>,
}

/// Messages by type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageCounts {
    /// OPEN.
    pub opens: u64,
    /// UPDATE.
    pub updates: u64,
    /// NOTIFICATION.
    pub notifications: u64,
    /// KEEPALIVE.
    pub keepalives: u64,
    /// ROUTE-REFRESH.
    pub refreshes: u64,
    /// Octets of all of them.
    pub octets: u64,
}

impl MessageCounts {
    /// Messages of all types.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.opens + self.updates + self.notifications + self.keepalives + self.refreshes
    }

    /// Counts a message by the Type field of its header.
    pub(crate) fn count(&mut self, message: &[u8]) {
        use guideway_bgp_wire::iana::message_type;
        let Some(kind) = message.get(guideway_bgp_wire::HEADER_LEN - 1) else { return };
        match *kind {
            message_type::OPEN => self.opens += 1,
            message_type::UPDATE => self.updates += 1,
            message_type::NOTIFICATION => self.notifications += 1,
            message_type::KEEPALIVE => self.keepalives += 1,
            message_type::ROUTE_REFRESH => self.refreshes += 1,
            _ => {}
        }
    }
}

impl PeerStatus {
    pub(crate) fn new(id: PeerId, config: Arc<PeerConfig>, dynamic: Option<String>) -> Self {
        Self {
            id,
            config,
            dynamic,
            address: None,
            state: State::Idle,
            since: SystemTime::now(),
            outgoing: State::Idle,
            incoming: State::Idle,
            last_error: None,
            session: None,
            problems: Vec::new(),
            bfd: None,
            received: MessageCounts::default(),
            sent: MessageCounts::default(),
            malformed_updates: 0,
            sessions: 0,
            flaps: 0,
            kept: Kept::default(),
        }
    }

    /// Prefixes that the peer was told in this session.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.session.iter().flat_map(|session| &session.told).map(|(_, count)| count).sum()
    }
}

/// A status with its history, written by the peer's task and read by others.
#[derive(Debug, Clone)]
pub(crate) struct SharedStatus(Arc<Mutex<Record>>);

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) status: PeerStatus,
    pub(crate) history: History,
}

impl SharedStatus {
    pub(crate) fn new(status: PeerStatus) -> Self {
        Self(Arc::new(Mutex::new(Record { status, history: History::default() })))
    }

    /// Nobody panics with the lock held, so a poisoned one is as good as another.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
