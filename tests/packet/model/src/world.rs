//! What a packet meets.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::{Fib, FlowKey};

/// Bit of a slot: a live flow of it may belong to another backend.
pub const UNSETTLED: u16 = 0x8000;
/// Ways that a backend's route has.
pub const LEGS: usize = 8;

/// The configuration, what the planner made of it, and the way to the backends.
#[derive(Clone, Debug)]
pub struct World {
    /// In no order.
    pub vips: Vec<Vip>,
    /// Prefixes whose addresses are no one else's.
    pub pools: Vec<IpNet>,
    /// Referred to by [`Vip::set`].
    pub sets: Vec<Set>,
    /// By index.
    pub backends: BTreeMap<u16, Backend>,
    /// Key of the flow hash.
    pub flow_key: FlowKey,
    /// The one before the last change of the seed.
    pub previous_flow_key: FlowKey,
    /// Key of the flow tags.
    pub tag_key: [u64; 2],
    /// A tick is this power of two of jiffies.
    pub tick_shift: u32,
    /// Prefix of the outer IPv4 sources.
    pub outer_source_v4: Ipv4Net,
    /// Prefix of the outer IPv6 sources, of which no more than the last 32 bits are filled.
    pub outer_source_v6: Ipv6Net,
    /// Interface that the packets come in by.
    pub ingress: u32,
    /// The ways that the agent resolved, by backend. A missing one is unknown.
    pub legs: BTreeMap<u16, [Option<Leg>; LEGS]>,
    /// Until when they count, in jiffies.
    pub legs_valid_until: u64,
    /// What the kernel answers.
    pub fib: Fib,
}

/// What clients dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// Address or prefix.
    pub address: IpNet,
    /// IANA protocol number.
    pub protocol: u8,
    /// One port, a range, or 0 to 65535 for any.
    pub ports: RangeInclusive<u16>,
    /// Index in [`World::sets`].
    pub set: usize,
    /// Which packets have flow entries.
    pub session: Session,
    /// Its part of the flow table.
    pub region: Option<Region>,
    /// Ticks after which an unused entry is void.
    pub timeout: u32,
    /// Who may dial it; empty: everybody.
    pub sources: Vec<IpNet>,
    /// Where its packets are counted.
    pub index: u32,
}

/// Which packets of a VIP have flow entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// TCP in unsettled slots, UDP never.
    Plain,
    /// UDP: each flow.
    Sticky,
    /// Each client address.
    ClientIp,
}

/// A VIP's buckets of the flow table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first one.
    pub first: u32,
    /// How many; a power of two.
    pub buckets: u32,
}

/// A backend set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// The slots: a backend each, with [`UNSETTLED`]. None when no backend is healthy.
    pub table: Option<Vec<u16>>,
    /// Earlier tables, latest first, at most three.
    pub previous: Vec<Option<PreviousTable>>,
    /// How packets travel.
    pub encapsulation: Encapsulation,
    /// Whether the backends hand packets on.
    pub second_hop: SecondHop,
}

/// An earlier table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousTable {
    /// The slots.
    pub slots: Vec<u16>,
    /// Whether slots are counted by the flow key before the last change of the seed.
    pub old_key: bool,
}

/// How packets travel to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // as in the configuration
pub enum Encapsulation {
    IpIp,
    Gue,
    Gre,
    L2,
}

/// Whether backends hand packets on that are not theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondHop {
    /// They run the decap agent.
    Yes,
    /// They do not.
    No,
}

/// A backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Where it is.
    pub address: IpAddr,
    /// Which backend of this index it is.
    pub epoch: u16,
    /// What it may be sent.
    pub state: State,
}

/// What a backend may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Dead,
    /// What it has.
    Draining,
    /// Everything.
    Serving,
}

/// A way to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Interface to send on.
    pub ifindex: u32,
    /// Longest IP packet.
    pub mtu: u32,
    /// MAC address of the interface.
    pub source: [u8; 6],
    /// MAC address of the neighbour.
    pub destination: [u8; 6],
}

impl World {
    /// The state of a backend; dead when there is none.
    #[must_use]
    pub fn state(&self, backend: u16) -> State {
        self.backends.get(&backend).map_or(State::Dead, |b| b.state)
    }
}
