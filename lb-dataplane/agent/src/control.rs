//! The control loop: the one task that decides what the dataplane does.
//!
//! ```text
//!  SIGHUP, file changes, admin API ──▶ requests ─┐
//!  health checker (N probe tasks) ──▶ "changed" ─┼──▶ Control ──▶ plan ──▶ apply ──▶ maps
//!  clock, once a second ─────────────────────────┘       │
//!                                                        └──▶ view, announcements, backends whose ways are kept
//! ```
//!
//! Every input only says that something may be different. The loop then looks at the whole: the configuration in
//! force, the health of every backend, the interfaces. From these it computes what is desired and plans from what is
//! installed. So no input can be missed, and none has to come in order.
//!
//! From the store of the active word on, packets follow the new generation, and whoever asked for it is answered. The
//! grace period after it is waited for in the background, before the next write.
//!
//! A new configuration is *pending* until each of its probes has a first verdict. Meanwhile the one in force stays and
//! its health changes are applied. If the new one cannot be installed, nothing has changed.

mod backoff;
mod coming;
mod departed;
mod follow;
mod inherited;
mod install;
mod past;
mod publish;
mod recovery;
mod reload;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use guideway_controller_core::Content;
use guideway_controller_core::message::PastSet;
use guideway_controller_rollout::Stamp;
use guideway_dataplane_config::{BitRate, Config, Limits, XdpMode};
use guideway_dataplane_plan::{BootTime, Desired, Installed, Layout, TableCache};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::announce::Announcer;
use crate::apply::MapStore;
use crate::desired::{self, Base};
use crate::error::chain;
use crate::health::{Checker, Prober};
use crate::history::{Folder, History};
use crate::metrics::Metrics;
use crate::null_route;
use crate::route::Wants;
use crate::view::{InterfaceView, Reload, Shared, SharedController};
use backoff::Backoff;
use departed::Departed;
use follow::Prepared;
pub use follow::{InstallAnswer, PrepareAnswer};
use inherited::{Inherited, Unaware};
use install::read_back;
use past::Source;
use recovery::Recovery;
use reload::Pending;

/// Health changes that come within this time are applied together.
const COALESCE: Duration = Duration::from_millis(10);
/// Interfaces are looked at this often.
const TICK: Duration = Duration::from_secs(1);
/// The history may take this long to be written at the end.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// The interfaces of this node.
pub trait Interfaces: Send + Sync + 'static {
    /// Runs the program on an interface; does nothing when it does already.
    ///
    /// # Errors
    ///
    /// Why not, in words.
    fn attach(&self, name: &str, mode: XdpMode) -> Result<Attached, String>;

    /// What an interface can carry now, in octets per second: nothing without a link. None when that is not known.
    fn capacity(&self, name: &str, configured: Option<BitRate>) -> Option<u64>;

    /// Detaches the program from all interfaces but these; gives their names.
    ///
    /// # Errors
    ///
    /// Why not, in words.
    fn detach_others(&self, keep: &[&str]) -> Result<Vec<String>, String>;

    /// Sees to it that the kernel finds routes for the program on packets that come in by an interface.
    ///
    /// # Errors
    ///
    /// Why it cannot and what to do, in words.
    fn enable_routes(&self, name: &str, family: Family) -> Result<(), String>;

    /// Addresses of this node that others reach it by.
    fn addresses(&self) -> Vec<IpAddr>;

    /// Index of an interface.
    ///
    /// # Errors
    ///
    /// Why not, in words.
    fn index(&self, name: &str) -> Result<u32, String>;
}

/// An interface with the program on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its index.
    pub ifindex: u32,
    /// Since when it has had a program without a break.
    pub since: Option<SystemTime>,
}

/// The kernel's clock.
pub trait Clock: Send + Sync + 'static {
    /// `CLOCK_BOOTTIME`.
    fn since_boot(&self) -> Duration;
}

