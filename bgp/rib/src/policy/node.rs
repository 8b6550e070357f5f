//! What is set for the node, ready to be searched.

use std::fmt;

use guideway_bgp_wire::Family;
use ipnet::IpNet;

use super::longest::{Longest, cover};
use super::settings::{NodeExport, Pool, RouteSettings, Specifics};

/// [`NodeExport`] with indices by prefix.
#[derive(Debug, Clone)]
pub struct Node {
    settings: NodeExport,
    pools: Longest<usize>,
    vips: Longest<usize>,
}

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// What BGP says of every route of this kind of session.
    Session,
    /// The settings of the node.
    Node,
    /// Those of a pool, by its place in the file and the prefix that holds the VIP.
    Pool(usize, IpNet),
    /// Those for a prefix, by their place in the file.
    Vip(usize, IpNet),
    /// Those of the peer.
    Peer,
    /// Those of the peer for a prefix, by their place in the file.
    PeerVip(usize, IpNet),
    /// Traffic is being moved away.
    Drain,
    /// What the node can carry.
    Capacity,
}

/// As a place in the configuration where there is one: `pools[0] (203.0.113.0/24)`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session => f.write_str("session"),
            Self::Node => f.write_str("node"),
            Self::Pool(index, prefix) => write!(f, "pools[{index}] ({prefix})"),
            Self::Vip(index, prefix) => write!(f, "vips[{index}] ({prefix})"),
            Self::Peer => f.write_str("peer"),
            Self::PeerVip(index, prefix) => write!(f, "export.vips[{index}] ({prefix}) of the peer"),
            Self::Drain => f.write_str("drain"),
            Self::Capacity => f.write_str("capacity of the node"),
        }
    }
}

/// The places that have something to say of a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Places {
    pub(super) pool: Option<(usize, IpNet)>,
    pub(super) vip: Option<(usize, IpNet)>,
}

impl Node {
    /// Indexes the settings.
    #[must_use]
    pub fn new(settings: NodeExport) -> Self {
        let pools = settings.pools.iter().enumerate();
        let pools = pools.flat_map(|(index, pool)| pool.prefixes.iter().map(move |prefix| (*prefix, index)));
        let vips = settings.vips.iter().enumerate().map(|(index, (prefix, _))| (*prefix, index));
        Self { pools: Longest::new(pools), vips: Longest::new(vips), settings }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &NodeExport {
        &self.settings
    }

    /// The pool of a prefix.
    #[must_use]
    pub fn pool(&self, prefix: &IpNet) -> Option<&Pool> {
        self.settings.pools.get(*self.pools.find(prefix)?.1)
    }

    pub(super) fn places(&self, prefix: &IpNet) -> Places {
        let place = |(prefix, index): (IpNet, &usize)| (*index, prefix);
        Places { pool: self.pools.find(prefix).map(place), vip: self.vips.find(prefix).map(place) }
    }

    /// Settings of the node, the pool and the VIP, in the order in which they count.
    pub(super) fn levels(&self, places: Places) -> impl Iterator<Item = (Source, &RouteSettings)> {
        let pool = places.pool.and_then(|(index, prefix)| {
            Some((Source::Pool(index, prefix), &self.settings.pools.get(index)?.settings))
        });
        let vip = places.vip.and_then(|(index, prefix)| {
            Some((Source::Vip(index, prefix), &self.settings.vips.get(index)?.1))
        });
        [Some((Source::Node, &self.settings.settings)), pool, vip].into_iter().flatten()
    }

    /// The prefix that is announced for a VIP, and whether the VIP is too. `None` when it stands for itself.
    pub(super) fn aggregate(&self, vip: &IpNet) -> Option<(IpNet, Specifics)> {
        let (of_pool, index) = self.pools.find(vip)?;
        let aggregation = self.settings.pools.get(*index)?.aggregation(Family::of_prefix(vip))?;
        // Never more than the pool: the rest of a shorter prefix may be somebody else's.
        let length = aggregation.length.max(of_pool.prefix_len());
        let covering = cover(vip, length).filter(|covering| covering.prefix_len() < vip.prefix_len())?;
        Some((covering, aggregation.specifics))
    }
}
