//! All peers of a daemon.

mod accept;
mod inner;
mod registry;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use guideway_bgp_config::PeerConfig;
use guideway_bgp_fsm::{RestartFlags, Stop};
use guideway_bgp_rib::Route;
use guideway_bgp_wire::Nlri;
use ipnet::IpNet;
use thiserror::Error;
use tokio::time::timeout;

use crate::history::SessionEvent;
use crate::listener::ListenerStatus;
use crate::outlet::Outlet;
use crate::router::{PeerId, Router};
use crate::status::{PeerStatus, RangeStatus};
use crate::tap::Tap;
pub(crate) use inner::Inner;

/// How long the last words of all sessions may take.
const END: Duration = Duration::from_secs(5);

/// What holds for all peers.
#[derive(Clone, Default)]
pub struct Settings {
    /// How the daemon calls itself at lb-bfd.
    pub name: String,
    /// Addresses to listen on; none for a daemon that only dials.
    pub listen: Vec<SocketAddr>,
    /// The socket of lb-bfd; `None`: peers with BFD settings go without.
    pub bfd_socket: Option<PathBuf>,
    /// Who sees what sessions do.
    pub taps: Vec<Arc<dyn Tap>>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("name", &self.name)
            .field("listen", &self.listen)
            .field("bfd_socket", &self.bfd_socket)
            .field("taps", &self.taps.len())
            .finish()
    }
}

/// What [`Peers::apply`] did, by names. All other peers were not touched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Peers that are there now.
    pub added: Vec<String>,
    /// Peers that are not there any more.
    pub removed: Vec<String>,
    /// Peers with other settings. Their sessions go on unless the OPEN or the connection itself has to be another one.
    pub changed: Vec<String>,
}

/// There is no such peer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnknownPeer {
    /// No peer has this name or address.
    #[error("no peer is named {0:?}")]
    Name(String),
    /// It is a range, which has peers but no session of its own.
    #[error(
        "{name} is the range {prefix} with {connected} connected peers, not one of them: `lbctl bgp peers` lists them"
    )]
    Range {
        /// As it was asked for.
        name: String,
        /// Its addresses.
        prefix: IpNet,
        /// Peers of it that have a connection.
        connected: usize,
    },
}

/// All peers of a daemon. Clones are the same peers. When the last one is dropped, all sessions end without a word.
#[derive(Debug, Clone)]
pub struct Peers(Arc<Inner>);

