//! Why there is no plan.

use std::fmt;

use guideway_maglev::{TableError, TableSize};
use thiserror::Error;

use crate::{BootTime, VipKey};

/// Why there is no plan. All but [`BackendsHeld`](Self::BackendsHeld), [`TablesHeld`](Self::TablesHeld) and
/// [`SeedInDoubt`](Self::SeedInDoubt) depend on the configuration only.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Two VIPs are the same to a packet.
    #[error("VIPs {first:?} and {second:?} are both {key}")]
    DuplicateVip {
        /// What they share.
        key: VipKey,
        /// Name of one.
        first: String,
        /// Name of the other.
        second: String,
    },
    /// A range of ports has none.
    #[error("VIP {vip:?} has the ports {first}-{last}, which are none; give the lower one first")]
    NoPorts {
        /// Name of the VIP.
        vip: String,
        /// The first one, which is behind the last.
        first: u16,
        /// The last one.
        last: u16,
    },
    /// TCP flows that stay need no entry each.
    #[error(
        "VIP {vip:?} keeps each flow by an entry of its own, which is for UDP; TCP flows stay where they are anyway"
    )]
    FlowSessionOfTcp {
        /// Name of the VIP.
        vip: String,
    },
    /// More sources than are looked at for a packet.
    #[error(
        "the sources of VIP {vip:?} have {borders} borders, two for each stretch of addresses; at most {max} are \
         looked at: join some into shorter prefixes"
    )]
    Sources {
        /// Name of the VIP.
        vip: String,
        /// How many there are.
        borders: usize,
        /// How many there can be.
        max: u32,
    },
    /// Two sets have the same name.
    #[error("two backend sets are named {name:?}")]
    DuplicateSet {
        /// The name.
        name: String,
    },
    /// A VIP names a set that does not exist.
    #[error("VIP {vip:?} uses backend set {set:?}, which does not exist")]
    UnknownSet {
        /// Name of the VIP.
        vip: String,
        /// Name of the set.
        set: String,
    },
    /// There is no lookup table for a set.
    #[error("backend set {set:?} has no lookup table")]
    Set {
        /// Name of the set.
        set: String,
        /// Why.
        source: TableError,
    },
    /// Two backends cannot be told apart in the maps. One in 2^64 pairs; another name solves it.
    #[error("backends {first:?} and {second:?} have the same identity hash; rename one of them")]
    SameIdentity {
        /// Name of one.
        first: String,
        /// Name of the other.
        second: String,
    },
    /// More than the maps hold.
    #[error("{needed} {limit} are needed and there is room for {capacity}; {}", limit.advice())]
    Limit {
        /// Of what.
        limit: Limit,
        /// How many are needed.
        needed: u64,
        /// How many there can be.
        capacity: u64,
    },
    /// There is room for the new backends, but not beside those that the installed generation uses.
    #[error(
        "{needed} new backends find only {free} places, for the installed generation or flows from before it still use \
         the others; remove old backends first, in a change of its own, and try again when the drain windows of what left are \
         over, or raise {}", Limit::Backends.config_key()
    )]
    BackendsHeld {
        /// New backends.
        needed: u64,
        /// Elements that neither the installed generation nor a backend that stays uses.
        free: u64,
    },
    /// There is room for the tables, but not beside those that the installed generation uses.
    #[error(
        "{needed} new lookup tables of size {} find only {free} places, for flows from before the last changes still \
         use the others; try again when their drain windows are over, or raise {}",
        size.get(), Limit::Tables(*size).config_key()
    )]
    TablesHeld {
        /// Their size.
        size: TableSize,
        /// New tables.
        needed: u64,
        /// Elements that nothing uses.
        free: u64,
    },
    /// The seed changes and earlier changes are not forgotten yet.
    #[error(
        "the seed cannot change yet: backend set {set:?} still looks after flows of earlier changes, for {} s",
        until.0.saturating_sub(now.0)
    )]
    SeedInDoubt {
        /// Name of a set.
        set: String,
        /// When it can change as far as this set goes.
        until: BootTime,
        /// The present time.
        now: BootTime,
    },
    /// No key gives a VIP lookup without overfull buckets; this does not happen by chance.
    #[error("the VIPs do not fit into the VIP lookup under any of {attempts} keys")]
    Lookup {
        /// Keys tried.
        attempts: u32,
    },
}

/// A limit of the maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// VIPs.
    Vips,
    /// Backend sets in use.
    Sets,
    /// Backends with different names or addresses. Element 0 is not used.
    Backends,
    /// Lookup tables of a size: two for each backend set that a VIP uses, so that a change always finds room for the
    /// new table of every set beside the old one. Tables of earlier backends live in what is left.
    Tables(TableSize),
    /// Intervals of ports: of port ranges, any-port VIPs and VIP prefixes, compiled for each address.
    Intervals,
    /// Intervals of IPv4 addresses: two for each VIP prefix, at most.
    Prefixes4,
    /// Intervals of IPv6 addresses, likewise.
    Prefixes6,
    /// Borders of sources: two for each stretch of addresses, of VIPs with different ones.
    Sources,
    /// Entries of the flow table that VIPs ask for.
    Flows,
}

impl Limit {
    /// The key of the configuration file that sets it; for prefixes, which have a fixed limit, what they are given by.
    #[must_use]
    pub const fn config_key(self) -> &'static str {
        match self {
            Self::Vips | Self::Intervals | Self::Sources => "limits.vips",
            Self::Backends => "limits.backends",
            Self::Sets | Self::Tables(TableSize::Large) => "limits.tables_65537",
            Self::Tables(TableSize::Small) => "limits.tables_16381",
            Self::Prefixes4 | Self::Prefixes6 => "vips.address",
            Self::Flows => "limits.flows",
        }
    }

    fn advice(self) -> String {
        match self {
            Self::Prefixes4 | Self::Prefixes6 => "use fewer VIP prefixes".into(),
            _ => format!("raise {}", self.config_key()),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vips => f.write_str("VIPs"),
            Self::Sets => f.write_str("backend sets"),
            Self::Backends => f.write_str("backends"),
            Self::Tables(size) => {
                write!(f, "lookup tables of size {} (two for each backend set in use)", size.get())
            }
            Self::Intervals => f.write_str("port intervals"),
            Self::Prefixes4 => f.write_str("intervals of IPv4 addresses"),
            Self::Prefixes6 => f.write_str("intervals of IPv6 addresses"),
            Self::Sources => f.write_str("borders of sources (two for each stretch of addresses)"),
            Self::Flows => f.write_str("entries of the flow table"),
        }
    }
}
