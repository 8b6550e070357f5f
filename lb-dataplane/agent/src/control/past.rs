//! The history, and going back in it.

use std::sync::Arc;
use std::time::SystemTime;

use guideway_dataplane_config::Config;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::reload::Asked;
use super::{Clock, Control, InForce, Interfaces, NotInHistory, ReloadAnswer};
use crate::apply::MapStore;
use crate::check::summary;
use crate::error::chain;
use crate::history::Entry;
use crate::load::parse;
use crate::view::PastView;

/// Where a configuration came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The configuration file.
    File,
    /// This generation of the history.
    History(u64),
}

impl<F: MapStore + Interfaces + Clock> Control<F> {
    /// Puts a configuration of the history in force, by the same way as one of the file.
    pub(super) fn roll_back(
        &mut self,
        generation: u64,
        answer: oneshot::Sender<Result<ReloadAnswer, NotInHistory>>,
        since: Instant,
    ) {
        let Some(entry) = self.history.find(generation) else {
            let known = self.history.latest_first().map(|entry| entry.generation).collect();
            // Who asked may have gone.
            let _ = answer.send(Err(NotInHistory { generation, known }));
            return;
        };
        let text: Arc<str> = entry.text.as_str().into();
        tracing::info!(generation, summary = entry.summary, "going back in the history");
        let source = Source::History(generation);
        let config = parse(&self.name(source), &text);
        self.bring(config, text, source, Some(Asked::Rollback(answer)), since);
    }

    /// In errors.
    pub(super) fn name(&self, source: Source) -> String {
        match source {
            Source::File => self.config_path.display().to_string(),
            Source::History(generation) => format!("generation {generation} of the history"),
        }
    }

    /// The generation of the history that is in force in place of the file.
    pub(super) fn rolled_back_to(&self) -> Option<u64> {
        let in_force = self.in_force.as_ref()?;
        match in_force.source {
            Source::History(generation) if *in_force.text != *self.last_text => Some(generation),
            _ => None,
        }
    }

    /// Puts the configuration in force into the history; the file is written in the background.
    pub(super) fn remember(&mut self) {
        let Some(in_force) = &self.in_force else { return };
        let known = self.history.find(in_force.since);
        if known.is_some_and(|known| *known.text == *in_force.text) {
            return;
        }
        let entry = Entry {
            generation: in_force.since,
            digest: in_force.layout.digest,
            at_unix_ms: now_unix_ms(),
            summary: describe(&in_force.config, in_force.source),
            text: in_force.text.to_string(),
        };
        let dropped = self.history.add(entry.clone());
        let (folder, before) = (self.folder.clone(), self.writing.take());
        self.writing = Some(tokio::spawn(async move {
            if let Some(before) = before {
                // In order: the next one may drop what this one writes.
                let _done = before.await;
            }
            let write = move || {
                if let Err(error) = folder.write(&entry, &dropped) {
                    tracing::warn!(error = chain(&error), "the history is not kept over a restart");
                }
            };
            // A panic in it is its own affair.
            let _done = tokio::task::spawn_blocking(write).await;
        }));
    }

    pub(super) fn show_history(&self, in_force: Option<&InForce>) -> Vec<PastView> {
        let since = in_force.map(|in_force| in_force.since);
        let of = |entry: &Entry| PastView {
            generation: entry.generation,
            digest: entry.digest,
            at_unix_ms: entry.at_unix_ms,
            summary: entry.summary.clone(),
            in_force: since == Some(entry.generation),
        };
        self.history.latest_first().map(of).collect()
    }

    /// Looks for backends that left before this agent started: their checks are in the history.
    pub(super) fn look_up_departed(&mut self) {
        let Some(in_force) = &self.in_force else { return };
        let missing: Vec<_> = in_force
            .layout
            .leaving
            .iter()
            .map(|leaving| leaving.address)
            .filter(|address| self.departed.get(*address).is_none())
            .collect();
        if missing.is_empty() {
            return;
        }
        for entry in self.history.latest_first() {
            if let Ok(config) = Config::parse("", &entry.text) {
                self.departed.learn_missing(&missing, &config);
            }
        }
    }
}

fn describe(config: &Config, source: Source) -> String {
    let summary = summary(config);
    match source {
        Source::File => summary,
        Source::History(generation) => format!("{summary}; as generation {generation}"),
    }
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
