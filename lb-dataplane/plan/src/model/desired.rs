//! Desired states for tests.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use guideway_abi::Capacities;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::{
    BackendSet, BootTime, Desired, FiveTuple, Member, OuterSources, Ports, Protocol, Seed, Session,
    SetEncapsulation, Shared, TableSize, Vip, VipKey, Weight,
};

pub(crate) const SMALL_MAPS: Capacities =
    Capacities { vips: 6, backends: 13, tables_large: 2, tables_small: 8, flow_buckets: 64 };

/// Of [`set`].
pub(crate) const WINDOW: Duration = Duration::from_secs(600);

/// When tests begin.
pub(crate) const NOW: BootTime = BootTime(1_000);

/// A desired state with neither sets nor VIPs.
pub(crate) fn nothing() -> Desired {
    Desired {
        seed: Seed([7; 16]),
        outer_sources: OuterSources {
            v4: Ipv4Net::new([172, 16, 0, 0].into(), 16).unwrap(),
            v6: Ipv6Net::new("100::".parse().unwrap(), 64).unwrap(),
        },
        tick_shift: 8,
        sets: Vec::new(),
        vips: Shared::default(),
        pools: Vec::new(),
        leaving: Vec::new(),
    }
}

/// A healthy backend of weight 1.
pub(crate) fn member(name: &str, address: &str) -> Member {
    Member { name: name.into(), address: address.parse().unwrap(), weight: Weight(1), healthy: true }
}

/// With a second hop.
pub(crate) fn set(name: &str, members: impl Into<Shared<Member>>) -> BackendSet {
    BackendSet {
        name: name.into(),
        table_size: TableSize::Small,
        members: members.into(),
        encapsulation: SetEncapsulation::IpIp,
        second_hop: true,
        drain_window: WINDOW,
        upcoming: None,
        earlier: Shared::default(),
    }
}

/// What clients dial at one address.
pub(crate) fn key(address: IpAddr, protocol: Protocol, ports: Ports) -> VipKey {
    VipKey { address: IpNet::from(address), protocol, ports }
}

/// A TCP VIP.
pub(crate) fn vip(name: &str, socket: &str, set: &str) -> Vip {
    let socket: SocketAddr = socket.parse().unwrap();
    Vip {
        name: name.into(),
        key: key(socket.ip(), Protocol::Tcp, Ports::One(socket.port())),
        set: set.into(),
        session: Session::Stateless,
        flow_entries: None,
        sources: Vec::new(),
    }
}

pub(crate) fn tcp(source: &str, destination: &str) -> FiveTuple {
    FiveTuple {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        protocol: Protocol::Tcp,
    }
}

/// Two sets, three VIPs, one of them IPv6.
pub(crate) fn web_and_dns() -> Desired {
    Desired {
        sets: vec![
            set("web", vec![member("be1", "10.0.0.1"), member("be2", "10.0.0.2"), member("be3", "fd00::3")]),
            set("dns", vec![member("be2", "10.0.0.2"), member("ns1", "10.0.1.1")]),
        ],
        vips: vec![
            vip("web-v4", "203.0.113.10:80", "web"),
            vip("web-v6", "[2001:db8::10]:80", "web"),
            vip("dns", "203.0.113.53:53", "dns"),
        ]
        .into(),
        ..nothing()
    }
}
