//! Services, and the map that the programs look them up in.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use guideway_abi::{DecapService, DecapServiceKey, DecapTarget, decap_service_kind, decap_specific};
use guideway_abi::{IPPROTO_TCP, IPPROTO_UDP};

/// TCP or UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Transport {
    const fn number(self) -> u8 {
        match self {
            Self::Tcp => IPPROTO_TCP,
            Self::Udp => IPPROTO_UDP,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// Which packets of a VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServicePort {
    /// All that no other service takes.
    Any,
    /// Those to a port.
    Port(Transport, u16),
    /// Those to a port that came to the node by this outer destination, which tells Pods of one node apart.
    PortBy(Transport, u16, IpAddr),
}

/// What packets a service is for; the most specific one takes a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// The VIP.
    pub vip: IpAddr,
    /// Of its packets.
    pub port: ServicePort,
}

/// What is done with the packets of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// They are delivered to the VIP, which is on the loopback interface.
    AsIs,
    /// Their destination is translated to this one, of the VIP's family, and the source of replies back.
    Translate(SocketAddr),
    /// They are dropped and counted.
    Refuse,
    /// As [`Translate`](Self::Translate), if they go on with a flow that this node has; else as [`Refuse`](Self::Refuse).
    Drain(SocketAddr),
}

/// Where the address of a VIP on the loopback interface comes from. The programs do not look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VipAddress {
    /// It was there before, so that it has to stay, or it is not needed there.
    Foreign,
    /// It was, or is about to be, added for this VIP.
    Added,
}

/// Services, and where the addresses of their VIPs come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services {
    /// The services.
    pub services: BTreeMap<ServiceKey, Service>,
    /// Every VIP of them.
    pub vips: BTreeMap<IpAddr, VipAddress>,
}

/// The map's content.
pub(super) type Elements = BTreeMap<[u8; KEY], (DecapServiceKey, DecapService)>;
/// Bytes of a [`DecapServiceKey`].
pub(super) const KEY: usize = size_of::<DecapServiceKey>();

impl Services {
    /// The whole VIPs, each delivered as it is.
    #[must_use]
    pub fn as_they_are(vips: BTreeMap<IpAddr, VipAddress>) -> Self {
        let any = |vip: &IpAddr| (ServiceKey { vip: *vip, port: ServicePort::Any }, Service::AsIs);
        Self { services: vips.keys().map(any).collect(), vips }
    }

    /// VIPs that have to be on the loopback interface: those with packets that are delivered as they are.
    pub fn on_loopback(&self) -> impl Iterator<Item = IpAddr> {
        let as_they_are = self.services.iter().filter(|(_, service)| **service == Service::AsIs);
        let vips: std::collections::BTreeSet<IpAddr> = as_they_are.map(|(key, _)| key.vip).collect();
        vips.into_iter()
    }

    /// Whether replies have to be translated.
    pub(super) fn translate(&self) -> bool {
        self.services.values().any(|service| matches!(service, Service::Translate(_) | Service::Drain(_)))
    }

    /// What the map has to hold. Every VIP gets a key of its own that says whether there are more specific ones; without a
    /// service for it, the other ports are refused.
    pub(super) fn elements(&self) -> Elements {
        let mut elements = Elements::new();
        let mut specific: BTreeMap<IpAddr, u8> = BTreeMap::new();
        for (key, service) in &self.services {
            let bits = specific.entry(key.vip).or_default();
            match key.port {
                ServicePort::Any => {}
                ServicePort::Port(..) => *bits |= decap_specific::PORT,
                ServicePort::PortBy(..) => *bits |= decap_specific::OUTER,
            }
            insert(&mut elements, key, element(*service));
        }
        for (vip, bits) in specific {
            let any = ServiceKey { vip, port: ServicePort::Any };
            let whole = self.services.get(&any).copied().unwrap_or(Service::Refuse);
            let on_loopback = u8::from(self.vips.get(&vip) == Some(&VipAddress::Added));
            insert(&mut elements, &any, DecapService { specific: bits, on_loopback, ..element(whole) });
        }
        elements
    }

