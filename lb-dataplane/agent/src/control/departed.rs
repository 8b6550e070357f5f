//! What is known of backends beyond the configuration in force: those that left it and may still have flows are probed on,
//! as they were last. Pure.

use std::collections::BTreeMap;
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
    /// One for each different check.
    pub(super) probes: Vec<ProbeKey>,
    pub(super) need: Need,
}

/// By address, as the maps tell backends apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Departed {
    known: BTreeMap<IpAddr, Known>,
}

impl Departed {
    /// Takes in the backends of `config`, in place of what was known of them.
    pub(super) fn learn(&mut self, config: &Config) {
        self.known.extend(backends(config));
    }

    /// Takes in those of `wanted` that nothing is known of and an old configuration had.
    pub(super) fn learn_missing(&mut self, wanted: &[IpAddr], config: &Config) {
        let news = backends(config).into_iter().filter(|(address, _)| wanted.contains(address));
        for (address, known) in news {
            self.known.entry(address).or_insert(known);
        }
    }

    /// Takes in the backends of a set that a configuration had which was never in force here.
    pub(super) fn learn_set(&mut self, set: &BackendSet) {
        let needs = desired::needs(std::iter::once(set));
        for (address, known) in of_sets(std::iter::once(set), &needs) {
            self.known.entry(address).or_insert(known);
        }
    }

    /// Forgets all others.
    pub(super) fn keep(&mut self, is_kept: impl Fn(IpAddr) -> bool) {
        self.known.retain(|address, _| is_kept(*address));
    }

    pub(super) fn get(&self, address: IpAddr) -> Option<&Known> {
        self.known.get(&address)
    }

    /// Health of those that are not there any more, as far as there are verdicts. One that several sets had counts as
    /// healthy while one of their checks passes.
    pub(super) fn verdicts(
        &self,
        is_there: impl Fn(IpAddr) -> bool,
        health: impl Fn(&ProbeKey) -> Option<Health>,
    ) -> Vec<Member> {
        let gone = self.known.iter().filter(|(address, _)| !is_there(**address));
        gone.filter_map(|(address, known)| {
            let verdicts: Vec<Health> = known.probes.iter().filter_map(&health).collect();
            if verdicts.is_empty() {
                return None;
            }
            let healthy = verdicts.contains(&Health::Healthy);
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
                probes: Vec::new(),
                need: needs.get(&backend.address).copied().unwrap_or(Need::Any),
            });
            let probe = probe_of(set, backend.address);
            known.probes.extend(probe.filter(|probe| !known.probes.contains(probe)));
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
        departed.keep(|kept| kept == address(11));
        assert_eq!(departed.get(address(12)), None);
        // After a restart: from the history.
        departed.learn_missing(&[address(12)], &before);
        assert_eq!(departed.get(address(12)).unwrap().probes[0].port, 80);
        assert_eq!(departed.get(address(12)).unwrap().set, "web");
    }

    #[test]
    fn backends_that_are_not_checked_have_no_verdict() {
        let mut departed = Departed::default();
        departed.learn(&config(CONFIG));
        let after = config(&CONFIG.replace("      - {name: be2, address: 10.1.12.2}\n", ""));
        assert_eq!(departed.verdicts(has(&after), |_| panic!("there is no check")), []);
    }
}
