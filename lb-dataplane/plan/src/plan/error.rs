//! Why there is no plan.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use guideway_abi::Capacities;
use guideway_maglev::{MEMBERS_MAX, TableError, TableSize};
use guideway_packet::Address;
use thiserror::Error;

use crate::desired::RawKey;
use crate::digest::identity;
use crate::index::tables_of;
use crate::{BackendSet, Desired, VipKey};

/// Why there is no plan. All but [`BackendsHeld`](Self::BackendsHeld) depend on the configuration only.
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
    #[error("{needed} {limit} are needed and there is room for {capacity}; raise {}", limit.config_key())]
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
        "{needed} new backends find only {free} places, for the installed generation still uses the others; \
         remove the old backends first, in a change of its own, or raise {}", Limit::Backends.config_key()
    )]
    BackendsHeld {
        /// New backends.
        needed: u64,
        /// Elements that neither the installed generation nor a backend that stays uses.
        free: u64,
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
    /// Backends with different names or addresses. Element 0 is not used.
    Backends,
    /// Lookup tables of a size: two for each backend set that a VIP uses, so that a change always finds room for the
    /// new table of every set beside the old one.
    Tables(TableSize),
}

impl Limit {
    /// The key of the configuration file that sets it.
    #[must_use]
    pub const fn config_key(self) -> &'static str {
        match self {
            Self::Vips => "limits.vips",
            Self::Backends => "limits.backends",
            Self::Tables(TableSize::Large) => "limits.tables_65537",
            Self::Tables(TableSize::Small) => "limits.tables_16381",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vips => f.write_str("VIPs"),
            Self::Backends => f.write_str("backends"),
            Self::Tables(size) => {
                write!(f, "lookup tables of size {} (two for each backend set in use)", size.get())
            }
        }
    }
}

/// Everything that is wrong with `desired`, whatever is installed and whoever is healthy. When there is nothing, no
/// change of health can make [`plan`](crate::plan()) fail later.
#[must_use]
pub fn validate(desired: &Desired, capacities: &Capacities) -> Vec<PlanError> {
    let mut errors = Vec::new();
    let mut sets = HashMap::new();
    for set in &desired.sets {
        if sets.insert(set.name.as_str(), set).is_some() {
            errors.push(PlanError::DuplicateSet { name: set.name.clone() });
        }
        errors.extend(members_error(set).map(|source| PlanError::Set { set: set.name.clone(), source }));
    }
    let mut keys = HashMap::new();
    let mut used = BTreeMap::new();
    for vip in &desired.vips {
        if let Some(first) = keys.insert(RawKey::from(vip.key), vip) {
            let (first, second) = (first.name.clone(), vip.name.clone());
            errors.push(PlanError::DuplicateVip { key: vip.key, first, second });
        }
        match sets.get(vip.set.as_str()) {
            Some(set) => drop(used.insert(set.name.as_str(), *set)),
            None => errors.push(PlanError::UnknownSet { vip: vip.name.clone(), set: vip.set.clone() }),
        }
    }
    errors.extend(same_identity(used.values().copied()));
    errors.extend(limits(desired, &used, capacities));
    errors
}

fn members_error(set: &BackendSet) -> Option<TableError> {
    let (members, slots) = (set.members.len(), set.table_size.get());
    let max = MEMBERS_MAX.min(slots as usize);
    if members > max {
        return Some(TableError::TooManyMembers { members, max, slots });
    }
    let mut names = HashSet::new();
    let twice = set.members.iter().find(|member| !names.insert(&member.name))?;
    Some(TableError::DuplicateName { name: twice.name.clone() })
}

fn same_identity<'a>(sets: impl Iterator<Item = &'a BackendSet>) -> Option<PlanError> {
    let mut identities = HashMap::new();
    for member in sets.flat_map(|set| &set.members) {
        let what = (&member.name, Address::from(member.address));
        match identities.insert(identity(&member.name, member.address), what) {
            Some(other) if other != what => {
                return Some(PlanError::SameIdentity { first: other.0.clone(), second: member.name.clone() });
            }
            _ => {}
        }
    }
    None
}

fn limits(desired: &Desired, used: &BTreeMap<&str, &BackendSet>, capacities: &Capacities) -> Vec<PlanError> {
    let backends: BTreeSet<(&str, [u8; 16])> = used
        .values()
        .flat_map(|set| &set.members)
        .map(|member| (member.name.as_str(), Address::from(member.address).to_bytes()))
        .collect();
    let tables = |size| {
        let sets = used.values().filter(|set| set.table_size == size).count();
        (Limit::Tables(size), 2 * sets, u64::from(tables_of(capacities, size)))
    };
    [
        (Limit::Vips, desired.vips.len(), u64::from(capacities.vips)),
        (Limit::Backends, backends.len(), u64::from(capacities.backends).saturating_sub(1)),
        tables(TableSize::Large),
        tables(TableSize::Small),
    ]
    .into_iter()
    .map(|(limit, needed, capacity)| (limit, needed as u64, capacity))
    .filter(|(_, needed, capacity)| needed > capacity)
    .map(|(limit, needed, capacity)| PlanError::Limit { limit, needed, capacity })
    .collect()
}
