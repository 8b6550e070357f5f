//! What the controller is told of what this forwarder sees.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use guideway_abi::Counter;
use guideway_controller_core::message::{Counters, Report, ReportScope, SetReport, VipReport};
use guideway_controller_core::{SetName, VipName};

use crate::health::Health;
use crate::view::{BackendView, Counts, SetView, View};

/// Knows what was told last.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    /// None: a whole report is next.
    told: Option<HashMap<String, Told>>,
    /// Dead backends of each set that has any, as they were told.
    dead: HashMap<String, BTreeSet<String>>,
    /// The picture that it was made from.
    seen: Option<Arc<View>>,
    /// Reports that could have been since something was told.
    quiet: u32,
}

type Told = (bool, u32, u32);

/// After so many reports without news the counters are told alone.
const QUIET: u32 = 10;

impl Reporter {
    /// A controller that knows nothing is told everything.
    pub(super) fn forget(&mut self) {
        self.told = None;
    }

    /// What is to be told now; none when it is all known.
    pub(super) fn report(&mut self, view: &Arc<View>, counts: &dyn Counts, flows: u64) -> Option<Report> {
        let is_same = self.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, view));
        let (vips, sets) =
            if is_same && self.told.is_some() { (Vec::new(), Vec::new()) } else { self.news(view) };
        let scope = match self.told.is_some() {
            true => ReportScope::Changes,
            false => ReportScope::Whole,
        };
        self.quiet += 1;
        if scope == ReportScope::Changes && vips.is_empty() && sets.is_empty() && self.quiet < QUIET {
            return None;
        }
        self.quiet = 0;
        let told = self.told.get_or_insert_default();
        for vip in &vips {
            told.insert(vip.name.as_str().to_owned(), (vip.announced, vip.healthy, vip.backends));
        }
        self.seen = Some(view.clone());
        Some(Report { scope, installed: view.generation, vips, sets, counters: counters(counts, flows) })
    }

    fn news(&mut self, view: &View) -> (Vec<VipReport>, Vec<SetReport>) {
        let vips = self.vips(view);
        if self.told.is_none() {
            self.dead.clear();
        }
        (vips, self.sets(view))
    }

    /// Those that have other dead backends than they were told to have.
    fn sets(&mut self, view: &View) -> Vec<SetReport> {
        let dead = view.sets.iter().map(|set| (&*set.name, dead(set)));
        let dead: HashMap<&str, BTreeSet<String>> = dead.filter(|(_, dead)| !dead.is_empty()).collect();
        let revived: Vec<String> =
            self.dead.keys().filter(|name| !dead.contains_key(name.as_str())).cloned().collect();
        let revived = revived.into_iter().map(|name| (name, BTreeSet::new()));
        let died = dead.into_iter().filter(|(name, dead)| self.dead.get(*name) != Some(dead));
        let died: Vec<(String, BTreeSet<String>)> =
            died.map(|(name, dead)| (name.to_owned(), dead)).chain(revived).collect();
        let mut news = Vec::new();
        for (name, unhealthy) in died {
            let Ok(set) = SetName::new(&name) else { continue };
            match unhealthy.is_empty() {
                true => self.dead.remove(&name),
                false => self.dead.insert(name, unhealthy.clone()),
            };
            news.push(SetReport { name: set, unhealthy });
        }
        news.sort_by(|one, other| one.name.cmp(&other.name));
        news
    }

    /// Those that are other than they were told.
    fn vips(&mut self, view: &View) -> Vec<VipReport> {
        let is_gone = |told: &HashMap<String, Told>| {
            let present: std::collections::HashSet<&str> =
                view.vips.iter().map(|vip| vip.name.as_str()).collect();
            told.keys().any(|name| !present.contains(name.as_str()))
        };
        // That some are gone can only be told by all.
        if self.told.as_ref().is_some_and(is_gone) {
            self.told = None;
        }
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let sets: Vec<(u32, u32)> =
            view.sets.iter().map(|set| (number(set.healthy()), number(set.backends.len()))).collect();
        let mut news = Vec::new();
        for vip in &view.vips {
            let (healthy, backends) = sets.get(vip.set).copied().unwrap_or_default();
            let now = (vip.announced, healthy, backends);
            if self.told.as_ref().is_some_and(|told| told.get(&vip.name) == Some(&now)) {
                continue;
            }
            if let Ok(name) = VipName::new(&vip.name) {
                news.push(VipReport { name, announced: vip.announced, healthy, backends });
            }
        }
        news
    }
}

/// Backends of a set that checks have found dead, by name.
fn dead(set: &SetView) -> BTreeSet<String> {
    let is_dead = |backend: &&BackendView| {
        backend.probe.as_ref().is_some_and(|probe| probe.borrow().health == Some(Health::Unhealthy))
    };
    set.backends.iter().filter(is_dead).map(|backend| backend.name.clone()).collect()
}

/// Nothing of what cannot be read.
fn counters(counts: &dyn Counts, flows: u64) -> Counters {
    let vips = counts.vips().unwrap_or_default();
    let dropped = counts.packets().unwrap_or_default();
    let is_drop = |counter: &Counter| counter.name().starts_with("drop_");
    Counters {
        packets: vips.iter().map(|vip| vip.packets).sum(),
        octets: vips.iter().map(|vip| vip.bytes).sum(),
        dropped: dropped.iter().filter(|(counter, _)| is_drop(counter)).map(|(_, packets)| packets).sum(),
        flows,
    }
}
