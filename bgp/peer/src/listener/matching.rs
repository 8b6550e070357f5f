//! Whose a connection is. Pure.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use guideway_bgp_config::{Direction, PeerConfig, Remote};
use ipnet::{IpNet, Ipv6Net};

/// A connection that came.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) remote: IpAddr,
    pub(crate) local: IpAddr,
    /// The interface that a link-local address is on.
    pub(crate) interface: Option<String>,
}

/// Whose it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Match {
    /// This peer's.
    Peer(Arc<PeerConfig>),
    /// That of a peer of this range.
    Range(Arc<PeerConfig>),
}

/// The peer, or why there is none.
pub(crate) fn find(configs: &[Arc<PeerConfig>], incoming: &Incoming) -> Result<Match, String> {
    let mut why = "no such peer is configured".to_owned();
    let mut range: Option<(u8, &Arc<PeerConfig>)> = None;
    for config in configs {
        let length = match &config.remote {
            Remote::Address(address) if *address == incoming.remote => None,
            Remote::LinkLocal { interface, address }
                if incoming.interface.as_ref() == Some(interface)
                    && is_link_local(incoming.remote)
                    && address.is_none_or(|address| incoming.remote == IpAddr::V6(address)) =>
            {
                None
            }
            Remote::Range { prefix, .. } if prefix.contains(&incoming.remote) => Some(prefix.prefix_len()),
            _ => continue,
        };
        if let Some(local) = config.local_address
            && local != incoming.local
        {
            why = format!("peer {} is to connect to {local}, not to {}", config.name, incoming.local);
            continue;
        }
        if config.direction == Direction::Active {
            why = format!("peer {} is not to connect (direction: active)", config.name);
            continue;
        }
        match length {
            None => return Ok(Match::Peer(Arc::clone(config))),
            Some(length) if range.is_none_or(|(best, _)| length > best) => range = Some((length, config)),
            Some(_) => {}
        }
    }
    range.map(|(_, config)| Match::Range(Arc::clone(config))).ok_or(why)
}

/// The addresses that the key of a peer is for.
pub(crate) fn key_prefix(remote: &Remote) -> IpNet {
    match remote {
        Remote::Address(address) => IpNet::from(*address),
        Remote::LinkLocal { address: Some(address), .. } => IpNet::from(IpAddr::V6(*address)),
        Remote::LinkLocal { address: None, .. } => IpNet::V6(LINK_LOCAL),
        Remote::Range { prefix, .. } => prefix.trunc(),
    }
}

/// fe80::/10: the kernel binds keys to addresses, not to interfaces.
const LINK_LOCAL: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10);

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use guideway_bgp_fsm::{Config, RemoteAs};

    use super::*;

    fn config(remote: Remote) -> PeerConfig {
        PeerConfig::new(remote, Config::new(65001, Ipv4Addr::new(10, 255, 1, 1), RemoteAs::External))
    }

    fn range(prefix: &str) -> PeerConfig {
        config(Remote::Range { prefix: prefix.parse().unwrap(), limit: 2 })
    }

    fn incoming(remote: &str, interface: Option<&str>) -> Incoming {
        Incoming {
            remote: remote.parse().unwrap(),
            local: "10.1.1.2".parse().unwrap(),
            interface: interface.map(str::to_owned),
        }
    }

    fn name(configs: &[PeerConfig], incoming: &Incoming) -> Result<String, String> {
        let configs: Vec<_> = configs.iter().cloned().map(Arc::new).collect();
        find(&configs, incoming).map(|found| match found {
            Match::Peer(config) => format!("peer {}", config.name),
            Match::Range(config) => format!("range {}", config.name),
        })
    }

    #[test]
    fn a_peer_goes_before_a_range_and_a_longer_range_before_a_shorter_one() {
        let configs =
            [range("10.0.0.0/8"), range("10.1.0.0/16"), config(Remote::Address("10.1.1.1".parse().unwrap()))];
        assert_eq!(name(&configs, &incoming("10.1.1.1", None)).unwrap(), "peer 10.1.1.1");
        assert_eq!(name(&configs, &incoming("10.1.1.9", None)).unwrap(), "range 10.1.0.0/16");
        assert_eq!(name(&configs, &incoming("10.2.1.9", None)).unwrap(), "range 10.0.0.0/8");
        assert_eq!(name(&configs, &incoming("11.0.0.1", None)).unwrap_err(), "no such peer is configured");
    }

    #[test]
    fn a_link_local_address_counts_on_its_interface() {
        let up = |address: Option<&str>| {
            let address = address.map(|address| address.parse().unwrap());
            config(Remote::LinkLocal { interface: "up0".to_owned(), address })
        };
        assert_eq!(name(&[up(None)], &incoming("fe80::2", Some("up0"))).unwrap(), "peer up0");
        assert!(name(&[up(None)], &incoming("fe80::2", Some("up1"))).is_err());
        assert!(name(&[up(None)], &incoming("2001:db8::2", Some("up0"))).is_err());
        assert!(name(&[up(Some("fe80::3"))], &incoming("fe80::2", Some("up0"))).is_err());
        assert_eq!(key_prefix(&up(None).remote).to_string(), "fe80::/10");
    }

    #[test]
    fn who_is_not_to_connect_is_told_why() {
        let mut peer = config(Remote::Address("10.1.1.1".parse().unwrap()));
        peer.direction = Direction::Active;
        let why = name(&[peer.clone()], &incoming("10.1.1.1", None)).unwrap_err();
        assert!(why.contains("direction: active"), "{why}");
        peer.direction = Direction::Both;
        peer.local_address = Some("10.9.9.9".parse().unwrap());
        let why = name(&[peer], &incoming("10.1.1.1", None)).unwrap_err();
        assert!(why.contains("10.9.9.9"), "{why}");
    }
}
