//! Interfaces and the neighbours on them, for peers that are known by their interface only.

mod netlink;
mod solicit;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

pub(crate) use netlink::follow;

/// What the kernel knows of the interfaces that matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Links {
    /// False until the kernel has been asked.
    pub(crate) asked: bool,
    pub(crate) interfaces: BTreeMap<String, Interface>,
    /// Why the kernel cannot be asked; empty when it can.
    pub(crate) error: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Interface {
    pub(crate) index: u32,
    pub(crate) up: bool,
    pub(crate) mac: Option<[u8; 6]>,
    /// Own link-local address, once it may be used.
    pub(crate) link_local: Option<Ipv6Addr>,
    /// Link-local addresses of neighbours that answer, and whether they are routers.
    pub(crate) neighbours: BTreeMap<Ipv6Addr, bool>,
}

/// Where to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) remote: SocketAddr,
    /// The interface to go out by.
    pub(crate) device: Option<String>,
}

impl Target {
    /// By the routes of the kernel.
    pub(crate) fn routed(address: IpAddr, port: u16) -> Self {
        Self { remote: SocketAddr::new(address, port), device: None }
    }
}

impl Links {
    /// True until the kernel has been asked for the first time.
    pub(crate) fn is_unknown(&self) -> bool {
        !self.asked && self.error.is_empty()
    }

    /// The peer on `interface`: with the address that is set, or the one that the kernel knows, or else the one that a peer
    /// has connected from. Or why there is none.
    pub(crate) fn target(
        &self,
        interface: &str,
        set: Option<Ipv6Addr>,
        learnt: Option<Ipv6Addr>,
        port: u16,
    ) -> Result<Target, String> {
        if !self.error.is_empty() {
            return Err(format!("interface {interface}: {}", self.error));
        }
        let Some(found) = self.interfaces.get(interface) else {
            return Err(format!("interface {interface} does not exist"));
        };
        if !found.up {
            return Err(format!("interface {interface} is down"));
        }
        if found.link_local.is_none() {
            return Err(format!("interface {interface} has no link-local address (yet)"));
        }
        let address = match set {
            Some(address) => address,
            None => found.neighbour(interface).or_else(|why| learnt.ok_or(why))?,
        };
        let remote = SocketAddrV6::new(address, port, 0, found.index).into();
        Ok(Target { remote, device: Some(interface.to_owned()) })
    }
}

impl Interface {
    /// The only router on the link, or the only neighbour.
    pub(crate) fn neighbour(&self, name: &str) -> Result<Ipv6Addr, String> {
        let routers: Vec<_> =
            self.neighbours.iter().filter(|(_, router)| **router).map(|(address, _)| *address).collect();
        let all: Vec<_> = self.neighbours.keys().copied().collect();
        match (routers.as_slice(), all.as_slice()) {
            ([one], _) | ([], [one]) => Ok(*one),
            ([], []) => Err(format!("nobody answers on interface {name} (yet)")),
            ([], many) | (many, _) => {
                let list: Vec<_> = many.iter().take(4).map(ToString::to_string).collect();
                let list = list.join(", ");
                Err(format!(
                    "interface {name} has {} neighbours ({list}): set the peer's address",
                    many.len()
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(up: bool, neighbours: &[(&str, bool)]) -> Links {
        let neighbours =
            neighbours.iter().map(|(address, router)| (address.parse().unwrap(), *router)).collect();
        let link_local = Some("fe80::1".parse().unwrap());
        let interface = Interface { index: 7, up, mac: None, link_local, neighbours };
        Links { asked: true, interfaces: [("up0".to_owned(), interface)].into(), error: String::new() }
    }

    #[test]
    fn the_only_router_or_the_only_neighbour_is_the_peer() {
        let one = links(true, &[("fe80::2", false)]).target("up0", None, None, 179).unwrap();
        assert_eq!(one.remote.to_string(), "[fe80::2%7]:179");
        assert_eq!(one.device.as_deref(), Some("up0"));
        let router =
            links(true, &[("fe80::2", false), ("fe80::3", true)]).target("up0", None, None, 179).unwrap();
        assert_eq!(router.remote.to_string(), "[fe80::3%7]:179");
        let given = links(true, &[]).target("up0", Some("fe80::9".parse().unwrap()), None, 179).unwrap();
        assert_eq!(given.remote.to_string(), "[fe80::9%7]:179");
        // Who has connected is the peer when the kernel knows several, and not when it knows another one.
        let learnt = Some("fe80::3".parse().unwrap());
        let several = links(true, &[("fe80::2", true), ("fe80::3", true)]).target("up0", None, learnt, 179);
        assert_eq!(several.unwrap().remote.to_string(), "[fe80::3%7]:179");
        let another = links(true, &[("fe80::2", true)]).target("up0", None, learnt, 179).unwrap();
        assert_eq!(another.remote.to_string(), "[fe80::2%7]:179");
    }

    #[test]
    fn what_is_in_the_way_is_told() {
        let why = |links: Links, name: &str| links.target(name, None, None, 179).unwrap_err();
        assert!(Links::default().is_unknown());
        assert_eq!(why(links(true, &[]), "up1"), "interface up1 does not exist");
        assert_eq!(why(links(false, &[]), "up0"), "interface up0 is down");
        assert_eq!(why(links(true, &[]), "up0"), "nobody answers on interface up0 (yet)");
        let many = why(links(true, &[("fe80::2", true), ("fe80::3", true)]), "up0");
        assert_eq!(many, "interface up0 has 2 neighbours (fe80::2, fe80::3): set the peer's address");
    }
}
