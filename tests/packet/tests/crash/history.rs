//! What is installed one after the other: a change of each kind that an apply can make.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use guideway_abi::Capacities;
use guideway_dataplane_plan::{
    BackendSet, BootTime, Desired, Member, OuterSources, Ports, Protocol, Seed, Session, SetEncapsulation,
    Shared, TableSize, Vip, VipKey, Weight,
};
use ipnet::IpNet;

/// Room for the history, and not much more: elements come back into use.
pub const CAPACITIES: Capacities =
    Capacities { vips: 16, backends: 16, tables_large: 1, tables_small: 16, flow_buckets: 64 };

/// Backends of the set `media`.
pub const MEDIA: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 5), Ipv4Addr::new(10, 0, 0, 6)];

const DRAIN_WINDOW: Duration = Duration::from_secs(600);

/// One generation after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// VIPs of one set.
    First,
    /// More VIPs of all kinds, with sets of their own.
    NewVipsAndSets,
    /// A backend fails, another one comes.
    Health,
    /// A VIP of client affinity goes, another one of the same address comes, and gets its part of the flow table.
    Regions,
    /// Another one of the same address comes, and gets the part that the first one had.
    Reuse,
    /// The set of backends is what it was; the time for which flows on earlier ones are looked after is over.
    Expiry,
    /// Everything but one VIP goes.
    Less,
}

impl Step {
    const ALL: [Self; 7] = [
        Self::First,
        Self::NewVipsAndSets,
        Self::Health,
        Self::Regions,
        Self::Reuse,
        Self::Expiry,
        Self::Less,
    ];

    /// The step of this number, as in a child's environment.
    pub fn numbered(number: usize) -> Self {
        Self::ALL[number]
    }

    pub fn number(self) -> usize {
        Self::ALL.iter().position(|step| *step == self).unwrap()
    }

    /// What is installed before it.
    pub fn history(self) -> &'static [Self] {
        &Self::ALL[..self.number()]
    }

    /// When it is planned.
    pub fn now(self) -> BootTime {
        let start = BootTime(1000);
        match self {
            Self::Expiry | Self::Less => start.after(2 * DRAIN_WINDOW),
            _ => start,
        }
    }

    pub fn desired(self, tick_shift: u32) -> Desired {
        Desired {
            seed: Seed(*b"crash tests seed"),
            outer_sources: OuterSources {
                v4: "172.16.0.0/16".parse().unwrap(),
                v6: "100::/64".parse().unwrap(),
            },
            tick_shift,
            sets: self.sets(),
            vips: self.vips().into(),
            pools: Vec::new(),
            leaving: Vec::new(),
        }
    }

    fn sets(self) -> Vec<BackendSet> {
        let changed = !matches!(self, Self::First | Self::NewVipsAndSets);
        let web = if changed {
            // 10.0.0.2 is down, 10.0.0.4 is new.
            vec![member(1, true), member(2, false), member(3, true), member(4, true)]
        } else {
            vec![member(1, true), member(2, true), member(3, true)]
        };
        let mut sets = vec![set("web", SetEncapsulation::IpIp, web)];
        if !matches!(self, Self::First | Self::Less) {
            sets.push(set("media", SetEncapsulation::Gre, vec![member(5, true), member(6, true)]));
            let six = Member { address: "fd00::7".parse().unwrap(), ..member(7, true) };
            sets.push(BackendSet {
                second_hop: true,
                ..set("six", SetEncapsulation::Gue, vec![six, member(1, true)])
            });
        }
        sets
    }

    fn sources(self) -> Vec<IpNet> {
        let more = if matches!(self, Self::Regions | Self::Reuse) { "192.0.2.8/30" } else { "10.0.0.0/8" };
        ["192.0.2.0/29", more].map(|net| net.parse().unwrap()).to_vec()
    }

    fn vips(self) -> Vec<Vip> {
        let affinity = Session::ClientIp { timeout: Duration::from_secs(3600) };
        let sticky = Session::Flow { timeout: Duration::from_secs(3600) };
        let mut vips = vec![vip("203.0.113.10/32", Protocol::Tcp, Ports::One(80), "web", Session::Stateless)];
        if matches!(self, Self::First | Self::NewVipsAndSets | Self::Health) {
            vips.push(vip("203.0.113.11/32", Protocol::Tcp, Ports::One(80), "web", affinity));
        }
        if matches!(self, Self::Regions | Self::Reuse | Self::Expiry) {
            vips.push(vip("203.0.113.11/32", Protocol::Tcp, Ports::One(81), "media", affinity));
        }
        if matches!(self, Self::Reuse | Self::Expiry) {
            vips.push(vip("203.0.113.11/32", Protocol::Tcp, Ports::One(82), "media", affinity));
        }
        if !matches!(self, Self::First | Self::Less) {
            vips.push(vip("203.0.113.12/32", Protocol::Udp, Ports::Range(8000, 8009), "media", sticky));
            vips.push(vip("203.0.113.12/32", Protocol::Udp, Ports::Any, "six", Session::Stateless));
            let net = vip("203.0.113.128/25", Protocol::Tcp, Ports::One(443), "media", Session::Stateless);
            vips.push(Vip { sources: self.sources(), ..net });
            vips.push(vip("2001:db8::10/128", Protocol::Tcp, Ports::One(80), "six", Session::Stateless));
            vips.push(vip("2001:db8:1::/64", Protocol::Tcp, Ports::Any, "web", Session::Stateless));
        }
        vips
    }
}

fn set(name: &str, encapsulation: SetEncapsulation, members: Vec<Member>) -> BackendSet {
    BackendSet {
        name: name.to_owned(),
        table_size: TableSize::Small,
        members: members.into(),
        encapsulation,
        second_hop: false,
        drain_window: DRAIN_WINDOW,
        upcoming: None,
        earlier: Shared::default(),
    }
}

fn member(number: u8, healthy: bool) -> Member {
    let address = IpAddr::from([10, 0, 0, number]);
    Member { name: format!("be{number}"), address, weight: Weight(1), healthy }
}

fn vip(address: &str, protocol: Protocol, ports: Ports, set: &str, session: Session) -> Vip {
    let key = VipKey { address: address.parse().unwrap(), protocol, ports };
    Vip {
        name: key.to_string(),
        key,
        set: set.to_owned(),
        session,
        flow_entries: Some(16),
        sources: Vec::new(),
    }
}
