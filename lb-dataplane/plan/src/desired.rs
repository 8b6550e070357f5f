//! What the dataplane shall do.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use guideway_abi::{IPPROTO_TCP, IPPROTO_UDP};
use guideway_maglev::{Seed, TableSize, Weight};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::Shared;

/// Everything that one generation shall do. The order of VIPs, sets and members has no influence on forwarding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Key from which the lookup tables, the flow hash and the flow tags are derived; equal on every forwarder.
    pub seed: Seed,
    /// Sources of the outer headers; equal on every forwarder.
    pub outer_sources: OuterSources,
    /// A tick of the flow table is `2^tick_shift` of the kernel's jiffies, on this node. It should be about a second;
    /// [`Session`]'s timeouts are counted in ticks as if it were one.
    pub tick_shift: u32,
    /// Backend sets, with unique names. One that no VIP uses takes no room in the maps.
    pub sets: Vec<BackendSet>,
    /// VIPs, with unique keys.
    pub vips: Shared<Vip>,
    /// Prefixes whose TCP and UDP packets are dropped where no VIP has the address, rather than left to the kernel, which
    /// would send them back to the routers that aggregate the prefix.
    pub pools: Vec<IpNet>,
    /// Health of backends that may still have flows of a set that they are no member of any more: those of
    /// [`Layout::leaving`](crate::Layout::leaving). They are told apart by their addresses; one that is not listed here
    /// is taken for healthy, also when it is an unhealthy member of another set, whose check may be about something else.
    pub leaving: Vec<Member>,
}

/// Prefixes of the outer source addresses. Host bits are filled from the flow hash (in IPv6 the last 32 at most).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OuterSources {
    /// Used towards backends with an IPv4 address.
    pub v4: Ipv4Net,
    /// Used towards backends with an IPv6 address.
    pub v6: Ipv6Net,
}

/// Backends that serve the same VIPs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendSet {
    /// Unique name.
    pub name: String,
    /// Size of the lookup table.
    pub table_size: TableSize,
    /// The backends, with names that are unique in this set.
    pub members: Shared<Member>,
    /// How packets travel to them.
    pub encapsulation: SetEncapsulation,
    /// Whether the backends run the decap agent, which passes packets of connections that it does not know on to the
    /// other backends that they may be for.
    pub second_hop: bool,
    /// How long flows on their earlier backends are looked after once a slot has another one.
    pub drain_window: Duration,
    /// What the next generation will make of it, or the set that VIPs will have then, or the set itself once those are healthy who
    /// answer again: the backends that will have the slots are candidates already, the last ones, so that forwarders which change at
    /// different times agree. A member that is healthy here only is alive, but gets no new flows. `None` when no change is
    /// announced. Like `earlier`, what the maps have no room for is left out, and so is another seed's while earlier tables
    /// are counted by yet another one.
    pub upcoming: Option<Upcoming>,
    /// What the set had before, or VIPs of it at another set, oldest first, for a forwarder that joins and remembers nothing
    /// itself: those that it had within the last three drain windows. What was before the last change of the seed counts for
    /// a set that has no tables here yet, while nothing that is installed needs another earlier flow key; what was before
    /// another change of it does not. Looked at only while nothing of the set is in doubt here, and only where there is a
    /// second hop, as `upcoming` is. It has no part in the generation's [digest](crate::Layout::digest), for it says nothing
    /// new to those who were there; and what the maps have no room for is left out.
    pub earlier: Shared<Earlier>,
}

impl BackendSet {
    /// Those of [`BackendSet::upcoming`].
    pub(crate) fn upcoming_members(&self) -> &[Member] {
        self.upcoming.as_ref().map_or(&[], |upcoming| &upcoming.members)
    }
}

/// Backends that a set will have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upcoming {
    /// As [`BackendSet::members`].
    pub members: Shared<Member>,
    /// By which the table will be made, and its slots counted.
    pub seed: Seed,
    /// Its slots.
    pub table_size: TableSize,
}

