//! What is measured of the forwarder.

use std::net::IpAddr;

use guideway_abi::{Capacities, Counter};
use guideway_dataplane_plan::Desired;

use crate::driver::{Flows, Traffic};
use crate::forwarder::NextHops;
use crate::frame::{Kind, Template, Tunnel};
use crate::state::{self, ENTRIES, STRANGER, V4, V4_PREFIX, V4_RANGES, V6};

/// Scenarios that share what is installed.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) capacities: Capacities,
    /// Generations, one after the other.
    pub(crate) history: Vec<Desired>,
    pub(crate) next_hops: NextHops,
    pub(crate) scenarios: Vec<Scenario>,
}

/// Packets, and what becomes of each of them.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) traffic: Traffic,
    /// The verdict that every packet is counted by.
    pub(crate) verdict: Counter,
    /// Events that all but a few packets are counted by besides; without any, none may be counted.
    pub(crate) events: Vec<Counter>,
    /// Bytes that the program adds.
    pub(crate) added: usize,
    /// Packets that make flow entries beforehand.
    pub(crate) prepare: Option<Traffic>,
}

const IPV4: usize = 20;
const IPV6: usize = 40;
const GUE: usize = 12;
const GRE: usize = 4;
/// GUE's private data with one further hop of IPv4.
const ONE_HOP: usize = 8;

const ONE: Flows = Flows::Of(1);
const HUNDRED_THOUSAND: Flows = Flows::Of(100_000);
const MILLION: Flows = Flows::Of(1_000_000);

impl Scenario {
    /// Packets to this port of this address, each sent with so many bytes more.
    fn new(name: &str, to: impl Into<IpAddr>, kind: Kind, port: u16, flows: Flows, added: usize) -> Self {
        let template = Template::new(to.into(), kind, port, Tunnel::Bare);
        Self {
            name: name.to_owned(),
            traffic: Traffic { template, flows, vips: 1 },
            verdict: Counter::Tx,
            events: Vec::new(),
            added,
            prepare: None,
        }
    }

    fn verdict(self, verdict: Counter) -> Self {
        Self { verdict, ..self }
    }

    fn event(mut self, event: Counter) -> Self {
        self.events.push(event);
        self
    }

    /// After packets of the same flows, of this kind.
    fn after(self, to: impl Into<IpAddr>, kind: Kind, port: u16) -> Self {
        let template = Template::new(to.into(), kind, port, Tunnel::Bare);
        let prepare = Traffic { template, ..self.traffic.clone() };
        Self { prepare: Some(prepare), ..self }
    }

    fn over(mut self, vips: u32) -> Self {
        self.traffic.vips = vips;
        self
    }
}

/// Every scenario.
pub(crate) fn all() -> Vec<Group> {
    let normal = Capacities { flow_buckets: 1024, ..Capacities::default() };
    let group =
        |capacities, history, next_hops, scenarios| Group { capacities, history, next_hops, scenarios };
    let buckets: u32 = ENTRIES.iter().map(|(_, entries)| entries / 4).sum();
    let mut groups = vec![
        group(normal, vec![state::settled()], NextHops::Legs, settled()),
        group(normal, vec![state::settled()], NextHops::Fib, fib()),
        group(
            Capacities { flow_buckets: buckets, ..normal },
            state::in_doubt().to_vec(),
            NextHops::Legs,
            in_doubt(),
        ),
    ];
    for vips in [1_000, 100_000] {
        let capacities = Capacities { vips, ..normal };
        groups.push(group(capacities, vec![state::many_vips(vips)], NextHops::Legs, many_vips(vips)));
    }
    groups
}

/// The scenarios of [`state::settled`].
pub(crate) fn settled() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (name, to, kind, port, added) in [
        ("tcp4", IpAddr::V4(V4), Kind::Ack, 80, IPV4),
        ("tcp6", V6.into(), Kind::Ack, 81, IPV6),
        ("udp4", V4.into(), Kind::Udp, 53, IPV4),
        ("udp6 in 4", V6.into(), Kind::Udp, 53, IPV4),
    ] {
        for (flows, of) in [
            ("1 flow", ONE),
            ("100k flows", HUNDRED_THOUSAND),
            ("1M flows", MILLION),
            ("ever new flows", Flows::EverNew),
        ] {
            scenarios.push(Scenario::new(&format!("{name}, {flows}"), to, kind, port, of, added));
        }
    }
    let flood = |name: &str, to: IpAddr, port, added| {
        Scenario::new(&format!("{name}, SYN flood"), to, Kind::Syn, port, Flows::EverNew, added)
    };
    scenarios.extend([flood("tcp4", V4.into(), 80, IPV4), flood("tcp6", V6.into(), 81, IPV6)]);
    for (name, to, port, added) in [
        ("ipip 4 in 4", IpAddr::V4(V4), 80, IPV4),
        ("ipip 4 in 6", V4.into(), 81, IPV6),
        ("ipip 6 in 4", V6.into(), 80, IPV4),
        ("ipip 6 in 6", V6.into(), 81, IPV6),
        ("gue 4 in 4", V4.into(), 82, IPV4 + GUE),
        ("gue 6 in 4", V6.into(), 82, IPV4 + GUE),
        ("gue 4 in 6", V4.into(), 85, IPV6 + GUE),
        ("gue 6 in 6", V6.into(), 85, IPV6 + GUE),
        ("gre 4 in 4", V4.into(), 83, IPV4 + GRE),
        ("gre 6 in 4", V6.into(), 83, IPV4 + GRE),
        ("gre 6 in 6", V6.into(), 86, IPV6 + GRE),
        ("l2 4", V4.into(), 84, 0),
        ("l2 6", V6.into(), 84, 0),
    ] {
        scenarios.push(Scenario::new(&format!("{name}, 1M flows"), to, Kind::Ack, port, MILLION, added));
    }
    scenarios.push(Scenario::new("gue 4 in 4, udp, 1M flows", V4, Kind::Udp, 82, MILLION, IPV4 + GUE));
    scenarios.extend([
        Scenario::new("tcp4 to a port range, 64 ranges", V4_RANGES, Kind::Ack, 4210, MILLION, IPV4),
        Scenario::new("tcp4 to any port, 64 ranges", V4_RANGES, Kind::Ack, 60, MILLION, IPV4),
        Scenario::new("tcp4 to a prefix, 64 prefixes", next(V4_PREFIX, 7), Kind::Ack, 80, MILLION, IPV4),
        Scenario::new("no VIP, pass", STRANGER, Kind::Ack, 80, MILLION, 0).verdict(Counter::Pass),
        Scenario::new("port without a VIP, drop", V4, Kind::Syn, 9, Flows::EverNew, 0)
            .verdict(Counter::DropUnknownPort),
    ]);
    scenarios
}

