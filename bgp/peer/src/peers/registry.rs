//! What is known of all peers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use guideway_bgp_config::{Direction, PeerConfig, Remote};
use guideway_bgp_fsm::RestartFlags;
use tokio::task::JoinHandle;

use crate::listener::{Listener, key_prefix};
use crate::peers::UnknownPeer;
use crate::status::RangeStatus;
use crate::task::Contact;

#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// Peers and ranges in the order of the configuration.
    pub(crate) configs: Vec<Arc<PeerConfig>>,
    /// By name. Those of ranges too.
    pub(crate) peers: BTreeMap<String, Entry>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) restart: Option<RestartFlags>,
    /// Sessions are to be down, with this text.
    pub(crate) shut: Option<String>,
    pub(crate) refused: u64,
    /// Tasks that are ending.
    pub(crate) ending: Vec<JoinHandle<()>>,
    pub(crate) last_id: u32,
    /// Nothing begins any more.
    pub(crate) ended: bool,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) contact: Contact,
    pub(crate) config: Arc<PeerConfig>,
    /// The name of the range that it came from.
    pub(crate) range: Option<String>,
    pub(crate) task: JoinHandle<()>,
}

impl Registry {
    /// A peer by its name, its address (also one that was learnt) or its interface.
    pub(crate) fn find(&self, peer: &str) -> Option<&Entry> {
        self.peers.get(peer).or_else(|| {
            let address = peer.parse::<IpAddr>().ok();
            let learnt = |entry: &Entry| entry.contact.status.lock().status.address;
            self.peers.values().find(|entry| match &entry.config.remote {
                Remote::Address(own) => Some(*own) == address,
                Remote::LinkLocal { interface, .. } if interface == peer => true,
                _ => address.is_some() && learnt(entry) == address,
            })
        })
    }

    /// Entries in the order of the configuration.
    pub(crate) fn in_order(&self) -> Vec<&Entry> {
        let of = |config: &Arc<PeerConfig>| {
            let own = self.peers.get(&config.name).filter(|entry| entry.range.is_none());
            let name = config.name.clone();
            let range = self.peers.values().filter(move |entry| entry.range.as_ref() == Some(&name));
            own.into_iter().chain(range)
        };
        self.configs.iter().flat_map(of).collect()
    }

    /// How many peers of a range have a connection.
    pub(crate) fn connected(&self, range: &str) -> usize {
        self.of_range(range).filter(|(_, entry)| entry.contact.mailbox.is_connected()).count()
    }

    /// The ranges, in the order of the configuration.
    pub(crate) fn ranges(&self) -> Vec<RangeStatus> {
        let range = |config: &Arc<PeerConfig>| {
            let Remote::Range { prefix, limit } = config.remote else { return None };
            Some(RangeStatus {
                config: Arc::clone(config),
                prefix,
                connected: self.connected(&config.name),
                limit,
                problems: self.key_problems(config),
            })
        };
        self.configs.iter().filter_map(range).collect()
    }

    /// Why [`Registry::find`] found nothing.
    pub(crate) fn unknown(&self, peer: &str) -> UnknownPeer {
        let asked = |range: &RangeStatus| range.config.name == peer || range.prefix.to_string() == peer;
        match self.ranges().into_iter().find(asked) {
            Some(range) => {
                UnknownPeer::Range { name: peer.to_owned(), prefix: range.prefix, connected: range.connected }
            }
            None => UnknownPeer::Name(peer.to_owned()),
        }
    }

    /// What the listeners say about the key of a peer.
    pub(crate) fn key_problems(&self, config: &PeerConfig) -> Vec<String> {
        let prefix = key_prefix(&config.remote);
        self.listeners.iter().filter_map(|listener| listener.key_problem(&prefix)).collect()
    }

    /// The peers of a range.
    pub(crate) fn of_range(&self, range: &str) -> impl Iterator<Item = (&String, &Entry)> {
        self.peers.iter().filter(move |(_, entry)| entry.range.as_deref() == Some(range))
    }
}

/// The settings of one peer of a range.
pub(crate) fn of_range(range: &PeerConfig, address: IpAddr) -> PeerConfig {
    PeerConfig {
        name: address.to_string(),
        remote: Remote::Address(address),
        direction: Direction::Passive,
        ..range.clone()
    }
}
