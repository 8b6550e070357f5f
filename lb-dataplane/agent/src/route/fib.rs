//! What the kernel says of ways, and what legs follow from it. Pure.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;

use guideway_abi::{LEGS, LinkRecord};

use super::spread::spread;

/// A neighbour entry that traffic depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHop {
    /// The interface by which packets leave.
    pub ifindex: u32,
    /// The router, or the backend itself on a directly connected network.
    pub address: IpAddr,
}

/// The FIB's answer for one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Packets leave by one of these paths.
    Out {
        /// At least one.
        paths: Vec<Path>,
        /// The longest IP packet for this route, when the route itself says so with force.
        mtu: Option<u32>,
    },
    /// The address is this node's.
    Local,
    /// There is no route, or one that refuses.
    Nowhere,
    /// The route does something to packets that the program cannot do, a tunnel for example.
    Unsupported,
}

/// One of the ways of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The interface by which packets leave.
    pub ifindex: u32,
    /// The router; none on a directly connected network.
    pub gateway: Option<IpAddr>,
    /// Share among the paths of the route, 1 or more.
    pub weight: u32,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Name.
    pub name: String,
    /// None when it is no Ethernet.
    pub mac: Option<[u8; 6]>,
    /// The longest IP packet that it takes, in bytes.
    pub mtu: u32,
    /// The longest IPv6 packet, when that is another figure.
    pub mtu_v6: Option<u32>,
    /// It is switched on and has a carrier.
    pub up: bool,
}

/// A neighbour that can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// MAC address.
    pub mac: [u8; 6],
    /// Somebody has set it, and the kernel never asks.
    pub is_static: bool,
}

/// All neighbours that can be sent to.
pub(super) type Neighbours = HashMap<NextHop, Neighbour>;
/// By their indexes.
pub(super) type Interfaces = HashMap<u32, Interface>;

/// What kind of way a backend needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Any.
    Any,
    /// One without a router between: frames go to the backend's own MAC address.
    OnLink,
}

/// One next hop with everything that a frame needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Interface, its MAC address, and the longest IP packet.
    pub link: LinkRecord,
    /// MAC address of the neighbour.
    pub mac: [u8; 6],
}

/// The way to one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where the agent gives none, the program asks the kernel.
    pub legs: [Option<Hop>; LEGS],
    /// Why the agent gives no leg; or why not by every path.
    pub problem: Option<Problem>,
}

/// Why a way is not known, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The kernel has not answered yet.
    NotAsked,
    /// [`Route::Nowhere`].
    NoRoute,
    /// [`Route::Local`].
    Local,
    /// [`Route::Unsupported`].
    Unsupported,
    /// [`Need::OnLink`], and the route leads to a router.
    BehindRouter,
    /// Interfaces are down or are no Ethernet.
    Interface,
    /// Neighbours do not answer, or have not been asked long enough.
    Neighbour,
    /// A fixed next hop's interface is missing, down or no Ethernet.
    FixedInterface,
    /// A fixed next hop leads to a router, which [`Need::OnLink`] cannot use.
    Fixed,
    /// The map takes no more interfaces.
    NotWritten,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAsked => "the kernel has not been asked yet",
            Self::NoRoute => "there is no route",
            Self::Local => "the address is this node's own",
            Self::Unsupported => "the route leads into a tunnel",
            Self::BehindRouter => {
                "the backend is behind a router, and encapsulation l2 needs it on the same network"
            }
            Self::Interface => "an interface is down or is no Ethernet",
            Self::Neighbour => "a next hop does not answer ARP or ND",
            Self::FixedInterface => "the interface of the fixed next hop is missing, down or no Ethernet",
            Self::Fixed => "encapsulation l2 cannot use the fixed next hop",
            Self::NotWritten => "its interface could not be written to the map",
        })
    }
}

impl Way {
    pub(super) const fn unknown(problem: Problem) -> Self {
        Self { legs: [None; LEGS], problem: Some(problem) }
    }

