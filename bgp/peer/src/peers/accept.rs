//! Gives connections to their peers.

use std::net::SocketAddr;
use std::sync::Arc;

use guideway_bgp_config::{PeerConfig, Remote};
use guideway_bgp_fsm::Stop;
use nix::net::if_::if_indextoname;
use tokio::net::TcpStream;

use super::inner::{Inner, remove};
use super::registry::{Registry, of_range};
use crate::connection::canonical;
use crate::listener::{self, Incoming, Match, key_prefix};
use crate::mailbox::Mailbox;

impl Inner {
    /// Gives a connection to its peer; or says why it is refused, which closes it.
    pub(crate) fn accepted(
        &self,
        at: SocketAddr,
        stream: TcpStream,
        remote: SocketAddr,
    ) -> Result<(), String> {
        let mut registry = self.registry();
        let outcome = self.assign(&mut registry, at, stream, remote);
        if outcome.is_err() {
            registry.refused += 1;
        }
        outcome
    }

    fn assign(
        &self,
        registry: &mut Registry,
        at: SocketAddr,
        stream: TcpStream,
        remote: SocketAddr,
    ) -> Result<(), String> {
        if registry.ended {
            return Err("the daemon ends".to_owned());
        }
        let interface = match remote {
            SocketAddr::V6(remote) if remote.scope_id() != 0 => if_indextoname(remote.scope_id()).ok(),
            _ => None,
        };
        let local = stream.local_addr().map_err(|error| error.to_string())?;
        let incoming = Incoming {
            remote: canonical(remote).ip(),
            local: canonical(local).ip(),
            interface: interface.and_then(|name| name.into_string().ok()),
        };
        let found = listener::find(&registry.configs, &incoming)?;
        let (Match::Peer(config) | Match::Range(config)) = &found;
        // Without the key in the kernel anybody could have made the connection.
        let listener = registry.listeners.iter().find(|listener| listener.address == at);
        if !listener
            .is_some_and(|listener| listener.has_key(key_prefix(&config.remote), &config.authentication))
        {
            return Err(format!("the key of {} is not in force at this listener", config.name));
        }
        let mailbox = match &found {
            Match::Peer(config) => {
                registry.peers.get(&config.name).map(|entry| Arc::clone(&entry.contact.mailbox))
            }
            Match::Range(range) => Some(self.dynamic(registry, range, &incoming)?),
        };
        let mailbox = mailbox.ok_or_else(|| "the peer is ending".to_owned())?;
        if mailbox.connection(stream) { Ok(()) } else { Err("too many connections of this peer".to_owned()) }
    }

    /// The peer of a range with this address, which may be new.
    fn dynamic(
        &self,
        registry: &mut Registry,
        range: &Arc<PeerConfig>,
        incoming: &Incoming,
    ) -> Result<Arc<Mailbox>, String> {
        let Remote::Range { limit, .. } = range.remote else { return Err("not a range".to_owned()) };
        let config = of_range(range, incoming.remote);
        let known = registry.peers.get(&config.name).map(|entry| Arc::clone(&entry.contact.mailbox));
        let is_connected = known.as_ref().is_some_and(|mailbox| mailbox.is_connected());
        if !is_connected && registry.connected(&range.name) >= limit {
            return Err(format!("{} has its limit of {limit} peers", range.name));
        }
        if let Some(mailbox) = known {
            return Ok(mailbox);
        }
        // Those that are gone are remembered for some time, but not more of them than may be there at once.
        if registry.of_range(&range.name).count() >= limit.saturating_mul(2) {
            let gone =
                registry.of_range(&range.name).filter(|(_, entry)| !entry.contact.mailbox.is_connected());
            let oldest = gone.min_by_key(|(_, entry)| entry.contact.id).map(|(name, _)| name.clone());
            if let Some(name) = oldest {
                remove(registry, &name, Stop::Deconfigured);
            }
        }
        Ok(self.spawn(registry, Arc::new(config), Some(range.name.clone())))
    }
}