impl Peers {
    /// Listens, with no peer yet. Addresses that cannot be listened on are tried again; see [`Peers::listeners`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(settings: Settings, router: Arc<dyn Router>) -> Self {
        let listen = settings.listen.clone();
        let peers = Self(Inner::new(settings, router));
        peers.listen(&listen);
        peers
    }

    /// Makes the peers those of `configs`. Peers that are there already with equal settings are not touched, and a live
    /// session ends only when its own OPEN or connection has to be another one: a TCP-MD5 password, a TCP-AO key, TTL, BFD,
    /// limits and texts change in the live session.
    ///
    /// Names must differ from each other, as the configuration sees to.
    pub fn apply(&self, configs: Vec<PeerConfig>) -> Applied {
        self.0.apply(configs.into_iter().map(Arc::new).collect())
    }

    /// Listens on these addresses, and on no others. Sessions stay.
    pub fn listen(&self, addresses: &[SocketAddr]) {
        self.0.listen(addresses);
    }

    /// The listeners.
    #[must_use]
    pub fn listeners(&self) -> Vec<ListenerStatus> {
        self.0.registry().listeners.iter().map(crate::listener::Listener::status).collect()
    }

    /// Connections that were refused because they were nobody's, or more than a limit.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.registry().refused
    }

    /// The peer is to be told something else: it moves to these groups in its live session. Without a session nothing
    /// happens, for the next one asks [`Router::up`].
    pub fn set_outlets(&self, peer: PeerId, outlets: Vec<Outlet>) {
        let registry = self.0.registry();
        if let Some(entry) = registry.peers.values().find(|entry| entry.contact.id == peer) {
            entry.contact.mailbox.put(|letters| letters.outlets = Some(outlets));
        }
    }

    /// Ends the session of a peer with this reason; it comes back at once unless [`Stop`] says otherwise.
    ///
    /// # Errors
    ///
    /// When there is no such peer.
    pub fn reset(&self, peer: &str, stop: Stop) -> Result<(), UnknownPeer> {
        let registry = self.0.registry();
        let entry = registry.find(peer).ok_or_else(|| registry.unknown(peer))?;
        entry.contact.mailbox.put(|letters| letters.reset = Some(stop));
        Ok(())
    }

    /// Tells the peer everything again in the live session, and asks it for the same if it can (RFC 2918).
    ///
    /// # Errors
    ///
    /// When there is no such peer.
    pub fn refresh(&self, peer: &str) -> Result<(), UnknownPeer> {
        let registry = self.0.registry();
        let entry = registry.find(peer).ok_or_else(|| registry.unknown(peer))?;
        entry.contact.mailbox.put(|letters| letters.refresh = true);
        Ok(())
    }

    /// What the next OPENs to all peers say of a restart (RFC 4724 section 3).
    pub fn set_restart(&self, flags: RestartFlags) {
        let mut registry = self.0.registry();
        registry.restart = Some(flags);
        for entry in registry.peers.values() {
            entry.contact.mailbox.put(|letters| letters.restart = Some(flags));
        }
    }

    /// With a text: all sessions end with Cease/Administrative Shutdown that carries it (RFC 9003), and none is made, also
    /// with peers that are new. Without: they are made again at once.
    pub fn shut(&self, text: Option<String>) {
        let mut registry = self.0.registry();
        registry.shut.clone_from(&text);
        for entry in registry.peers.values() {
            entry.contact.mailbox.put(|letters| letters.shut = Some(text.clone()));
        }
    }

    /// Every peer, in the order of the configuration, those of a range in its place.
    #[must_use]
    pub fn statuses(&self) -> Vec<PeerStatus> {
        self.0.statuses()
    }

    /// The ranges of the configuration, in its order, also those that nobody has connected from.
    #[must_use]
    pub fn ranges(&self) -> Vec<RangeStatus> {
        self.0.registry().ranges()
    }

    /// Why no peer was found by this name or address.
    #[must_use]
    pub fn unknown(&self, peer: &str) -> UnknownPeer {
        self.0.registry().unknown(peer)
    }

    /// The status of a peer by name or address.
    #[must_use]
    pub fn status(&self, peer: &str) -> Option<PeerStatus> {
        self.0.status(peer)
    }

    /// What became of the sessions of a peer, by name or address, oldest first; the latest fifty steps.
    #[must_use]
    pub fn history(&self, peer: &str) -> Option<Vec<SessionEvent>> {
        let registry = self.0.registry();
        let entry = registry.find(peer)?;
        let events = entry.contact.status.lock().history.events();
        Some(events)
    }

    /// What a peer, by name or address, was told in its session: Adj-RIB-Out.
    #[must_use]
    pub fn told(&self, peer: &str) -> Option<Vec<(Nlri, Arc<Route>)>> {
        let feeds = self.0.registry().find(peer)?.contact.feeds.clone();
        Some(feeds.told())
    }

    /// True when every session has been given everything that there is to say.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let feeds: Vec<_> =
            self.0.registry().peers.values().map(|entry| entry.contact.feeds.clone()).collect();
        feeds.iter().all(crate::task::Feeds::is_settled)
    }

    /// The name of a peer whose task is gone although nobody ended it, which is a bug.
    #[must_use]
    pub fn dead(&self) -> Option<String> {
        let registry = self.0.registry();
        registry.peers.iter().find(|(_, entry)| entry.task.is_finished()).map(|(name, _)| name.clone())
    }

    /// Ends everything: listeners are closed, and sessions end with this reason. [`Stop::Silent`] closes connections without
    /// a NOTIFICATION, so that the peers keep the routes. Takes some seconds at most.
    pub async fn stop(&self, stop: Stop) {
        let tasks = self.0.end(&stop);
        let all = async {
            for task in tasks {
                let _ = task.await;
            }
        };
        let _ = timeout(END, all).await;
    }
}
