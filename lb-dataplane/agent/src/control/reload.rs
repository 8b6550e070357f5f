//! A new configuration on its way into force.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use guideway_dataplane_config::Config;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Control, Interfaces, ReloadAnswer, Request};
use crate::apply::MapStore;
use crate::desired;
use crate::health::{Checker, ProbeKey};
use crate::load::{Accept, Loaded, load};
use crate::view::Reload;

/// First probes begin late by as much as their spread, and a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(1);

/// A good configuration whose probes have no verdict yet, or that could not be installed yet.
#[derive(Debug)]
pub(super) struct Pending {
    config: Arc<Config>,
    probes: HashSet<ProbeKey>,
    deadline: Instant,
    /// Everybody who waits for it; also those who asked for an older one that this one replaced.
    answers: Vec<oneshot::Sender<ReloadAnswer>>,
    /// The file has been read again since, and refused.
    outdated: bool,
}

impl Pending {
    pub(super) const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// Every probe has a verdict, or has had the time for one.
    pub(super) fn is_ready(&self, checker: &Checker, now: Instant) -> bool {
        now >= self.deadline || self.probes.iter().all(|key| checker.health(key).is_some())
    }

    /// The last file that was read is this one.
    pub(super) const fn is_latest(&self) -> bool {
        !self.outdated
    }

    pub(super) fn answer(&mut self, errors: &[String], generation: u64) {
        for answer in self.answers.drain(..) {
            // Who asked may have gone.
            let _ = answer.send(ReloadAnswer { errors: errors.to_vec(), generation });
        }
    }
}

impl<F: MapStore + Interfaces> Control<F> {
    pub(super) async fn take(&mut self, request: Request) {
        let path = self.config_path.clone();
        let loaded = tokio::task::spawn_blocking(move || load(&path, Accept::RegularFile)).await;
        let Ok(Loaded { config, text }) = loaded else { return };
        let answer = match request {
            Request::FileChanged if text == self.last_text => return,
            Request::FileChanged => None,
            Request::Reload(answer) => answer,
        };
        self.last_text = text;
        crate::systemd::reloading();
        match config.and_then(|config| self.admit(&config).map(|()| config)) {
            Ok(config) => self.make_pending(Arc::new(config), answer),
            Err(errors) => {
                if let Some(pending) = &mut self.pending {
                    pending.outdated = true;
                }
                self.refused(&errors);
                if let Some(answer) = answer {
                    let _ = answer.send(ReloadAnswer { errors, generation: self.generation() });
                }
            }
        }
    }

    /// Refuses what cannot change while the agent runs.
    fn admit(&self, config: &Config) -> Result<(), Vec<String>> {
        let running = self.in_force.as_ref().map(|in_force| &in_force.config);
        let Some(running) = running.or(self.pending.as_ref().map(Pending::config)) else { return Ok(()) };
        if running.limits() != config.limits() {
            return Err(vec![format!(
                "{}: limits: cannot change while the maps exist: put the old limits back, or withdraw this forwarder, \
                 stop the agent, run `lb-dataplane detach` and start it again",
                self.config_path.display()
            )]);
        }
        if running.admin() != config.admin() {
            tracing::warn!("admin.socket is another one; it takes effect when the agent starts again");
        }
        if running.metrics() != config.metrics() {
            tracing::warn!("metrics.listen is another one; it takes effect when the agent starts again");
        }
        Ok(())
    }

    pub(super) fn make_pending(
        &mut self,
        config: Arc<Config>,
        answer: Option<oneshot::Sender<ReloadAnswer>>,
    ) {
        let mut answers = self.pending.take().map(|older| older.answers).unwrap_or_default();
        answers.extend(answer);
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        let probes = desired::probes(&config);
        let longest = probes.iter().map(|key| key.timeout).max().unwrap_or_default();
        let deadline = Instant::now() + longest + PATIENCE;
        self.pending = Some(Pending { config, probes, deadline, answers, outdated: false });
        self.run_probes();
        self.look_in(Duration::ZERO);
    }

    /// Runs the probes of the configuration in force and of the pending one, and keeps the next hops of both resolved.
    pub(super) fn run_probes(&mut self) {
        let configs = || {
            let in_force = self.in_force.as_ref().map(|in_force| &in_force.config);
            in_force.into_iter().chain(self.pending.as_ref().map(Pending::config))
        };
        let probes: HashSet<ProbeKey> = configs().flat_map(|config| desired::probes(config)).collect();
        let backends = configs().flat_map(|config| desired::routed_backends(config)).collect();
        self.outputs.backends.send_replace(Arc::new(backends));
        self.checker.run_exactly(&probes);
    }

    pub(super) fn refused(&mut self, errors: &[String]) {
        for error in errors {
            tracing::error!("{error}");
        }
        tracing::error!(
            path = %self.config_path.display(), errors = errors.len(),
            "the configuration is refused, the one in force stays"
        );
        self.outputs.metrics.reload_refused();
        self.last_reload = Some(Reload { at: SystemTime::now(), errors: errors.to_vec() });
        self.publish();
        if self.in_force.is_some() {
            crate::systemd::ready("the last configuration was refused, the one before it is in force");
        }
    }
}
