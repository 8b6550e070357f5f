//! A new configuration on its way into force.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use guideway_abi::backend_state;
use guideway_dataplane_config::Config;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::follow::{InstallAnswer, first_looks};
use super::past::Source;
use super::{Clock, Control, Interfaces, NotInHistory, ReloadAnswer, Request};
use crate::apply::MapStore;
use crate::desired::{self, used_sets};
use crate::health::state::State;
use crate::health::{Checker, ProbeKey};
use crate::load::{Accept, Loaded, load};
use crate::route::{Need, Wanted};
use crate::view::Reload;

/// First probes begin late by as much as their spread, and a busy machine is slow.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Who waits for a configuration to come into force.
#[derive(Debug)]
pub(super) enum Asked {
    Reload(oneshot::Sender<ReloadAnswer>),
    Rollback(oneshot::Sender<Result<ReloadAnswer, NotInHistory>>),
    Install(oneshot::Sender<InstallAnswer>),
}

impl Asked {
    fn answer(self, answer: ReloadAnswer) {
        // Who asked may have gone.
        match self {
            Self::Reload(sender) => {
                let _ = sender.send(answer);
            }
            Self::Rollback(sender) => {
                let _ = sender.send(Ok(answer));
            }
            Self::Install(sender) => {
                let ReloadAnswer { errors, generation } = answer;
                let _ = sender.send(if errors.is_empty() { Ok(generation) } else { Err(errors.join("; ")) });
            }
        }
    }
}

/// A good configuration whose probes have no verdict yet, or that could not be installed yet.
#[derive(Debug)]
pub(super) struct Pending {
    config: Arc<Config>,
    text: Arc<str>,
    source: Source,
    /// When it was asked for.
    since: Instant,
    probes: HashSet<ProbeKey>,
    deadline: Instant,
    /// Everybody who waits for it; also those who asked for an older one that this one replaced.
    answers: Vec<Asked>,
    /// The file has been read again since, and refused.
    outdated: bool,
}

impl Pending {
    pub(super) const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub(super) fn text(&self) -> Arc<str> {
        self.text.clone()
    }

    pub(super) const fn source(&self) -> &Source {
        &self.source
    }

    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// Every probe has a verdict, or has had the time for one.
    pub(super) fn is_ready(&self, checker: &Checker, now: Instant) -> bool {
        now >= self.deadline || self.probes.iter().all(|key| checker.has_looked(key))
    }

    /// It is the last file that was read.
    pub(super) const fn is_latest(&self) -> bool {
        !self.outdated && matches!(self.source, Source::File)
    }

    pub(super) fn answer(&mut self, errors: &[String], generation: u64) {
        for asked in self.answers.drain(..) {
            asked.answer(ReloadAnswer { errors: errors.to_vec(), generation });
        }
    }
}

impl<F: MapStore + Interfaces + Clock> Control<F> {
    pub(super) async fn take(&mut self, request: Request) {
        let since = Instant::now();
        let asked = match request {
            Request::Rollback(generation, answer) => return self.roll_back(generation, answer, since),
            Request::FileChanged => None,
            Request::Reload(answer) => Some(answer.map(Asked::Reload)),
            Request::Prepare(stamp, content, answer) => return self.prepare(stamp, content, answer).await,
            Request::Discard(stamp) => return self.discard(stamp),
            Request::Install(stamp, content, answer) => {
                return self.bring_content(stamp, content, answer, since).await;
            }
            Request::Fence(fence) => return self.set_fence(fence),
            Request::Past(sets) => return self.inherit(&sets),
        };
        let path = self.config_path.clone();
        let loaded = tokio::task::spawn_blocking(move || load(&path, Accept::RegularFile)).await;
        let Ok(Loaded { config, text }) = loaded else { return };
        if asked.is_none() && text == self.last_text {
            return;
        }
        self.last_text.clone_from(&text);
        let asked = asked.flatten();
        match config {
            Ok(node) if self.node.is_some() => self.bring_node(node, text.into(), asked, since),
            config => self.bring(config, text.into(), Source::File, asked, since),
        }
    }

    /// Gives the services that there are another node; without any it is only kept for those that will come.
    fn bring_node(&mut self, node: Config, text: Arc<str>, asked: Option<Asked>, since: Instant) {
        if let Err(errors) = self.admit(&node, &Source::File) {
            return self.bring(Err(errors), text, Source::File, asked, since);
        }
        let joined = self.with_node(&node);
        if !matches!(joined, Some((Err(_), _))) {
            self.node = Some(Arc::new(node));
        }
        match joined {
            Some((Err(errors), _)) => self.bring(Err(errors), text, Source::File, asked, since),
            Some((config, source)) => {
                self.accepted();
                self.bring(config, text, source, asked, since);
            }
            None => {
                self.accepted();
                self.attach();
                self.publish();
                if let Some(asked) = asked {
                    asked.answer(ReloadAnswer { errors: Vec::new(), generation: self.generation() });
                }
            }
        }
    }

    /// The node's own part of the file is good.
    pub(super) fn accepted(&mut self) {
        self.last_reload = Some(Reload { at: SystemTime::now(), errors: Vec::new() });
        self.outputs.metrics.reload_accepted();
    }

