//! The history, and going back in it.

use std::sync::Arc;
use std::time::SystemTime;

use guideway_controller_rollout::Stamp;
use guideway_dataplane_config::Config;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::reload::Asked;
use super::{Clock, Control, InForce, Interfaces, NotInHistory, ReloadAnswer};
use crate::announce::Announce;
use crate::apply::MapStore;
use crate::check::summary;
use crate::error::chain;
use crate::history::Entry;
use crate::load::parse;
use crate::view::PastView;

/// Where a configuration came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The configuration file.
    File,
    /// This generation of the history.
    History(u64),
    /// The controller.
    Controller {
        /// Which of its contents.
        stamp: Stamp,
        /// How the VIPs are announced, in their order.
        announces: Arc<[Announce]>,
    },
}

impl Source {
    /// How the VIPs are announced; none: all of them to the speaker.
    pub(super) fn announces(&self) -> Option<&Arc<[Announce]>> {
        match self {
            Self::Controller { announces, .. } => Some(announces),
            Self::File | Self::History(_) => None,
        }
    }
}

impl<F: MapStore + Interfaces + Clock> Control<F> {
    /// Puts a configuration of the history in force, by the same way as one of the file.
    pub(super) fn roll_back(
        &mut self,
        generation: u64,
        answer: oneshot::Sender<Result<ReloadAnswer, NotInHistory>>,
        since: Instant,
    ) {
        if self.node.is_some() {
            let errors = vec![
                "the services come from the controller: roll back there, with `lbctl rollback`".to_owned(),
            ];
            let _gone = answer.send(Ok(ReloadAnswer { errors, generation: self.generation() }));
            return;
        }
        let Some(entry) = self.history.find(generation) else {
            let known = self.history.latest_first().map(|entry| entry.generation).collect();
            // Who asked may have gone.
            let _ = answer.send(Err(NotInHistory { generation, known }));
            return;
        };
        let text: Arc<str> = entry.text.as_str().into();
        tracing::info!(generation, summary = entry.summary, "going back in the history");
        let source = Source::History(generation);
        let config = parse(&self.name(&source), &text);
        self.bring(config, text, source, Some(Asked::Rollback(answer)), since);
    }

    /// In errors.
    pub(super) fn name(&self, source: &Source) -> String {
        match source {
            Source::File => self.config_path.display().to_string(),
            Source::History(generation) => format!("generation {generation} of the history"),
            Source::Controller { stamp, .. } => format!("generation {stamp} of the controller"),
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
        // Those of the controller are kept by who follows it.
        if matches!(in_force.source, Source::Controller { .. }) {
            return;
        }
        let known = self.history.find(in_force.since);
        if known.is_some_and(|known| *known.text == *in_force.text) {
            return;
        }
        let entry = Entry {
            generation: in_force.since,
            digest: in_force.layout.digest,
            at_unix_ms: now_unix_ms(),
            summary: describe(&in_force.config, &in_force.source),
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

    /// Looks for backends that left before this agent started: their checks are in the history. With the first installation
    /// also for those that only left one of their sets, as the configuration does not have that one's check.
    pub(super) fn look_up_departed(&mut self, is_first: bool) {
        let Some(in_force) = &self.in_force else { return };
        let missing: Vec<_> = in_force
            .layout
            .leaving
            .iter()
            .filter(|leaving| is_first && leaving.is_member || self.departed.get(leaving.address).is_none())
            .map(|leaving| leaving.address)
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

fn describe(config: &Config, source: &Source) -> String {
    let summary = summary(config);
    match source {
        Source::File | Source::Controller { .. } => summary,
        Source::History(generation) => format!("{summary}; as generation {generation}"),
    }
}

fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
