//! What a peer announces.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use guideway_bgp_wire::{Family, Nlri};
use thiserror::Error;

use crate::route::Route;
use crate::routes::{Kept, Routes};

/// Adj-RIB-In of a peer (RFC 4271 section 3.2): the routes that it announced and did not withdraw, as they came.
#[derive(Debug)]
pub struct AdjRibIn {
    limit: AdjRibInLimit,
    paths: [BTreeMap<Nlri, Path>; 2],
    stale: [usize; 2],
    /// With the octets that each takes.
    routes: Routes<usize>,
    octets: usize,
}

#[derive(Debug)]
struct Path {
    received: Received,
    kept: Kept<usize>,
}

/// How much of what a peer announces is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdjRibInLimit {
    /// Prefixes (paths, with ADD-PATH) of each family.
    pub paths: usize,
    /// Octets of all different sets of attributes.
    pub octets: usize,
}

/// One path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What was announced.
    pub route: Arc<Route>,
    /// When it became what it is.
    pub since: SystemTime,
    /// The session ended or a refresh began after it was announced, and it was not announced again.
    pub freshness: Freshness,
}

/// Whether a path was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It is what the peer says now.
    Fresh,
    /// It is kept until the peer has had time to say it again (RFC 4724 section 4.2, RFC 7313 section 4).
    Stale,
}

/// What an announcement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// The path was not there.
    New,
    /// It had other attributes.
    Replaced,
    /// It was so already.
    Same,
}

/// Why an announced path is not kept. An earlier path of the same prefix is gone too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Full {
    /// The family has as many paths as may be.
    #[error("the peer announces more than {0} prefixes of one family")]
    Paths(usize),
    /// The attributes take as much room as may be.
    #[error("the attributes of the peer's routes take more than {0} octets")]
    Octets(usize),
}

impl AdjRibIn {
    /// Empty.
    #[must_use]
    pub fn new(limit: AdjRibInLimit) -> Self {
        Self { limit, paths: Default::default(), stale: [0; 2], routes: Routes::default(), octets: 0 }
    }

    /// The peer announces a path.
    ///
    /// # Errors
    ///
    /// When it is one too many.
    pub fn insert(&mut self, nlri: Nlri, route: Arc<Route>, now: SystemTime) -> Result<Inserted, Full> {
        let family = index(nlri.family());
        if let Some(path) = self.paths[family].get_mut(&nlri)
            && path.received.route == route
        {
            if std::mem::replace(&mut path.received.freshness, Freshness::Fresh) == Freshness::Stale {
                self.stale[family] -= 1;
            }
            return Ok(Inserted::Same);
        }
        let was_there = self.withdraw(&nlri);
        if self.paths[family].len() >= self.limit.paths {
            return Err(Full::Paths(self.limit.paths));
        }
        let (used, limit) = (&mut self.octets, self.limit.octets);
        let kept = self.routes.take(route, |route| {
            let octets = route.octets();
            let sum = used.saturating_add(octets);
            if sum > limit {
                return Err(Full::Octets(limit));
            }
            *used = sum;
            Ok(octets)
        })?;
        let received = Received { route: kept.route().clone(), since: now, freshness: Freshness::Fresh };
        self.paths[family].insert(nlri, Path { received, kept });
        Ok(if was_there { Inserted::Replaced } else { Inserted::New })
    }

    /// The peer withdraws a path. True when it was there.
    pub fn withdraw(&mut self, nlri: &Nlri) -> bool {
        let family = index(nlri.family());
        let Some(Path { received, kept }) = self.paths[family].remove(nlri) else { return false };
        self.stale[family] -= usize::from(received.freshness == Freshness::Stale);
        self.octets -= self.routes.give_back(kept).unwrap_or(0);
        true
    }

    /// Everything of a family has to be announced again, or [`AdjRibIn::sweep`] takes it.
    pub fn mark_stale(&mut self, family: Family) {
        let family = index(family);
        for path in self.paths[family].values_mut() {
            path.received.freshness = Freshness::Stale;
        }
        self.stale[family] = self.paths[family].len();
    }

    /// Removes what is still stale; the paths that it was.
    pub fn sweep(&mut self, family: Family) -> Vec<Nlri> {
        let stale = self.family(family).filter(|(_, path)| path.freshness == Freshness::Stale);
        let stale: Vec<Nlri> = stale.map(|(nlri, _)| *nlri).collect();
        for nlri in &stale {
            self.withdraw(nlri);
        }
        stale
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = Self::new(self.limit);
    }

    /// Another limit. What is there already stays.
    pub fn set_limit(&mut self, limit: AdjRibInLimit) {
        self.limit = limit;
    }

    /// Paths of a family.
    #[must_use]
    pub fn count(&self, family: Family) -> usize {
        self.paths[index(family)].len()
    }

    /// Those of them that are stale.
    #[must_use]
    pub fn stale(&self, family: Family) -> usize {
        self.stale[index(family)]
    }

    /// One path.
    #[must_use]
    pub fn get(&self, nlri: &Nlri) -> Option<&Received> {
        self.paths[index(nlri.family())].get(nlri).map(|path| &path.received)
    }

    /// Paths of a family in the order of prefixes.
    pub fn family(&self, family: Family) -> impl Iterator<Item = (&Nlri, &Received)> {
        self.paths[index(family)].iter().map(|(nlri, path)| (nlri, &path.received))
    }

    /// All paths, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = (&Nlri, &Received)> {
        self.paths.iter().flatten().map(|(nlri, path)| (nlri, &path.received))
    }
}

fn index(family: Family) -> usize {
    match family {
        Family::Ipv4 => 0,
        Family::Ipv6 => 1,
    }
}
