//! A drain as a state: traffic is asked to leave, its end is awaited, the routes are withdrawn. Pure: moments are
//! arguments, and what is to be said and done is returned.
//!
//! ```text
//!              other paths seen, or forced            few flows, or the time is over           told to the peers
//!   Asking ───────────────────────────────► Waiting ─────────────────────────► Withdrawing ───────────────► Drained
//!     │ no other path in time
//!     └──────────────────────► Refused (the routes are as before)
//! ```
//!
//! Undrain ends every state. A restart of the speaker begins with Asking again where it was there, and goes on otherwise.

#[cfg(test)]
mod tests;

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Milliseconds of Unix time: a drain outlives the process, so its moments do too.
pub(crate) type UnixMs = u64;

/// Paths that routers show are believed from this age of the drain on: before, they may be our own ones of a moment ago
/// that came back by another router.
const BELIEVE_AFTER: Duration = Duration::from_secs(1);
/// Between two announcements of the same state, so that who listens knows that it goes on.
const SAY_EVERY: Duration = Duration::from_secs(5);
/// Withdrawals are not waited for longer than this: a stuck router does not hold a drain up.
const WITHDRAW_LIMIT: Duration = Duration::from_secs(5);

/// What is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Every route, and the sessions in the end.
    Node,
    /// The routes of one VIP.
    Vip(IpNet),
}

impl Target {
    /// True when the drain is about `prefix` too.
    pub(crate) fn covers(self, prefix: IpNet) -> bool {
        match self {
            Self::Node => true,
            Self::Vip(vip) => vip == prefix,
        }
    }
}

/// How far a drain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Graceful shutdown is told; does anybody else announce it?
    Asking,
    /// For the flows to end.
    Waiting,
    /// The withdrawals are on their way.
    Withdrawing,
    /// Nothing of it is announced.
    Drained,
    /// Undone: nobody else announces it.
    Refused,
}

impl Phase {
    /// As the API calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Waiting => "waiting",
            Self::Withdrawing => "withdrawing",
            Self::Drained => "drained",
            Self::Refused => "refused",
        }
    }
}

/// What a drain does to the routes that it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// They are announced as ever.
    Nothing,
    /// They are announced as the last to choose (RFC 8326).
    GracefulShutdown,
    /// They are not announced.
    Withdrawn,
}

/// One drain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drain {
    pub(crate) target: Target,
    pub(crate) phase: Phase,
    pub(crate) since: UnixMs,
    /// When the phase began.
    entered: UnixMs,
    /// When it withdraws at the latest.
    pub(crate) deadline: UnixMs,
    /// How long another path is waited for.
    evidence_wait: Duration,
    pub(crate) below: Option<u64>,
    /// The last count; `None` when the agent does not count.
    pub(crate) flows: Option<u64>,
    pub(crate) force: bool,
    pub(crate) reason: String,
    said: UnixMs,
}

/// What a drain is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) target: Target,
    pub(crate) below: Option<u64>,
    pub(crate) timeout: Duration,
    pub(crate) evidence_wait: Duration,
    pub(crate) force: bool,
    pub(crate) reason: String,
}

/// What happens to a drain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// What the routers show: announced prefixes without another path than ours.
    Alone(Vec<IpNet>),
    /// The VIP is announced only as a part of this aggregate, which others need.
    Covered(IpNet),
    /// The agent counted, or cannot.
    Flows(Option<u64>),
    /// Every peer was told everything, or not yet.
    Told(bool),
}

/// What is to be said after an event; `None` when nothing is new.
pub(crate) type Said = Option<String>;

impl Drain {
    /// A drain that begins now.
    pub(crate) fn new(order: Order, now: UnixMs) -> (Self, String) {
        let text = match order.force {
            true => {
                "graceful shutdown is told to the routers; other paths are not asked for (--force)".to_owned()
            }
            false => format!(
                "graceful shutdown is told to the routers; another path is waited for, at most {:?}",
                order.evidence_wait
            ),
        };
        let drain = Self {
            target: order.target,
            phase: if order.force { Phase::Waiting } else { Phase::Asking },
            since: now,
            entered: now,
            deadline: after(now, order.timeout),
            evidence_wait: order.evidence_wait,
            below: order.below,
            flows: None,
            force: order.force,
            reason: order.reason,
            said: now,
        };
        (drain, text)
    }

    /// The drain as a new process goes on with it.
    pub(crate) fn resumed(mut self, now: UnixMs) -> Self {
        if self.phase == Phase::Asking {
            // What routers showed is not known any more.
            self.entered = now;
        }
        self.said = now;
        self
    }

    /// The drain after an operator ended it before it was over.
    pub(crate) fn undone(self) -> Self {
        Self { phase: Phase::Refused, ..self }
    }

