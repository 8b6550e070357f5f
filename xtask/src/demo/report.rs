//! The results of the demonstration.

use std::time::Duration;

use guideway_lab::load::{FlowReport, HoldReport};
use serde::Serialize;

use super::path::Path;
use super::screen::Screen;
use super::spread::Spread;

/// Everything that the demonstration found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    seconds: f64,
    spread: Spread,
    path: Path,
    events: Vec<Event>,
    /// What did not come out as it should; empty when all did.
    pub(super) unexpected: Vec<String>,
}

/// What an event may do to flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Allowed {
    /// No request fails, no flow moves, no connection breaks.
    Nothing,
    /// Only what belonged to this backend.
    OnlyOf(&'static str),
    /// Flows move, because shares change.
    Moves,
}

/// One event and what it did to the requests.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) allowed: Allowed,
    /// How long the system took to act on it, when it had to.
    pub(super) reaction_ms: Option<u64>,
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) flows: u64,
    pub(super) moved_flows: u64,
    pub(super) connections: u64,
    pub(super) broken: u64,
    /// Failed, moved and broken that the event does not account for.
    pub(super) collateral: u64,
    pub(super) slowest_ms: u64,
}

impl Event {
    pub(super) fn new(
        name: &str,
        allowed: Allowed,
        reaction: Option<Duration>,
        (flows, hold): &(FlowReport, HoldReport),
    ) -> Self {
        let all = flows.failed + flows.moved_flows + hold.broken;
        let collateral = match allowed {
            Allowed::Nothing => all,
            Allowed::OnlyOf(backend) => {
                others(&flows.failed_of, backend)
                    + others(&flows.moves_from, backend)
                    + others(&hold.broken_by_backend, backend)
            }
            Allowed::Moves => 0,
        };
        Self {
            name: name.to_owned(),
            allowed,
            reaction_ms: reaction.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            requests: flows.requests + hold.requests,
            failed: flows.failed + hold.failed,
            flows: flows.flows,
            moved_flows: flows.moved_flows,
            connections: hold.connections,
            broken: hold.broken,
            collateral,
            slowest_ms: flows.latency.max_us.max(hold.latency.max_us) / 1000,
        }
    }

    /// The row of a table of events.
    fn row(&self) -> [String; 8] {
        [
            self.name.clone(),
            self.requests.to_string(),
            self.failed.to_string(),
            format!("{}/{}", self.moved_flows, self.flows),
            format!("{}/{}", self.broken, self.connections),
            if self.allowed == Allowed::Moves { "-".to_owned() } else { self.collateral.to_string() },
            self.reaction_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms")),
            format!("{} ms", self.slowest_ms),
        ]
    }
}

/// Prints events one below the other.
pub(super) fn print_events(screen: &Screen, events: &[Event]) {
    let rows: Vec<[String; 8]> = events.iter().map(Event::row).collect();
    screen.table(
        ["event", "requests", "failed", "flows moved", "conns broken", "collateral", "reaction", "slowest"],
        &rows,
    );
}

fn others(counts: &std::collections::BTreeMap<String, u64>, backend: &str) -> u64 {
    counts.iter().filter(|(of, _)| *of != backend).map(|(_, count)| count).sum()
}

impl Report {
    pub(super) fn new(time: Duration, spread: Spread, path: Path, events: Vec<Event>) -> Self {
        let mut unexpected = spread.unexpected();
        unexpected.extend(path.unexpected());
        for event in events.iter().filter(|event| event.collateral > 0) {
            unexpected.push(format!(
                "{}: {} failed requests, moved flows or broken connections that it does not account for",
                event.name, event.collateral
            ));
        }
        Self { seconds: time.as_secs_f64(), spread, path, events, unexpected }
    }

    pub(super) fn print(&self, screen: &mut Screen) {
        screen.chapter("Summary");
        print_events(screen, &self.events);
        screen.say("failed: requests without an answer, new and established connections together");
        screen.say(
            "flows moved: same source port, another backend than before; conns broken: established ones",
        );
        screen.say("collateral: what of these the event does not account for; a dead backend's own flows are its own, and");
        screen.say("a change of weights (-) moves flows on purpose; reaction: until the system had acted on the event");
        if self.unexpected.is_empty() {
            screen.say("Nothing failed, moved or broke beyond what the event itself accounts for.");
        } else {
            screen.say("NOT as it should be:");
            for line in &self.unexpected {
                screen.say(format!("  {line}"));
            }
        }
        screen.say(format!("The demonstration took {:.0} s.", self.seconds));
    }
}
