//! What forwarders say of themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use guideway_controller_core::message::{Counters, FromForwarder, Hello, ReportScope, VipReport};
use guideway_controller_core::{ForwarderName, VipName};
use guideway_controller_rollout::Stamp;

/// What is known of a forwarder beside what the coordinator needs.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    /// Its first message.
    pub(crate) hello: Hello,
    /// What it reported of its VIPs.
    pub(crate) vips: BTreeMap<VipName, VipReport>,
    /// What it counted.
    pub(crate) counters: Counters,
    /// When it said something last.
    pub(crate) last: SystemTime,
}

/// The same in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brief {
    /// Of its program.
    pub(crate) version: String,
    /// How many VIPs it announces.
    pub(crate) announced: u64,
    /// When it said something last.
    pub(crate) last: SystemTime,
}

impl Sighting {
    /// VIPs that it announces.
    pub(crate) fn announced(&self) -> impl Iterator<Item = &VipName> {
        self.vips.values().filter(|vip| vip.announced).map(|vip| &vip.name)
    }

    /// Earlier generations that it can send.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (Stamp, SystemTime)> {
        self.hello.kept.iter().map(|(generation, digest, at)| ((*generation, *digest).into(), *at))
    }
}

/// What is known of all forwarders that were seen since the controller started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sightings(Arc<Mutex<BTreeMap<ForwarderName, Sighting>>>);

/// Names that are remembered: as many as can be connected at once. Those that were silent longest are forgotten first.
const MOST: usize = 1024;

impl Sightings {
    /// A forwarder has introduced itself.
    pub(crate) fn connected(&self, forwarder: &ForwarderName, hello: &Hello, now: SystemTime) {
        let mut all = self.lock();
        let fresh = Sighting {
            hello: hello.clone(),
            vips: BTreeMap::new(),
            counters: Counters::default(),
            last: now,
        };
        all.insert(forwarder.clone(), fresh);
        if all.len() > MOST {
            let oldest = all.iter().min_by_key(|(_, sighting)| sighting.last).map(|(name, _)| name.clone());
            oldest.map(|name| all.remove(&name));
        }
    }

    /// It has said something.
    pub(crate) fn heard(&self, forwarder: &ForwarderName, message: &FromForwarder, now: SystemTime) {
        let mut all = self.lock();
        let Some(sighting) = all.get_mut(forwarder) else { return };
        sighting.last = now;
        if let FromForwarder::Report(report) = message {
            if report.scope == ReportScope::Whole {
                sighting.vips.clear();
            }
            sighting.vips.extend(report.vips.iter().map(|vip| (vip.name.clone(), vip.clone())));
            sighting.counters = report.counters;
        }
    }

    /// All of them at this moment.
    pub(crate) fn all(&self) -> BTreeMap<ForwarderName, Sighting> {
        self.lock().clone()
    }

    /// All of them in numbers: costs what there are VIPs, without copying them.
    pub(crate) fn brief(&self) -> BTreeMap<ForwarderName, Brief> {
        let brief = |sighting: &Sighting| Brief {
            version: sighting.hello.version.clone(),
            announced: sighting.announced().count() as u64,
            last: sighting.last,
        };
        self.lock().iter().map(|(name, sighting)| (name.clone(), brief(sighting))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ForwarderName, Sighting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use guideway_controller_core::message::Report;

    use super::*;

    fn vip(name: &str, announced: bool) -> VipReport {
        VipReport { name: VipName::new(name).unwrap(), announced, healthy: 1, backends: 2 }
    }

    #[test]
    fn reports_add_up() {
        let sightings = Sightings::default();
        let name = ForwarderName::new("fw1").unwrap();
        let at = SystemTime::UNIX_EPOCH;
        let report = |scope, vips| FromForwarder::Report(Report { scope, vips, ..Report::default() });
        // Of one that is not known nothing is remembered.
        sightings.heard(&name, &report(ReportScope::Whole, vec![vip("a", true)]), at);
        assert!(sightings.all().is_empty());

        sightings.connected(&name, &Hello::default(), at);
        sightings.heard(&name, &report(ReportScope::Whole, vec![vip("a", true), vip("b", true)]), at);
        sightings.heard(&name, &report(ReportScope::Changes, vec![vip("b", false)]), at);
        let announced = |sightings: &Sightings| -> Vec<String> {
            sightings.all()[&name].announced().map(ToString::to_string).collect()
        };
        assert_eq!(announced(&sightings), ["a"]);
        sightings.heard(
            &name,
            &report(ReportScope::Whole, vec![vip("c", true)]),
            at + Duration::from_secs(1),
        );
        assert_eq!(announced(&sightings), ["c"]);
        assert_eq!(sightings.all()[&name].last, at + Duration::from_secs(1));
    }

    #[test]
    fn the_longest_silent_are_forgotten() {
        let sightings = Sightings::default();
        for index in 0..=MOST {
            let name = ForwarderName::new(&format!("fw{index}")).unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(index as u64);
            sightings.connected(&name, &Hello::default(), at);
        }
        let all = sightings.all();
        assert_eq!(all.len(), MOST);
        assert!(!all.contains_key("fw0"));
    }
}
