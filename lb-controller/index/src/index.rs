//! The index: everything that is known, and the content that follows from it.

mod apply;
mod project;
mod settle;
mod shards;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use guideway_controller_core::{Content, Digest, Routing, SetName, ShardName, VipName};
use guideway_controller_crds::guideway::Cluster;
use guideway_controller_ipam::{AddressRange, Ipam, Labels, Mark, ServiceKey};

use crate::config::IndexConfig;
use crate::endpoints::Slices;
use crate::names::ObjectName;
use crate::node::Nodes;
use crate::projection::{ServiceEvent, ServiceView};
use crate::resources::{Affected, ResourceProblem, Resources};
use crate::service::{Port, Service};

use shards::Shards;

/// All that is known of all clusters, and the content that follows from it.
///
/// [`apply`](Self::apply) what happens, [`project`](Self::project) when there is time, and say with
/// [`settled`](Self::settled) what forwarders serve. Any order and any repetition of changes that ends with the same
/// objects gives the same content, and so does a new index that is told them.
#[derive(Debug)]
pub struct Index {
    config: IndexConfig,
    clusters: BTreeMap<Arc<str>, ClusterState>,
    services: BTreeMap<ServiceKey, Entry>,
    resources: Resources,
    routing_problems: Vec<ResourceProblem>,
    pool_problems: Vec<ResourceProblem>,
    ipam: Ipam,
    content: Content,
    shards: Shards,
    /// Services that are to be looked at.
    dirty: BTreeSet<ServiceKey>,
    affected: Affected,
    /// Services that got no address, or not all.
    waiting: BTreeSet<ServiceKey>,
    /// Services with an owner on a link.
    linked: BTreeSet<ServiceKey>,
    /// Services that are being withdrawn, or whose earlier addresses are.
    leaving: BTreeSet<ServiceKey>,
    /// Contents that were made, and when last.
    made: HashMap<Digest, Mark>,
    last_made: Option<Mark>,
    settled: Option<Digest>,
    /// What was served before this index was made, for clusters of which nothing is known yet.
    resumed: Option<Content>,
    /// Whether it is known what was served before.
    served_is_known: bool,
    work: Work,
}

/// What an index has done so far: what a change costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Services that were looked at.
    pub services: u64,
    /// Sets, VIPs, pools and shards that were put into the content or taken out of it.
    pub items: u64,
}

/// What is known of a cluster.
#[derive(Debug)]
struct ClusterState {
    spec: Cluster,
    contact: Contact,
    nodes: Nodes,
    namespaces: BTreeMap<Arc<str>, Arc<Labels>>,
    /// To which Service a slice belongs.
    slices: HashMap<ObjectName, Arc<str>>,
    /// Items of the content that were there before anything was known.
    kept: Kept,
    patience: Patience,
    /// What its Services held when somebody knew them last; `None`: nobody has told.
    held: Option<Vec<AddressRange>>,
}

impl ClusterState {
    /// Whether it may have Services that nobody knows yet.
    fn is_missing(&self) -> bool {
        self.contact == Contact::Syncing && !(self.patience == Patience::Unmet && self.kept.vips.is_empty())
    }
}

/// Whether others wait for a cluster of which nothing is known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Patience {
    /// They do.
    Waiting,
    /// They have waited long enough, if it is known what it has.
    Over,
    /// Nobody ever wrote to it.
    Unmet,
}

/// How well a cluster is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// Not everything was told yet.
    Syncing,
    /// It is watched.
    Live,
    /// It was known and cannot be reached.
    Stale,
}

#[derive(Debug, Default)]
struct Kept {
    sets: Vec<SetName>,
    vips: Vec<VipName>,
}

/// What is known of a Service.
#[derive(Debug, Default)]
struct Entry {
    /// `None`: there are only slices of it.
    service: Option<Service>,
    slices: Slices,
    sets: Vec<SetName>,
    vips: Vec<VipName>,
    /// The shard that it belongs to, and on the way there another one that its VIPs name.
    shard: Option<(ShardName, ShardName)>,
    withdrawal: Withdrawal,
    /// On what terms it shares its addresses, if it does.
    sharing: Option<Sharing>,
    /// Events that were told.
    told: Vec<ServiceEvent>,
    view: Option<ServiceView>,
}

