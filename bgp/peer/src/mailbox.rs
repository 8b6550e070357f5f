//! What the task of a peer is asked to do. Of each kind only the latest counts, so nothing piles up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use guideway_bgp_config::PeerConfig;
use guideway_bgp_fsm::{RestartFlags, Stop};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::outlet::Outlet;

/// Connections of one peer that wait for its task. Each peer has one, or two when it starts anew.
const INCOMING: usize = 4;

#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    letters: Mutex<Letters>,
    arrived: Notify,
    /// The peer has a connection, or one waits here.
    connected: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct Letters {
    /// The end of the task.
    pub(crate) end: Option<Stop>,
    /// The end of the session; the peer comes back unless the reason forbids.
    pub(crate) reset: Option<Stop>,
    pub(crate) config: Option<Arc<PeerConfig>>,
    pub(crate) restart: Option<RestartFlags>,
    /// Sessions are to be down, with this text, or may be there again.
    pub(crate) shut: Option<Option<String>>,
    pub(crate) outlets: Option<Vec<Outlet>>,
    /// Send everything again, and ask for everything.
    pub(crate) refresh: bool,
    pub(crate) incoming: VecDeque<TcpStream>,
}

impl Mailbox {
    /// Puts something in.
    pub(crate) fn put(&self, change: impl FnOnce(&mut Letters)) {
        change(&mut self.letters());
        self.arrived.notify_one();
    }

    /// Gives a connection to the task; false when too many wait already.
    pub(crate) fn connection(&self, stream: TcpStream) -> bool {
        let mut letters = self.letters();
        if letters.incoming.len() >= INCOMING {
            return false;
        }
        letters.incoming.push_back(stream);
        self.connected.store(true, Ordering::Relaxed);
        drop(letters);
        self.arrived.notify_one();
        true
    }

    /// Whether the peer has any connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// The task tells whether it has any connection.
    pub(crate) fn set_connected(&self, connected: bool) {
        let letters = self.letters();
        self.connected.store(connected || !letters.incoming.is_empty(), Ordering::Relaxed);
    }

    /// Everything that has come. To be called after [`Mailbox::arrived`].
    pub(crate) fn take(&self) -> Letters {
        std::mem::take(&mut self.letters())
    }

    /// What was put in before counts no more: a new session asks for its outlets itself.
    pub(crate) fn forget_outlets(&self) {
        self.letters().outlets = None;
    }

    /// Waits until something was put in.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    fn letters(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
