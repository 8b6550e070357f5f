//! Covering prefixes.

use std::collections::BTreeSet;

use guideway_bgp_wire::{Aggregator, Community};
use ipnet::IpNet;
use proptest::prelude::*;

use super::{Bench, announce, attributes, id, local, net, secs, settings, with_community};
use crate::loc::{AggregateConfig, Paths, SessionEnd, Settings, Specifics};

const POOL: &str = "203.0.113.0/24";

fn pool(minimum: usize, up_after: u64, down_after: u64) -> Settings {
    let config = AggregateConfig {
        prefix: net(POOL),
        minimum,
        up_after: secs(up_after),
        down_after: secs(down_after),
    };
    Settings { aggregates: vec![config], ..settings() }
}

fn bench(settings: Settings) -> Bench {
    let mut bench = Bench::with(settings, Paths::All, Specifics::Uncovered);
    for n in 1..=3 {
        bench.up(n);
    }
    bench
}

fn vip(n: u8) -> String {
    format!("203.0.113.{n}/32")
}

fn all_announce(bench: &mut Bench, speakers: &[u8], vips: &[u8]) {
    let vips: Vec<String> = vips.iter().map(|n| vip(*n)).collect();
    let vips: Vec<&str> = vips.iter().map(String::as_str).collect();
    for speaker in speakers {
        bench.announce(*speaker, &vips);
    }
}

#[test]
fn an_aggregate_speaks_for_what_is_served_everywhere() {
    let mut bench = bench(pool(2, 0, 0));
    all_announce(&mut bench, &[1, 2, 3], &[1]);
    assert_eq!(bench.told(), ["203.0.113.1/32: 1 2 3"], "one is not enough");
    all_announce(&mut bench, &[1, 2, 3], &[2, 3]);
    assert_eq!(bench.told(), ["203.0.113.0/24: 1 2 3"]);
    // A VIP that not all of them serve is told by itself: its packets must not go where it is not served.
    bench.update(3, &super::withdraw(&["203.0.113.2/32"]));
    assert_eq!(bench.told(), ["203.0.113.0/24: 1 2 3", "203.0.113.2/32: 1 2"]);
    bench.announce(3, &["203.0.113.2/32"]);
    assert_eq!(bench.told(), ["203.0.113.0/24: 1 2 3"]);
    // One with attributes of its own keeps them.
    for n in 1..=3 {
        let marked = with_community(n, Community::new(65001, 7));
        bench.update(n, &announce(n, &["203.0.113.3/32"], &marked));
    }
    assert_eq!(bench.told(), ["203.0.113.0/24: 1 2 3", "203.0.113.3/32: 1 2 3"]);
    // A speaker dies: one leg less, and nothing else changes.
    let changes = bench.changes;
    bench.down(2, SessionEnd::Hard);
    assert_eq!(bench.told(), ["203.0.113.0/24: 1 3", "203.0.113.3/32: 1 3"]);
    assert_eq!(bench.changes, changes + 2);

    let states = bench.loc.aggregates();
    let state = &states[0];
    assert!(state.up && state.live == 3 && state.covered == 2, "{state:?}");
    assert_eq!(state.speakers, [id(1), id(3)]);
    assert_eq!(bench.loc.covering(&net("203.0.113.1/32")), Some(net(POOL)));
    assert_eq!(bench.loc.covering(&net("203.0.113.3/32")), None);
}

#[test]
fn its_attributes() {
    let mut bench = bench(pool(1, 0, 0));
    all_announce(&mut bench, &[1, 2], &[1, 2]);
    bench.settle();
    for path in bench.loc.candidates(&net(POOL)) {
        let n = path.speaker.0.octets()[3];
        let mut wanted = attributes(n);
        wanted.aggregator = Some(Aggregator { asn: local().asn, address: local().router_id });
        // The AS path is whole, so there is nothing that ATOMIC_AGGREGATE would have to say.
        assert_eq!(path.route.attributes, wanted);
        assert_eq!(path.route.next_hop.to_string(), format!("10.1.{n}.2"));
    }
}

