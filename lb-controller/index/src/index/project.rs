//! The projection.

mod claim;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use guideway_controller_core::{Advertise, SetName};
use guideway_controller_crds::Kind;
use guideway_controller_crds::guideway::EndpointMode;
use guideway_controller_ipam::{Assigned, PoolProblem, Refusal, ServiceKey, Standing};

use super::{ClusterState, Contact, Index, Withdrawal};
use crate::options::Options;
use crate::placement::Placement;
use crate::projection::{Condition, IpMode, Projection, ServiceEvent, ServiceStatus, Severity};
use crate::resources::{Affected, ResourceProblem};
use crate::service::Balanced;
use crate::unit::{Plan, Unit};

use claim::Decision;

/// What a Service has.
struct Outcome {
    assigned: Vec<Assigned>,
    refusal: Option<Refusal>,
    /// For people: why addresses are missing although nothing was refused.
    waits: Option<String>,
}

/// What a look at a Service of ours gives.
struct Seen {
    vips: usize,
    backends: Option<Condition>,
    mode: EndpointMode,
    ip_mode: IpMode,
    shard: String,
    events: Vec<ServiceEvent>,
}

impl Index {
    /// The content as it follows from everything that was applied, and what is to be written to Services.
    ///
    /// Costs what has changed since the last time.
    pub fn project(&mut self) -> Projection {
        let mut services: BTreeMap<ServiceKey, ServiceStatus> = BTreeMap::new();
        loop {
            self.take_resources();
            for status in self.look_at_dirty() {
                merge(&mut services, status);
            }
            self.sync_shards();
            let mark = self.made_content();
            // What is served already need not be waited for.
            if self.settled == Some(self.content.digest()) {
                let served = self.content.clone();
                self.settle(mark, &served);
            }
            if !self.is_dirty() {
                break;
            }
        }
        if !self.clusters.values().any(ClusterState::is_missing) {
            // Everything that was served before is known by now.
            self.resumed = None;
        }
        Projection { content: self.content.clone(), services: services.into_values().collect() }
    }

    /// Custom resources that have changed.
    fn take_resources(&mut self) {
        let affected = std::mem::take(&mut self.affected);
        if affected == Affected::default() {
            return;
        }
        if affected.pools {
            let problems = self.ipam.set_pools(self.resources.ipam_pools());
            self.pool_problems = problems.iter().map(pool_problem).collect();
            let wanted: BTreeMap<_, _> =
                self.resources.content_pools().map(|pool| (pool.name.clone(), pool)).collect();
            let gone: Vec<_> =
                self.content.pools().keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
            for name in gone {
                self.work.items += u64::from(self.content.remove_pool(&name));
            }
            for (name, pool) in wanted {
                if self.content.pools().get(&name).is_none_or(|now| **now != pool) {
                    self.work.items += 1;
                    self.content.put_pool(pool);
                }
            }
        }
        if affected.routing {
            self.routing_problems.clear();
            let routing = self.resources.routing(&mut self.routing_problems);
            if *self.content.routing().as_ref() != routing {
                self.content.put_routing(routing);
            }
        }
        if affected.services {
            self.dirty.extend(self.services.keys().cloned());
        }
    }

    fn look_at_dirty(&mut self) -> Vec<ServiceStatus> {
        let dirty: Vec<ServiceKey> = std::mem::take(&mut self.dirty).into_iter().collect();
        let decisions: Vec<(ServiceKey, Decision)> = dirty
            .into_iter()
            .filter_map(|key| {
                let decision = self.decide(&key)?;
                Some((key, decision))
            })
            .collect();
        self.work.services += decisions.len() as u64;
        let outcomes = self.allocate(decisions);
        outcomes.into_iter().filter_map(|(key, outcome)| self.look_at(&key, outcome)).collect()
    }

    /// `None` as outcome: it is not ours.
    fn look_at(&mut self, key: &ServiceKey, outcome: Option<Outcome>) -> Option<ServiceStatus> {
        let seen = outcome.as_ref().and_then(|outcome| self.see(key, outcome));
        let (unit, seen) = seen.map_or_else(Default::default, |(unit, seen)| (unit, Some(seen)));
        if unit.vips.is_empty() {
            self.unplace(key);
        }
        self.put(key, unit);
        let status = match (&outcome, seen) {
            (Some(outcome), Some(seen)) => self.status_of_ours(key, outcome, seen),
            _ => self.status_of_leaving(key),
        };
        let entry = self.services.get(key)?;
        if entry.service.is_none() && entry.slices.is_empty() {
            self.services.remove(key);
            self.leaving.remove(key);
        }
        status
    }

    /// The part of the content that follows from a Service, and what is to be said of it.
    fn see(&mut self, key: &ServiceKey, outcome: &Outcome) -> Option<(Unit, Seen)> {
        let mut events = Vec::new();
        let mut report = |reason: &'static str, message: String| {
            events.push(ServiceEvent { severity: Severity::Warning, reason, message });
        };
        let entry = self.services.get(key)?;
        let service = entry.service.as_ref()?;
        let balanced = service.balanced.as_ref()?;
        let cluster = self.cluster(&key.cluster)?;
        let named = balanced.annotations.shard.as_deref();
        let placement =
            self.resources.place(&self.config.seed, key, &service.labels, &cluster.spec, named, |message| {
                report("UnknownShard", message);
            });
        let record: BTreeSet<IpAddr> = service.record.addresses().collect();
        let served = outcome
            .assigned
            .iter()
            .filter(|assigned| service.record.finalizer && record.contains(&assigned.address))
            // Whoever may write the status of a Service could have any address announced otherwise.
            .filter(|assigned| assigned.standing != Standing::OutsideOfPools);
        let mut served: Vec<Assigned> = served.cloned().collect();
        served.sort_by_key(|assigned| assigned.address);
        let labels = service.labels.clone();
        let shared = balanced.annotations.addresses.sharing_key.is_some();
        let shard = if served.is_empty() { placement.shard.clone() } else { self.shard_of(key, &placement) };

