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

/// What an event may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Allowed {
    /// No request fails, no connection moves or breaks, and new connections go where those of their port went before.
    Nothing,
    /// As [`Allowed::Nothing`], but new connections go where the new table says.
    NewElsewhere,
    /// What this backend had is lost, and its new connections go elsewhere.
    OnlyOf(&'static str),
}

/// One event and what it did to the requests.
#[derive(Debug, Serialize)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) allowed: Allowed,
    /// How long the system took to act on it, when it had to.
    pub(super) reaction_ms: Option<u64>,
    pub(super) requests: u64,
    /// Requests without an answer, or with one from another backend than the connection was established with.
    pub(super) failed: u64,
    /// Long-lived connections.
    pub(super) connections: u64,
    /// Long-lived connections that moved to another backend, which breaks them, or broke otherwise.
    pub(super) moved: u64,
    /// Source ports of new connections.
    pub(super) ports: u64,
    /// Source ports of which a later connection met another backend than an earlier one.
    pub(super) ports_elsewhere: u64,
    /// Failed, moved and elsewhere that the event does not account for.
    pub(super) collateral: u64,
    pub(super) slowest_ms: u64,
}

impl Event {
    pub(super) fn new(
        name: &str,
        allowed: Allowed,
        reaction: Option<Duration>,
        (fresh, held): &(FlowReport, HoldReport),
    ) -> Self {
        let collateral = match allowed {
            Allowed::Nothing => fresh.failed + fresh.moved_flows + held.broken,
            Allowed::NewElsewhere => fresh.failed + held.broken,
            Allowed::OnlyOf(backend) => {
                others(&fresh.failed_of, backend)
                    + others(&fresh.moves_from, backend)
                    + others(&held.broken_by_backend, backend)
            }
        };
        Self {
            name: name.to_owned(),
            allowed,
            reaction_ms: reaction.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            requests: fresh.requests + held.requests,
            failed: fresh.failed + held.failed,
            connections: held.connections,
            moved: held.broken,
            ports: fresh.flows,
            ports_elsewhere: fresh.moved_flows,
            collateral,
            slowest_ms: fresh.latency.max_us.max(held.latency.max_us) / 1000,
        }
    }

    /// The row of a table of events.
    fn row(&self) -> [String; 8] {
        [
            self.name.clone(),
            self.requests.to_string(),
            self.failed.to_string(),
            match self.connections {
                0 => "-".to_owned(),
                all => format!("{}/{all}", self.moved),
            },
            format!("{}/{}", self.ports_elsewhere, self.ports),
            self.collateral.to_string(),
            self.reaction_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms")),
            format!("{} ms", self.slowest_ms),
        ]
    }
}

/// Prints events one below the other.
pub(super) fn print_events(screen: &Screen, events: &[Event]) {
    let rows: Vec<[String; 8]> = events.iter().map(Event::row).collect();
    screen.table(
        ["event", "requests", "failed", "conns moved", "new elsewhere", "collateral", "reaction", "slowest"],
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
                "{}: {} failed requests or moved connections that it does not account for",
                event.name, event.collateral
            ));
        }
        Self { seconds: time.as_secs_f64(), spread, path, events, unexpected }
    }

    pub(super) fn print(&self, screen: &mut Screen) {
        screen.chapter("Summary");
        print_events(screen, &self.events);
        screen.say("failed: requests without an answer; conns moved: long-lived connections that lost their backend (-: none held);");
        screen.say(
            "new elsewhere: source ports whose next connection met another backend, as a new table wants it;",
        );
        screen.say("collateral: what of these the event does not account for: a dead backend's own connections are its own;");
        screen.say("reaction: until every forwarder that the router uses had acted on the event");
        if self.unexpected.is_empty() {
            screen.say("No connection moved and no request failed, but for those of the backend that died.");
        } else {
            screen.say("NOT as it should be:");
            for line in &self.unexpected {
                screen.say(format!("  {line}"));
            }
        }
        screen.say(format!("The demonstration took {:.0} s.", self.seconds));
    }
}
