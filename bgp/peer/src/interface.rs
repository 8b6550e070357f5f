//! The interface that has an address, as the kernel lists it.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::SockaddrStorage;

/// Where a session's local address is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// Name and index; `None` when no interface has the address.
    pub(crate) interface: Option<(String, u32)>,
    pub(crate) link_local: Option<Ipv6Addr>,
    pub(crate) global_v6: Option<Ipv6Addr>,
}

impl Place {
    /// The place of `local`; `scope` is the index of the link when it is a link-local address.
    pub(crate) fn of(local: IpAddr, scope: u32) -> Self {
        let addresses = addresses();
        let index = |name: &str| if_nametoindex(name).unwrap_or_default();
        let own =
            |(name, net): &&(String, IpNet)| net.addr() == local && (scope == 0 || index(name) == scope);
        // All of 127.0.0.0/8 is ours without being listed.
        let around = |(_, net): &&(String, IpNet)| local.is_loopback() && net.contains(&local);
        let found = addresses.iter().find(own).or_else(|| addresses.iter().find(around));
        let name = found.map(|(name, _)| name.clone());
        let Some(name) = name else { return Self::default() };
        let v6 = |wanted: fn(&Ipv6Addr) -> bool| {
            addresses.iter().filter(|(found, _)| *found == name).find_map(|(_, net)| match net.addr() {
                IpAddr::V6(address) if wanted(&address) => Some(address),
                _ => None,
            })
        };
        // The session's own address before any other one.
        let own = match local {
            IpAddr::V6(address) if is_global(&address) => Some(address),
            _ => None,
        };
        Self {
            link_local: v6(Ipv6Addr::is_unicast_link_local),
            global_v6: own.or_else(|| v6(is_global)),
            interface: Some((name.clone(), index(&name))),
        }
    }
}

fn is_global(address: &Ipv6Addr) -> bool {
    !address.is_unicast_link_local() && !address.is_loopback() && !address.is_unspecified()
}

/// True when `remote` is in a subnet of one of our interfaces.
pub(crate) fn is_on_link(remote: IpAddr) -> bool {
    addresses().iter().any(|(_, net)| net.contains(&remote) && net.prefix_len() < net.max_prefix_len())
}

/// Interfaces and their addresses with subnets; empty when the kernel does not tell.
fn addresses() -> Vec<(String, IpNet)> {
    let Ok(all) = getifaddrs() else { return Vec::new() };
    let ip = |address: &SockaddrStorage| {
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    };
    all.filter_map(|found| {
        let address = found.address.as_ref().and_then(ip)?;
        let mask = found.netmask.as_ref().and_then(ip);
        let net = mask.and_then(|mask| IpNet::with_netmask(address, mask).ok());
        Some((found.interface_name, net.unwrap_or_else(|| IpNet::from(address))))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_address_is_found() {
        let place = Place::of(IpAddr::from([127, 0, 0, 1]), 0);
        assert_eq!(place.interface, Some(("lo".to_owned(), 1)));
        assert_eq!(place.global_v6, None);
        assert!(is_on_link(IpAddr::from([127, 0, 0, 9])));
        assert_eq!(Place::of(IpAddr::from([127, 0, 0, 9]), 0), place);
        assert_eq!(Place::of(IpAddr::from([192, 0, 2, 77]), 0), Place::default());
    }
}