    /// Makes a configuration the next one, if it is good.
    pub(super) fn bring(
        &mut self,
        config: Result<Config, Vec<String>>,
        text: Arc<str>,
        source: Source,
        asked: Option<Asked>,
        since: Instant,
    ) {
        crate::systemd::reloading();
        match config.and_then(|config| self.admit(&config, &source).map(|()| config)) {
            Ok(config) => self.make_pending(Arc::new(config), text, source, asked, since),
            Err(errors) => {
                if let (Source::File, Some(pending)) = (&source, &mut self.pending) {
                    pending.outdated = true;
                }
                self.refused(&errors, &source);
                if let Some(asked) = asked {
                    asked.answer(ReloadAnswer { errors, generation: self.generation() });
                }
            }
        }
    }

    /// Refuses what cannot change while the agent runs. Limits of the history are those of maps that may be gone: the ones
    /// that the maps have apply.
    fn admit(&self, config: &Config, source: &Source) -> Result<(), Vec<String>> {
        let running = self.in_force.as_ref().map(|in_force| &in_force.config);
        let Some(running) = running.or(self.pending.as_ref().map(Pending::config)).or(self.node.as_ref())
        else {
            return Ok(());
        };
        if running.controller().is_some() != config.controller().is_some() {
            return Err(vec![format!(
                "{}: controller: cannot be added or removed while the agent runs: put the section back as it was, or \
                 start the agent again",
                self.config_path.display()
            )]);
        }
        if *source == Source::File && self.limits != *config.limits() {
            return Err(vec![format!(
                "{}: limits: cannot change while the maps exist: put the old limits back, or withdraw this forwarder, \
                 stop the agent, run `lb-dataplane detach` and start it again",
                self.config_path.display()
            )]);
        }
        if running.admin() != config.admin() {
            tracing::warn!("admin.socket is another one; it takes effect when the agent starts again");
        }
        if running.controller() != config.controller() {
            tracing::warn!("controller is another one; it takes effect when the agent starts again");
        }
        if running.metrics() != config.metrics() {
            tracing::warn!("metrics.listen is another one; it takes effect when the agent starts again");
        }
        Ok(())
    }

    pub(super) fn make_pending(
        &mut self,
        config: Arc<Config>,
        text: Arc<str>,
        source: Source,
        asked: Option<Asked>,
        since: Instant,
    ) {
        self.set_pending(config, text, source, asked, since);
        self.run_probes();
    }

    /// As [`make_pending`](Self::make_pending), when the probes run already.
    pub(super) fn set_pending(
        &mut self,
        config: Arc<Config>,
        text: Arc<str>,
        source: Source,
        asked: Option<Asked>,
        since: Instant,
    ) {
        let mut answers = self.pending.take().map(|older| older.answers).unwrap_or_default();
        answers.extend(asked);
        let warnings = config.warnings().iter().filter(|_| source.announces().is_none());
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let (probes, deadline) = first_looks(&config);
        self.pending =
            Some(Pending { config, text, source, since, probes, deadline, answers, outdated: false });
        self.look_in(Duration::ZERO);
    }

    /// Runs the probes of the configuration in force, of the pending one and of backends that leave, and has the ways to
    /// all of them kept.
    pub(super) fn run_probes(&mut self) {
        let in_force = self.in_force.as_ref();
        let pending = self.pending.as_ref().map(Pending::config);
        let configs: Vec<&Config> = in_force
            .map(|in_force| &*in_force.config)
            .into_iter()
            .chain(pending.map(|config| &**config))
            .chain(self.prepared.as_ref().map(|prepared| &**prepared.config()))
            .collect();
        let leaving: Vec<IpAddr> = in_force
            .iter()
            .flat_map(|in_force| &in_force.layout.leaving)
            .map(|leaving| leaving.address)
            .collect();
        let mut probes: HashSet<ProbeKey> =
            configs.iter().flat_map(|config| desired::probes(config)).collect();
        // The configuration in force comes first, when there is one.
        let wanted = desired::wanted_by(configs.iter().copied());
        let mut wanted = Wanted { is_whole: in_force.is_some(), ..wanted };
        for address in leaving {
            let known = self.departed.get(address);
            probes.extend(known.iter().flat_map(|known| known.probes().cloned()));
            let need = known.map_or(Need::Any, |known| known.need);
            let wanted = wanted.backends.entry(address).or_insert(need);
            *wanted = need.max(*wanted);
        }
        self.outputs.ways.send_if_modified(|current| {
            let differs = **current != wanted;
            if differs {
                *current = Arc::new(wanted);
            }
            differs
        });
        let get_flows: HashSet<IpAddr> = configs
            .iter()
            .filter(|_| !self.left.is_empty())
            .flat_map(|config| used_sets(config).flat_map(|set| &*set.backends))
            .filter(|backend| backend.weight > 0)
            .map(|backend| backend.address)
            .collect();
        self.checker.run_exactly(&probes, |key, now| match self.left.get(&key.address) {
            None => State::default(),
            Some(&backend_state::SERVING) => State::healthy(now),
            // It was announced: it had answered, but not as often as it has to.
            Some(&backend_state::DRAINING) if get_flows.contains(&key.address) => State::rising(now),
            Some(&backend_state::DRAINING) => State::healthy(now),
            Some(_) => State::unhealthy(now),
        });
    }

    /// What a rollback refuses says nothing about the file.
    pub(super) fn refused(&mut self, errors: &[String], source: &Source) {
        for error in errors {
            tracing::error!("{error}");
        }
        tracing::error!(
            source = self.name(source),
            errors = errors.len(),
            "the configuration is refused, the one in force stays"
        );
        if *source == Source::File {
            self.outputs.metrics.reload_refused();
            self.last_reload = Some(Reload { at: SystemTime::now(), errors: errors.to_vec() });
        }
        self.publish();
        if self.in_force.is_some() {
            crate::systemd::ready("the last configuration was refused, the one before it is in force");
        }
    }
}
