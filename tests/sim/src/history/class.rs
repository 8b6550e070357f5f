//! Kinds of histories, each with figures of its own.

use std::time::Duration;

use super::{Connections, Event, weight};
use crate::random::Random;

macro_rules! classes {
    ($($variant:ident = $text:literal, $description:literal;)*) => {
        /// Which events a history has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Class {
            $(#[doc = $description] $variant,)*
        }

        impl Class {
            /// Every class.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What happens.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }
        }
    };
}

classes! {
    Added = "backend added", "Backends are added";
    Removed = "backend removed", "Backends are removed";
    Reweighted = "backend re-weighted", "Weights change";
    Drained = "backend drained", "Weights go to zero";
    Failed = "backend failed, back", "Backends fail, and some of them return";
    Backends = "backends, all changes", "All changes of the configuration";
    ForwarderAdded = "forwarder added", "The same, and forwarders join, which are told what was before";
    ForwarderRemoved = "forwarder removed", "The same, and forwarders leave";
    AgentRestarted = "agent restarted", "The same, and agents restart";
    Both = "backends and forwarders", "All changes of the configuration and of forwarders at once";
    Failing = "both, backends fail", "The same, and backends fail and return";
    ShortWindow = "both, windows end", "The same, with drain windows that end meanwhile";
    SeedRotated = "both, seed rotated", "All changes of the configuration and of forwarders, and the seed changes";
    ColdForwarder = "both, cold forwarder", "The same, with forwarders that join and are not told what was before";
    AtOnce = "both, not prepared", "The same, with generations that each forwarder learns of and nobody prepares";
}

impl Class {
    /// Whether drain windows end within a history.
    #[must_use]
    pub const fn has_short_windows(self) -> bool {
        matches!(self, Self::ShortWindow)
    }

    /// Events that come together, at most.
    pub(super) const fn burst(self) -> u32 {
        match self {
            Self::Both | Self::Failing | Self::ShortWindow | Self::ColdForwarder | Self::AtOnce => 5,
            _ => 3,
        }
    }

    /// One event of this class.
    pub(super) fn event(self, random: &mut Random) -> Event {
        match self {
            Self::Added => add(random),
            Self::Removed => remove(random),
            Self::Failed => fail(random),
            Self::Reweighted => reweight(random),
            Self::Drained => Event::Reweight { pick: pick(random), weight: 0 },
            Self::Backends => configured(random),
            Self::ForwarderAdded => either(random, 50, configured, |_| Event::AddForwarder),
            Self::ForwarderRemoved => {
                either(random, 50, configured, |random| Event::RemoveForwarder { pick: pick(random) })
            }
            Self::AgentRestarted => either(random, 50, configured, restart),
            Self::SeedRotated => either(random, 30, |_| Event::RotateSeed, both),
            Self::Failing | Self::ShortWindow => either(random, 30, fail, both),
            Self::Both | Self::ColdForwarder | Self::AtOnce => both(random),
        }
    }
}

fn either(
    random: &mut Random,
    percent: u32,
    first: impl Fn(&mut Random) -> Event,
    second: impl Fn(&mut Random) -> Event,
) -> Event {
    if random.percent(percent) { first(random) } else { second(random) }
}

fn pick(random: &mut Random) -> u32 {
    random.below(1 << 16)
}

fn add(random: &mut Random) -> Event {
    Event::AddBackend { weight: weight(random) }
}

fn remove(random: &mut Random) -> Event {
    Event::RemoveBackend { pick: pick(random) }
}

fn reweight(random: &mut Random) -> Event {
    Event::Reweight { pick: pick(random), weight: weight(random) }
}

fn fail(random: &mut Random) -> Event {
    let connections = if random.percent(50) { Connections::Kept } else { Connections::Lost };
    let back_after =
        random.percent(70).then(|| Duration::from_secs(2) + random.time(Duration::from_secs(30)));
    Event::Fail { pick: pick(random), connections, back_after }
}

fn configured(random: &mut Random) -> Event {
    match random.below(4) {
        0 => add(random),
        1 => remove(random),
        2 => reweight(random),
        _ => Event::Reweight { pick: pick(random), weight: 0 },
    }
}

fn both(random: &mut Random) -> Event {
    either(random, 60, configured, forwarder)
}

fn restart(random: &mut Random) -> Event {
    let down = Duration::from_secs(1) + random.time(Duration::from_secs(8));
    Event::RestartAgent { pick: pick(random), down }
}

fn forwarder(random: &mut Random) -> Event {
    match random.below(5) {
        0 | 1 => Event::AddForwarder,
        2 | 3 => Event::RemoveForwarder { pick: pick(random) },
        _ => restart(random),
    }
}
