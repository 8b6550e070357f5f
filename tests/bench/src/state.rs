//! Desired states.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use guideway_dataplane_plan::{
    BackendSet, Desired, Member, OuterSources, Ports, Protocol, Seed, Session, SetEncapsulation, Shared,
    TableSize, Vip, VipKey, Weight,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// First VIP address over IPv4.
pub(crate) const V4: Ipv4Addr = Ipv4Addr::new(20, 0, 0, 0);
/// First VIP address over IPv6.
pub(crate) const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0);
/// A VIP's address of which only port ranges are served.
pub(crate) const V4_RANGES: Ipv4Addr = Ipv4Addr::new(21, 0, 0, 0);
/// A VIP prefix.
pub(crate) const V4_PREFIX: Ipv4Addr = Ipv4Addr::new(22, 0, 0, 0);
/// No VIP has it.
pub(crate) const STRANGER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// Backends of each set.
pub(crate) const BACKENDS: u8 = 100;
/// How long slots stay unsettled: longer than any measurement.
const DRAIN_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// A state without VIPs and sets.
pub(crate) fn empty() -> Desired {
    Desired {
        seed: Seed(*b"seed for benches"),
        outer_sources: OuterSources {
            v4: Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 16),
            v6: Ipv6Net::new_assert(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64),
        },
        tick_shift: 8,
        sets: Vec::new(),
        vips: Shared::default(),
        pools: Vec::new(),
        leaving: Vec::new(),
    }
}

/// A set of [`BACKENDS`] backends; another `batch` has others, of which none is in two.
pub(crate) fn set(name: &str, batch: u8, address: impl Fn(u8, u8) -> IpAddr) -> BackendSet {
    let member = |n: u8| Member {
        name: format!("{name}-{batch}-{n}"),
        address: address(batch, n),
        weight: Weight(1),
        healthy: true,
    };
    BackendSet {
        name: name.to_owned(),
        table_size: TableSize::Large,
        members: (1..=BACKENDS).map(member).collect(),
        encapsulation: SetEncapsulation::IpIp,
        second_hop: false,
        drain_window: DRAIN_WINDOW,
        upcoming: None,
        earlier: Shared::default(),
    }
}

/// Addresses of backends with an IPv4 address.
pub(crate) fn backend4(batch: u8, n: u8) -> IpAddr {
    Ipv4Addr::new(10, 1, 11 + batch, n).into()
}

/// Addresses of backends with an IPv6 address.
pub(crate) fn backend6(batch: u8, n: u8) -> IpAddr {
    Ipv6Addr::new(0xfd00, 0x11, 0, 0, 0, 0, batch.into(), n.into()).into()
}

/// A VIP that is one port of one address.
pub(crate) fn vip(address: IpAddr, protocol: Protocol, port: u16, set: &str) -> Vip {
    on(IpNet::from(address), protocol, Ports::One(port), set)
}

/// A VIP.
pub(crate) fn on(address: IpNet, protocol: Protocol, ports: Ports, set: &str) -> Vip {
    let key = VipKey { address, protocol, ports };
    Vip {
        name: key.to_string(),
        key,
        set: set.to_owned(),
        session: Session::Stateless,
        flow_entries: None,
        sources: Vec::new(),
    }
}

/// Ports of [`V4`] and [`V6`] over TCP, and the set behind each.
pub(crate) const SETS: [(u16, &str); 7] =
    [(80, "v4"), (81, "v6"), (82, "gue4"), (83, "gre4"), (84, "l2"), (85, "gue6"), (86, "gre6")];

