use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use guideway_dataplane_config::{Ports, Protocol};

use crate::selector::Labels;

/// The most addresses that one Service may request.
pub const MAX_REQUESTED: usize = 16;

/// A Service of a cluster. Shown as `cluster/namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey {
    /// The workload cluster.
    pub cluster: Arc<str>,
    /// The namespace in it.
    pub namespace: Arc<str>,
    /// The name in that.
    pub name: Arc<str>,
}

impl ServiceKey {
    /// From its parts.
    pub fn new(
        cluster: impl Into<Arc<str>>,
        namespace: impl Into<Arc<str>>,
        name: impl Into<Arc<str>>,
    ) -> Self {
        Self { cluster: cluster.into(), namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, namespace, name } = self;
        write!(f, "{cluster}/{namespace}/{name}")
    }
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// The families that a Service wants (`ipFamilyPolicy` and `ipFamilies`), the first one of `ipFamilies` given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// `SingleStack`: one address of this family.
    Single(Family),
    /// `PreferDualStack`: one of each, else of this one, else of the other.
    Prefer(Family),
    /// `RequireDualStack`: one of each or none.
    Require(Family),
}

impl Families {
    /// Whether an address of this family may be given.
    #[must_use]
    pub fn allow(self, family: Family) -> bool {
        match self {
            Self::Single(only) => only == family,
            Self::Prefer(_) | Self::Require(_) => true,
        }
    }

    /// The first family.
    #[must_use]
    pub const fn first(self) -> Family {
        match self {
            Self::Single(first) | Self::Prefer(first) | Self::Require(first) => first,
        }
    }
}

/// Who has written the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordedBy {
    /// This controller, at any time (the Service has its finalizer): kept even outside of every pool.
    #[default]
    Us,
    /// Another one before this (MetalLB): kept if it is in a pool that admits the Service.
    Others,
}

/// Since when a Service is there. Of two that record the same address the older one has it, whichever was seen first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    /// `metadata.creationTimestamp` in seconds of Unix time.
    pub created: i64,
    /// `metadata.uid`, for those of the same second.
    pub uid: Arc<str>,
}

/// What a Service wants.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose it is.
    pub owner: ServiceKey,
    /// Since when it is there.
    pub since: Age,
    /// Families of the addresses.
    pub families: Families,
    /// Exactly these addresses; empty: any. At most [`MAX_REQUESTED`].
    pub requested: Vec<IpAddr>,
    /// From this pool only, which need not assign by itself.
    pub requested_pool: Option<Arc<str>>,
    /// The key under which the address may be shared with other Services of the same cluster.
    pub sharing_key: Option<String>,
    /// What identifies the backends with `externalTrafficPolicy: Local` (the selector of the Service); `None`: `Cluster`.
    pub local_backends: Option<String>,
    /// The ports that clients dial.
    pub ports: Vec<(Protocol, Ports)>,
    /// `status.loadBalancer.ingress` of the Service.
    pub recorded: Vec<IpAddr>,
    /// Who wrote that.
    pub recorded_by: RecordedBy,
    /// Labels of the Service, for pools that select.
    pub labels: Arc<Labels>,
    /// Labels of its namespace, likewise.
    pub namespace_labels: Arc<Labels>,
}

impl Claim {
    /// A claim for any address of one family, without ports, labels and records.
    #[must_use]
    pub fn new(owner: ServiceKey, families: Families) -> Self {
        Self {
            owner,
            since: Age::default(),
            families,
            requested: Vec::new(),
            requested_pool: None,
            sharing_key: None,
            local_backends: None,
            ports: Vec::new(),
            recorded: Vec::new(),
            recorded_by: RecordedBy::Us,
            labels: Arc::default(),
            namespace_labels: Arc::default(),
        }
    }

    /// Whether the Service's own status has the address.
    pub(crate) fn records(&self, address: IpAddr) -> bool {
        self.recorded.iter().any(|recorded| recorded.to_canonical() == address)
    }
}

/// What a Service has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// The addresses: as requested, else that of the first family first.
    pub addresses: Vec<Assigned>,
}

/// An address of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The address.
    pub address: IpAddr,
    /// The pool that it is in.
    pub pool: Option<Arc<str>>,
    /// Whether that pool would give it today.
    pub standing: Standing,
}

/// How an address that a Service holds stands to the pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its pool admits the Service.
    InPool,
    /// Its pool no longer admits the Service; the address is kept.
    NotAdmitted,
    /// No pool has it any more; the address is kept.
    OutsideOfPools,
}
