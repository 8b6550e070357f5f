//! Plans and applies.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use guideway_dataplane_config::{Config, NextHop};
use ipnet::IpNet;

use guideway_dataplane_plan::{
    BootTime, Changes, Desired, Installed, Layout, Outcome, PlanError, TableCache, plan,
};

use super::inherited::Inherited;
use super::past::Source;
use super::reload::Pending;
use super::{Clock, Control, InForce, Interfaces};
use crate::apply::{ApplyError, MapStore, ReadError, apply};
use crate::desired::Base;
use crate::error::chain;
use crate::view::Reload;

/// What an earlier generation held on to is free after a grace period, which takes about as long.
const SOON: Duration = Duration::from_millis(50);

/// Why what is desired is not installed.
#[derive(Debug, thiserror::Error)]
pub(super) enum InstallError {
    #[error("the next hop's interface: {0}")]
    Link(String),
    #[error(
        "pools: {pool} contains {address}, an address of this node, whose packets would be dropped: write prefixes of \
         VIPs only"
    )]
    Pool { pool: IpNet, address: IpAddr },
    #[error(
        "vips: {prefix} contains {address}, an address of this node, whose packets to ports without VIP would be dropped: \
         write prefixes of VIPs only"
    )]
    Prefix { prefix: IpNet, address: IpAddr },
    #[error("there is no plan")]
    Plan(#[source] PlanError),
    #[error("the plan was not carried out")]
    Apply(#[source] ApplyError),
    #[error("the maps could not be read back")]
    Read(#[source] ReadError),
    #[error("the kernel gave no grace period")]
    GracePeriod(#[source] std::io::Error),
    #[error("the task that installs ended early")]
    Lost,
}

impl InstallError {
    /// Another attempt may succeed, with the same configuration.
    const fn is_passing(&self) -> bool {
        !matches!(self, Self::Plan(_) | Self::Link(_) | Self::Pool { .. } | Self::Prefix { .. })
    }
}

/// What was installed.
struct Success {
    layout: Layout,
    changes: Option<Changes>,
    /// Planning and writing, up to the activation.
    took: Duration,
    /// When packets followed it.
    at: Instant,
}

/// Runs `work` where it may block.
pub(super) async fn read_back<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Only a panic ends it early, as nobody aborts it.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl<F: MapStore + Interfaces + Clock> Control<F> {
    /// Brings a pending configuration into force, or refuses it.
    pub(super) async fn install_pending(&mut self, mut pending: Pending) {
        let config = pending.config().clone();
        let is_first = self.in_force.is_none();
        if let (false, Err(errors)) = (is_first, self.attach_new(&config)) {
            return self.give_up(pending, errors);
        }
        let result = match self.check_prefixes(&config).and_then(|()| self.check_next_hop(&config)) {
            Ok(()) => {
                let desired = self.desired(&config);
                self.install(desired).await
            }
            Err(error) => Err(error),
        };
        match result {
            Ok((desired, success)) => {
                let before = self.in_force.take();
                let known = self.history.latest_first().next();
                let known = known
                    .filter(|known| pending.source().announces().is_none() && *known.text == *pending.text());
                let since = known.map_or(success.layout.generation, |known| known.generation);
                let layout = success.layout.clone();
                let (text, source) = (pending.text(), pending.source().clone());
                let now = InForce { config: config.clone(), text, source, since, desired, layout };
                self.in_force = Some(now);
                // What was wrong with a later file stays to be seen.
                if pending.is_latest() {
                    self.last_reload = Some(Reload { at: SystemTime::now(), errors: Vec::new() });
                }
                self.apply_error = None;
                if is_first {
                    self.departed.learn(&config);
                    self.look_up_departed(true);
                }
                self.remember();
                if before.is_none_or(|before| before.config.interfaces() != config.interfaces()) {
                    self.detach_old();
                    self.attach();
                }
                self.publish();
                pending.answer(&[], self.generation());
                self.report(&success, Some(pending.since()));
                if !is_first {
                    self.tell_in_force();
                }
                if !is_first {
                    // Backends that leave now were learnt of when they came.
                    self.departed.learn(&config);
                    self.look_up_departed(false);
                }
                self.settle_in(&config);
                crate::systemd::ready(&self.summary());
            }
            Err(error) if error.is_passing() || is_first => {
                let errors = vec![format!("{}; trying again", self.failed(&error))];
                pending.answer(&errors, self.generation());
                if pending.is_latest() {
                    self.last_reload = Some(Reload { at: SystemTime::now(), errors });
                }
                self.pending = Some(pending);
                self.publish();
                if !is_first {
                    crate::systemd::ready("a new configuration could not be installed yet, trying again");
                }
            }
            Err(error) => self.give_up(pending, vec![chain(&error)]),
        }
    }

    /// A pool, or a VIP that is a prefix, takes what is for its addresses, so that nobody could reach this node by one of them
    /// any more. A VIP of a single address is named on purpose.
    pub(super) fn check_prefixes(&self, config: &Config) -> Result<(), InstallError> {
        let vips = config.vips().iter().map(|vip| vip.address);
        let mut vips = vips.filter(|address| address.prefix_len() < address.max_prefix_len()).peekable();
        if config.pools().is_empty() && vips.peek().is_none() {
            return Ok(());
        }
        let own = self.forwarder.addresses();
        let caught = |prefix: &IpNet| own.iter().copied().find(|address| prefix.contains(address));
        for pool in config.pools() {
            if let Some(address) = caught(pool) {
                return Err(InstallError::Pool { pool: *pool, address });
            }
        }
        for prefix in vips {
            if let Some(address) = caught(&prefix) {
                return Err(InstallError::Prefix { prefix, address });
            }
        }
        Ok(())
    }

    /// The interface of a fixed next hop has to exist when the configuration comes into force.
    pub(super) fn check_next_hop(&self, config: &Config) -> Result<(), InstallError> {
        match config.next_hop() {
            NextHop::Fib => Ok(()),
            NextHop::Fixed { interface, .. } => {
                self.forwarder.index(interface.as_str()).map(|_| ()).map_err(InstallError::Link)
            }
        }
    }

    fn tell_in_force(&self) {
        let generation = self.generation();
        match (self.in_force.as_ref().map(|in_force| &in_force.source), self.rolled_back_to()) {
            (_, Some(rolled_back_to)) => tracing::warn!(
                generation, rolled_back_to, path = %self.config_path.display(),
                "rolled back: the file says something else, and the next reload or start reads it"
            ),
            (Some(Source::History(rolled_back_to)), None) => {
                tracing::info!(generation, rolled_back_to, "rolled back; the file says the same");
            }
            (Some(Source::Controller { stamp, .. }), None) => {
                tracing::info!(generation, controller = %stamp, "the controller's generation is in force");
                return;
            }
            _ => tracing::info!(generation, "the new configuration is in force"),
        }
        self.outputs.metrics.reload_accepted();
    }

    /// What comes after an installation, when everybody has been answered.
    fn settle_in(&mut self, config: &Config) {
        let Some(in_force) = &mut self.in_force else { return };
        let leaving: BTreeSet<_> = in_force.layout.leaving.iter().map(|leaving| leaving.address).collect();
        let present = crate::desired::wanted(config).backends;
        // Verdicts about backends that nobody asks about any more would look like a change.
        if in_force.desired.leaving.iter().any(|member| !leaving.contains(&member.address)) {
            Arc::make_mut(&mut in_force.desired).leaving.retain(|member| leaving.contains(&member.address));
        }
        self.departed.keep(leaving, |address| present.contains_key(&address));
        let deadline = in_force.layout.next_deadline;
        self.run_probes();
        self.left = HashMap::new();
        self.look_at(deadline);
    }

    /// Looks at everything at `deadline`.
    fn look_at(&mut self, deadline: Option<BootTime>) {
        if let Some(BootTime(seconds)) = deadline {
            let wait = Duration::from_secs(seconds).saturating_sub(self.forwarder.since_boot());
            self.look_in(wait.max(SOON));
        }
    }

    fn give_up(&mut self, mut pending: Pending, errors: Vec<String>) {
        let name = self.name(pending.source());
        let errors: Vec<String> = errors.into_iter().map(|error| format!("{name}: {error}")).collect();
        self.run_probes();
        self.detach_old();
        let before = self.last_reload.clone();
        self.refused(&errors, pending.source());
        if !pending.is_latest() {
            self.last_reload = before;
            self.publish();
        }
        pending.answer(&errors, self.generation());
        // An earlier attempt may have left an error, which the configuration in force does not have.
        self.look_in(Duration::ZERO);
    }

    /// Applies what changed in health, and what time has settled.
    pub(super) async fn follow(&mut self, mut in_force: InForce) {
        let config = in_force.config.clone();
        let since = self.health_since.take();
        let is_due = in_force.layout.next_deadline.is_some_and(|deadline| deadline <= self.now());
        let mut desired = self.desired(&config);
        self.announce(&mut desired);
        if self.apply_error.is_none() && !is_due && desired == *in_force.desired {
            let deadline = in_force.layout.next_deadline;
            self.in_force = Some(in_force);
            return self.look_at(deadline);
        }
        match self.install(desired).await {
            Ok((desired, success)) => {
                in_force.desired = desired;
                in_force.layout = success.layout.clone();
                self.in_force = Some(in_force);
                self.apply_error = None;
                self.look_up_departed(false);
                self.publish();
                self.report(&success, since);
                self.settle_in(&config);
                crate::systemd::status(&self.summary());
            }
            Err(InstallError::Plan(error)) if self.forgo_announcement() => {
                tracing::warn!(
                    error = chain(&error),
                    "what comes next cannot be announced: flows that open meanwhile and come through another forwarder \
                     may move"
                );
                self.health_since = since;
                Box::pin(self.follow(in_force)).await;
            }
            Err(error) => {
                self.in_force = Some(in_force);
                self.health_since = since;
                self.failed(&error);
                self.publish();
            }
        }
    }

    fn failed(&mut self, error: &InstallError) -> String {
        let text = chain(error);
        let wait = self.backoff.next();
        tracing::error!(error = text, retry_in = ?wait, "the desired state could not be installed");
        self.outputs.metrics.install_failed();
        self.apply_error = Some(text.clone());
        self.look_in(wait);
        text
    }

    /// `since`: when the change was asked for, or seen.
    fn report(&mut self, success: &Success, since: Option<tokio::time::Instant>) {
        self.apply_error = None;
        self.backoff.reset();
        let Success { layout, changes, took, at } = success;
        let digest = format!("{:016x}", layout.digest);
        let Some(changes) = changes else {
            tracing::info!(generation = layout.generation, digest, "the installed generation is as desired");
            return;
        };
        let waited = since.map(|since| at.saturating_duration_since(since.into_std()));
        self.outputs.metrics.installed(*took, waited);
        let unsettled: u64 = layout.sets.iter().flatten().map(|set| u64::from(set.unsettled)).sum();
        tracing::info!(
            generation = layout.generation,
            digest,
            took = ?took,
            since_asked = ?waited.unwrap_or(*took),
            vips_added = changes.vips_added,
            vips_removed = changes.vips_removed,
            backends_added = changes.backends_added,
            tables_written = changes.tables_written,
            tables_reused = changes.tables_reused,
            unsettled,
            at_risk = changes.at_risk,
            "a new generation is installed"
        );
        if changes.at_risk > 0 {
            tracing::warn!(
                slots = changes.at_risk,
                "established flows of these slots have moved: no table was free to remember where they were, or the \
                 size of the table has changed"
            );
        }
    }

    /// What the dataplane shall do now by `config`.
    pub(super) fn desired(&mut self, config: &Arc<Config>) -> Desired {
        let (_, base) = match self.base.take() {
            Some((of, base)) if Arc::ptr_eq(&of, config) => self.base.insert((of, base)),
            Some((before, base)) => {
                let next = base.next(&before, config);
                self.base.insert((config.clone(), next))
            }
            None => self.base.insert((config.clone(), Base::new(config))),
        };
        let (health, outlook) = (|key: &_| self.checker.health(key), |key: &_| self.checker.outlook(key));
        let leaving = self.departed.verdicts(|address| base.has(address), health);
        let mut desired = base.desired(config, self.forwarder.tick_shift(), health, outlook, leaving);
        self.inherited.give(&mut desired);
        desired
    }

    async fn install(&mut self, desired: Desired) -> Result<(Arc<Desired>, Success), InstallError> {
        let desired = Arc::new(desired);
        if let Some(grace) = self.grace.take()
            && !matches!(grace.await, Ok(Ok(())))
        {
            // Reading begins with another attempt at a grace period.
            self.installed = None;
        }
        let (store, wanted, now) = (self.forwarder.clone(), desired.clone(), self.now());
        // Numbers of the history are not given again when the maps are new, after a reboot say.
        let first = self.history.next_generation();
        let known = self.installed.take();
        let mut cache = std::mem::take(&mut self.cache);
        let work = move || {
            let result = install(&*store, &wanted, known, (first, now), &mut cache);
            (result, cache)
        };
        let Ok((result, cache)) = tokio::task::spawn_blocking(work).await else {
            return Err(InstallError::Lost);
        };
        self.cache = cache;
        let (installed, result) = result;
        self.installed = installed;
        if result.is_ok() {
            // What became of it is in the layers.
            self.inherited = Inherited::default();
        }
        if result.as_ref().is_ok_and(|success| success.changes.is_some()) {
            let store = self.forwarder.clone();
            self.grace = Some(tokio::task::spawn_blocking(move || store.grace_period()));
        }
        Ok((desired, result?))
    }

    /// Attaches to the interfaces that the configuration in force does not have.
    fn attach_new(&self, config: &Config) -> Result<(), Vec<String>> {
        let errors: Vec<String> = config
            .interfaces()
            .iter()
            .filter(|interface| {
                let in_force = self.in_force.as_ref().map(|in_force| in_force.config.interfaces());
                !in_force.is_some_and(|old| old.contains(interface))
            })
            .filter_map(|interface| {
                let name = interface.name.as_str();
                let attached = self.forwarder.attach(name, interface.mode);
                attached.err().map(|error| format!("interfaces: {name}: {error}"))
            })
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Detaches from the interfaces that the configuration in force does not have.
    fn detach_old(&self) {
        let Some(in_force) = &self.in_force else { return };
        let keep: Vec<&str> = in_force.config.interfaces().iter().map(|one| one.name.as_str()).collect();
        match self.forwarder.detach_others(&keep) {
            Ok(names) => {
                for interface in names {
                    tracing::info!(interface, "the program is detached");
                }
            }
            Err(error) => tracing::error!(error, "the program cannot be detached from old interfaces"),
        }
    }
}

/// Plans and applies; blocks. Gives what is installed afterwards, if that is known.
fn install(
    store: &dyn MapStore,
    desired: &Desired,
    known: Option<Installed>,
    (first_generation, now): (u64, BootTime),
    cache: &mut TableCache,
) -> (Option<Installed>, Result<Success, InstallError>) {
    let start = Instant::now();
    let installed = match known.map_or_else(|| reread(store), Ok) {
        Ok(installed) => installed.beginning_at(first_generation),
        Err(error) => return (None, Err(error)),
    };
    match plan(desired, &installed, now, cache) {
        Err(error) => (Some(installed), Err(InstallError::Plan(error))),
        Ok(Outcome::Unchanged(layout)) => (
            Some(installed),
            Ok(Success { layout, changes: None, took: start.elapsed(), at: Instant::now() }),
        ),
        Ok(Outcome::Plan(plan)) => match apply(store, &plan.ops) {
            Ok(()) => {
                let (layout, changes, at) = (plan.layout, Some(plan.changes), Instant::now());
                (Some(plan.installed), Ok(Success { layout, changes, took: at - start, at }))
            }
            Err(error) => (None, Err(InstallError::Apply(error))),
        },
    }
}

pub(super) fn reread(store: &dyn MapStore) -> Result<Installed, InstallError> {
    store.grace_period().map_err(InstallError::GracePeriod)?;
    store.read().map_err(InstallError::Read)
}