/// Every kind of VIP and of encapsulation, everything settled.
pub(crate) fn settled() -> Desired {
    let encapsulated = |name: &str, encapsulation, address: fn(u8, u8) -> IpAddr| BackendSet {
        encapsulation,
        ..set(name, 0, address)
    };
    let mut state = empty();
    state.sets = vec![
        set("v4", 0, backend4),
        set("v6", 0, backend6),
        encapsulated("gue4", SetEncapsulation::Gue, backend4),
        encapsulated("gre4", SetEncapsulation::Gre, backend4),
        encapsulated("l2", SetEncapsulation::L2, backend4),
        encapsulated("gue6", SetEncapsulation::Gue, backend6),
        encapsulated("gre6", SetEncapsulation::Gre, backend6),
    ];
    for (port, set) in SETS {
        state.vips.extend([IpAddr::V4(V4), V6.into()].map(|address| vip(address, Protocol::Tcp, port, set)));
    }
    state.vips.extend([IpAddr::V4(V4), V6.into()].map(|address| vip(address, Protocol::Udp, 53, "v4")));
    state.vips.push(vip(V4.into(), Protocol::Udp, 82, "gue4"));
    let ranges = IpNet::from(IpAddr::V4(V4_RANGES));
    for n in 0..64 {
        state.vips.push(on(ranges, Protocol::Tcp, Ports::Range(1000 + 100 * n, 1049 + 100 * n), "v4"));
    }
    state.vips.push(on(ranges, Protocol::Tcp, Ports::Any, "v4"));
    for n in 0..64 {
        let address = Ipv4Addr::from(u32::from(V4_PREFIX) + (n << 16));
        state.vips.push(on(Ipv4Net::new_assert(address, 24).into(), Protocol::Tcp, Ports::One(80), "v4"));
    }
    state
}

/// VIPs of consecutive IPv4 addresses over one set.
pub(crate) fn many_vips(count: u32) -> Desired {
    let address = |n: u32| Ipv4Addr::from(u32::from(V4) + n).into();
    Desired {
        sets: vec![set("v4", 0, backend4)],
        vips: (0..count).map(|n| vip(address(n), Protocol::Tcp, 80, "v4")).collect(),
        ..empty()
    }
}

/// Entries of the flow table of each VIP of [`in_doubt`], which have their ports in this order.
pub(crate) const ENTRIES: [(u16, u32); 6] =
    [(80, 4 << 20), (53, 1 << 20), (90, 1 << 18), (91, 1 << 20), (92, 1 << 20), (93, 1 << 20)];

/// Two generations, of which the second has other backends in every set: all slots are unsettled.
///
/// TCP port 80 leads to a set without second hop, 81 to one with; UDP port 53 is sticky, TCP port 90 keeps clients; over
/// IPv6 port 91 is as 80, and so are 92, whose connections the flow table does not know, and 93, which is flooded.
pub(crate) fn in_doubt() -> [Desired; 2] {
    let entries = |port: u16| ENTRIES.iter().find(|(of, _)| *of == port).map(|(_, entries)| *entries);
    [0, 1].map(|batch| {
        let hop = BackendSet { second_hop: true, ..set("hop", batch, |batch, n| backend4(batch + 2, n)) };
        let mut state = empty();
        state.sets = vec![set("v4", batch, backend4), hop];
        let keep = |vip: Vip, session, port| Vip { session, flow_entries: entries(port), ..vip };
        let timeout = Duration::from_secs(3600);
        state.vips = vec![
            keep(vip(V4.into(), Protocol::Tcp, 80, "v4"), Session::Stateless, 80),
            vip(V4.into(), Protocol::Tcp, 81, "hop"),
            vip(V6.into(), Protocol::Tcp, 81, "hop"),
            keep(vip(V4.into(), Protocol::Udp, 53, "v4"), Session::Flow { timeout }, 53),
            keep(vip(V4.into(), Protocol::Tcp, 90, "v4"), Session::ClientIp { timeout }, 90),
            keep(vip(V6.into(), Protocol::Tcp, 91, "v4"), Session::Stateless, 91),
            keep(vip(V4.into(), Protocol::Tcp, 92, "v4"), Session::Stateless, 92),
            keep(vip(V4.into(), Protocol::Tcp, 93, "v4"), Session::Stateless, 93),
        ]
        .into();
        state
    })
}
