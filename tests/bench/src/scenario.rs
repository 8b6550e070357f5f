//! What is measured of the forwarder.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use guideway_abi::{Capacities, Counter};
use guideway_dataplane_plan::{Desired, Protocol};

use crate::driver::{Flows, Traffic};
use crate::forwarder::{desired, fixed_next_hop};
use crate::frame::Template;
use crate::world::World;

/// Scenarios that share a generation.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) capacities: Capacities,
    pub(crate) desired: Desired,
    pub(crate) scenarios: Vec<Scenario>,
}

/// Packets, and what becomes of each of them.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) traffic: Traffic,
    pub(crate) expect: Counter,
    /// Bytes that the program adds.
    pub(crate) added: usize,
}

const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(20, 0, 0, 0));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0));
/// No VIP has it.
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

const IPV4: usize = 20;
const IPV6: usize = 40;

const ONE: Flows = Flows::Of(1);
const MILLION: Flows = Flows::Of(1_000_000);

fn scenario(
    name: &str,
    to: (IpAddr, Protocol, u16),
    flows: Flows,
    vips: u32,
    outcome: (Counter, usize),
) -> Scenario {
    let (destination, protocol, port) = to;
    let traffic = Traffic { template: Template::new(destination, protocol, port), flows, vips };
    Scenario { name: name.to_owned(), traffic, expect: outcome.0, added: outcome.1 }
}

/// Every scenario.
pub(crate) fn all(world: &World) -> Vec<Group> {
    let normal = Capacities::default();
    let fixed = fixed_next_hop(world);
    let large = Capacities { vips: 100_000, ..normal };
    vec![
        Group { capacities: normal, desired: desired(fixed, few()), scenarios: flows() },
        Group {
            capacities: normal,
            desired: desired(guideway_dataplane_plan::NextHop::Fib, few()),
            scenarios: fib(),
        },
        Group { capacities: normal, desired: desired(fixed, many(4_000)), scenarios: spread(4_000) },
        Group { capacities: large, desired: desired(fixed, many(100_000)), scenarios: spread(100_000) },
    ]
}

/// Five VIPs of two addresses: every family inside and outside.
fn few() -> impl Iterator<Item = (IpAddr, Protocol, u16, &'static str)> {
    [
        (V4, Protocol::Tcp, 80, "v4"),
        (V4, Protocol::Udp, 53, "v4"),
        (V4, Protocol::Tcp, 81, "v6"),
        (V6, Protocol::Tcp, 80, "v6"),
        (V6, Protocol::Tcp, 81, "v4"),
    ]
    .into_iter()
}

/// VIPs of consecutive IPv4 addresses.
fn many(count: u32) -> impl Iterator<Item = (IpAddr, Protocol, u16, &'static str)> {
    let IpAddr::V4(first) = V4 else { unreachable!("it is an IPv4 address") };
    (0..count).map(move |n| (IpAddr::V4(Ipv4Addr::from(u32::from(first) + n)), Protocol::Tcp, 80, "v4"))
}

fn flows() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (name, to, added) in [
        ("tcp4", (V4, Protocol::Tcp, 80), IPV4),
        ("tcp6", (V6, Protocol::Tcp, 80), IPV6),
        ("udp4", (V4, Protocol::Udp, 53), IPV4),
    ] {
        for (flows, of) in [
            ("1 flow", ONE),
            ("100k flows", Flows::Of(100_000)),
            ("1M flows", MILLION),
            ("ever new flows", Flows::EverNew),
        ] {
            scenarios.push(scenario(&format!("{name}, {flows}"), to, of, 1, (Counter::Tx, added)));
        }
    }
    for (name, to, added) in [
        ("ipip 4 in 4", (V4, Protocol::Tcp, 80), IPV4),
        ("ipip 4 in 6", (V4, Protocol::Tcp, 81), IPV6),
        ("ipip 6 in 4", (V6, Protocol::Tcp, 81), IPV4),
        ("ipip 6 in 6", (V6, Protocol::Tcp, 80), IPV6),
    ] {
        scenarios.push(scenario(&format!("{name}, 1M flows"), to, MILLION, 1, (Counter::Tx, added)));
    }
    scenarios.push(scenario("no VIP, pass", (STRANGER, Protocol::Tcp, 80), MILLION, 1, (Counter::Pass, 0)));
    scenarios.push(scenario(
        "port without a VIP, drop",
        (V4, Protocol::Tcp, 9),
        Flows::EverNew,
        1,
        (Counter::DropUnknownPort, 0),
    ));
    scenarios
}

fn fib() -> Vec<Scenario> {
    [("tcp4", (V4, Protocol::Tcp, 80), IPV4), ("tcp6", (V6, Protocol::Tcp, 80), IPV6)]
        .into_iter()
        .map(|(name, to, added)| {
            scenario(&format!("{name}, 1M flows, next hop by FIB"), to, MILLION, 1, (Counter::Tx, added))
        })
        .collect()
}

fn spread(vips: u32) -> Vec<Scenario> {
    let to = (V4, Protocol::Tcp, 80);
    vec![
        scenario(&format!("tcp4, 1M flows to one of {vips} VIPs"), to, MILLION, 1, (Counter::Tx, IPV4)),
        scenario(&format!("tcp4, 1M flows over {vips} VIPs"), to, MILLION, vips, (Counter::Tx, IPV4)),
        scenario(
            &format!("no VIP, pass, with {vips} VIPs"),
            (STRANGER, Protocol::Tcp, 80),
            MILLION,
            1,
            (Counter::Pass, 0),
        ),
    ]
}
