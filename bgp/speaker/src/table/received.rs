//! What a peer announces: kept to be looked at, used for nothing else (RFC 8212 section 2).

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::SystemTime;

use guideway_bgp_config::{LimitAction, MaxPrefixes};
use guideway_bgp_fsm::Stop;
use guideway_bgp_peer::{Kept, RefreshMarker};
use guideway_bgp_rib::{AdjRibIn, AdjRibInLimit, Freshness, Route};
use guideway_bgp_wire::{Community, Family, NextHop, Nlri, Update};
use ipnet::IpNet;
use tracing::warn;

/// Paths of each family that are kept of a peer without a limit.
const KEPT: usize = 10_000;
/// Room for different sets of attributes of a peer, in octets.
const OCTETS: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Received {
    rib: AdjRibIn,
    limit: Option<MaxPrefixes>,
    /// The log knows that the limit is near.
    warned: bool,
    /// Paths that were not kept since the session began.
    pub(super) left_out: u64,
}

impl Received {
    pub(super) fn new(limit: Option<MaxPrefixes>) -> Self {
        Self { rib: AdjRibIn::new(bounds(limit)), limit, warned: false, left_out: 0 }
    }

    pub(super) fn set_limit(&mut self, limit: Option<MaxPrefixes>) {
        if self.limit != limit {
            (self.limit, self.warned) = (limit, false);
            self.rib.set_limit(bounds(limit));
        }
    }

    /// A session began or ended: nothing is kept over it, for nothing is made of it.
    pub(super) fn clear(&mut self) {
        self.rib.clear();
        (self.warned, self.left_out) = (false, 0);
    }

    pub(super) fn update(&mut self, update: Update, now: SystemTime) -> Result<(), Stop> {
        for nlri in update.unreach.iter().flat_map(|unreach| &unreach.nlri) {
            self.rib.withdraw(nlri);
        }
        for reach in &update.reach {
            let route = Arc::new(Route { next_hop: reach.next_hop, attributes: update.attributes.clone() });
            for nlri in &reach.nlri {
                if self.rib.insert(*nlri, Arc::clone(&route), now).is_err() {
                    self.left_out += 1;
                }
            }
            self.check(reach.family)?;
        }
        Ok(())
    }

    fn check(&mut self, family: Family) -> Result<(), Stop> {
        let Some(MaxPrefixes { limit, warn_percent, action, restart }) = self.limit else { return Ok(()) };
        let count = self.rib.count(family) as u64 + self.left_out;
        if count > u64::from(limit) && action == LimitAction::Reset {
            return Err(Stop::MaxPrefixes { family, limit, restart });
        }
        if count * 100 >= u64::from(limit) * u64::from(warn_percent) && !self.warned {
            self.warned = true;
            warn!(count, limit, "the peer announces nearly as many {family} prefixes as it may, or more");
        }
        Ok(())
    }

    pub(super) fn refresh(&mut self, family: Family, marker: RefreshMarker) {
        match marker {
            RefreshMarker::Begin => self.rib.mark_stale(family),
            RefreshMarker::End => {
                self.rib.sweep(family);
            }
        }
    }

    pub(super) fn kept(&self) -> Kept {
        let sum = |count: fn(&AdjRibIn, Family) -> usize| {
            Family::ALL.into_iter().map(|family| count(&self.rib, family) as u64).sum()
        };
        Kept { prefixes: sum(AdjRibIn::count), stale: sum(AdjRibIn::stale) }
    }

    /// In words, what is wrong with what the peer announces.
    pub(super) fn problem(&self) -> Option<String> {
        let left = match self.left_out {
            0 => String::new(),
            count => format!("; {count} are not kept"),
        };
        let Some(MaxPrefixes { limit, .. }) = self.limit else {
            return (self.left_out > 0)
                .then(|| format!("it announces more than is kept to be looked at{left}"));
        };
        let is_over = |family| self.rib.count(family) as u64 > u64::from(limit);
        let is_over = self.left_out > 0 || Family::ALL.into_iter().any(is_over);
        is_over.then(|| format!("it announces more than the {limit} prefixes of max_prefixes{left}"))
    }

    pub(super) fn paths(&self) -> Vec<(Nlri, guideway_bgp_rib::Received)> {
        self.rib.iter().map(|(nlri, received)| (*nlri, received.clone())).collect()
    }

    /// Prefixes of paths that are not our own. A path that asks not to be used is no way to go either, be it our own one
    /// that came back or that of another forwarder that drains (RFC 8326).
    pub(super) fn others(&self, router_id: Ipv4Addr, next_hops: &[NextHop]) -> Vec<IpNet> {
        let is_other = |(nlri, path): &(&Nlri, &guideway_bgp_rib::Received)| {
            let attributes = &path.route.attributes;
            path.freshness == Freshness::Fresh
                && !attributes.communities.contains(&Community::GRACEFUL_SHUTDOWN)
                && !next_hops.contains(&path.route.next_hop)
                && attributes.originator_id != Some(router_id)
                // What an aggregator makes of our path.
                && nlri.path_id != u32::from(router_id)
        };
        self.rib.iter().filter(is_other).map(|(nlri, _)| nlri.prefix).collect()
    }
}

fn bounds(limit: Option<MaxPrefixes>) -> AdjRibInLimit {
    let paths = match limit {
        // One more shows that there are too many.
        Some(MaxPrefixes { limit, action: LimitAction::Block | LimitAction::Reset, .. }) => limit as usize,
        Some(MaxPrefixes { limit, action: LimitAction::Warn, .. }) => KEPT.max(limit as usize),
        None => KEPT,
    };
    AdjRibInLimit { paths, octets: OCTETS }
}
