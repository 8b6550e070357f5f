//! Custom resources as the index keeps them, and what follows from single ones.

use std::collections::{BTreeMap, BTreeSet};

use guideway_controller_core::{ForwarderName, Pool, PoolName};
use guideway_controller_crds::guideway::{BackendPolicy, Cluster, Forwarder, Shard};
use guideway_controller_crds::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, IpAddressPool, L2Advertisement,
};
use guideway_controller_crds::{Kind, Object, Requirement, Resource, Selector};
use guideway_controller_ipam as ipam;
use guideway_controller_ipam::Labels;

use crate::names::ObjectName;

/// What is wrong with a resource beside others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceProblem {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What is wrong and what becomes of it.
    pub problem: String,
}

/// All that are there, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resources {
    pub(crate) pools: Named<IpAddressPool>,
    pub(crate) peers: Named<BgpPeer>,
    pub(crate) bgp: Named<BgpAdvertisement>,
    pub(crate) l2: Named<L2Advertisement>,
    pub(crate) bfd: Named<BfdProfile>,
    pub(crate) communities: Named<Community>,
    pub(crate) shards: Named<Shard>,
    pub(crate) policies: Named<BackendPolicy>,
    pub(crate) forwarders: Named<Forwarder>,
    pub(crate) passwords: BTreeMap<ObjectName, String>,
    pub(crate) live: BTreeSet<ForwarderName>,
}

pub(crate) type Named<T> = BTreeMap<String, (Object, T)>;

/// What has to be made anew after a resource has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Affected {
    pub(crate) pools: bool,
    pub(crate) routing: bool,
    pub(crate) services: bool,
}

impl Affected {
    fn of(kind: Kind) -> Self {
        let nothing = Self::default();
        match kind {
            // Selectors of advertisements look at labels of pools.
            Kind::IpAddressPool => Self { pools: true, routing: true, services: true },
            Kind::BgpPeer | Kind::BfdProfile | Kind::Community => Self { routing: true, ..nothing },
            Kind::BgpAdvertisement => Self { routing: true, services: true, ..nothing },
            Kind::BackendPolicy | Kind::Shard => Self { services: true, ..nothing },
            // What it names and what is not there is told with the routing.
            Kind::L2Advertisement => Self { routing: true, services: true, ..nothing },
            Kind::Forwarder => Self { routing: true, services: true, ..nothing },
            Kind::Cluster | Kind::Rollout => nothing,
        }
    }
}

fn put<T: PartialEq>(named: &mut Named<T>, object: Object, value: T) -> bool {
    let new = (Object { generation: 0, ..object }, value);
    if named.get(&new.0.name) == Some(&new) {
        return false;
    }
    named.insert(new.0.name.clone(), new);
    true
}

impl Resources {
    pub(crate) fn put(&mut self, object: Object, resource: Resource) -> Affected {
        let (kind, changed) = match resource {
            Resource::IpAddressPool(pool) => (Kind::IpAddressPool, put(&mut self.pools, object, pool)),
            Resource::BgpPeer(peer) => (Kind::BgpPeer, put(&mut self.peers, object, *peer)),
            Resource::BgpAdvertisement(bgp) => (Kind::BgpAdvertisement, put(&mut self.bgp, object, bgp)),
            Resource::L2Advertisement(l2) => (Kind::L2Advertisement, put(&mut self.l2, object, l2)),
            Resource::BfdProfile(bfd) => (Kind::BfdProfile, put(&mut self.bfd, object, bfd)),
            Resource::Community(named) => (Kind::Community, put(&mut self.communities, object, named)),
            Resource::Shard(shard) => (Kind::Shard, put(&mut self.shards, object, shard)),
            Resource::BackendPolicy(policy) => {
                (Kind::BackendPolicy, put(&mut self.policies, object, *policy))
            }
            Resource::Forwarder(forwarder) => (Kind::Forwarder, put(&mut self.forwarders, object, forwarder)),
            Resource::Cluster(_) | Resource::Rollout(_) => return Affected::default(),
        };
        if changed { Affected::of(kind) } else { Affected::default() }
    }

    pub(crate) fn remove(&mut self, kind: Kind, name: &str) -> Affected {
        let was_there = match kind {
            Kind::IpAddressPool => self.pools.remove(name).is_some(),
            Kind::BgpPeer => self.peers.remove(name).is_some(),
            Kind::BgpAdvertisement => self.bgp.remove(name).is_some(),
            Kind::L2Advertisement => self.l2.remove(name).is_some(),
            Kind::BfdProfile => self.bfd.remove(name).is_some(),
            Kind::Community => self.communities.remove(name).is_some(),
            Kind::Shard => self.shards.remove(name).is_some(),
            Kind::BackendPolicy => self.policies.remove(name).is_some(),
            Kind::Forwarder => self.forwarders.remove(name).is_some(),
            Kind::Cluster | Kind::Rollout => false,
        };
        if was_there { Affected::of(kind) } else { Affected::default() }
    }

