//! Covering prefixes: one route for a pool while enough of its VIPs live.
//!
//! The legs of an aggregate are those of its *typical* specifics: the set of paths (speaker, next hop, attributes) that more
//! of them have than any other set. A specific with exactly these paths is *covered*: towards a router that is told the
//! aggregate only, leaving it out changes nothing. A specific with any other paths is told to everyone, and the longest match
//! takes its packets to where it is served. So no packet for a VIP that lives reaches a speaker that does not serve it, be
//! the aggregate up or not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::intern::Interned;
use super::source::SpeakerId;

/// One covering prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateConfig {
    /// The prefix. None may hold another one.
    pub prefix: IpNet,
    /// It goes up when so many specifics live, and has to go down when there are fewer.
    pub minimum: usize,
    /// There have to be enough of them for this long before it goes up.
    pub up_after: Duration,
    /// There have to be too few of them for this long before it goes down. With no specific left it goes at once: it has no
    /// next hop.
    pub down_after: Duration,
}

/// What is known of an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateState {
    /// Its configuration.
    pub config: AggregateConfig,
    /// It is told to routers.
    pub up: bool,
    /// When it will go up or down if nothing changes until then.
    pub changes_at: Option<Instant>,
    /// Specifics that live.
    pub live: usize,
    /// Those that have the aggregate's paths.
    pub covered: usize,
    /// The speakers that it leads to.
    pub speakers: Vec<SpeakerId>,
}

/// A path of a specific as far as it matters: two specifics with equal legs are treated alike by every router.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Leg {
    pub(super) speaker: SpeakerId,
    pub(super) route: Interned,
    pub(super) long_lived: bool,
}

/// The legs of a specific, in the order of speakers; never empty.
pub(super) type Legs = Arc<[Leg]>;

/// All aggregates.
#[derive(Debug, Default)]
pub(super) struct Aggregates {
    by_prefix: BTreeMap<IpNet, Aggregate>,
}

#[derive(Debug)]
struct Aggregate {
    config: AggregateConfig,
    of: HashMap<IpNet, Legs>,
    with: HashMap<Legs, BTreeSet<IpNet>>,
    typical: Option<Legs>,
    state: State,
    /// What routers are told of it, as of the last settling.
    told: Option<Legs>,
    /// A speaker announces the very prefix: then there is no aggregate of ours.
    announced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Down { enough_since: Option<Instant> },
    Up { short_since: Option<Instant> },
}

impl Aggregates {
    /// Takes other configurations over; those that stay keep their state. Gives the prefixes whose treatment may have changed.
    /// Specifics have to be [set](Self::set) again by the caller.
    pub(super) fn configure(&mut self, configs: &[AggregateConfig]) -> BTreeSet<IpNet> {
        let mut changed = BTreeSet::new();
        let mut old = std::mem::take(&mut self.by_prefix);
        for config in configs {
            let aggregate = match old.remove(&config.prefix) {
                Some(aggregate) => Aggregate { config: config.clone(), ..aggregate },
                None => Aggregate::new(config.clone()),
            };
            self.by_prefix.insert(config.prefix, aggregate);
        }
        for (prefix, gone) in old {
            changed.insert(prefix);
            changed.extend(gone.of.into_keys());
        }
        changed
    }

    /// True when one of them holds the prefix.
    pub(super) fn are_over(&self, prefix: &IpNet) -> bool {
        self.over(prefix).is_some()
    }

    /// The legs of a prefix are these now; none when it is gone.
    pub(super) fn set(&mut self, prefix: IpNet, legs: Option<Legs>) {
        let Some(aggregate) = self.over_mut(&prefix) else { return };
        if aggregate.config.prefix == prefix {
            aggregate.announced = legs.is_some();
            return;
        }
        aggregate.set(prefix, legs);
    }

    /// Brings every aggregate up to date and gives the prefixes that are to be told anew.
    pub(super) fn settle(&mut self, now: Instant) -> BTreeSet<IpNet> {
        let mut changed = BTreeSet::new();
        for aggregate in self.by_prefix.values_mut() {
            aggregate.settle(now, &mut changed);
        }
        changed
    }

    /// Takes every aggregate with enough specifics for one that has been up.
    pub(super) fn raise(&mut self) {
        for aggregate in self.by_prefix.values_mut() {
            if aggregate.of.len() >= aggregate.config.minimum {
                aggregate.state = State::Up { short_since: None };
            }
        }
    }

