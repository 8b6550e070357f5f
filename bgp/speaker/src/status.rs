//! What the tasks tell about themselves; the admin API and the metrics read it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use guideway_bgp_fsm::State;
use guideway_bgp_wire::Families;

use crate::prefixes::Prefixes;

/// The state of one peer's session.
#[derive(Debug, Clone)]
pub(crate) struct PeerStatus {
    pub(crate) address: IpAddr,
    pub(crate) remote_as: u32,
    pub(crate) state: State,
    pub(crate) since: SystemTime,
    /// Why the session went down last; empty when it never did.
    pub(crate) last_error: String,
    pub(crate) hold_time: Duration,
    pub(crate) peer_router_id: Option<Ipv4Addr>,
    pub(crate) families: Families,
    pub(crate) messages_received: u64,
    pub(crate) messages_sent: u64,
    pub(crate) malformed_updates: u64,
    pub(crate) sessions: u64,
    pub(crate) advertised: Prefixes,
}

impl PeerStatus {
    pub(crate) fn new(address: IpAddr, remote_as: u32) -> Self {
        Self {
            address,
            remote_as,
            state: State::Idle,
            since: SystemTime::now(),
            last_error: String::new(),
            hold_time: Duration::ZERO,
            peer_router_id: None,
            families: Families::NONE,
            messages_received: 0,
            messages_sent: 0,
            malformed_updates: 0,
            sessions: 0,
            advertised: Prefixes::default(),
        }
    }
}

/// The state of the agent's stream.
#[derive(Debug, Clone)]
pub(crate) struct AgentStatus {
    /// `connected`, or why it is not.
    pub(crate) text: String,
    pub(crate) connected: bool,
    /// There is a last word of the agent, and it counts.
    pub(crate) heard: bool,
    /// What is announced to the peers.
    pub(crate) prefixes: Prefixes,
    /// Messages of the agent.
    pub(crate) updates: u64,
    /// Texts in these messages that were nothing to announce.
    pub(crate) refused: u64,
}

impl Default for AgentStatus {
    fn default() -> Self {
        Self {
            text: "not connected yet".to_owned(),
            connected: false,
            heard: false,
            prefixes: Prefixes::default(),
            updates: 0,
            refused: 0,
        }
    }
}

/// A value that one task writes and others read.
#[derive(Debug, Clone)]
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    /// Nobody panics with the lock held, so a poisoned one is as good as another.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The whole speaker as seen from outside.
#[derive(Debug, Clone)]
pub(crate) struct SpeakerStatus {
    view: Arc<RwLock<View>>,
    pub(crate) agent: Shared<AgentStatus>,
}

/// The part that a reload replaces.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) local_as: u32,
    pub(crate) router_id: Ipv4Addr,
    /// In the order of the configuration.
    pub(crate) peers: Vec<Shared<PeerStatus>>,
    pub(crate) reloads_accepted: u64,
    pub(crate) reloads_refused: u64,
}

impl SpeakerStatus {
    pub(crate) fn new(local_as: u32, router_id: Ipv4Addr) -> Self {
        let view = View { local_as, router_id, peers: Vec::new(), reloads_accepted: 0, reloads_refused: 0 };
        Self { view: Arc::new(RwLock::new(view)), agent: Shared::new(AgentStatus::default()) }
    }

    pub(crate) fn view(&self) -> View {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.view.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// A copy of every peer's status, so that no lock is held while something is written from it.
    pub(crate) fn peers(&self) -> Vec<PeerStatus> {
        self.view().peers.iter().map(|peer| peer.lock().clone()).collect()
    }

    /// Why the speaker is not of use at the moment; empty when it is.
    pub(crate) fn not_ready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let agent = self.agent.lock();
        if !agent.connected || !agent.heard {
            reasons.push(format!("agent: {}", agent.text));
        }
        drop(agent);
        if !self.peers().iter().any(|peer| peer.state == State::Established) {
            reasons.push("no session is established".to_owned());
        }
        reasons
    }
}
