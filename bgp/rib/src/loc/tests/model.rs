//! Random histories against a model that keeps nothing but what was last said about each path.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use guideway_bgp_wire::Family;
use proptest::prelude::*;

use super::{Bench, address, announce, attributes, id, net, secs, session, settings, withdraw};
use crate::loc::{GracefulSession, LongLivedFamily, Session, SessionEnd};

const SPEAKERS: u8 = 3;
const RESTART: u64 = 20;
const LONG: u64 = 50;
const RESYNC: u64 = 30;

#[derive(Debug, Clone)]
enum Event {
    Up { speaker: u8, forwarding: bool },
    Announce(u8, u8),
    Withdraw(u8, u8),
    EndOfRib(u8),
    RefreshBegins(u8),
    RefreshEnds(u8),
    Down { speaker: u8, end: SessionEnd },
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let speaker = 1..=SPEAKERS;
    let end = prop::sample::select(vec![SessionEnd::Graceful, SessionEnd::Graceful, SessionEnd::Hard]);
    prop_oneof![
        3 => (speaker.clone(), prop::bool::weighted(0.8)).prop_map(|(speaker, forwarding)| Event::Up { speaker, forwarding }),
        6 => (speaker.clone(), 1..=4u8).prop_map(|(speaker, vip)| Event::Announce(speaker, vip)),
        2 => (speaker.clone(), 1..=4u8).prop_map(|(speaker, vip)| Event::Withdraw(speaker, vip)),
        1 => speaker.clone().prop_map(Event::EndOfRib),
        1 => speaker.clone().prop_map(Event::RefreshBegins),
        1 => speaker.clone().prop_map(Event::RefreshEnds),
        2 => (speaker, end).prop_map(|(speaker, end)| Event::Down { speaker, end }),
        3 => (1..=40u64).prop_map(Event::Pass),
    ]
}

/// Speaker 1 asks for nothing, 2 for graceful restart, 3 for a long life too.
fn agreed(n: u8, forwarding: bool) -> Session {
    let families = super::families();
    let kept = if forwarding { families } else { guideway_bgp_wire::Families::NONE };
    let graceful = GracefulSession { restart_time: secs(RESTART), families, forwarding: kept };
    let long = |family| LongLivedFamily { family, forwarding, stale_time: secs(LONG) };
    Session {
        graceful: (n > 1).then_some(graceful),
        long_lived: if n > 2 { Family::ALL.map(long).to_vec() } else { Vec::new() },
        ..session(n)
    }
}

fn vip(n: u8) -> String {
    format!("203.0.113.{n}/32")
}

/// The last words about one path, and since when it counts as doubtful.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Said {
    Now,
    BeforeRefresh(Instant),
    /// The session went at this time; that of the return, if there was one.
    Before {
        gone: Instant,
        back: Option<Instant>,
    },
    Long {
        until: Instant,
        back: Option<Instant>,
    },
}

#[derive(Default)]
struct Model {
    connected: BTreeSet<u8>,
    paths: BTreeMap<(u8, u8), Said>,
}

impl Model {
    /// Everything that is over by `now`.
    fn expire(&mut self, now: Instant) {
        let (restart, resync, long) = (secs(RESTART), secs(RESYNC), secs(LONG));
        self.paths.retain(|(_, speaker), said| {
            if let Said::Before { gone, back: None } = *said
                && now >= gone + restart
                && *speaker > 2
            {
                *said = Said::Long { until: gone + restart + long, back: None };
            }
            match *said {
                Said::Now => true,
                Said::BeforeRefresh(began) => now < began + resync,
                Said::Before { gone, back: None } => now < gone + restart,
                Said::Before { back: Some(back), .. } => now < back + resync,
                Said::Long { until, back } => now < until && back.is_none_or(|back| now < back + resync),
            }
        });
    }

    fn apply(&mut self, event: &Event, now: Instant) {
        let connected = |speaker: &u8| self.connected.contains(speaker);
        match event {
            Event::Up { speaker, forwarding } => {
                let forwarding = *forwarding && *speaker > 1;
                self.paths.retain(|(_, other), _| other != speaker || forwarding);
                for ((_, other), said) in &mut self.paths {
                    if other == speaker {
                        match said {
                            Said::Before { back, .. } | Said::Long { back, .. } => *back = Some(now),
                            Said::Now | Said::BeforeRefresh(_) => unreachable!(),
                        }
                    }
                }
                self.connected.insert(*speaker);
            }
            Event::Announce(speaker, vip) if connected(speaker) => {
                self.paths.insert((*vip, *speaker), Said::Now);
            }
            Event::Withdraw(speaker, vip) if connected(speaker) => {
                self.paths.remove(&(*vip, *speaker));
            }
            Event::EndOfRib(speaker) if connected(speaker) => {
                self.paths.retain(|(_, other), said| {
                    other != speaker || matches!(said, Said::Now | Said::BeforeRefresh(_))
                });
            }
            Event::RefreshBegins(speaker) if connected(speaker) => {
                for ((_, other), said) in &mut self.paths {
                    if other == speaker && matches!(said, Said::Now | Said::BeforeRefresh(_)) {
                        *said = Said::BeforeRefresh(now);
                    }
                }
            }
            Event::RefreshEnds(speaker) if connected(speaker) => {
                self.paths
                    .retain(|(_, other), said| other != speaker || !matches!(said, Said::BeforeRefresh(_)));
            }
            Event::Down { speaker, end } if connected(speaker) => {
                self.connected.remove(speaker);
                let kept = *end == SessionEnd::Graceful && *speaker > 1;
                self.paths.retain(|(_, other), said| {
                    other != speaker
                        || kept && (*speaker > 2 || matches!(said, Said::Now | Said::BeforeRefresh(_)))
                });
                for ((_, other), said) in &mut self.paths {
                    if other == speaker {
                        *said = match *said {
                            Said::Long { until, .. } => Said::Long { until, back: None },
                            _ => Said::Before { gone: now, back: None },
                        };
                    }
                }
            }
            _ => {}
        }
    }