/// Backends that a set had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// As [`BackendSet::members`]; healthy are those that could serve then. Whether one lives now, the present member says or
    /// else [`Desired::leaving`].
    pub members: Shared<Member>,
    /// By which the table was made.
    pub seed: Seed,
    /// Its slots.
    pub table_size: TableSize,
    /// When the next ones took their place.
    pub replaced: BootTime,
}

/// How packets travel to the backends of a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SetEncapsulation {
    /// IP in IP.
    #[default]
    IpIp,
    /// Generic UDP Encapsulation.
    Gue,
    /// Generic Routing Encapsulation.
    Gre,
    /// No outer header: the frame goes to the backend's own MAC address.
    L2,
}

/// A backend in a set. Name and address are its identity: equal ones in several sets are one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Stable name, from which its slots are derived.
    pub name: String,
    /// Destination of the outer header.
    pub address: IpAddr,
    /// Share of the slots.
    pub weight: Weight,
    /// Whether it can serve now.
    pub healthy: bool,
}

/// A service address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// Name, for people.
    pub name: String,
    /// What clients dial.
    pub key: VipKey,
    /// Name of its backend set.
    pub set: String,
    /// What its flows are kept by.
    pub session: Session,
    /// Entries of the flow table that it gets, rounded up to a power of two and to whole buckets. `None`: its share of
    /// what is there.
    pub flow_entries: Option<u32>,
    /// Who may dial it; packets from others are dropped. Empty: everybody. Prefixes of another family than the key's match
    /// no packet.
    pub sources: Vec<IpNet>,
}

/// Addresses, protocol and ports of a VIP. Host bits of the prefix mean nothing; an IPv4-mapped IPv6 address is the same
/// as the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VipKey {
    /// Destination addresses; a /32 or /128 is one address.
    pub address: IpNet,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Destination ports.
    pub ports: Ports,
}

/// Destination ports of a VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ports {
    /// A single one.
    One(u16),
    /// From the first to the last, both included. One port is the same as [`One`](Self::One), all 65,536 the same as
    /// [`Any`](Self::Any).
    Range(u16, u16),
    /// All that no VIP with fewer ports has.
    Any,
}

/// What the flows of a VIP are kept by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Session {
    /// By the slot, and by the flow table only while a slot is in doubt (TCP).
    Stateless,
    /// Each flow stays where it began until it was silent for `timeout`; UDP only.
    Flow {
        /// Silence that ends a flow.
        timeout: Duration,
    },
    /// Each client stays where it began until it was silent for `timeout`.
    ClientIp {
        /// Silence after which a client may be given another backend.
        timeout: Duration,
    },
}

/// A time of the kernel's clock `CLOCK_BOOTTIME`, in whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(pub u64);

impl BootTime {
    /// This time and `window`, rounded up to whole seconds.
    #[must_use]
    pub fn after(self, window: Duration) -> Self {
        Self(self.0.saturating_add(window.as_secs() + u64::from(window.subsec_nanos() > 0)))
    }
}

/// Transport protocol of a VIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// IANA protocol number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => IPPROTO_TCP,
            Self::Udp => IPPROTO_UDP,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(port) => write!(f, "{port}"),
            Self::Range(first, last) => write!(f, "{first}-{last}"),
            Self::Any => f.write_str("any"),
        }
    }
}

impl fmt::Display for VipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, protocol, ports } = self;
        match address {
            IpNet::V4(net) if net.prefix_len() == 32 => write!(f, "{}:{ports}/{protocol}", net.addr()),
            IpNet::V6(net) if net.prefix_len() == 128 => write!(f, "[{}]:{ports}/{protocol}", net.addr()),
            IpNet::V4(net) => write!(f, "{net}:{ports}/{protocol}"),
            IpNet::V6(net) => write!(f, "[{net}]:{ports}/{protocol}"),
        }
    }
}