    /// What it does to the routes that it covers.
    pub(crate) fn effect(&self) -> Effect {
        match self.phase {
            Phase::Asking | Phase::Waiting => Effect::GracefulShutdown,
            Phase::Withdrawing | Phase::Drained => Effect::Withdrawn,
            Phase::Refused => Effect::Nothing,
        }
    }

    /// True when the sessions are to be down.
    pub(crate) fn ends_sessions(&self) -> bool {
        self.target == Target::Node && self.phase == Phase::Drained
    }

    /// True when no event changes it any more.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Drained | Phase::Refused)
    }

    /// Takes an event in; gives what is to be said.
    pub(crate) fn handle(&mut self, event: Event, now: UnixMs) -> Said {
        let said = match (self.phase, event) {
            (Phase::Asking, Event::Alone(alone)) => self.asked(&alone, now),
            (Phase::Asking, Event::Covered(aggregate)) => self.covered(aggregate, now),
            (Phase::Waiting, Event::Flows(flows)) => self.counted(flows, now),
            (Phase::Withdrawing, Event::Told(told)) => self.told(told, now),
            // The others say nothing new in these states.
            (_, Event::Alone(_) | Event::Covered(_) | Event::Flows(_) | Event::Told(_)) => None,
        };
        if said.is_some() {
            self.said = now;
        }
        said
    }

    fn asked(&mut self, alone: &[IpNet], now: UnixMs) -> Said {
        if now < after(self.entered, BELIEVE_AFTER.min(self.evidence_wait)) {
            return None;
        }
        if alone.is_empty() {
            self.enter(Phase::Waiting, now);
            return Some("routers have other paths; waiting for the flows to end".to_owned());
        }
        if now >= after(self.entered, self.evidence_wait) {
            self.enter(Phase::Refused, now);
            return Some(format!(
                "refused and undone: no router shows another path for {}; is this the last forwarder? (--force drains \
                 all the same)",
                some_of(alone)
            ));
        }
        self.every_so_often(now, || format!("no router shows another path yet for {}", some_of(alone)))
    }

    fn covered(&mut self, aggregate: IpNet, now: UnixMs) -> Said {
        self.enter(Phase::Refused, now);
        Some(format!("refused and undone: {} (--force drains all the same)", stays(aggregate)))
    }

    fn counted(&mut self, flows: Option<u64>, now: UnixMs) -> Said {
        let before = std::mem::replace(&mut self.flows, flows);
        if let (Some(flows), Some(below)) = (flows, self.below)
            && flows < below
        {
            self.enter(Phase::Withdrawing, now);
            return Some(format!("{flows} flows are left, fewer than {below}; withdrawing"));
        }
        if now >= self.deadline {
            self.enter(Phase::Withdrawing, now);
            let left = flows.map(|flows| format!(" with {flows} flows left")).unwrap_or_default();
            return Some(format!("the time is over{left}; withdrawing"));
        }
        let left = Duration::from_millis(self.deadline - now).as_secs();
        match flows {
            None if before.is_some() || self.said <= self.entered => {
                Some(format!("lb-dataplane does not count flows: only the time decides, {left} s are left"))
            }
            None => self.every_so_often(now, || format!("{left} s are left")),
            Some(flows) => self.every_so_often(now, || format!("{flows} flows, {left} s are left")),
        }
    }

    fn told(&mut self, told: bool, now: UnixMs) -> Said {
        if !told && now < after(self.entered, WITHDRAW_LIMIT) {
            return None;
        }
        self.enter(Phase::Drained, now);
        let late = if told { "" } else { ", although not every router took the withdrawals in time" };
        Some(match self.target {
            Target::Node => format!("drained{late}; the sessions end"),
            Target::Vip(vip) => format!("{vip} is drained{late}"),
        })
    }

    fn enter(&mut self, phase: Phase, now: UnixMs) {
        (self.phase, self.entered) = (phase, now);
    }

    fn every_so_often(&self, now: UnixMs, text: impl FnOnce() -> String) -> Said {
        (now >= after(self.said, SAY_EVERY)).then(text)
    }
}

fn after(moment: UnixMs, time: Duration) -> UnixMs {
    moment.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// What an aggregate does that outlives a VIP.
pub(crate) fn stays(aggregate: IpNet) -> String {
    format!("{aggregate} stays announced and covers it: routers go on sending its packets here")
}

/// The first of them, and how many more there are.
fn some_of(prefixes: &[IpNet]) -> String {
    match prefixes {
        [] => "nothing".to_owned(),
        [one] => one.to_string(),
        [first, more @ ..] => format!("{first} and {} more", more.len()),
    }
}