#[test]
fn routers_that_want_specifics_too_or_only() {
    for (specifics, told) in [
        (Specifics::Only, vec!["203.0.113.1/32: 1", "203.0.113.2/32: 1"]),
        (Specifics::WithAggregates, vec!["203.0.113.0/24: 1", "203.0.113.1/32: 1", "203.0.113.2/32: 1"]),
        (Specifics::Uncovered, vec!["203.0.113.0/24: 1"]),
    ] {
        let mut bench = Bench::with(pool(2, 0, 0), Paths::All, specifics);
        bench.up(1);
        all_announce(&mut bench, &[1], &[1, 2]);
        assert_eq!(bench.told(), told);
    }
    let mut bench = Bench::with(pool(2, 0, 0), Paths::Best, Specifics::Uncovered);
    bench.up(1);
    bench.up(2);
    all_announce(&mut bench, &[1, 2], &[1, 2]);
    assert_eq!(bench.told(), ["203.0.113.0/24: best"]);
    assert_eq!(bench.view.not_told(&bench.loc), 2);
}

#[test]
fn specifics_that_flap_do_not_move_it() {
    let mut bench = bench(pool(2, 10, 30));
    all_announce(&mut bench, &[1, 2], &[1, 2]);
    assert_eq!(bench.told(), ["203.0.113.1/32: 1 2", "203.0.113.2/32: 1 2"]);
    // Not enough for a moment: the ten seconds begin anew.
    bench.at(9);
    bench.update(1, &super::withdraw(&["203.0.113.2/32"]));
    bench.update(2, &super::withdraw(&["203.0.113.2/32"]));
    bench.settle();
    all_announce(&mut bench, &[1, 2], &[2]);
    bench.settle();
    bench.at(18);
    assert_eq!(bench.told().len(), 2);
    bench.at(19);
    assert_eq!(bench.told(), ["203.0.113.0/24: 1 2"]);
    let changes = bench.changes;
    for step in 0..5 {
        bench.at(20 + step * 10);
        bench.update(1, &super::withdraw(&["203.0.113.2/32"]));
        bench.update(2, &super::withdraw(&["203.0.113.2/32"]));
        assert_eq!(bench.told(), ["203.0.113.0/24: 1 2"]);
        bench.at(25 + step * 10);
        all_announce(&mut bench, &[1, 2], &[2]);
        assert_eq!(bench.told(), ["203.0.113.0/24: 1 2"]);
    }
    assert_eq!(bench.changes, changes, "it was told something");
    // Too few for long enough: what is left is told by itself again.
    bench.update(1, &super::withdraw(&["203.0.113.2/32"]));
    bench.update(2, &super::withdraw(&["203.0.113.2/32"]));
    bench.settle();
    bench.at(65 + 29);
    assert_eq!(bench.told(), ["203.0.113.0/24: 1 2"]);
    bench.at(65 + 30);
    assert_eq!(bench.told(), ["203.0.113.1/32: 1 2"]);
}

#[test]
fn after_a_restart_it_does_not_wait_again() {
    let mut bench = bench(pool(2, 10, 30));
    all_announce(&mut bench, &[1, 2], &[1, 2]);
    bench.settle();
    let changed = bench.loc.settle_after_restart(bench.now);
    assert!(changed.contains(&net(POOL)));
    assert!(bench.loc.aggregates()[0].up);
    // What had too little has to wait.
    let mut bench = self::bench(pool(2, 10, 30));
    all_announce(&mut bench, &[1, 2], &[1]);
    bench.loc.settle_after_restart(bench.now);
    assert!(!bench.loc.aggregates()[0].up);
}

#[test]
fn with_nothing_left_it_goes_at_once() {
    let mut bench = bench(pool(1, 0, 1000));
    all_announce(&mut bench, &[1], &[1]);
    assert_eq!(bench.told(), ["203.0.113.0/24: 1"]);
    bench.down(1, SessionEnd::Hard);
    assert!(bench.told().is_empty());
}

#[test]
fn a_speaker_that_announces_the_very_prefix_is_heard() {
    let mut bench = bench(pool(1, 0, 0));
    all_announce(&mut bench, &[1, 2], &[1]);
    assert_eq!(bench.told(), ["203.0.113.0/24: 1 2"]);
    bench.announce(1, &[POOL]);
    assert_eq!(bench.told(), ["203.0.113.0/24: 1", "203.0.113.1/32: 1 2"]);
    bench.update(1, &super::withdraw(&[POOL]));
    assert_eq!(bench.told(), ["203.0.113.0/24: 1 2"]);
}