    /// Whether the agent knows at least one way.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.legs.iter().any(Option::is_some)
    }
}

impl Path {
    /// Its neighbour entry, for packets to `backend`.
    pub(super) fn next_hop(&self, backend: IpAddr) -> NextHop {
        NextHop { ifindex: self.ifindex, address: self.gateway.unwrap_or(backend) }
    }
}

impl Route {
    /// The neighbour entries of all paths.
    pub(super) fn next_hops(&self, backend: IpAddr) -> BTreeSet<NextHop> {
        match self {
            Self::Out { paths, .. } => paths.iter().map(|path| path.next_hop(backend)).collect(),
            Self::Local | Self::Nowhere | Self::Unsupported => BTreeSet::new(),
        }
    }
}

impl Interface {
    /// How to send on it; none when that is not possible.
    pub(super) fn link(&self, ifindex: u32, towards: IpAddr, route_mtu: Option<u32>) -> Option<LinkRecord> {
        let mac = self.mac.filter(|_| self.up)?;
        let own = match towards {
            IpAddr::V4(_) => self.mtu,
            IpAddr::V6(_) => self.mtu_v6.unwrap_or(self.mtu).min(self.mtu),
        };
        let mtu = route_mtu.filter(|mtu| *mtu > 0).map_or(own, |mtu| own.min(mtu));
        Some(LinkRecord { ifindex, mtu, mac, ..LinkRecord::default() })
    }
}

/// The way to `backend` by `route`. Paths that cannot be used give their legs to those that can.
pub(super) fn way(
    backend: IpAddr,
    need: Need,
    route: Option<&Route>,
    interfaces: &Interfaces,
    neighbours: &Neighbours,
) -> Way {
    let (paths, mtu) = match route {
        Some(Route::Out { paths, mtu }) => (paths, *mtu),
        Some(Route::Local) => return Way::unknown(Problem::Local),
        Some(Route::Nowhere) => return Way::unknown(Problem::NoRoute),
        Some(Route::Unsupported) => return Way::unknown(Problem::Unsupported),
        None => return Way::unknown(Problem::NotAsked),
    };
    if need == Need::OnLink && paths.iter().any(|path| path.gateway.is_some_and(|router| router != backend)) {
        return Way::unknown(Problem::BehindRouter);
    }
    let hops: Vec<Result<Hop, Problem>> = paths
        .iter()
        .map(|path| {
            let interface = interfaces.get(&path.ifindex);
            let link = interface.and_then(|interface| interface.link(path.ifindex, backend, mtu));
            let link = link.ok_or(Problem::Interface)?;
            let neighbour = neighbours.get(&path.next_hop(backend)).ok_or(Problem::Neighbour)?;
            Ok(Hop { link, mac: neighbour.mac })
        })
        .collect();
    let weights: Vec<u32> = paths.iter().map(|path| path.weight).collect();
    let usable: Vec<bool> = hops.iter().map(Result::is_ok).collect();
    let legs = spread(&weights, &usable, phase(backend));
    Way {
        legs: legs.map(|path| path.and_then(|path| hops.get(path).copied()?.ok())),
        problem: hops.iter().find_map(|hop| hop.as_ref().err().copied()),
    }
}

/// The way by a fixed next hop.
pub(super) fn fixed_way(need: Need, link: Option<LinkRecord>, mac: [u8; 6]) -> Way {
    match (need, link) {
        (Need::OnLink, _) => Way::unknown(Problem::Fixed),
        (Need::Any, None) => Way::unknown(Problem::FixedInterface),
        (Need::Any, Some(link)) => Way { legs: [Some(Hop { link, mac }); LEGS], problem: None },
    }
}

/// Where a backend's spread begins, so that backends with more paths than legs do not all leave out the same ones.
fn phase(backend: IpAddr) -> u8 {
    let last = match backend {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    };
    last & 7
}

#[cfg(test)]
mod tests;
