//! What happens to a cluster: a list of events that is valid whatever is left out of it, so that it can be shrunk.

mod class;

use std::time::Duration;

pub use class::Class;

use crate::ecmp::EcmpKind;
use crate::random::Random;

/// A cluster and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Weights of the backends at the start.
    pub backends: Vec<u16>,
    /// Forwarders at the start.
    pub forwarders: usize,
    /// The router in front of them.
    pub ecmp: EcmpKind,
    /// How a generation gets to the forwarders.
    pub rollout: Rollout,
    /// The most that forwarders are apart in learning of something.
    pub skew: Duration,
    /// How long flows on their earlier backends are looked after.
    pub drain_window: Duration,
    /// How a forwarder without state comes to serve.
    pub joining: Joining,
    /// When it is over.
    pub length: Duration,
    /// The events, by time.
    pub events: Vec<Timed>,
}

/// How a generation gets to the forwarders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// In two steps: all learn what comes next before the first acts on it. One change at a time.
    Prepared,
    /// Each acts as soon as it learns of it.
    AtOnce,
}

/// What a forwarder without state of its own starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joining {
    /// The configuration, and those before it as far as the drain window reaches, as the controller knows them.
    Told,
    /// The configuration alone.
    Cold,
}

/// An event and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed {
    /// Since the start.
    pub at: Duration,
    /// From this follows how late each forwarder learns of it.
    pub jitter: u32,
    /// What happens.
    pub event: Event,
}

/// What can happen. `pick` chooses among those that are there when it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A new backend is configured.
    AddBackend {
        /// Its weight.
        weight: u16,
    },
    /// A backend leaves the configuration; it keeps serving the flows that it has.
    RemoveBackend {
        /// Which.
        pick: u32,
    },
    /// A backend's weight changes.
    Reweight {
        /// Which.
        pick: u32,
        /// Its new weight; zero drains it.
        weight: u16,
    },
    /// A backend can no longer be reached.
    Fail {
        /// Which.
        pick: u32,
        /// What becomes of its connections.
        connections: Connections,
        /// When it can be reached again.
        back_after: Option<Duration>,
    },
    /// A forwarder without state starts, and the router sends packets to it.
    AddForwarder,
    /// The router sends a forwarder no more packets, and it is gone with all it knew.
    RemoveForwarder {
        /// Which.
        pick: u32,
    },
    /// The agent of a forwarder stops for a while; the program goes on forwarding.
    RestartAgent {
        /// Which.
        pick: u32,
        /// For how long.
        down: Duration,
    },
    /// The cluster gets another seed.
    RotateSeed,
}

/// What a failure does to the backend's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// They are there when it returns.
    Kept,
    /// It returns without them.
    Lost,
}

impl History {
    /// The history of this class that follows from `seed`.
    #[must_use]
    pub fn of(class: Class, seed: u64) -> Self {
        let mut random = Random::new(seed.wrapping_mul(64) + class as u64);
        let drain_window = Duration::from_secs(if class.has_short_windows() { 15 } else { 600 });
        let mut history = Self {
            backends: (0..random.between(3, 12)).map(|_| weight(&mut random)).collect(),
            forwarders: random.between(2, 5) as usize,
            ecmp: if random.percent(50) { EcmpKind::Modulo } else { EcmpKind::Resilient },
            rollout: if class == Class::AtOnce { Rollout::AtOnce } else { Rollout::Prepared },
            skew: Duration::from_millis(u64::from(random.between(10, 3_000))),
            drain_window,
            joining: if class == Class::ColdForwarder { Joining::Cold } else { Joining::Told },
            length: Duration::from_secs(120),
            events: Vec::new(),
        };
        let bursts = random.between(1, 4);
        for _ in 0..bursts {
            let start = Duration::from_secs(20) + random.time(Duration::from_secs(80));
            for _ in 0..random.between(1, class.burst()) {
                let at = start + random.time(Duration::from_millis(1_500));
                let event = class.event(&mut random);
                let jitter = random.below(u32::MAX);
                history.events.push(Timed { at, jitter, event });
            }
        }
        history.events.sort_by_key(|timed| timed.at);
        history
    }
}

fn weight(random: &mut Random) -> u16 {
    let high = if random.percent(50) { 1 } else { 10 };
    u16::try_from(random.between(1, high)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_history_and_events_stand_by_time() {
        for &class in Class::ALL {
            for seed in 0..20 {
                let history = History::of(class, seed);
                assert_eq!(history, History::of(class, seed));
                assert!(!history.events.is_empty());
                assert!(history.events.is_sorted_by_key(|timed| timed.at));
                assert!(history.events.iter().all(|timed| timed.at < history.length));
            }
        }
    }
}
