//! Starts, changes and ends tasks.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use guideway_bgp_config::{PeerConfig, Remote};
use guideway_bgp_fsm::Stop;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tracing::{Instrument, info_span};

use super::registry::{Entry, Registry, of_range};
use super::{Applied, Settings};
use crate::links::{self, Links};
use crate::listener::Listener;
use crate::mailbox::Mailbox;
use crate::router::{PeerId, Router};
use crate::status::{PeerStatus, SharedStatus};
use crate::task::{Bfd, Contact, Feeds, Linger, Surroundings, Task};

/// A dynamic peer that has had no connection for so long is forgotten.
const LINGER: Duration = Duration::from_secs(600);

pub(crate) struct Inner {
    around: Arc<Surroundings>,
    registry: Mutex<Registry>,
    /// Interfaces with unnumbered peers.
    interfaces: watch::Sender<BTreeSet<String>>,
    follower: AbortHandle,
    this: Weak<Self>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.follower.abort();
        let registry = self.registry.get_mut().unwrap_or_else(PoisonError::into_inner);
        registry.peers.values().for_each(|entry| entry.task.abort());
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl Inner {
    pub(super) fn new(settings: Settings, router: Arc<dyn Router>) -> Arc<Self> {
        let Settings { name, bfd_socket, taps, listen: _ } = settings;
        let (links, links_of_tasks) = watch::channel(Links::default());
        let (interfaces, wanted) = watch::channel(BTreeSet::new());
        let follower = tokio::spawn(links::follow(wanted, links)).abort_handle();
        let bfd = Bfd { socket: bfd_socket, name, client: OnceLock::new() };
        let around = Arc::new(Surroundings { router, taps, bfd, links: links_of_tasks });
        Arc::new_cyclic(|this| Self {
            around,
            registry: Mutex::default(),
            interfaces,
            follower,
            this: this.clone(),
        })
    }

    /// Nobody panics with the lock held, so a poisoned one is as good as another.
    pub(super) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn apply(&self, configs: Vec<Arc<PeerConfig>>) -> Applied {
        let mut applied = Applied::default();
        let mut guard = self.registry();
        let registry = &mut *guard;
        if registry.ended {
            return applied;
        }
        registry.configs = configs;
        let configs = registry.configs.clone();
        // The keys first: a peer that is new may connect at once.
        registry.listeners.iter_mut().for_each(|listener| listener.sync(&configs));
        for name in registry.peers.keys().cloned().collect::<Vec<_>>() {
            let Some(entry) = registry.peers.get_mut(&name) else { continue };
            match wanted(&configs, entry) {
                Some(config) if config == entry.config => {}
                Some(config) => {
                    entry.config = Arc::clone(&config);
                    entry.contact.mailbox.put(|letters| letters.config = Some(config));
                    applied.changed.push(name);
                }
                None => {
                    remove(registry, &name, Stop::Deconfigured);
                    applied.removed.push(name);
                }
            }
        }
        for config in &configs {
            if !matches!(config.remote, Remote::Range { .. }) && !registry.peers.contains_key(&config.name) {
                self.spawn(registry, Arc::clone(config), None);
                applied.added.push(config.name.clone());
            }
        }
        drop(guard);
        let interfaces = configs.iter().filter_map(|config| match &config.remote {
            Remote::LinkLocal { interface, .. } => Some(interface.clone()),
            _ => None,
        });
        let interfaces = interfaces.collect();
        self.interfaces.send_if_modified(|known| {
            let changed = *known != interfaces;
            *known = interfaces;
            changed
        });
        applied
    }

    /// Starts the task of a peer.
    pub(super) fn spawn(
        &self,
        registry: &mut Registry,
        config: Arc<PeerConfig>,
        range: Option<String>,
    ) -> Arc<Mailbox> {
        registry.last_id += 1;
        let id = PeerId(registry.last_id);
        let status = SharedStatus::new(PeerStatus::new(id, Arc::clone(&config), range.clone()));
        let contact = Contact { id, mailbox: Arc::default(), status, feeds: Feeds::default() };
        let mailbox = Arc::clone(&contact.mailbox);
        if let Some(flags) = registry.restart {
            mailbox.put(|letters| letters.restart = Some(flags));
        }
        let linger = Linger(range.is_some().then_some(LINGER));
        let shut = registry.shut.clone();
        let task = Task::new(Arc::clone(&self.around), contact.clone(), Arc::clone(&config), linger, shut);
        let span = info_span!("peer", name = %config.name, remote_as = %config.session.remote_as);
        let (this, router, name) = (self.this.clone(), Arc::clone(&self.around.router), config.name.clone());
        let run = async move {
            task.run().await;
            if let Some(this) = this.upgrade() {
                this.task_ended(&name, id);
            }
            router.forgotten(id);
        };
        let task = tokio::spawn(run.instrument(span));
        registry.peers.insert(config.name.clone(), Entry { contact, config, range, task });
        mailbox
    }

    /// A task has ended by itself, or was told to.
    fn task_ended(&self, name: &str, id: PeerId) {
        let mut registry = self.registry();
        registry.ending.retain(|task| !task.is_finished());
        if registry.peers.get(name).is_some_and(|entry| entry.contact.id == id) {
            registry.peers.remove(name);
        }
    }

    pub(super) fn listen(&self, addresses: &[SocketAddr]) {
        let mut registry = self.registry();
        if registry.ended {
            return;
        }
        registry.listeners.retain(|listener| addresses.contains(&listener.address));
        for address in addresses {
            if registry.listeners.iter().all(|listener| listener.address != *address) {
                registry.listeners.push(Listener::start(*address, self.this.clone()));
            }
        }
    }

    pub(crate) fn listener_bound(&self, address: SocketAddr, socket: Arc<TcpListener>) {
        let mut guard = self.registry();
        let registry = &mut *guard;
        let found = registry.listeners.iter_mut().find(|listener| listener.address == address);
        if let Some(listener) = found {
            listener.bound(socket, &registry.configs);
        }
    }

    pub(crate) fn listener_failed(&self, address: SocketAddr, error: String) {
        let mut registry = self.registry();
        let found = registry.listeners.iter_mut().find(|listener| listener.address == address);
        if let Some(listener) = found {
            listener.failed(error);
        }
    }

    pub(super) fn statuses(&self) -> Vec<PeerStatus> {
        let contacts: Vec<Contact> =
            self.registry().in_order().into_iter().map(|entry| entry.contact.clone()).collect();
        contacts.iter().map(|contact| self.status_of(contact)).collect()
    }

    pub(super) fn status(&self, peer: &str) -> Option<PeerStatus> {
        let contact = self.registry().find(peer)?.contact.clone();
        Some(self.status_of(&contact))
    }

    fn status_of(&self, contact: &Contact) -> PeerStatus {
        let mut status = contact.status.lock().status.clone();
        if let Some(session) = &mut status.session {
            session.told = contact.feeds.told_counts();
        }
        status.kept = self.around.router.kept(contact.id);
        let key_problems = self.registry().key_problems(&status.config);
        status.problems.extend(key_problems);
        status
    }

    /// Ends everything; the tasks that are ending come back.
    pub(super) fn end(&self, stop: &Stop) -> Vec<JoinHandle<()>> {
        let mut guard = self.registry();
        let registry = &mut *guard;
        registry.ended = true;
        registry.listeners.clear();
        for name in registry.peers.keys().cloned().collect::<Vec<_>>() {
            remove(registry, &name, stop.clone());
        }
        std::mem::take(&mut registry.ending)
    }
}

/// The settings that an entry is to have; `None` when it is to go.
fn wanted(configs: &[Arc<PeerConfig>], entry: &Entry) -> Option<Arc<PeerConfig>> {
    let name = entry.range.as_ref().unwrap_or(&entry.config.name);
    let config = configs.iter().find(|config| config.name == *name)?;
    match (&config.remote, &entry.config.remote, &entry.range) {
        (Remote::Range { prefix, .. }, Remote::Address(address), Some(_)) if prefix.contains(address) => {
            // A peer that is configured by itself now is not one of the range any more.
            let own = configs.iter().any(|config| config.remote == entry.config.remote);
            (!own).then(|| Arc::new(of_range(config, *address)))
        }
        (wanted, own, None) if wanted == own => Some(Arc::clone(config)),
        (Remote::LinkLocal { interface, .. }, Remote::LinkLocal { interface: own, .. }, None)
            if interface == own =>
        {
            Some(Arc::clone(config))
        }
        _ => None,
    }
}

pub(super) fn remove(registry: &mut Registry, name: &str, stop: Stop) {
    if let Some(entry) = registry.peers.remove(name) {
        entry.contact.mailbox.put(|letters| letters.end = Some(stop));
        registry.ending.push(entry.task);
    }
}