/// Of the addresses of backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What the loop is asked for.
#[derive(Debug)]
pub enum Request {
    /// Read the configuration again and tell how that ended.
    Reload(Option<oneshot::Sender<ReloadAnswer>>),
    /// The configuration file seems to be another one.
    FileChanged,
    /// Put the configuration of a generation of the history in force.
    Rollback(u64, oneshot::Sender<Result<ReloadAnswer, NotInHistory>>),
    /// Build a content of the controller beside what is in force.
    Prepare(Stamp, Content, oneshot::Sender<PrepareAnswer>),
    /// Forget it.
    Discard(Stamp),
    /// Put a content of the controller in force, prepared or not.
    Install(Stamp, Content, oneshot::Sender<InstallAnswer>),
    /// Announce nothing any more, for this reason; or what there is again.
    Fence(Option<String>),
    /// What sets were before, as the controller knows it. It takes the place of what it said before.
    Past(Arc<Vec<PastSet>>),
}

/// The history does not have the generation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the history has no generation {generation}, only {}", list(.known))]
pub struct NotInHistory {
    /// Asked for.
    pub generation: u64,
    /// Those that it has, latest first.
    pub known: Vec<u64>,
}

fn list(generations: &[u64]) -> String {
    let texts: Vec<String> = generations.iter().map(ToString::to_string).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

/// How a reload ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadAnswer {
    /// Why the configuration is not in force; empty when it is.
    pub errors: Vec<String>,
    /// The installed generation.
    pub generation: u64,
}

/// Where the loop shows what it did.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// For the admin API and the metrics.
    pub view: Shared,
    /// For the BGP speaker.
    pub announcer: Arc<Announcer>,
    /// Backends whose ways are kept.
    pub ways: Wants,
    /// VIPs' addresses and prefixes that are null-routed.
    pub null_routes: null_route::Prefixes,
    /// Counts of what happened.
    pub metrics: Metrics,
}