#[test]
fn another_configuration() {
    let mut bench = bench(pool(1, 0, 0));
    all_announce(&mut bench, &[1, 2], &[1, 200]);
    assert_eq!(bench.told(), ["203.0.113.0/24: 1 2"]);
    bench.loc.configure(settings());
    assert_eq!(bench.told(), ["203.0.113.1/32: 1 2", "203.0.113.200/32: 1 2"]);
    let mut half = pool(1, 0, 0);
    half.aggregates[0].prefix = net("203.0.113.0/25");
    bench.loc.configure(half);
    assert_eq!(bench.told(), ["203.0.113.0/25: 1 2", "203.0.113.200/32: 1 2"]);
}

/// Which speakers a packet for `vip` may be sent to by what was told: those of the longest match.
fn legs(told: &BTreeSet<(IpNet, u32)>, vip: &IpNet) -> BTreeSet<u32> {
    let longest = told
        .iter()
        .map(|(prefix, _)| prefix)
        .filter(|prefix| prefix.contains(vip))
        .max_by_key(|p| p.prefix_len());
    let Some(longest) = longest else { return BTreeSet::new() };
    told.iter().filter(|(prefix, _)| prefix == longest).map(|(_, path_id)| *path_id).collect()
}

#[derive(Debug, Clone)]
enum Event {
    Announce(u8, u8),
    Mark(u8, u8),
    Withdraw(u8, u8),
    Gone(u8),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..=3u8, 1..=6u8).prop_map(|(speaker, vip)| Event::Announce(speaker, vip)),
        1 => (1..=3u8, 1..=6u8).prop_map(|(speaker, vip)| Event::Mark(speaker, vip)),
        2 => (1..=3u8, 1..=6u8).prop_map(|(speaker, vip)| Event::Withdraw(speaker, vip)),
        1 => (1..=3u8).prop_map(Event::Gone),
        1 => (1..=20u64).prop_map(Event::Pass),
    ]
}

proptest! {
    /// Whatever happens: a packet for a VIP that lives goes to exactly the forwarders that serve it.
    #[test]
    fn packets_of_a_vip_go_where_it_is_served(
        events in proptest::collection::vec(event(), 1..60),
        minimum in 1..4usize,
        delays in (0..10u64, 0..10u64),
    ) {
        let mut bench = bench(pool(minimum, delays.0, delays.1));
        let mut serves: BTreeSet<(u8, u8)> = BTreeSet::new();
        let mut seconds = 0;
        for event in events {
            match event {
                Event::Announce(speaker, n) => {
                    serves.insert((n, speaker));
                    all_announce(&mut bench, &[speaker], &[n]);
                }
                Event::Mark(speaker, n) => {
                    serves.insert((n, speaker));
                    let marked = with_community(speaker, Community::new(1, 1));
                    bench.update(speaker, &announce(speaker, &[&vip(n)], &marked));
                }
                Event::Withdraw(speaker, n) => {
                    serves.remove(&(n, speaker));
                    bench.update(speaker, &super::withdraw(&[&vip(n)]));
                }
                Event::Gone(speaker) => {
                    serves.retain(|(_, other)| *other != speaker);
                    bench.down(speaker, SessionEnd::Hard);
                    bench.up(speaker);
                }
                Event::Pass(time) => {
                    seconds += time;
                    bench.at(seconds);
                }
            }
            bench.settle();
            let told: BTreeSet<(IpNet, u32)> =
                bench.told.keys().map(|(prefix, path_id)| (net(prefix), *path_id)).collect();
            for n in 1..=6 {
                let served: BTreeSet<u32> =
                    serves.iter().filter(|(other, _)| *other == n).map(|(_, speaker)| id(*speaker).path_id()).collect();
                if !served.is_empty() {
                    prop_assert_eq!(legs(&told, &net(&vip(n))), served, "{} {:?}", vip(n), told);
                }
            }
            let state = &bench.loc.aggregates()[0];
            prop_assert!(state.live > 0 || !state.up);
        }
    }
}
