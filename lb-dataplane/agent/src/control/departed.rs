//! What is known of backends beyond the configuration in force: those that left a set and may still have flows of it are
//! probed on, as they were last. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use guideway_dataplane_config::{BackendSet, Config};
use guideway_dataplane_plan::{Member, Weight};

use crate::desired::{self, probe_of, used_sets};
use crate::health::{Health, ProbeKey};
use crate::route::Need;

/// A backend as a configuration had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: String,
    /// The first set that had it.
    pub(super) set: String,
    pub(super) need: Need,
    /// Those of the last configuration that had it.
    last: Checks,
    /// Those that were before: of sets that it left.
    earlier: Checks,
}

/// How the sets that have a backend check it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Checks {
    /// One for each different check.
    probes: Vec<ProbeKey>,
    /// A set does not.
    is_trusted: bool,
}

impl Checks {
    fn add(&mut self, probe: Option<ProbeKey>) {
        match probe {
            Some(probe) if self.probes.contains(&probe) => {}
            Some(probe) => self.probes.push(probe),
            None => self.is_trusted = true,
        }
    }

    fn merge(&mut self, other: Self) {
        other.probes.into_iter().for_each(|probe| self.add(Some(probe)));
        self.is_trusted |= other.is_trusted;
    }
}

impl Known {
    /// One for each different check.
    pub(super) fn probes(&self) -> impl Iterator<Item = &ProbeKey> {
        let earlier = self.earlier.probes.iter().filter(|probe| !self.last.probes.contains(probe));
        self.last.probes.iter().chain(earlier)
    }

    /// Whether it lives, as far as there are verdicts. A set that it left may have checked something else than one that has
    /// it: flows count as lost only when nobody says that it lives.
    fn is_alive(&self, health: impl Fn(&ProbeKey) -> Option<Health>) -> Option<bool> {
        let verdicts: Vec<Option<Health>> = self.probes().map(health).collect();
        let is_trusted = self.last.is_trusted || self.earlier.is_trusted;
        let is_known = verdicts.iter().any(Option::is_some);
        is_known.then(|| is_trusted || verdicts.iter().any(|verdict| *verdict != Some(Health::Unhealthy)))
    }
}

/// By address, as the maps tell backends apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Departed {
    known: BTreeMap<IpAddr, Known>,
    /// Those that a set has left behind.
    leaving: BTreeSet<IpAddr>,
}

impl Departed {
    /// Takes in the backends of `config`, in place of what was known of them but their checks, which go on for those that are
    /// [kept](Self::keep) for a set that they left.
    pub(super) fn learn(&mut self, config: &Config) {
        for (address, mut known) in backends(config) {
            if let Some(before) = self.known.remove(&address) {
                known.earlier = before.earlier;
                known.earlier.merge(before.last);
            }
            self.known.insert(address, known);
        }
    }

    /// Takes in those of `wanted` that an old configuration had: all of what is not known yet, and how others were checked.
    pub(super) fn learn_missing(&mut self, wanted: &[IpAddr], config: &Config) {
        let news = backends(config).into_iter().filter(|(address, _)| wanted.contains(address));
        news.for_each(|(address, known)| self.add(address, known));
    }

    /// Takes in the backends of a set that a configuration had which was never in force here.
    pub(super) fn learn_set(&mut self, set: &BackendSet) {
        let needs = desired::needs(std::iter::once(set));
        let news = of_sets(std::iter::once(set), &needs);
        news.into_iter().for_each(|(address, known)| self.add(address, known));
    }

    fn add(&mut self, address: IpAddr, known: Known) {
        match self.known.get_mut(&address) {
            Some(there) => there.earlier.merge(known.last),
            None => drop(self.known.insert(address, known)),
        }
    }

    /// Forgets what is known of others than `leaving`, but for those that are present.
    pub(super) fn keep(&mut self, leaving: BTreeSet<IpAddr>, is_present: impl Fn(IpAddr) -> bool) {
        self.known.retain(|address, known| {
            let is_leaving = leaving.contains(address);
            if !is_leaving {
                known.earlier = Checks::default();
            }
            is_leaving || is_present(*address)
        });
        self.leaving = leaving;
    }

    pub(super) fn get(&self, address: IpAddr) -> Option<&Known> {
        self.known.get(&address)
    }

    /// Health of those that are not there any more, or that a set left behind, as far as there are verdicts.
    pub(super) fn verdicts(
        &self,
        is_there: impl Fn(IpAddr) -> bool,
        health: impl Fn(&ProbeKey) -> Option<Health>,
    ) -> Vec<Member> {
        let is_gone = |address: &IpAddr| !is_there(*address) || self.leaving.contains(address);
        let gone = self.known.iter().filter(|(address, _)| is_gone(address));
        gone.filter_map(|(address, known)| {
            let healthy = known.is_alive(&health)?;
            Some(Member { name: known.name.clone(), address: *address, weight: Weight(0), healthy })
        })
        .collect()
    }
}

fn backends(config: &Config) -> BTreeMap<IpAddr, Known> {
    of_sets(used_sets(config), &desired::wanted(config).backends)
}