    fn told(&self) -> Vec<String> {
        let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (n, speaker) in self.paths.keys() {
            lines.entry(vip(*n)).or_default().push(speaker.to_string());
        }
        lines.into_iter().map(|(vip, speakers)| format!("{vip}: {}", speakers.join(" "))).collect()
    }
}

fn apply(bench: &mut Bench, event: &Event, model: &Model) {
    let now = bench.now;
    match event {
        Event::Up { speaker, forwarding } => {
            bench.loc.up(now, id(*speaker), agreed(*speaker, *forwarding)).unwrap();
        }
        Event::Announce(speaker, n) => {
            bench.update(*speaker, &announce(*speaker, &[&vip(*n)], &attributes(*speaker)));
        }
        // A withdrawal without a session does not happen: a peer task tells none.
        Event::Withdraw(speaker, n) if model.connected.contains(speaker) => {
            bench.update(*speaker, &withdraw(&[&vip(*n)]));
        }
        Event::EndOfRib(speaker) => bench.loc.end_of_rib(id(*speaker), Family::Ipv4),
        Event::RefreshBegins(speaker) => bench.loc.refresh_begins(now, id(*speaker), Family::Ipv4),
        Event::RefreshEnds(speaker) => bench.loc.refresh_ends(id(*speaker), Family::Ipv4),
        Event::Down { speaker, end } if model.connected.contains(speaker) => bench.down(*speaker, *end),
        _ => {}
    }
}

proptest! {
    #[test]
    fn what_is_told_is_what_the_model_says(events in proptest::collection::vec(event(), 1..80)) {
        let mut bench = Bench::new(crate::loc::Settings { resync_limit: secs(RESYNC), ..settings() });
        let mut model = Model::default();
        for event in events {
            match &event {
                // One that stands already is another test's business.
                Event::Up { speaker, .. } if model.connected.contains(speaker) => continue,
                Event::Pass(seconds) => {
                    let at = (bench.now - bench.start) + Duration::from_secs(*seconds);
                    bench.at(at.as_secs());
                    model.expire(bench.now);
                }
                event => {
                    apply(&mut bench, event, &model);
                    model.apply(event, bench.now);
                }
            }
            prop_assert_eq!(bench.told(), model.told(), "after {:?}", event);
            for (key, next_hop) in &bench.told {
                // A path identifier is its speaker's, and nobody else's.
                let speaker = std::net::Ipv4Addr::from(key.1).octets()[3];
                prop_assert_eq!(next_hop, &address(speaker).to_string());
            }
        }
    }

    /// The order in which speakers arrive, before or after a restart, or at another aggregator, changes nothing of what is
    /// told, path identifiers included.
    #[test]
    fn the_order_of_arrival_changes_nothing(
        paths in proptest::collection::btree_set((1..=6u8, 1..=5u8), 1..20),
        first in Just((1..=6u8).collect::<Vec<_>>()).prop_shuffle(),
        second in Just((1..=6u8).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let run = |order: &[u8]| {
            let mut bench = Bench::new(settings());
            for speaker in order {
                bench.up(*speaker);
                let mine: Vec<String> =
                    paths.iter().filter(|(other, _)| other == speaker).map(|(_, n)| vip(*n)).collect();
                let mine: Vec<&str> = mine.iter().map(String::as_str).collect();
                if !mine.is_empty() {
                    bench.announce(*speaker, &mine);
                }
                bench.settle();
            }
            bench.told
        };
        prop_assert_eq!(run(&first), run(&second));
    }
}

#[test]
fn a_session_that_replaces_one_whose_end_nobody_told() {
    let mut bench = Bench::new(settings());
    bench.up(1);
    bench.announce(1, &["203.0.113.1/32", "203.0.113.2/32"]);
    bench.settle();
    let changes = bench.changes;
    bench.up(1);
    bench.announce(1, &["203.0.113.1/32"]);
    bench.settle();
    assert_eq!(bench.changes, changes);
    bench.loc.end_of_rib(id(1), Family::Ipv4);
    assert_eq!(bench.told(), ["203.0.113.1/32: 1"]);
    assert_eq!(bench.loc.paths(&net("203.0.113.1/32")).len(), 1);
}