        let addresses = self.advertised(&served, &labels, &placement, shared);
        if addresses.iter().any(|(_, advertise)| advertise.l2.is_some()) {
            self.linked.insert(key.clone());
        } else {
            self.linked.remove(key);
        }
        for (address, _) in addresses.iter().filter(|(_, advertise)| !advertise.bgp && advertise.l2.is_none())
        {
            let message =
                format!("no BGPAdvertisement and no L2Advertisement is for {address}: nobody announces it");
            report("NotAdvertised", message);
        }
        for assigned in outcome.assigned.iter().filter(|assigned| assigned.standing != Standing::InPool) {
            let address = assigned.address;
            let message = match assigned.standing {
                Standing::NotAdmitted => {
                    format!("{address} stays, though its pool is no longer for this Service")
                }
                Standing::OutsideOfPools | Standing::InPool => {
                    format!(
                        "no pool has {address}: it is kept for the Service, and not announced before one has it"
                    )
                }
            };
            report("AddressOutsideOfPool", message);
        }

        let entry = self.services.get(key)?;
        let service = entry.service.as_ref()?;
        let balanced: &Balanced = service.balanced.as_ref()?;
        let cluster = self.cluster(&key.cluster)?;
        let named = balanced.annotations.backend_policy.as_deref();
        if let Some(missing) = named.filter(|name| !self.resources.policies.contains_key(*name)) {
            let message =
                format!("guideway.dev/backend-policy: there is no BackendPolicy {missing}: it does without");
            report("UnknownBackendPolicy", message);
        }
        let policies = self.resources.policies(named, &cluster.spec, key, &service.labels);
        let options = Options::of(balanced, &policies, &cluster.spec, &self.config.defaults, |message| {
            report("InvalidAnnotation", message);
        });
        let (mode, ip_mode) = (options.mode, options.ip_mode);
        let plan = Plan {
            key,
            service: balanced,
            options,
            slices: &entry.slices,
            nodes: &cluster.nodes,
            addresses: &addresses,
            shard,
            zone: placement.zone.as_deref(),
            is_vip: &|address| self.ipam.pool_of(address).is_some(),
        };
        let unit = plan.unit();
        for problem in &unit.problems {
            report("Endpoints", problem.clone());
        }
        for problem in entry.slices.values().filter_map(|slice| slice.problem.as_ref()) {
            report("InvalidEndpointSlice", problem.clone());
        }
        let events = service.problems.iter().cloned().chain(events).collect();
        let (vips, backends) = (unit.vips.len(), status::backends(&unit));
        Some((unit, Seen { vips, backends, mode, ip_mode, shard: placement.shard.to_string(), events }))
    }

    fn advertised(
        &self,
        served: &[Assigned],
        labels: &guideway_controller_ipam::Labels,
        placement: &Placement,
        shared: bool,
    ) -> Vec<(IpAddr, Advertise)> {
        let announcers = Some(&placement.members).filter(|_| !shared);
        let seed = &self.config.seed;
        served
            .iter()
            .map(|assigned| (assigned.address, self.resources.advertise(seed, assigned, labels, announcers)))
            .collect()
    }

    /// Puts a Service's part into the content, as far as it is another one.
    fn put(&mut self, key: &ServiceKey, unit: Unit) {
        let mut sets = Vec::with_capacity(unit.sets.len());
        let mut vips = Vec::with_capacity(unit.vips.len());
        for set in unit.sets {
            let Ok(name) = SetName::new(&set.name) else { continue };
            if self.content.sets().get(&name).is_none_or(|now| **now != set)
                && self.content.put_set(set).is_ok()
            {
                self.work.items += 1;
            }
            sets.push(name);
        }
        for vip in unit.vips {
            vips.push(vip.name.clone());
            if self.content.vips().get(&vip.name).is_none_or(|now| **now != vip) {
                self.work.items += 1;
                self.content.put_vip(vip);
            }
        }
        let Some(entry) = self.services.get_mut(key) else { return };
        if entry.sets == sets && entry.vips == vips {
            return;
        }
        let old_sets = std::mem::replace(&mut entry.sets, sets.clone());
        let old_vips = std::mem::replace(&mut entry.vips, vips.clone());
        self.remove(&gone(old_sets, sets), &gone(old_vips, vips));
    }
}

fn pool_problem(problem: &PoolProblem) -> ResourceProblem {
    let (PoolProblem::Overlap { pool, .. } | PoolProblem::Twice { pool }) = problem;
    ResourceProblem { kind: Kind::IpAddressPool, name: pool.to_string(), problem: problem.to_string() }
}

/// What is in `old` and not in `new`.
fn gone<T: Ord>(old: Vec<T>, new: Vec<T>) -> Vec<T> {
    let new: BTreeSet<T> = new.into_iter().collect();
    old.into_iter().filter(|name| !new.contains(name)).collect()
}

/// What was found out later holds; events of both are told.
fn merge(services: &mut BTreeMap<ServiceKey, ServiceStatus>, mut status: ServiceStatus) {
    if let Some(before) = services.remove(&status.service) {
        status.events.splice(0..0, before.events);
    }
    services.insert(status.service.clone(), status);
}
