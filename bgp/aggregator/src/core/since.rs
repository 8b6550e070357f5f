//! Since when prefixes are what they are.

use std::collections::HashMap;
use std::time::Instant;

use guideway_bgp_rib::loc::LocRib;
use ipnet::IpNet;

/// How a prefix with a path to tell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is an aggregate of ours.
    Aggregate,
    /// An aggregate covers it.
    Covered,
    /// It stands for itself.
    Own,
}

/// The moments at which prefixes came to be what they are.
#[derive(Debug)]
pub(super) struct Since {
    /// Nothing is told until `released`, and everything is in that state since the start.
    started: Instant,
    released: Option<Instant>,
    moments: HashMap<IpNet, (Standing, Instant)>,
}

impl Since {
    pub(super) fn new(started: Instant) -> Self {
        Self { started, released: None, moments: HashMap::new() }
    }

    /// Everything is told from now on.
    pub(super) fn release(&mut self, now: Instant) {
        self.released = Some(now);
    }

    /// The best path of this prefix is another one, or there is none any more.
    pub(super) fn changed(&mut self, loc: &LocRib, prefix: IpNet, now: Instant) {
        let standing = if loc.is_aggregate(&prefix) {
            Standing::Aggregate
        } else if loc.candidates(&prefix).is_empty() {
            self.moments.remove(&prefix);
            return;
        } else if loc.covering(&prefix).is_some() {
            Standing::Covered
        } else {
            Standing::Own
        };
        let moment = self.moments.entry(prefix).or_insert((standing, now));
        if moment.0 != standing {
            *moment = (standing, now);
        }
    }

    /// For a prefix that is told, or held; `None` for one of which no path is taken.
    pub(super) fn of(&self, prefix: &IpNet) -> Option<Instant> {
        match (self.moments.get(prefix), self.released) {
            (Some((_, moment)), Some(released)) => Some((*moment).max(released)),
            (Some(_), None) => Some(self.started),
            (None, _) => None,
        }
    }
}
