//! Views that follow changes against views that are made at once, for every kind of router.

use std::collections::BTreeMap;
use std::sync::Arc;

use guideway_bgp_wire::{Community, Family, Nlri};
use proptest::prelude::*;

use super::{
    Bench, announce, attributes, id, net, secs, session, settings, target, with_community, withdraw,
};
use crate::Route;
use crate::loc::{
    AggregateConfig, GracefulSession, LongLivedFamily, Paths, Session, SessionEnd, SourceKind, Specifics,
    Target, TargetKind, View, ViewTarget,
};

#[derive(Debug, Clone)]
enum Event {
    Announce { speaker: u8, vip: u8, marked: bool },
    Withdraw(u8, u8),
    Down(u8, SessionEnd),
    Up(u8),
    Aggregates(bool),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let speaker = 1..=4u8;
    let end = prop::sample::select(vec![SessionEnd::Graceful, SessionEnd::Hard]);
    prop_oneof![
        6 => (speaker.clone(), 1..=4u8, prop::bool::weighted(0.2))
            .prop_map(|(speaker, vip, marked)| Event::Announce { speaker, vip, marked }),
        2 => (speaker.clone(), 1..=4u8).prop_map(|(speaker, vip)| Event::Withdraw(speaker, vip)),
        2 => (speaker.clone(), end).prop_map(|(speaker, end)| Event::Down(speaker, end)),
        2 => speaker.prop_map(Event::Up),
        1 => any::<bool>().prop_map(Event::Aggregates),
        2 => (1..=40u64).prop_map(Event::Pass),
    ]
}

fn targets() -> Vec<ViewTarget> {
    let mut targets = Vec::new();
    for kind in [TargetKind::External, TargetKind::Client, TargetKind::NonClient] {
        for (long_lived, paths) in
            [(true, Paths::All), (false, Paths::All), (true, Paths::Best), (false, Paths::Best)]
        {
            for specifics in [Specifics::Only, Specifics::WithAggregates, Specifics::Uncovered] {
                targets.push(ViewTarget { target: Target { long_lived, ..target(kind) }, paths, specifics });
            }
        }
    }
    targets
}

/// Two external speakers, a client and one that is none; short times.
fn agreed(n: u8) -> Session {
    let families = super::families();
    let long = |family| LongLivedFamily { family, forwarding: true, stale_time: secs(50) };
    Session {
        kind: [SourceKind::External, SourceKind::External, SourceKind::Client, SourceKind::NonClient]
            [usize::from(n) - 1],
        graceful: Some(GracefulSession { restart_time: secs(20), families, forwarding: families }),
        long_lived: Family::ALL.map(long).to_vec(),
        ..session(n)
    }
}

fn aggregates(on: bool) -> crate::loc::Settings {
    let config = AggregateConfig {
        prefix: net("203.0.113.0/24"),
        minimum: 2,
        up_after: secs(5),
        down_after: secs(10),
    };
    crate::loc::Settings { aggregates: if on { vec![config] } else { Vec::new() }, ..settings() }
}

type Table = BTreeMap<Nlri, Arc<Route>>;

fn follow(views: &mut [(View, Table)], bench: &mut Bench) {
    for prefix in bench.loc.settle(bench.now) {
        for (view, table) in views.iter_mut() {
            for (nlri, route) in view.update(&bench.loc, prefix) {
                match route {
                    Some(route) => drop(table.insert(nlri, route)),
                    None => drop(table.remove(&nlri)),
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn following_changes_is_as_good_as_beginning_anew(events in proptest::collection::vec(event(), 1..60)) {
        let mut bench = Bench::new(aggregates(true));
        let mut views: Vec<_> = targets().into_iter().map(|target| (View::new(target), Table::new())).collect();
        let mut connected = [false; 5];
        for event in events {
            match event {
                Event::Up(n) if !connected[usize::from(n)] => {
                    connected[usize::from(n)] = true;
                    bench.up_with(n, agreed(n));
                }
                Event::Announce { speaker, vip, marked } if connected[usize::from(speaker)] => {
                    let made = if marked {
                        with_community(speaker, Community::GRACEFUL_SHUTDOWN)
                    } else {
                        attributes(speaker)
                    };
                    bench.update(speaker, &announce(speaker, &[&format!("203.0.113.{vip}/32")], &made));
                }
                Event::Withdraw(speaker, vip) if connected[usize::from(speaker)] => {
                    bench.update(speaker, &withdraw(&[&format!("203.0.113.{vip}/32")]));
                }
                Event::Down(n, end) if connected[usize::from(n)] => {
                    connected[usize::from(n)] = false;
                    bench.down(n, end);
                }
                Event::Aggregates(on) => bench.loc.configure(aggregates(on)),
                Event::Pass(seconds) => {
                    let until = bench.now + secs(seconds);
                    while let Some(at) = bench.loc.poll_timeout().filter(|at| *at <= until) {
                        bench.now = bench.now.max(at);
                        bench.loc.handle_timeout(bench.now);
                        follow(&mut views, &mut bench);
                    }
                    bench.now = until;
                }
                _ => {}
            }
            follow(&mut views, &mut bench);
            let selected: Vec<_> = bench.loc.selected().collect();
            for (view, table) in &views {
                let mut anew = View::new(*view.target());
                let wanted: Table = selected
                    .iter()
                    .flat_map(|prefix| anew.update(&bench.loc, *prefix))
                    .filter_map(|(nlri, route)| Some((nlri, route?)))
                    .collect();
                prop_assert_eq!(&wanted, table, "{:?}", view.target());
                prop_assert_eq!(view.prefixes(), anew.prefixes());
            }
            for speaker in 1..=4u8 {
                // The quick answer is that of the slow way.
                let all = bench.loc.prefixes().flat_map(|(_, paths)| paths).filter(|path| path.speaker == id(speaker));
                let (mut count, mut stale) = (0, 0);
                for path in all {
                    count += 1;
                    stale += usize::from(path.freshness.is_stale());
                }
                prop_assert_eq!((bench.loc.count(id(speaker)), bench.loc.stale(id(speaker))), (count, stale));
            }
        }
    }
}