/// Why the agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What an earlier agent installed cannot be read, so nothing can be planned.
    #[error(
        "the pinned maps cannot be taken over; `lb-dataplane detach` removes them, which stops this forwarder's traffic"
    )]
    Read(#[source] crate::apply::ReadError),
    /// The kernel gives no grace period.
    #[error("the kernel gave no grace period")]
    GracePeriod(#[source] io::Error),
}

/// The configuration that the dataplane does, with what followed from it.
#[derive(Debug)]
struct InForce {
    config: Arc<Config>,
    /// As it was read.
    text: Arc<str>,
    source: Source,
    /// That it came into force with.
    since: u64,
    desired: Arc<Desired>,
    layout: Layout,
}

/// What the loop begins with.
#[derive(Debug)]
pub struct Begin {
    /// What the file says.
    pub config: Config,
    /// The file as it was read.
    pub text: String,
    /// How things are with the controller, when the services come from one.
    pub controller: Option<SharedController>,
}

/// What the agent is told to work with.
#[derive(Debug)]
pub struct Paths {
    /// The configuration file.
    pub config: PathBuf,
    /// Where the history is kept.
    pub history: Folder,
}

/// See the module.
pub struct Control<F> {
    forwarder: Arc<F>,
    config_path: PathBuf,
    outputs: Outputs,
    checker: Checker,
    health_changed: Arc<Notify>,
    /// None when the maps have to be read first.
    installed: Option<Installed>,
    /// The grace period after the last activation.
    grace: Option<JoinHandle<io::Result<()>>>,
    cache: TableCache,
    departed: Departed,
    /// What sets were before this forwarder came, until it is installed.
    inherited: Inherited,
    /// While nothing is announced for want of that.
    unaware: Option<Unaware>,
    /// In which `backend_state` an earlier agent left backends; empty once all their probes run.
    left: HashMap<IpAddr, u8>,
    folder: Folder,
    history: History,
    /// Files of the history under way.
    writing: Option<JoinHandle<()>>,
    /// Of the maps.
    limits: Limits,
    in_force: Option<InForce>,
    /// Of the configuration that was asked about last.
    base: Option<(Arc<Config>, Base)>,
    pending: Option<Pending>,
    /// The node's part of the file when the services come from a controller.
    node: Option<Arc<Config>>,
    prepared: Option<Prepared>,
    /// VIPs that get fewer entries of the flow table than they ask for, when that was said last.
    short_of_flows: BTreeSet<String>,
    controller: Option<SharedController>,
    fence: Option<String>,
    /// Of the file that was read last, accepted or not.
    last_text: String,
    last_reload: Option<Reload>,
    apply_error: Option<String>,
    interfaces: Vec<InterfaceView>,
    backoff: Backoff,
    recovery: Recovery,
    /// When to look at everything next, if not at the tick.
    due: Option<Instant>,
    /// When a change of health came that is not installed yet.
    health_since: Option<Instant>,
}

impl<F: MapStore + Interfaces + Clock> Control<F> {
    /// Takes over what is installed and starts the probes of the configuration. The forwarder goes on as it is until every
    /// probe has a verdict; without services in the file, until [`Request::Install`] has brought some.
    ///
    /// # Errors
    ///
    /// When what is installed cannot be told.
    pub async fn start(
        forwarder: Arc<F>,
        paths: Paths,
        Begin { config, text, controller }: Begin,
        prober: Prober,
        outputs: Outputs,
    ) -> Result<Self, StartError> {
        let store = forwarder.clone();
        let installed = read_back(move || {
            store.grace_period().map_err(StartError::GracePeriod)?;
            store.read().map_err(StartError::Read)
        })
        .await?;
        let health_changed = Arc::new(Notify::new());
        let metrics = outputs.metrics.clone();
        let checker =
            Checker::new(prober, health_changed.clone(), Arc::new(move |outcome| metrics.probed(outcome)));
        let folder = paths.history;
        let (opened, (history, problems)) = read_back(move || (folder.clone(), folder.open())).await;
        for problem in problems {
            tracing::warn!(problem = chain(&problem), "the history is not whole");
        }
        let left = installed.states().collect();
        let is_new = controller.is_some() && installed.active().generation() == 0;
        let mut control = Self {
            forwarder,
            config_path: paths.config,
            outputs,
            checker,
            health_changed,
            installed: Some(installed),
            grace: None,
            cache: TableCache::new(),
            departed: Departed::default(),
            inherited: Inherited::default(),
            unaware: is_new.then(Unaware::new),
            left,
            folder: opened,
            history,
            writing: None,
            limits: *config.limits(),
            in_force: None,
            base: None,
            pending: None,
            node: None,
            prepared: None,
            short_of_flows: BTreeSet::new(),
            controller: None,
            fence: None,
            last_text: text.clone(),
            last_reload: None,
            apply_error: None,
            interfaces: Vec::new(),
            backoff: Backoff::default(),
            recovery: Recovery::default(),
            due: None,
            health_since: None,
        };
        control.log_start();
        control.outputs.metrics.reload_accepted();
        match controller {
            Some(controller) => control.wait_for_content(controller, config),
            None => control.make_pending(Arc::new(config), text.into(), Source::File, None, Instant::now()),
        }
        control.attach();
        control.publish();
        Ok(control)
    }

    /// Until somebody says what to serve.
    fn wait_for_content(&mut self, controller: SharedController, node: Config) {
        for warning in node.warnings() {
            tracing::warn!("{warning}");
        }
        self.node = Some(Arc::new(node));
        self.fence.clone_from(&controller.load().fence);
        self.controller = Some(controller);
        self.last_reload = Some(Reload { at: SystemTime::now(), errors: Vec::new() });
        crate::systemd::ready("waiting for a controller to say what to serve");
    }

    fn log_start(&self) {
        let active = self.installed.as_ref().map(Installed::active).unwrap_or_default();
        if active.generation() > 0 {
            tracing::info!(generation = active.generation(), "an earlier agent's generation forwards on");
        }
    }

    /// Runs until `stop`. The dataplane stays as it is then.
    pub async fn run(mut self, mut requests: mpsc::Receiver<Request>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Without a watchdog the branch is off, and the period does not matter.
        let watchdog = crate::systemd::watchdog_period();
        let mut barks = tokio::time::interval(watchdog.unwrap_or(TICK));
        let health_changed = self.health_changed.clone();
        loop {
            let due = self.due;
            tokio::select! {
                () = stop.cancelled() => break,
                Some(request) = requests.recv() => {
                    self.take(request).await;
                    self.look_if_due().await;
                }
                () = health_changed.notified() => {
                    self.health_since.get_or_insert_with(Instant::now);
                    self.look_in(COALESCE);
                }
                _ = ticks.tick() => self.tick(),
                _ = barks.tick(), if watchdog.is_some() => crate::systemd::watchdog(),
                () = async { tokio::time::sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {
                    self.due = None;
                    self.look().await;
                }
            }
        }
        if let Some(writing) = self.writing.take()
            && tokio::time::timeout(LAST_WRITE, writing).await.is_err()
        {
            tracing::warn!("the history is not written yet, and is not waited for");
        }
    }

    /// Looks at everything within `delay`.
    fn look_in(&mut self, delay: Duration) {
        let then = Instant::now() + delay;
        self.due = Some(self.due.map_or(then, |due| due.min(then)));
    }

    /// Without the timer, which would take up to two milliseconds.
    async fn look_if_due(&mut self) {
        if self.due.take_if(|due| *due <= Instant::now()).is_some() {
            self.look().await;
        }
    }

    fn tick(&mut self) {
        if self.attach() || self.recovery.is_due(Instant::now()) {
            self.publish();
        }
        self.end_unawareness();
        // While the last attempt failed, its own delay counts.
        if self.apply_error.is_none() {
            self.look_in(Duration::ZERO);
        }
    }

    /// The kernel's time, for drain windows.
    fn now(&self) -> BootTime {
        BootTime(self.forwarder.since_boot().as_secs())
    }

    /// Sees what is desired now and installs it.
    async fn look(&mut self) {
        self.try_prepared().await;
        if let Some(pending) = self.pending.take_if(|pending| pending.is_ready(&self.checker, Instant::now()))
        {
            self.install_pending(pending).await;
        } else if let Some(in_force) = self.in_force.take() {
            self.follow(in_force).await;
        }
        self.end_unawareness();
    }

    /// Attaches the program to the interfaces of the configuration in force, or of the first one; true when something
    /// is different from before.
    fn attach(&mut self) -> bool {
        let in_force = self.in_force.as_ref().map(|in_force| &in_force.config);
        let config = in_force.or_else(|| self.pending.as_ref().map(Pending::config)).or(self.node.as_ref());
        let Some(config) = config.cloned() else { return false };
        let backends = desired::asked_of_the_kernel(&config);
        let families: Vec<Family> = [
            (Family::V4, backends.iter().any(IpAddr::is_ipv4)),
            (Family::V6, backends.iter().any(IpAddr::is_ipv6)),
        ]
        .into_iter()
        .filter_map(|(family, used)| used.then_some(family))
        .collect();
        let now: Vec<InterfaceView> = config
            .interfaces()
            .iter()
            .map(|interface| {
                let name = interface.name.to_string();
                let mode = interface.mode.as_str();
                let capacity = self.forwarder.capacity(&name, interface.speed);
                match self.forwarder.attach(&name, interface.mode) {
                    Ok(Attached { ifindex, since }) => {
                        let routes = families
                            .iter()
                            .try_for_each(|family| self.forwarder.enable_routes(&name, *family));
                        let problem = routes.err();
                        InterfaceView { name, ifindex, mode, attached: true, since, capacity, problem }
                    }
                    Err(error) => {
                        let ifindex = self.forwarder.index(&name).unwrap_or_default();
                        let problem = Some(error);
                        InterfaceView { name, ifindex, mode, attached: false, since: None, capacity, problem }
                    }
                }
            })
            .collect();
        let differs = now != self.interfaces;
        for interface in
            now.iter().filter(|interface| !self.interfaces.iter().any(|old| old.serves_as(interface)))
        {
            let InterfaceView { name, ifindex, mode, attached, problem, .. } = interface;
            match problem {
                None => tracing::info!(interface = name, ifindex, mode, "the program is attached"),
                Some(problem) => {
                    tracing::error!(interface = name, attached, problem, "the interface cannot serve");
                }
            }
        }
        self.interfaces = now;
        differs
    }
}

#[cfg(test)]
pub(crate) mod tests;
