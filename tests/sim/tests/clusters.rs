//! What the schemes promise, over random histories.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use guideway_maglev::TableSize;
use guideway_sim::ecmp::EcmpKind;
use guideway_sim::history::{Class, Connections, Event, History, Joining, Rollout, Timed};
use guideway_sim::scenario::Scenario;
use guideway_sim::scheme::SchemeKind;
use guideway_sim::{Mode, Packets, Paths, Score, play, shrink};
use proptest::prelude::*;

const FLOWS: usize = 1_000;

/// Histories in which no flow may be moved: changes of the configuration that are prepared, and changes of forwarders.
const PROMISED: &[Class] = &[
    Class::Added,
    Class::Removed,
    Class::Reweighted,
    Class::Drained,
    Class::Backends,
    Class::ForwarderAdded,
    Class::ForwarderRemoved,
    Class::AgentRestarted,
    Class::Both,
];

fn run(history: &History, seed: u64, scheme: SchemeKind, mode: Mode) -> Score {
    play(&Scenario::new(history.clone(), seed, FLOWS, TableSize::Small), scheme, mode)
}

fn assert_none_moved(history: &History, seed: u64, scheme: SchemeKind, mode: Mode) {
    if run(history, seed, scheme, mode).moved > 0 {
        let smallest = shrink(history, |history| run(history, seed, scheme, mode).moved > 0);
        let moved = run(&smallest, seed, scheme, mode).first;
        panic!("seed {seed}, {}: {smallest:#?}\n{moved:#?}", scheme.name());
    }
}

/// The worst case of every router: each packet comes to all forwarders.
#[test]
fn no_flow_is_moved_by_configuration_and_forwarders_whatever_the_router_does() {
    let promised = (0..90).zip(PROMISED.iter().copied().cycle());
    for (seed, class) in promised.chain((0..20).map(|seed| (seed, Class::SeedRotated))) {
        let history = History::of(class, seed);
        assert_none_moved(&history, seed, SchemeKind::WithAgents, Mode::EVERY_PATH);
    }
}

/// Who joins is told which backends were dead, and what was before another seed. Not whatever the router does: who learns of a
/// death at what moment nobody prepares.
#[test]
fn no_flow_is_moved_by_who_joins_after_deaths_and_another_seed() {
    for (seed, class) in (0..60).zip([Class::Failing, Class::SeedRotated].into_iter().cycle()) {
        assert_none_moved(&History::of(class, seed), seed, SchemeKind::WithAgents, Mode::ROUTED);
    }
}

#[test]
fn what_is_left_out_as_unconcerned_is_unconcerned() {
    let everything = Mode { packets: Packets::All, paths: Paths::Routed };
    for (seed, &class) in (0..).zip(Class::ALL) {
        let history = History::of(class, seed);
        for scheme in [SchemeKind::WithAgents, SchemeKind::Stateless, SchemeKind::Rendezvous] {
            let (fast, whole) =
                (run(&history, seed, scheme, Mode::ROUTED), run(&history, seed, scheme, everything));
            assert_eq!((fast.opened, fast.moved), (whole.opened, whole.moved), "{class:?} {}", scheme.name());
        }
    }
}

#[test]
fn the_others_move_flows() {
    let history = |class| History::of(class, 3);
    let moved = |class, scheme| run(&history(class), 3, scheme, Mode::ROUTED).moved;
    assert!(moved(Class::Backends, SchemeKind::Stateless) > 0);
    assert_eq!(
        moved(Class::Backends, SchemeKind::Lru),
        0,
        "a table of flows knows them while nothing else changes"
    );
    let both: u64 = (0..8)
        .map(|seed| run(&History::of(Class::Both, seed), seed, SchemeKind::Lru, Mode::ROUTED).moved)
        .sum();
    assert!(both > 0, "another forwarder does not know them");
}

fn event() -> impl Strategy<Value = Event> {
    let pick = 0_u32..16;
    prop_oneof![
        (1_u16..10).prop_map(|weight| Event::AddBackend { weight }),
        pick.clone().prop_map(|pick| Event::RemoveBackend { pick }),
        (pick.clone(), 0_u16..10).prop_map(|(pick, weight)| Event::Reweight { pick, weight }),
        Just(Event::AddForwarder),
        Just(Event::RotateSeed),
        pick.clone().prop_map(|pick| Event::RemoveForwarder { pick }),
        (pick, 1_u64..8)
            .prop_map(|(pick, down)| Event::RestartAgent { pick, down: Duration::from_secs(down) }),
    ]
}

fn history(rollout: Rollout) -> impl Strategy<Value = History> {
    let timed = (20_000_u64..60_000, any::<u32>(), event()).prop_map(|(at, jitter, event)| Timed {
        at: Duration::from_millis(at),
        jitter,
        event,
    });
    let events = prop::collection::vec(timed, 1..8);
    let backends = prop::collection::vec(1_u16..10, 2..8);
    (backends, 1_usize..5, any::<bool>(), 1_u64..3_000, events).prop_map(
        move |(backends, forwarders, resilient, skew, mut events)| {
            events.sort_by_key(|timed| timed.at);
            History {
                backends,
                forwarders,
                ecmp: if resilient { EcmpKind::Resilient } else { EcmpKind::Modulo },
                rollout,
                skew: Duration::from_millis(skew),
                drain_window: Duration::from_secs(600),
                joining: Joining::Told,
                length: Duration::from_secs(90),
                events,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn prepared_changes_move_no_flow(history in history(Rollout::Prepared)) {
        let score = run(&history, 1, SchemeKind::WithAgents, Mode::EVERY_PATH);
        prop_assert_eq!(score.moved, 0, "{:?}", score.first);
    }

    /// Forwarders that agree on nothing but how late they may be, and learn with each generation of the one before it, need no
    /// controller; while none joins, which would act on what the others only announce.
    #[test]
    fn announced_changes_move_no_flow_as_long_as_agents_are_there(
        mut history in history(Rollout::AtOnce),
    ) {
        let counts = |event: &Event| !matches!(event, Event::RestartAgent { .. } | Event::AddForwarder);
        history.events.retain(|timed| counts(&timed.event));
        history.events.truncate(2);
        let score = run(&history, 1, SchemeKind::Announcing, Mode::EVERY_PATH);
        prop_assert_eq!(score.moved, 0, "{:?}", score.first);
    }
}

/// What is known to move flows: one forwarder learns of a death before a change of weights, another after it, and then
/// they differ about who took over.
#[test]
fn a_death_amid_a_change_is_where_acting_at_once_moves_flows() {
    let timed = |at, jitter, event| Timed { at: Duration::from_secs(at), jitter, event };
    let fail = Event::Fail { pick: 2, connections: Connections::Lost, back_after: None };
    let (mut at_once, mut announcing) = (0, 0);
    for jitter in 0..12 {
        let history = History {
            backends: vec![1; 3],
            forwarders: 2,
            ecmp: EcmpKind::Resilient,
            rollout: Rollout::Prepared,
            skew: Duration::from_secs(2),
            drain_window: Duration::from_secs(600),
            joining: Joining::Told,
            length: Duration::from_secs(90),
            events: vec![
                timed(57, jitter, Event::Reweight { pick: 0, weight: 0 }),
                timed(58, jitter + 100, fail),
            ],
        };
        at_once += run(&history, 1, SchemeKind::WithAgents, Mode::EVERY_PATH).moved;
        announcing += run(&history, 1, SchemeKind::Announcing, Mode::EVERY_PATH).moved;
    }
    assert!(at_once > 0);
    assert_eq!(announcing, 0);
}
