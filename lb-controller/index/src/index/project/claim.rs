//! Which addresses Services get.

use std::collections::BTreeMap;

use guideway_controller_crds::guideway::Cluster;
use guideway_controller_ipam::{
    Allocation, Assigned, Claim, Families, RecordedBy, Refusal, ServiceKey, Standing,
};
use guideway_dataplane_config::Ports;

use super::Outcome;
use crate::config::DEFAULT_CLASS;
use crate::index::{Contact, Index};
use crate::service::{Balanced, ExternalTraffic, Service};

/// What is to be done about a Service.
pub(super) enum Decision {
    /// It is not ours, or no longer.
    Release,
    /// What it asks for cannot be read, so that it keeps what it has.
    Keep(Claim),
    Claim(Claim),
}

impl Index {
    /// `None`: nothing is known of its cluster yet.
    pub(super) fn decide(&self, key: &ServiceKey) -> Option<Decision> {
        let entry = self.services.get(key)?;
        let Some(cluster) = self.cluster(&key.cluster) else { return Some(Decision::Release) };
        if cluster.contact == Contact::Syncing {
            return None;
        }
        let Some(service) = entry.service.as_ref().filter(|service| !service.deleting) else {
            return Some(Decision::Release);
        };
        let Some(balanced) = &service.balanced else { return Some(Decision::Release) };
        let spec = &cluster.spec;
        let of_class = is_of_class(balanced, spec);
        let of_namespace = spec.namespaces.is_empty() || spec.namespaces.contains(&*key.namespace);
        if !of_class || !of_namespace {
            return Some(Decision::Release);
        }
        let labels = cluster.namespaces.get(&*key.namespace).cloned().unwrap_or_default();
        let claim = claim(key, service, balanced, labels);
        Some(if balanced.annotations.addresses.broken {
            Decision::Keep(claim)
        } else {
            Decision::Claim(claim)
        })
    }

    /// Whether it is for another load balancer, which may be of the same kind as this one.
    pub(super) fn is_for_another(&self, key: &ServiceKey) -> bool {
        let service = self.services.get(key).and_then(|entry| entry.service.as_ref());
        let balanced = service.and_then(|service| service.balanced.as_ref());
        balanced
            .zip(self.cluster(&key.cluster))
            .is_some_and(|(balanced, cluster)| !is_of_class(balanced, &cluster.spec))
    }

    /// Takes and gives addresses; `None` for Services that are not ours.
    pub(super) fn allocate(
        &mut self,
        decisions: Vec<(ServiceKey, Decision)>,
    ) -> Vec<(ServiceKey, Option<Outcome>)> {
        let known = self.gives_addresses();
        let mut claims = Vec::new();
        let mut outcomes = BTreeMap::new();
        for (key, decision) in decisions {
            self.note_sharing(&key, &decision);
            match decision {
                Decision::Release => {
                    self.ipam.release(&key);
                    self.waiting.remove(&key);
                    outcomes.insert(key, None);
                }
                Decision::Claim(claim) if known => claims.push(claim),
                Decision::Claim(claim) => {
                    self.ipam.restore(&claim);
                    let assigned = self.held(&key);
                    let missing = assigned.len() < wanted(claim.families);
                    let waits = missing.then(|| self.waits_for());
                    self.waiting.insert(key.clone());
                    outcomes.insert(key, Some(Outcome { assigned, refusal: None, waits }));
                }
                Decision::Keep(mut claim) => {
                    claim.requested.clear();
                    claim.requested_pool = None;
                    self.ipam.restore(&claim);
                    // What it wants besides addresses counts all the same.
                    if known && !self.ipam.held_by(&key).is_empty() {
                        let _ = self.ipam.claim(&claim);
                    }
                    let assigned = self.held(&key);
                    let waits = Some("what it asks for cannot be read: correct it".to_owned());
                    outcomes.insert(key, Some(Outcome { assigned, refusal: None, waits }));
                }
            }
        }
        let answers = self.ipam.claim_all(&claims);
        // They look for others at once.
        self.dirty.extend(self.ipam.displaced());
        for (claim, answer) in claims.into_iter().zip(answers) {
            let complete = answer.as_ref().is_ok_and(|got| got.addresses.len() >= wanted(claim.families));
            if complete {
                self.waiting.remove(&claim.owner);
            } else {
                self.waiting.insert(claim.owner.clone());
            }
            outcomes.insert(claim.owner, Some(outcome(answer)));
        }
        outcomes.into_iter().collect()
    }

    /// Others may share with it now who could not before.
    fn note_sharing(&mut self, key: &ServiceKey, decision: &Decision) {
        let Some(entry) = self.services.get_mut(key) else { return };
        let balanced = entry.service.as_ref().and_then(|service| service.balanced.as_ref());
        let now = match decision {
            Decision::Release => None,
            Decision::Keep(claim) | Decision::Claim(claim) => {
                claim.sharing_key.as_ref().zip(balanced).map(|(sharing_key, balanced)| {
                    (sharing_key.clone(), balanced.ports.clone(), claim.local_backends.clone())
                })
            }
        };
        if entry.sharing != now {
            entry.sharing = now;
            self.dirty.extend(self.waiting.iter().cloned());
        }
    }

    fn held(&self, key: &ServiceKey) -> Vec<Assigned> {
        let held = self.ipam.held_by(key).iter();
        held.map(|&address| {
            let pool = self.ipam.pool_of(address).map(|pool| pool.name.clone());
            let standing = if pool.is_some() { Standing::InPool } else { Standing::OutsideOfPools };
            Assigned { address, pool, standing }
        })
        .collect()
    }

    fn waits_for(&self) -> String {
        let unknown: Vec<&str> = self.awaited().take(5).collect();
        format!(
            "new addresses are given when the Services of the clusters {} are known, one of which may have them",
            unknown.join(", ")
        )
    }
}

fn is_of_class(balanced: &Balanced, spec: &Cluster) -> bool {
    let own = spec.load_balancer_class.as_deref().unwrap_or(DEFAULT_CLASS);
    balanced.class.as_deref().map_or(spec.default_class, |class| class == own)
}

/// How many addresses are all of them.
fn wanted(families: Families) -> usize {
    match families {
        Families::Single(_) => 1,
        Families::Prefer(_) | Families::Require(_) => 2,
    }
}

fn outcome(answer: Result<Allocation, Refusal>) -> Outcome {
    match answer {
        Ok(allocation) => Outcome { assigned: allocation.addresses, refusal: None, waits: None },
        Err(refusal) => Outcome { assigned: Vec::new(), refusal: Some(refusal), waits: None },
    }
}

fn claim(
    key: &ServiceKey,
    service: &Service,
    balanced: &Balanced,
    namespace_labels: std::sync::Arc<guideway_controller_ipam::Labels>,
) -> Claim {
    let request = &balanced.annotations.addresses;
    let local = matches!(balanced.traffic, ExternalTraffic::Local { .. });
    Claim {
        owner: key.clone(),
        since: service.record.since.clone(),
        families: balanced.families,
        requested: request.addresses.clone(),
        requested_pool: request.pool.as_deref().map(Into::into),
        sharing_key: request.sharing_key.clone(),
        local_backends: local.then(|| balanced.selector.clone()),
        ports: balanced.ports.iter().map(|port| (port.protocol, Ports::One(port.number))).collect(),
        recorded: service.record.addresses().collect(),
        recorded_by: if service.record.finalizer { RecordedBy::Us } else { RecordedBy::Others },
        labels: service.labels.clone(),
        namespace_labels,
    }
}
