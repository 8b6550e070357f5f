//! Where the VIPs of each set will go. Pure.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::iter::Peekable;
use std::sync::Arc;

use guideway_dataplane_config::{BackendSet, Config, Vip};
use guideway_dataplane_plan::{Seed, Upcoming};

use crate::desired::{members, table_size, vip_key};
use crate::health::{Health, ProbeKey};

/// What a configuration puts in the place of sets in force, as far as it can be said beforehand.
#[derive(Clone, Debug)]
pub(super) struct Coming {
    /// By which its tables are made.
    seed: Seed,
    /// By the names of sets in force: the set that most of their VIPs will have, if it gives slots to others. It has the same
    /// name when it is the set that changes, and another one when VIPs move.
    sets: HashMap<String, Arc<BackendSet>>,
}

impl Coming {
    /// From `now` to `next`.
    pub(super) fn new(now: &Config, next: &Config) -> Self {
        // Another seed is another table for all.
        let is_another_seed = now.seed() != next.seed();
        let mut sets: HashMap<&str, BTreeMap<&str, (usize, &Arc<BackendSet>)>> = HashMap::new();
        for (now, next) in same_vips(now.vips(), next.vips()) {
            if (is_another_seed || is_another_table(now, next)) && can_be_said(now, next) {
                let vips = sets.entry(now.name.as_str()).or_default();
                vips.entry(next.name.as_str()).or_insert((0, next)).0 += 1;
            }
        }
        let most = |vips: BTreeMap<&str, (usize, &Arc<BackendSet>)>| {
            let (_, set) = vips.into_values().rev().max_by_key(|(vips, _)| *vips)?;
            Some(Arc::clone(set))
        };
        let sets = sets.into_iter().filter_map(|(name, vips)| Some((name.to_owned(), most(vips)?)));
        Self { seed: Seed(next.seed().bytes()), sets: sets.collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// What comes in the place of the set of this name. `health` tells what the verdict on a probe will be then.
    pub(super) fn of(&self, set: &str, health: impl Fn(&ProbeKey) -> Option<Health>) -> Option<Upcoming> {
        let next = self.sets.get(set)?;
        Some(Upcoming {
            members: members(next, health),
            seed: self.seed,
            table_size: table_size(next.table_size),
        })
    }
}

fn is_another_table(now: &Arc<BackendSet>, next: &Arc<BackendSet>) -> bool {
    !Arc::ptr_eq(now, next) && (now.table_size != next.table_size || now.backends != next.backends)
}

/// Flows are passed on by agents.
fn can_be_said(now: &BackendSet, next: &BackendSet) -> bool {
    now.second_hop && (next.second_hop || now.name == next.name)
}

/// The sets of VIPs that are in both, which are sorted by name: so controllers send them.
fn same_vips<'c>(
    now: &'c [Vip],
    next: &'c [Vip],
) -> impl Iterator<Item = (&'c Arc<BackendSet>, &'c Arc<BackendSet>)> {
    let pairs = Pairs { now: now.iter().peekable(), next: next.iter().peekable() };
    pairs
        .filter(|(now, next)| vip_key(now) == vip_key(next))
        .map(|(now, next)| (&now.backend_set, &next.backend_set))
}

struct Pairs<N: Iterator> {
    now: Peekable<N>,
    next: Peekable<N>,
}

impl<'c, N: Iterator<Item = &'c Vip>> Iterator for Pairs<N> {
    type Item = (&'c Vip, &'c Vip);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.now.peek()?.name.cmp(&self.next.peek()?.name) {
                Ordering::Less => drop(self.now.next()),
                Ordering::Greater => drop(self.next.next()),
                Ordering::Equal => return self.now.next().zip(self.next.next()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::config;

    /// Three VIPs, each at a set; of the sets `a` and `b` the last octets of the backends.
    fn services(vips: [&str; 3], a: &[u8], b: &[u8]) -> String {
        let backends = |last: &[u8]| -> String {
            last.iter().map(|last| format!("      - {{name: b{last}, address: 10.1.{last}.2}}\n")).collect()
        };
        let set = |name: &str, last| {
            format!(
                "  - name: {name}\n    table_size: 16381\n    second_hop: true\n    backends:\n{}",
                backends(last)
            )
        };
        let vip = |(at, set): (usize, &&str)| {
            format!(
                "  - {{name: vip-{at}, address: 203.0.113.{at}, port: 80, protocol: tcp, backend_set: {set}}}\n"
            )
        };
        let vips: String = vips.iter().enumerate().map(vip).collect();
        format!(
            "seed: 000102030405060708090a0b0c0d0e0f\ninterfaces: [{{name: up0}}]\nbackend_sets:\n{}{}vips:\n{vips}",
            set("a", a),
            set("b", b),
        )
    }

    /// Name and backends of what comes in the place of `a` and of `b`.
    fn coming(now: &str, next: &str) -> [Option<(String, usize)>; 2] {
        let coming = Coming::new(&config(now), &config(next));
        ["a", "b"].map(|set| coming.sets.get(set).map(|set| (set.name.clone(), set.backends.len())))
    }

    fn one(name: &str, backends: usize) -> Option<(String, usize)> {
        Some((name.to_owned(), backends))
    }

    #[test]
    fn a_set_changes_or_its_vips_go_to_another_one() {
        let now = services(["a", "a", "b"], &[1, 2], &[3]);
        assert_eq!(coming(&now, &now), [None, None]);
        assert!(Coming::new(&config(&now), &config(&now)).is_empty());
        let grown = services(["a", "a", "b"], &[1, 2, 4], &[3]);
        assert_eq!(coming(&now, &grown), [one("a", 3), None]);
        let moved = services(["b", "b", "b"], &[1, 2], &[3]);
        assert_eq!(coming(&now, &moved), [one("b", 1), None]);
        let moved = services(["a", "b", "b"], &[1, 2], &[3]);
        assert_eq!(
            coming(&now, &moved),
            [one("b", 1), None],
            "the other VIP stays, and has candidates too many"
        );
        let exchanged = services(["b", "b", "a"], &[1, 2], &[3]);
        assert_eq!(coming(&now, &exchanged), [one("b", 1), one("a", 2)]);
        // What most of them will have, and the first name when it is as many.
        let both = services(["a", "b", "b"], &[1, 2, 4], &[3]);
        assert_eq!(coming(&now, &both), [one("a", 3), None]);
        let equal = services(["b", "a", "b"], &[1, 2], &[1, 2]);
        assert_eq!(coming(&now, &equal)[0], None, "with the same backends nothing moves");
    }

    #[test]
    fn vips_that_come_and_go_do_not_matter() {
        let without = |text: String, vip: usize| {
            text.lines()
                .filter(|line| !line.contains(&format!("vip-{vip}")))
                .fold(String::new(), |text, line| text + line + "\n")
        };
        let now = services(["a", "a", "b"], &[1, 2], &[3]);
        let moved = services(["a", "b", "b"], &[1, 2], &[3]);
        assert_eq!(coming(&without(now.clone(), 0), &moved), [one("b", 1), None]);
        assert_eq!(coming(&now, &without(moved.clone(), 0)), [one("b", 1), None]);
        assert_eq!(coming(&without(now, 1), &moved), [None, None], "it is new");
        // The same name for another address is another VIP.
        let now = services(["a", "a", "b"], &[1, 2], &[3]);
        assert_eq!(coming(&now, &moved.replace("203.0.113.1,", "203.0.113.9,")), [None, None]);
    }

    #[test]
    fn what_has_no_agents_is_not_said() {
        let now = services(["a", "a", "b"], &[1, 2], &[3]);
        let next = services(["b", "b", "b"], &[1, 2], &[3, 4]);
        assert_eq!(coming(&now, &next), [one("b", 2), one("b", 2)]);
        let agents = |text: &str| text.replace("second_hop: true", "second_hop: false");
        assert_eq!(coming(&agents(&now), &next), [None, None]);
        assert_eq!(coming(&now, &agents(&next)), [None, one("b", 2)]);
        let rotated = now.replace("0e0f", "0e00");
        assert_eq!(coming(&agents(&now), &rotated), [None, None]);
    }

    #[test]
    fn another_seed_and_another_size_give_slots_to_others_with_the_same_backends() {
        let now = services(["a", "a", "b"], &[1, 2], &[3]);
        let size = now.replacen("16381", "65537", 1);
        assert_eq!(coming(&now, &size), [one("a", 2), None]);
        let rotated = now.replace("0e0f", "0e00");
        assert_eq!(coming(&now, &rotated), [one("a", 2), one("b", 1)]);
        let upcoming = Coming::new(&config(&now), &config(&rotated)).of("a", |_| None).unwrap();
        assert_eq!(upcoming.seed, Seed(config(&rotated).seed().bytes()));
        assert_eq!((upcoming.members.len(), upcoming.table_size.get()), (2, 16_381));
        let upcoming = Coming::new(&config(&now), &config(&size)).of("a", |_| None).unwrap();
        assert_eq!((upcoming.seed, upcoming.table_size.get()), (Seed(config(&now).seed().bytes()), 65_537));
    }
}
