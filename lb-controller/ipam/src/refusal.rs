use std::net::IpAddr;
use std::sync::Arc;

use thiserror::Error;

use crate::claim::{Family, MAX_REQUESTED, ServiceKey};

/// Why a Service gets no address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// More addresses are requested than may be.
    #[error("{count} addresses are requested: at most {MAX_REQUESTED} are possible")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// An address of a family that the Service does not have.
    #[error("{address} is requested, but the Service has no {} in ipFamilies", Family::of(*.address))]
    Family {
        /// The address.
        address: IpAddr,
    },
    /// `RequireDualStack` with addresses of one family.
    #[error("the Service requires both families, but requests no {family} address")]
    FamilyMissing {
        /// The one that is not requested.
        family: Family,
    },
    /// A requested address that no pool has.
    #[error("{address} is requested, but is in no pool")]
    NotInAnyPool {
        /// The address.
        address: IpAddr,
    },
    /// A requested address and a requested pool that do not go together.
    #[error("{address} is requested from pool {wanted}, but is {}", in_pool(.pool.as_deref()))]
    OtherPool {
        /// The address.
        address: IpAddr,
        /// The pool that has it.
        pool: Option<Arc<str>>,
        /// The pool that is requested.
        wanted: Arc<str>,
    },
    /// A requested address that its pool does not give because it ends in .0 or .255.
    #[error("{address} is requested, but pool {pool} avoids addresses that end in .0 or .255")]
    Buggy {
        /// The address.
        address: IpAddr,
        /// Its pool.
        pool: Arc<str>,
    },
    /// A requested pool that does not exist.
    #[error("there is no pool {pool}")]
    UnknownPool {
        /// The pool.
        pool: Arc<str>,
    },
    /// A requested pool, or the pool of a requested address, is not for this Service.
    #[error("pool {pool} is not for this Service: look at its serviceAllocation")]
    NotAdmitted {
        /// The pool.
        pool: Arc<str>,
    },
    /// A requested address that another Service holds, and one of both does not share.
    #[error("{address} is in use by {by}, and {who} allows no sharing")]
    InUse {
        /// The address.
        address: IpAddr,
        /// One of those that hold it.
        by: ServiceKey,
        /// Who has no sharing key.
        who: NoSharing,
    },
    /// A requested address that is shared under another key.
    #[error("{address} is in use by {by} with another sharing key")]
    OtherKey {
        /// The address.
        address: IpAddr,
        /// One of those that hold it.
        by: ServiceKey,
    },
    /// The sharing key fits, but one of both has `externalTrafficPolicy: Local` and their backends differ.
    #[error(
        "{address} is in use by {by}: with externalTrafficPolicy Local an address is shared only by Services with the same \
         policy and the same selector"
    )]
    OtherBackends {
        /// The address.
        address: IpAddr,
        /// One of those that hold it.
        by: ServiceKey,
    },
    /// The sharing key fits, but a port is taken.
    #[error("{address} is shared with {by}, which has a port in common")]
    PortConflict {
        /// The address.
        address: IpAddr,
        /// Who has the port.
        by: ServiceKey,
    },
    /// A requested address that another Service has given back a moment ago.
    #[error("{address} is still being withdrawn from {by}: it will be free in a moment")]
    Leaving {
        /// The address.
        address: IpAddr,
        /// Who had it.
        by: ServiceKey,
    },
    /// A requested address that is in use in a cluster of which nothing else is known yet.
    #[error("{address} is in use in the cluster {cluster}, which has not answered yet")]
    Reserved {
        /// The address.
        address: IpAddr,
        /// The cluster.
        cluster: Arc<str>,
    },
    /// No pool is for this Service, or none of those has the family.
    #[error("no pool assigns {} addresses to this Service", list_families(.families))]
    NoPool {
        /// What is wanted.
        families: Vec<Family>,
    },
    /// All addresses of the pools that are for this Service are in use.
    #[error("no free {} address in {}", list_families(.families), list_pools(.pools))]
    Exhausted {
        /// What is wanted.
        families: Vec<Family>,
        /// The pools that were asked.
        pools: Vec<Arc<str>>,
    },
}

/// Who of two Services has no sharing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSharing {
    /// The one that holds the address.
    Holder,
    /// The one that wants it.
    Claimant,
}

impl std::fmt::Display for NoSharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Holder => "that Service",
            Self::Claimant => "this Service",
        })
    }
}

impl Refusal {
    /// A word for conditions and metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooMany { .. } | Self::Family { .. } | Self::FamilyMissing { .. } => "InvalidRequest",
            Self::NotInAnyPool { .. } | Self::OtherPool { .. } | Self::Buggy { .. } => "NotInPool",
            Self::UnknownPool { .. } => "UnknownPool",
            Self::NotAdmitted { .. } => "PoolNotAllowed",
            Self::InUse { .. } | Self::Leaving { .. } | Self::Reserved { .. } => "AddressInUse",
            Self::OtherKey { .. } | Self::OtherBackends { .. } => "SharingConflict",
            Self::PortConflict { .. } => "PortConflict",
            Self::NoPool { .. } => "NoPool",
            Self::Exhausted { .. } => "PoolExhausted",
        }
    }
}

fn in_pool(pool: Option<&str>) -> String {
    pool.map_or_else(|| "in none".to_owned(), |pool| format!("in {pool}"))
}

fn list_families(families: &[Family]) -> String {
    families.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn list_pools(pools: &[Arc<str>]) -> String {
    match pools {
        [pool] => format!("pool {pool}"),
        pools => format!("pools {}", pools.iter().map(|pool| &**pool).collect::<Vec<_>>().join(", ")),
    }
}