fn of_sets<'s>(
    sets: impl Iterator<Item = &'s BackendSet>,
    needs: &BTreeMap<IpAddr, Need>,
) -> BTreeMap<IpAddr, Known> {
    let mut found: BTreeMap<IpAddr, Known> = BTreeMap::new();
    for set in sets {
        for backend in &*set.backends {
            let known = found.entry(backend.address).or_insert_with(|| Known {
                name: backend.name.clone(),
                set: set.name.clone(),
                need: needs.get(&backend.address).copied().unwrap_or(Need::Any),
                last: Checks::default(),
                earlier: Checks::default(),
            });
            known.last.add(probe_of(set, backend.address));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{CONFIG, config};

    fn checked() -> String {
        CONFIG.replace("table_size: 16381\n", "table_size: 16381\n    health_check: {type: tcp, port: 80}\n")
    }

    fn has(config: &Config) -> impl Fn(IpAddr) -> bool {
        let base = desired::Base::new(config);
        move |address| base.has(address)
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 1, last, 2])
    }

    #[test]
    fn the_last_check_of_a_backend_goes_on() {
        let before = config(&checked());
        let after = config(&checked().replace("      - {name: be2, address: 10.1.12.2}\n", ""));
        let mut departed = Departed::default();
        departed.learn(&before);
        assert_eq!(departed.verdicts(has(&before), |_| Some(Health::Unhealthy)), []);
        assert_eq!(departed.verdicts(has(&after), |_| None), [], "no verdict is none");
        for (verdict, healthy) in [(Health::Healthy, true), (Health::Unhealthy, false)] {
            let told = departed.verdicts(has(&after), |key| (key.address == address(12)).then_some(verdict));
            let expected =
                Member { name: "be2".to_owned(), address: address(12), weight: Weight(0), healthy };
            assert_eq!(told, [expected]);
        }
        departed.keep(BTreeSet::new(), |present| present == address(11));
        assert_eq!(departed.get(address(12)), None);
        // After a restart: from the history.
        departed.learn_missing(&[address(12)], &before);
        assert_eq!(ports(&departed, 12), [80]);
        assert_eq!(departed.get(address(12)).unwrap().set, "web");
    }

    fn ports(departed: &Departed, last: u8) -> Vec<u16> {
        departed.get(address(last)).unwrap().probes().map(|probe| probe.port).collect()
    }

    /// The sets `web`, checked at port 80, and `mail`, checked at port 25 or not at all, each with its backends.
    fn two_sets(web: &[u8], mail: &[u8], mail_is_checked: bool) -> Config {
        let backends = |lasts: &[u8]| -> String {
            lasts.iter().map(|one| format!("      - {{name: be{one}, address: 10.1.{one}.2}}\n")).collect()
        };
        let (head, _) = CONFIG.split_once("backend_sets:\n").unwrap();
        let check = if mail_is_checked { "    health_check: {type: tcp, port: 25}\n" } else { "" };
        config(&format!(
            "{head}backend_sets:\n  - name: web\n    health_check: {{type: tcp, port: 80}}\n    backends:\n{}  - name: mail\n\
             {check}    backends:\n{}vips:\n  - {{name: web, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web}}\n  \
             - {{name: mail, address: 203.0.113.10, port: 25, protocol: tcp, backend_set: mail}}\n",
            backends(web),
            backends(mail)
        ))
    }

    #[test]
    fn of_one_that_only_left_a_set_every_check_counts() {
        let before = two_sets(&[11, 12], &[12, 13], true);
        let after = two_sets(&[11], &[12, 13], true);
        let mut departed = Departed::default();
        departed.learn(&before);
        departed.keep(BTreeSet::new(), |_| true);
        departed.learn(&after);
        // What leads to the first installation without it does not ask yet.
        assert_eq!(departed.verdicts(has(&after), |_| Some(Health::Unhealthy)), []);
        departed.keep([address(12)].into(), |_| true);
        assert_eq!(ports(&departed, 12), [25, 80]);
        let healthy = |web: Option<Health>, mail: Option<Health>| {
            let told = departed.verdicts(has(&after), |key| if key.port == 80 { web } else { mail });
            told.iter().map(|member| member.healthy).collect::<Vec<_>>()
        };
        let [up, down] = [Health::Healthy, Health::Unhealthy].map(Some);
        assert!(healthy(None, None).is_empty());
        assert_eq!(healthy(up, down), [true]);
        assert_eq!(healthy(down, up), [true]);
        assert_eq!(healthy(None, down), [true], "the check that its flows depend on has said nothing yet");
        assert_eq!(healthy(down, down), [false]);

        // Once nothing of the set that it left is in doubt, that one's check does not matter.
        departed.keep(BTreeSet::new(), |_| true);
        assert_eq!(ports(&departed, 12), [25]);
        // After a restart: from the history.
        departed.learn_missing(&[address(12)], &before);
        assert_eq!(ports(&departed, 12), [25, 80]);
    }

    #[test]
    fn one_that_a_set_does_not_check_lives() {
        let (before, after) = (two_sets(&[11, 12], &[12], false), two_sets(&[11], &[12], false));
        let mut departed = Departed::default();
        departed.learn(&before);
        departed.learn(&after);
        departed.keep([address(12)].into(), |_| true);
        let told = departed.verdicts(has(&after), |_| Some(Health::Unhealthy));
        assert_eq!(told.iter().map(|member| member.healthy).collect::<Vec<_>>(), [true]);
    }

    #[test]
    fn backends_that_are_not_checked_have_no_verdict() {
        let mut departed = Departed::default();
        departed.learn(&config(CONFIG));
        let after = config(&CONFIG.replace("      - {name: be2, address: 10.1.12.2}\n", ""));
        assert_eq!(departed.verdicts(has(&after), |_| panic!("there is no check")), []);
    }
}