    /// The names that are there.
    pub(crate) fn names(&self, kind: Kind) -> Vec<String> {
        match kind {
            Kind::IpAddressPool => self.pools.keys().cloned().collect(),
            Kind::BgpPeer => self.peers.keys().cloned().collect(),
            Kind::BgpAdvertisement => self.bgp.keys().cloned().collect(),
            Kind::L2Advertisement => self.l2.keys().cloned().collect(),
            Kind::BfdProfile => self.bfd.keys().cloned().collect(),
            Kind::Community => self.communities.keys().cloned().collect(),
            Kind::Shard => self.shards.keys().cloned().collect(),
            Kind::BackendPolicy => self.policies.keys().cloned().collect(),
            Kind::Forwarder => self.forwarders.keys().cloned().collect(),
            Kind::Cluster | Kind::Rollout => Vec::new(),
        }
    }

    /// Forwarders with any of the labels that are asked for; all, when nothing is.
    pub(crate) fn forwarders(
        &self,
        selectors: &[Selector],
    ) -> impl Iterator<Item = (ForwarderName, &Forwarder)> {
        self.forwarders
            .values()
            .filter(move |(object, _)| any(selectors, &object.labels))
            .filter_map(|(object, forwarder)| Some((ForwarderName::new(&object.name).ok()?, forwarder)))
    }

    /// The policies for a Service, the first one first.
    pub(crate) fn policies(
        &self,
        named: Option<&str>,
        cluster: &Cluster,
        key: &ipam::ServiceKey,
        labels: &Labels,
    ) -> Vec<&BackendPolicy> {
        let by_name =
            |name: Option<&str>| name.and_then(|name| self.policies.get(name)).map(|(_, policy)| policy);
        let mut matching: Vec<(u32, &str, &BackendPolicy)> = self
            .policies
            .iter()
            .filter(|(_, (_, policy))| {
                policy
                    .services
                    .as_ref()
                    .is_some_and(|services| services.matches(&key.cluster, &key.namespace, labels))
            })
            .map(|(name, (_, policy))| (policy.priority, name.as_str(), policy))
            .collect();
        matching.sort_by_key(|(priority, name, _)| (*priority, *name));
        let matching = matching.into_iter().map(|(_, _, policy)| policy);
        by_name(named).into_iter().chain(matching).chain(by_name(cluster.backend_policy.as_deref())).collect()
    }

    /// Pools for the content.
    pub(crate) fn content_pools(&self) -> impl Iterator<Item = Pool> {
        self.pools.values().filter_map(|(object, pool)| {
            let prefixes = ranges(pool).flat_map(|range| range.prefixes()).collect();
            Some(Pool { name: PoolName::new(&object.name).ok()?, prefixes })
        })
    }

    /// Pools for the allocation.
    pub(crate) fn ipam_pools(&self) -> impl Iterator<Item = ipam::Pool> {
        self.pools.values().map(|(object, pool)| ipam::Pool {
            name: object.name.as_str().into(),
            made: object.created.clone(),
            ranges: ranges(pool).collect(),
            auto_assign: if pool.auto_assign { ipam::AutoAssign::Yes } else { ipam::AutoAssign::No },
            buggy: if pool.avoid_buggy { ipam::BuggyAddresses::Avoid } else { ipam::BuggyAddresses::Give },
            admission: pool.service_allocation.as_ref().map(|allocation| ipam::Admission {
                priority: allocation.priority,
                namespaces: allocation.namespaces.clone(),
                namespace_selectors: allocation.namespace_selectors.iter().map(selector).collect(),
                service_selectors: allocation.service_selectors.iter().map(selector).collect(),
            }),
        })
    }

    /// Labels of a pool.
    pub(crate) fn pool_labels(&self, pool: &str) -> Option<&Labels> {
        self.pools.get(pool).map(|(object, _)| &object.labels)
    }
}

fn ranges(pool: &IpAddressPool) -> impl Iterator<Item = ipam::AddressRange> {
    pool.addresses.iter().filter_map(|range| ipam::AddressRange::new(range.first(), range.last()).ok())
}

/// Whether one of the selectors matches, or there is none.
pub(crate) fn any(selectors: &[Selector], labels: &Labels) -> bool {
    selectors.is_empty() || selectors.iter().any(|selector| selector.matches(labels))
}

fn selector(selector: &Selector) -> ipam::Selector {
    let requirement = |requirement: &Requirement| {
        let values = |values: &BTreeSet<String>| values.iter().cloned().collect();
        let (key, operator) = match requirement {
            Requirement::In { key, values: some } => (key, ipam::Operator::In(values(some))),
            Requirement::NotIn { key, values: some } => (key, ipam::Operator::NotIn(values(some))),
            Requirement::Exists { key } => (key, ipam::Operator::Exists),
            Requirement::DoesNotExist { key } => (key, ipam::Operator::DoesNotExist),
        };
        ipam::Requirement { key: key.clone(), operator }
    };
    ipam::Selector { requirements: selector.requirements.iter().map(requirement).collect() }
}