/// Key, ports and, with `externalTrafficPolicy: Local`, backends.
type Sharing = (String, Vec<Port>, Option<String>);

/// What of a Service must be out of the forwarders before something is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Withdrawal {
    #[default]
    None,
    /// These addresses are in no content that was made after this moment.
    Since(Option<Mark>, BTreeSet<IpAddr>),
    /// They are out.
    Done(BTreeSet<IpAddr>),
}

impl Index {
    /// One that knows nothing.
    #[must_use]
    pub fn new(config: IndexConfig) -> Self {
        let content = Content::new(config.seed, Routing::default());
        Self {
            config,
            clusters: BTreeMap::new(),
            services: BTreeMap::new(),
            resources: Resources::default(),
            routing_problems: Vec::new(),
            pool_problems: Vec::new(),
            ipam: Ipam::new(),
            content,
            shards: Shards::default(),
            dirty: BTreeSet::new(),
            affected: Affected::default(),
            waiting: BTreeSet::new(),
            linked: BTreeSet::new(),
            leaving: BTreeSet::new(),
            made: HashMap::new(),
            last_made: None,
            settled: None,
            resumed: None,
            served_is_known: false,
            work: Work::default(),
        }
    }

    /// Who holds which address.
    #[must_use]
    pub const fn ipam(&self) -> &Ipam {
        &self.ipam
    }

    /// How well each cluster is known.
    pub fn clusters(&self) -> impl Iterator<Item = (&str, Contact)> {
        self.clusters.iter().map(|(name, state)| (&**name, state.contact))
    }

    /// The names of all Forwarder resources.
    pub fn forwarders(&self) -> impl Iterator<Item = &str> {
        self.resources.forwarders.keys().map(AsRef::as_ref)
    }

    /// Services that are ours, as they were projected last, by key.
    pub fn services(&self) -> impl Iterator<Item = &ServiceView> {
        self.services.values().filter_map(|entry| entry.view.as_ref())
    }

    /// What is wrong with custom resources beside each other.
    pub fn problems(&self) -> impl Iterator<Item = &ResourceProblem> {
        self.pool_problems.iter().chain(&self.routing_problems)
    }

    /// Whether [`project`](Self::project) would do something.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || self.affected != Affected::default() || !self.shards.touched.is_empty()
    }

    /// What was done so far.
    #[must_use]
    pub const fn work(&self) -> Work {
        self.work
    }

    /// Looks at a Service again: a write to it has failed, and these Events were not told.
    pub fn retry(&mut self, service: &ServiceKey, untold: &[ServiceEvent]) {
        if let Some(entry) = self.services.get_mut(service) {
            entry.told.retain(|event| !untold.contains(event));
            self.dirty.insert(service.clone());
        }
    }

    /// Clusters that keep new addresses from being given: one of their Services may have recorded any. What is served of
    /// them, and what they held when they were known last, is reserved: an address could be given twice only if it was given
    /// first in the moment before they fell silent, and its first Service gets it back then, since it is older.
    pub fn awaited(&self) -> impl Iterator<Item = &str> {
        let is_known = |state: &ClusterState| self.served_is_known && state.held.is_some();
        let is_awaited = move |state: &ClusterState| {
            state.is_missing() && !(state.patience > Patience::Waiting && is_known(state))
        };
        self.clusters.iter().filter(move |(_, state)| is_awaited(state)).map(|(name, _)| &**name)
    }

    fn gives_addresses(&self) -> bool {
        self.awaited().next().is_none()
    }

    fn cluster(&self, name: &str) -> Option<&ClusterState> {
        self.clusters.get(name)
    }

    /// The Services of a cluster, or of one namespace of it.
    fn keys(&self, cluster: &str, namespace: Option<&str>) -> Vec<ServiceKey> {
        let first = ServiceKey::new(cluster, namespace.unwrap_or_default(), "");
        self.services
            .range(first..)
            .map(|(key, _)| key)
            .take_while(|key| {
                *key.cluster == *cluster && namespace.is_none_or(|namespace| *key.namespace == *namespace)
            })
            .cloned()
            .collect()
    }
}
