//! Candidates, and the prefixes whose candidates changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use guideway_bgp_wire::{Aggregator, Community};
use ipnet::IpNet;

use crate::Route;

use super::super::aggregate::{Leg, Legs};
use super::super::decision::Candidate;
use super::super::source::Freshness;
use super::{LocRib, Path};

impl LocRib {
    /// Brings the aggregates up to date, and gives every prefix of which something may have changed since the last call,
    /// aggregates and the specifics that they cover or no longer cover included.
    pub fn settle(&mut self, now: Instant) -> BTreeSet<IpNet> {
        let mut changed = self.tell_aggregates();
        changed.extend(self.aggregates.settle(now));
        self.make_aggregate_paths(&changed);
        changed
    }

    /// As [`LocRib::settle`], and every aggregate with enough specifics goes up at once. For the end of a deferral: the routers
    /// have what they were told by the process before, and that had waited already.
    pub fn settle_after_restart(&mut self, now: Instant) -> BTreeSet<IpNet> {
        let mut changed = self.tell_aggregates();
        self.aggregates.raise();
        changed.extend(self.aggregates.settle(now));
        self.make_aggregate_paths(&changed);
        changed
    }

    fn tell_aggregates(&mut self) -> BTreeSet<IpNet> {
        let changed = std::mem::take(&mut self.changed);
        for prefix in changed.iter().filter(|prefix| self.aggregates.are_over(prefix)).collect::<Vec<_>>() {
            let legs = self.legs(prefix);
            self.aggregates.set(*prefix, legs);
        }
        changed
    }

    fn make_aggregate_paths(&mut self, changed: &BTreeSet<IpNet>) {
        for prefix in changed {
            match self.aggregates.legs(prefix).map(Arc::clone) {
                Some(legs) => {
                    let paths = legs.iter().filter_map(|leg| self.aggregate_path(leg)).collect();
                    self.aggregate_paths.insert(*prefix, paths);
                }
                None => {
                    self.aggregate_paths.remove(prefix);
                }
            }
        }
    }

    /// The paths that may be told for a prefix, in the order of speakers: those of the speakers, or those of our own aggregate.
    #[must_use]
    pub fn candidates(&self, prefix: &IpNet) -> Vec<Candidate> {
        let own: Vec<_> = self.paths(prefix).iter().filter_map(|path| self.candidate(path)).collect();
        if !own.is_empty() {
            return own;
        }
        self.aggregate_paths.get(prefix).cloned().unwrap_or_default()
    }

    /// True when the prefix is an aggregate that is told.
    #[must_use]
    pub fn is_aggregate(&self, prefix: &IpNet) -> bool {
        self.aggregate_paths.contains_key(prefix)
    }

    /// Every prefix that has candidates.
    pub fn selected(&self) -> impl Iterator<Item = IpNet> {
        let own = self.prefixes.iter().filter(|(_, paths)| paths.iter().any(|path| path.refused.is_none()));
        let all: BTreeSet<IpNet> =
            own.map(|(prefix, _)| *prefix).chain(self.aggregate_paths.keys().copied()).collect();
        all.into_iter()
    }

    fn candidate(&self, path: &Path) -> Option<Candidate> {
        if path.refused.is_some() {
            return None;
        }
        let session = &self.sources.get(&path.speaker)?.session;
        Some(Candidate {
            speaker: path.speaker,
            address: session.address,
            kind: session.kind,
            route: Arc::clone(path.route.arc()),
            long_lived: is_long_lived(path),
        })
    }

    fn legs(&self, prefix: &IpNet) -> Option<Legs> {
        let paths = self.paths(prefix).iter().filter(|path| path.refused.is_none());
        let leg = |path: &Path| Leg {
            speaker: path.speaker,
            route: path.route.clone(),
            long_lived: is_long_lived(path),
        };
        let legs: Legs = paths.map(leg).collect();
        (!legs.is_empty()).then_some(legs)
    }

    /// All aggregated routes have equal attributes, so the aggregate has them too, and no AS is left out of its path: it needs
    /// no ATOMIC_AGGREGATE that they do not have (RFC 4271 sections 5.1.6 and 9.2.2.2).
    fn aggregate_path(&mut self, leg: &Leg) -> Option<Candidate> {
        let local = self.settings.local;
        let mut attributes = leg.route.attributes.clone();
        attributes.aggregator = Some(Aggregator { asn: local.asn, address: local.router_id });
        let route = self.routes.intern(Route { next_hop: leg.route.next_hop, attributes });
        let session = &self.sources.get(&leg.speaker)?.session;
        Some(Candidate {
            speaker: leg.speaker,
            address: session.address,
            kind: session.kind,
            route: Arc::clone(route.arc()),
            long_lived: leg.long_lived,
        })
    }
}

fn is_long_lived(path: &Path) -> bool {
    matches!(path.freshness, Freshness::LongLived { .. })
        || path.route.attributes.communities.contains(&Community::LLGR_STALE)
}
