//! What the desired states of one configuration have in common.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use guideway_dataplane_config::{BackendSet, Config};
use guideway_dataplane_plan as plan;
use guideway_dataplane_plan::{Desired, Shared};

use super::{backend_set, probe_of, used, vip};
use crate::health::{Health, ProbeKey};

/// What a configuration asks for whoever is healthy. It is worked out once, and of what the configuration before had too not
/// at all, so that a change of health costs what it changes.
#[derive(Debug, Default)]
pub struct Base {
    vips: Shared<plan::Vip>,
    sets: Vec<Set>,
    addresses: HashSet<IpAddr>,
}

/// A set that some VIP uses.
#[derive(Debug)]
struct Set {
    of: Arc<BackendSet>,
    /// In the order of the members; none for one that is not checked.
    probes: Vec<Option<ProbeKey>>,
    /// With the verdicts that were asked for last.
    last: plan::BackendSet,
}

impl Set {
    fn new(of: &Arc<BackendSet>) -> Self {
        let probes = of.backends.iter().map(|backend| probe_of(of, backend.address)).collect();
        Self { of: Arc::clone(of), probes, last: backend_set(of) }
    }
}

impl Base {
    /// That of `config`.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self::default().with(None, config)
    }

    /// That of `config`, from the one of `before`.
    #[must_use]
    pub fn next(self, before: &Config, config: &Config) -> Self {
        self.with(Some(before), config)
    }

    fn with(self, before: Option<&Config>, config: &Config) -> Self {
        let vips = match before.filter(|before| before.vips() == config.vips()) {
            Some(_) => self.vips,
            None => config.vips().iter().map(vip).collect(),
        };
        let mut known: HashMap<*const BackendSet, Set> =
            self.sets.into_iter().map(|set| (Arc::as_ptr(&set.of), set)).collect();
        let sets = used(config).map(|set| known.remove(&Arc::as_ptr(set)).unwrap_or_else(|| Set::new(set)));
        let sets: Vec<Set> = sets.collect();
        let backends = sets.iter().flat_map(|set| &*set.of.backends);
        Self { vips, addresses: backends.map(|backend| backend.address).collect(), sets }
    }

    /// Whether a set in use has a backend with this address.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// What [`desired`](super::desired()) says; `config` is that of this base. `outlook` tells what the verdict on a probe will
    /// be soon: who will serve then is announced.
    #[must_use]
    pub fn desired(
        &mut self,
        config: &Config,
        tick_shift: u32,
        health: impl Fn(&ProbeKey) -> Option<Health>,
        outlook: impl Fn(&ProbeKey) -> Option<Health>,
        leaving: Vec<plan::Member>,
    ) -> Desired {
        let seed = plan::Seed(config.seed().bytes());
        for Set { probes, last, .. } in &mut self.sets {
            for (at, probe) in probes.iter().enumerate() {
                let healthy = probe.as_ref().is_none_or(|key| health(key) == Some(Health::Healthy));
                // The members are copied once one is another one.
                if last.members[at].healthy != healthy {
                    last.members[at].healthy = healthy;
                }
            }
            last.upcoming = risen(last, probes, &outlook)
                .filter(|_| last.second_hop)
                .map(|members| plan::Upcoming { members, seed, table_size: last.table_size });
        }
        let encapsulation = config.encapsulation();
        Desired {
            seed,
            outer_sources: plan::OuterSources { v4: encapsulation.source_v4, v6: encapsulation.source_v6 },
            tick_shift,
            sets: self.sets.iter().map(|set| set.last.clone()).collect(),
            vips: self.vips.clone(),
            pools: config.pools().to_vec(),
            leaving,
        }
    }
}

/// The members once those are healthy that answer again; none when nobody does.
fn risen(
    set: &plan::BackendSet,
    probes: &[Option<ProbeKey>],
    outlook: impl Fn(&ProbeKey) -> Option<Health>,
) -> Option<Shared<plan::Member>> {
    let mut risen = None;
    for (at, (member, probe)) in set.members.iter().zip(probes).enumerate() {
        if !member.healthy && probe.as_ref().is_some_and(|key| outlook(key) == Some(Health::Healthy)) {
            risen.get_or_insert_with(|| set.members.clone())[at].healthy = true;
        }
    }
    risen
}
