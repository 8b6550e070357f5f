//! Backend sets that come back.
//!
//! A node that was cut off takes all its backends for dead, and finds them alive again one after the other. As soon as it
//! announces a VIP routers send it flows of backends that it does not know to be alive yet: its table is not that of the other
//! forwarders, and the flows break. So a set that nobody served waits until each of its backends is healthy, or has had the
//! time to become it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use guideway_dataplane_config::BackendSet;
use tokio::time::Instant;

use crate::view::{BackendView, SetView};

/// The sets that were without a healthy backend, and those that have one again.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    without: HashSet<String>,
    waiting: HashMap<String, Instant>,
}

impl Recovery {
    /// Takes in how a set is. Whether its VIPs shall wait to be announced.
    pub(super) fn waits(&mut self, set: &BackendSet, view: &SetView, now: Instant) -> bool {
        if !view.served {
            self.without.insert(set.name.clone());
            self.waiting.remove(&set.name);
            return false;
        }
        if self.without.remove(&set.name) {
            self.waiting.insert(set.name.clone(), now + patience(set));
        }
        let Some(until) = self.waiting.get(&set.name) else { return false };
        let mut wanted = view.backends.iter().filter(|backend| backend.weight > 0);
        if now < *until && !wanted.all(BackendView::is_healthy) {
            return true;
        }
        self.waiting.remove(&set.name);
        false
    }

    /// Forgets sets that are no more.
    pub(super) fn keep(&mut self, names: &HashSet<&str>) {
        self.without.retain(|name| names.contains(name.as_str()));
        self.waiting.retain(|name, _| names.contains(name.as_str()));
    }

    /// Whether a wait is over.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.waiting.values().any(|until| *until <= now)
    }
}

/// A backend that is alive is found healthy in this time.
fn patience(set: &BackendSet) -> Duration {
    let check = set.health_check.as_ref();
    check.map_or(Duration::ZERO, |check| check.interval * u32::from(check.rise.get()) + check.timeout)
}
