//! What is known at a moment, as far as resources are told of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use guideway_controller_core::{Content, ForwarderName};
use guideway_controller_crds::Kind;
use guideway_controller_index::{ClusterName, ResourceProblem};
use guideway_controller_ipam::{Family, PoolUse};
use guideway_controller_rollout::coordinator::State;

use crate::sources::Contact;
use crate::state::{Brief, Sights, Summary};

/// What is known.
pub(super) struct Facts {
    /// How clusters are doing.
    pub(super) contacts: BTreeMap<ClusterName, Contact>,
    /// How the rollout is.
    pub(super) state: Arc<State>,
    /// What forwarders said of themselves.
    pub(super) seen: BTreeMap<ForwarderName, Brief>,
    /// What has come of Services; `None`: nobody knows yet.
    pub(super) summary: Option<Summary>,
    /// Whether whoever lives has had the time to show it since the controller leads. What does not hold before may do so.
    pub(super) is_settled: bool,
}

impl Facts {
    /// Before anything was asked.
    pub(super) fn new(sights: &Sights) -> Self {
        let state = Arc::clone(&sights.driver.state.borrow());
        Self { contacts: BTreeMap::new(), state, seen: BTreeMap::new(), summary: None, is_settled: false }
    }

    /// What costs nothing to know.
    pub(super) fn look(&mut self, sights: &Sights) {
        self.contacts = sights.contacts.all(Instant::now());
        self.state = Arc::clone(&sights.driver.state.borrow());
    }

    /// What costs what there are Services and VIPs.
    pub(super) async fn survey(&mut self, sights: &Sights) {
        self.seen = sights.driver.sightings.brief();
        self.summary = sights.summary().await;
    }

    /// What people should know of a resource, as reasons of Events and their texts.
    pub(super) fn problems(&self, kind: Kind, name: &str) -> Vec<(&'static str, String)> {
        let Some(summary) = &self.summary else { return Vec::new() };
        let of_this = |problem: &&ResourceProblem| problem.kind == kind && problem.name == name;
        let reason = if kind == Kind::IpAddressPool { "Conflict" } else { "NotAsWritten" };
        let problems = summary.problems.iter().filter(of_this);
        let mut problems: Vec<_> = problems.map(|problem| (reason, problem.problem.clone())).collect();
        if kind == Kind::IpAddressPool {
            let full = summary.pools.iter().filter(|used| *used.name == *name && is_full(used));
            problems.extend(full.map(|used| ("Exhausted", exhausted(used))));
        }
        problems
    }

    /// The content that was made last.
    pub(super) fn content(&self) -> Option<&Content> {
        self.summary.as_ref().map(|summary| &summary.content)
    }
}

fn is_full(used: &PoolUse) -> bool {
    used.capacity > 0 && u128::from(used.assigned) + u128::from(used.leaving) >= used.capacity
}

/// Without numbers that change while it stays so.
fn exhausted(used: &PoolUse) -> String {
    let family = if used.family == Family::V4 { "IPv4" } else { "IPv6" };
    let count = used.capacity;
    format!("all of its {family} addresses ({count}) are in use: add some, or another pool")
}