    /// When [`Aggregates::settle`] has something to do although nothing happened.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.by_prefix.values().filter_map(Aggregate::changes_at).min()
    }

    /// The legs of the aggregate with this very prefix, when it is up.
    pub(super) fn legs(&self, prefix: &IpNet) -> Option<&Legs> {
        self.by_prefix.get(prefix)?.told.as_ref()
    }

    /// The aggregate that says everything there is to say about this specific.
    pub(super) fn covering(&self, prefix: &IpNet) -> Option<IpNet> {
        let aggregate = self.over(prefix)?;
        let legs = aggregate.of.get(prefix)?;
        (aggregate.told.as_ref() == Some(legs)).then_some(aggregate.config.prefix)
    }

    pub(super) fn states(&self) -> Vec<AggregateState> {
        self.by_prefix.values().map(Aggregate::view).collect()
    }

    fn over(&self, prefix: &IpNet) -> Option<&Aggregate> {
        // They do not overlap, so the one that begins last before the prefix is the only one that can hold it.
        let (key, aggregate) = self.by_prefix.range(..=first_of(prefix)).next_back()?;
        key.contains(prefix).then_some(aggregate)
    }

    fn over_mut(&mut self, prefix: &IpNet) -> Option<&mut Aggregate> {
        let (key, aggregate) = self.by_prefix.range_mut(..=first_of(prefix)).next_back()?;
        key.contains(prefix).then_some(aggregate)
    }
}

/// The greatest prefix that begins where `prefix` does.
fn first_of(prefix: &IpNet) -> IpNet {
    IpNet::from(prefix.network())
}

impl Aggregate {
    fn new(config: AggregateConfig) -> Self {
        Self {
            config,
            of: HashMap::new(),
            with: HashMap::new(),
            typical: None,
            state: State::Down { enough_since: None },
            told: None,
            announced: false,
        }
    }

    fn set(&mut self, prefix: IpNet, legs: Option<Legs>) {
        if self.of.get(&prefix) == legs.as_ref() {
            return;
        }
        if let Some(old) = self.of.remove(&prefix)
            && let Some(specifics) = self.with.get_mut(&old)
        {
            specifics.remove(&prefix);
            if specifics.is_empty() {
                self.with.remove(&old);
            }
        }
        if let Some(legs) = legs {
            self.with.entry(Arc::clone(&legs)).or_default().insert(prefix);
            self.of.insert(prefix, legs);
        }
    }

    fn settle(&mut self, now: Instant, changed: &mut BTreeSet<IpNet>) {
        self.typical = self.most_typical();
        self.state = self.next_state(now);
        let up = matches!(self.state, State::Up { .. }) && !self.announced;
        let told = self.typical.clone().filter(|_| up);
        if told != self.told {
            changed.insert(self.config.prefix);
            let before = std::mem::replace(&mut self.told, told);
            for legs in [before.as_ref(), self.told.as_ref()].into_iter().flatten() {
                changed.extend(self.with.get(legs).into_iter().flatten());
            }
        }
    }

    /// Of sets that as many specifics have, the larger one, then the one with the lowest speakers: an answer that does not
    /// depend on what was before.
    fn most_typical(&self) -> Option<Legs> {
        let speakers = |legs: &Legs| legs.iter().map(|leg| leg.speaker).collect::<Vec<_>>();
        let rank = |(legs, specifics): &(&Legs, &BTreeSet<IpNet>)| {
            (
                specifics.len(),
                legs.len(),
                std::cmp::Reverse(speakers(legs)),
                std::cmp::Reverse(specifics.first().copied()),
            )
        };
        self.with.iter().max_by_key(rank).map(|(legs, _)| Arc::clone(legs))
    }

    fn next_state(&self, now: Instant) -> State {
        let enough = self.of.len() >= self.config.minimum;
        match self.state {
            _ if self.of.is_empty() => State::Down { enough_since: None },
            State::Down { .. } if !enough => State::Down { enough_since: None },
            State::Down { enough_since } => {
                let since = enough_since.unwrap_or(now);
                if now >= since + self.config.up_after {
                    State::Up { short_since: None }
                } else {
                    State::Down { enough_since: Some(since) }
                }
            }
            State::Up { .. } if enough => State::Up { short_since: None },
            State::Up { short_since } => {
                let since = short_since.unwrap_or(now);
                if now >= since + self.config.down_after {
                    State::Down { enough_since: None }
                } else {
                    State::Up { short_since: Some(since) }
                }
            }
        }
    }

    fn changes_at(&self) -> Option<Instant> {
        match self.state {
            State::Down { enough_since } => Some(enough_since? + self.config.up_after),
            State::Up { short_since } => Some(short_since? + self.config.down_after),
        }
    }

    fn view(&self) -> AggregateState {
        let covered = self.typical.as_ref().and_then(|legs| self.with.get(legs)).map_or(0, BTreeSet::len);
        AggregateState {
            config: self.config.clone(),
            up: self.told.is_some(),
            changes_at: self.changes_at(),
            live: self.of.len(),
            covered,
            speakers: self.typical.iter().flat_map(|legs| legs.iter()).map(|leg| leg.speaker).collect(),
        }
    }
}