fn next(address: std::net::Ipv4Addr, n: u32) -> std::net::Ipv4Addr {
    std::net::Ipv4Addr::from(u32::from(address) + (n << 16) + 5)
}

fn fib() -> Vec<Scenario> {
    [("tcp4", IpAddr::V4(V4), 80, IPV4), ("tcp6", V6.into(), 81, IPV6)]
        .map(|(name, to, port, added)| {
            let name = format!("{name}, 1M flows, next hop by FIB");
            Scenario::new(&name, to, Kind::Ack, port, MILLION, added).event(Counter::FibLookup)
        })
        .to_vec()
}

fn in_doubt() -> Vec<Scenario> {
    let ack = |name: &str, port, flows| Scenario::new(name, V4, Kind::Ack, port, flows, IPV4);
    vec![
        ack("tcp4 unsettled, miss, 1M flows", 92, MILLION).event(Counter::FlowMiss),
        ack("tcp4 unsettled, hit, 1 flow", 80, ONE).after(V4, Kind::Syn, 80).event(Counter::FlowHit),
        ack("tcp4 unsettled, hit, 100k flows", 80, HUNDRED_THOUSAND)
            .after(V4, Kind::Syn, 80)
            .event(Counter::FlowHit),
        ack("tcp4 unsettled, hit, 1M flows", 80, MILLION).after(V4, Kind::Syn, 80).event(Counter::FlowHit),
        Scenario::new("tcp4 unsettled, SYN flood", V4, Kind::Syn, 93, Flows::EverNew, IPV4)
            .event(Counter::FlowMiss)
            .event(Counter::FlowInsert),
        Scenario::new("tcp6 unsettled, hit, 100k flows", V6, Kind::Ack, 91, HUNDRED_THOUSAND, IPV4)
            .after(V6, Kind::Syn, 91)
            .event(Counter::FlowHit),
        Scenario::new(
            "tcp4 unsettled, second hop, 1M flows",
            V4,
            Kind::Ack,
            81,
            MILLION,
            IPV4 + GUE + ONE_HOP,
        )
        .event(Counter::SecondHop),
        Scenario::new(
            "tcp6 unsettled, second hop, 1M flows",
            V6,
            Kind::Ack,
            81,
            MILLION,
            IPV4 + GUE + ONE_HOP,
        )
        .event(Counter::SecondHop),
        Scenario::new("tcp4 second hop, SYN flood", V4, Kind::Syn, 81, Flows::EverNew, IPV4),
        Scenario::new("udp4 sticky, hit, 1 flow", V4, Kind::Udp, 53, ONE, IPV4)
            .after(V4, Kind::Udp, 53)
            .event(Counter::FlowHit),
        Scenario::new("udp4 sticky, hit, 100k flows", V4, Kind::Udp, 53, HUNDRED_THOUSAND, IPV4)
            .after(V4, Kind::Udp, 53)
            .event(Counter::FlowHit),
        Scenario::new("tcp4 client affinity, hit, 1M flows of 62 clients", V4, Kind::Ack, 90, MILLION, IPV4)
            .after(V4, Kind::Syn, 90)
            .event(Counter::FlowHit),
    ]
}

fn many_vips(vips: u32) -> Vec<Scenario> {
    let ack = |name: String| Scenario::new(&name, V4, Kind::Ack, 80, MILLION, IPV4);
    vec![
        ack(format!("tcp4, 1M flows to one of {vips} VIPs")),
        ack(format!("tcp4, 1M flows over {vips} VIPs")).over(vips),
        Scenario::new(&format!("no VIP, pass, with {vips} VIPs"), STRANGER, Kind::Ack, 80, MILLION, 0)
            .verdict(Counter::Pass),
    ]
}
