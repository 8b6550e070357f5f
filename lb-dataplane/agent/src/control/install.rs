//! Plans and applies.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use guideway_dataplane_config::Config;
use guideway_dataplane_plan::{Changes, Desired, Installed, Layout, Outcome, PlanError, TableCache, plan};

use super::reload::Pending;
use super::{Control, InForce, Interfaces};
use crate::apply::{ApplyError, MapStore, ReadError, apply};
use crate::desired::desired;
use crate::error::chain;
use crate::view::Reload;

/// Why what is desired is not installed.
#[derive(Debug, thiserror::Error)]
enum InstallError {
    #[error("the next hop's interface: {0}")]
    Link(String),
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
        !matches!(self, Self::Plan(_) | Self::Link(_))
    }
}

/// What was installed.
struct Success {
    layout: Layout,
    changes: Option<Changes>,
    took: Duration,
}

/// Runs `work` where it may block.
pub(super) async fn read_back<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Only a panic ends it early, as nobody aborts it.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl<F: MapStore + Interfaces> Control<F> {
    /// Brings a pending configuration into force, or refuses it.
    pub(super) async fn install_pending(&mut self, mut pending: Pending) {
        let config = pending.config().clone();
        let is_first = self.in_force.is_none();
        if let (false, Err(errors)) = (is_first, self.attach_new(&config)) {
            return self.give_up(pending, errors);
        }
        match self.install(&config).await {
            Ok((desired, success)) => {
                self.report(&success);
                self.in_force = Some(InForce { config, desired, layout: success.layout });
                // What was wrong with a later file stays to be seen.
                if pending.is_latest() {
                    self.last_reload = Some(Reload { at: SystemTime::now(), errors: Vec::new() });
                }
                if !is_first {
                    self.outputs.metrics.reload_accepted();
                    tracing::info!(generation = self.generation(), "the new configuration is in force");
                }
                self.run_probes();
                self.detach_old();
                self.attach();
                self.publish();
                pending.answer(&[], self.generation());
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

    fn give_up(&mut self, mut pending: Pending, errors: Vec<String>) {
        let path = self.config_path.display().to_string();
        let errors: Vec<String> = errors.into_iter().map(|error| format!("{path}: {error}")).collect();
        self.run_probes();
        self.detach_old();
        let before = self.last_reload.clone();
        self.refused(&errors);
        if !pending.is_latest() {
            self.last_reload = before;
            self.publish();
        }
        pending.answer(&errors, self.generation());
        // An earlier attempt may have left an error, which the configuration in force does not have.
        self.look_in(Duration::ZERO);
    }

    /// Applies what changed in health or in the interfaces since the configuration came into force.
    pub(super) async fn follow(&mut self, mut in_force: InForce) {
        let config = in_force.config.clone();
        let same = |desired: &Desired| self.apply_error.is_none() && *desired == *in_force.desired;
        match self.desired(&config) {
            Ok(desired) if same(&desired) => self.in_force = Some(in_force),
            _ => {
                let result = self.install(&config).await;
                let error = match result {
                    Ok((desired, success)) => {
                        self.report(&success);
                        in_force.desired = desired;
                        in_force.layout = success.layout;
                        None
                    }
                    Err(error) => Some(error),
                };
                self.in_force = Some(in_force);
                let failed = error.map(|error| self.failed(&error)).is_some();
                self.publish();
                if !failed {
                    crate::systemd::status(&self.summary());
                }
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

    fn report(&mut self, success: &Success) {
        self.apply_error = None;
        self.backoff.reset();
        let Success { layout, changes, took } = success;
        let digest = format!("{:016x}", layout.digest);
        match changes {
            Some(changes) => {
                self.outputs.metrics.installed(*took);
                tracing::info!(
                    generation = layout.generation,
                    digest,
                    took = ?took,
                    vips_added = changes.vips_added,
                    vips_removed = changes.vips_removed,
                    backends_added = changes.backends_added,
                    tables_written = changes.tables_written,
                    tables_reused = changes.tables_reused,
                    "a new generation is installed"
                );
            }
            None => tracing::info!(
                generation = layout.generation,
                digest,
                "the installed generation is as desired"
            ),
        }
    }

    fn desired(&self, config: &Config) -> Result<Desired, InstallError> {
        let health = |key: &_| self.checker.health(key);
        desired(config, health, |name| self.forwarder.link(name)).map_err(InstallError::Link)
    }

    async fn install(&mut self, config: &Config) -> Result<(Arc<Desired>, Success), InstallError> {
        let desired = Arc::new(self.desired(config)?);
        let (store, wanted) = (self.forwarder.clone(), desired.clone());
        let known = self.installed.take();
        let mut cache = std::mem::take(&mut self.cache);
        let work = move || {
            let result = install(&*store, &wanted, known, &mut cache);
            (result, cache)
        };
        let Ok((result, cache)) = tokio::task::spawn_blocking(work).await else {
            return Err(InstallError::Lost);
        };
        self.cache = cache;
        let (installed, result) = result;
        self.installed = installed;
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
    cache: &mut TableCache,
) -> (Option<Installed>, Result<Success, InstallError>) {
    let start = Instant::now();
    let installed = match known.map_or_else(|| reread(store), Ok) {
        Ok(installed) => installed,
        Err(error) => return (None, Err(error)),
    };
    match plan(desired, &installed, cache) {
        Err(error) => (Some(installed), Err(InstallError::Plan(error))),
        Ok(Outcome::Unchanged(layout)) => {
            (Some(installed), Ok(Success { layout, changes: None, took: start.elapsed() }))
        }
        Ok(Outcome::Plan(plan)) => match apply(store, &plan.ops) {
            Ok(()) => {
                let success =
                    Success { layout: plan.layout, changes: Some(plan.changes), took: start.elapsed() };
                (Some(plan.installed), Ok(success))
            }
            Err(error) => (None, Err(InstallError::Apply(error))),
        },
    }
}

fn reread(store: &dyn MapStore) -> Result<Installed, InstallError> {
    store.grace_period().map_err(InstallError::GracePeriod)?;
    store.read().map_err(InstallError::Read)
}