    /// What the map holds; elements that make no sense are left out.
    pub(super) fn from_elements(elements: impl IntoIterator<Item = (DecapServiceKey, DecapService)>) -> Self {
        let mut found = Self::default();
        for (key, value) in elements {
            let Some(port) = port(&key) else { continue };
            let vip = Ipv6Addr::from(key.vip).to_canonical();
            if port == ServicePort::Any {
                let added = value.on_loopback == 1;
                found.vips.insert(vip, if added { VipAddress::Added } else { VipAddress::Foreign });
            }
            let service = match value.kind {
                decap_service_kind::AS_IS => Service::AsIs,
                decap_service_kind::TRANSLATE => Service::Translate(address(&value.target)),
                decap_service_kind::REFUSE => Service::Refuse,
                decap_service_kind::DRAIN => Service::Drain(address(&value.target)),
                _ => continue,
            };
            found.services.insert(ServiceKey { vip, port }, service);
        }
        found
    }
}

/// Steps from one content of the map to another, in an order in which no packet meets less than either.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) write: Vec<(DecapServiceKey, DecapService)>,
    pub(super) delete: Vec<DecapServiceKey>,
}

impl Steps {
    pub(super) fn between(present: &Elements, wanted: &Elements) -> Self {
        let mut write: Vec<(DecapServiceKey, DecapService)> = wanted
            .iter()
            .filter(|(bytes, element)| present.get(*bytes) != Some(element))
            .map(|(_, element)| *element)
            .collect();
        let mut delete: Vec<DecapServiceKey> = present
            .iter()
            .filter(|(bytes, _)| !wanted.contains_key(*bytes))
            .map(|(_, (key, _))| *key)
            .collect();
        // A VIP's own key says which others are looked up: it is written after them and deleted before them.
        write.sort_by_key(|(key, _)| key.port_be == 0);
        delete.sort_by_key(|key| key.port_be != 0);
        Self { write, delete }
    }
}

fn insert(elements: &mut Elements, key: &ServiceKey, service: DecapService) {
    let key = raw_key(key);
    elements.insert(bytes_of(&key), (key, service));
}

pub(super) fn bytes_of(key: &DecapServiceKey) -> [u8; KEY] {
    let mut bytes = [0; KEY];
    bytes.copy_from_slice(crate::plain::bytes(std::slice::from_ref(key)));
    bytes
}

fn raw_key(key: &ServiceKey) -> DecapServiceKey {
    let raw = DecapServiceKey { vip: mapped(key.vip), ..DecapServiceKey::default() };
    match key.port {
        ServicePort::Any => raw,
        ServicePort::Port(transport, port) => {
            DecapServiceKey { port_be: port.to_be(), protocol: transport.number(), ..raw }
        }
        ServicePort::PortBy(transport, port, outer) => DecapServiceKey {
            outer: mapped(outer),
            port_be: port.to_be(),
            protocol: transport.number(),
            ..raw
        },
    }
}

fn port(key: &DecapServiceKey) -> Option<ServicePort> {
    let transport = match key.protocol {
        0 => return (key.port_be == 0 && key.outer == [0; 16]).then_some(ServicePort::Any),
        IPPROTO_TCP => Transport::Tcp,
        IPPROTO_UDP => Transport::Udp,
        _ => return None,
    };
    let port = u16::from_be(key.port_be);
    Some(match key.outer {
        outer if outer == [0; 16] => ServicePort::Port(transport, port),
        outer => ServicePort::PortBy(transport, port, Ipv6Addr::from(outer).to_canonical()),
    })
}

fn element(service: Service) -> DecapService {
    let none = DecapService::default();
    match service {
        Service::AsIs => DecapService { kind: decap_service_kind::AS_IS, ..none },
        Service::Refuse => DecapService { kind: decap_service_kind::REFUSE, ..none },
        Service::Translate(target) => {
            DecapService { kind: decap_service_kind::TRANSLATE, target: raw_target(target), ..none }
        }
        Service::Drain(target) => {
            DecapService { kind: decap_service_kind::DRAIN, target: raw_target(target), ..none }
        }
    }
}

fn raw_target(target: SocketAddr) -> DecapTarget {
    DecapTarget { address: mapped(target.ip()), port_be: target.port().to_be(), ..DecapTarget::default() }
}

fn address(target: &DecapTarget) -> SocketAddr {
    SocketAddr::new(Ipv6Addr::from(target.address).to_canonical(), u16::from_be(target.port_be))
}

/// IPv6, or IPv4-mapped IPv6, in network byte order.
fn mapped(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests;
