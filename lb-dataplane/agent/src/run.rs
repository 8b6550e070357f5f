//! `lb-dataplane run`: puts the parts together.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use guideway_bpf::{Dataplane, OpenError};
use guideway_controller_core::message::Room;
use guideway_controller_rollout::FollowerSettings;
use guideway_controller_rollout::follower::Found;
use guideway_dataplane_config::{Config, Controller};
use guideway_file_change::{Debounce, Stamp};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Admin};
use crate::announce::Announcer;
use crate::apply::Kernel;
use crate::cli::RunArgs;
use crate::control::{Begin, Control, Interfaces as _, Outputs, Paths, Request, StartError};
use crate::controller::follow::{self, Follow, Left};
use crate::controller::kept;
use crate::error::chain;
use crate::flows::FlowCounter;
use crate::history::Folder;
use crate::load::{Accept, Loaded, capacities, load};
use crate::metrics::{self, Metrics};
use crate::route::{self, Wants};
use crate::socket::{self, AdminSocket};
use crate::view::{SharedController, View};
use crate::{health, http, null_route, on_link, systemd};

/// Open requests of the admin API may take this long to end after a signal.
const GRACE: Duration = Duration::from_secs(2);

/// Why the agent ended, or did not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is bad; every error.
    #[error("the configuration is refused, {} errors", .0.len())]
    Config(Vec<String>),
    /// The admin API cannot be served.
    #[error("the admin API cannot be served")]
    Admin(#[source] socket::ListenError),
    /// Metrics cannot be served.
    #[error("metrics cannot be served")]
    Http(#[source] http::ListenError),
    /// The forwarder cannot be set up or taken over.
    #[error("the forwarder cannot be set up")]
    Open(#[source] OpenError),
    /// The ways to the backends cannot be read from the maps.
    #[error("the forwarder's maps cannot be read")]
    Ways(#[source] std::io::Error),
    /// What is installed cannot be taken over.
    #[error("the agent cannot start")]
    Start(#[source] StartError),
    /// Signals cannot be received.
    #[error("signals cannot be received")]
    Signals(#[source] std::io::Error),
}

impl RunError {
    /// 3 when the pins do not fit and somebody has to decide what becomes of them, 1 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Open(OpenError::Incompatible { .. } | OpenError::Foreign { .. })
            | Self::Start(StartError::Read(_)) => 3,
            _ => 1,
        }
    }
}

/// Runs the agent until SIGTERM or SIGINT. The forwarder goes on as it is then.
///
/// # Errors
///
/// See [`RunError`].
pub async fn run(args: RunArgs) -> Result<(), RunError> {
    // First of all: until then, a SIGHUP ends the process.
    let signals = Signals::new().map_err(RunError::Signals)?;
    raise_open_files();
    let stamp = Stamp::of(&args.config);
    let Loaded { config, text } = load(&args.config, Accept::RegularFile);
    let config = config.map_err(RunError::Config)?;
    tracing::debug!(path = %args.config.display(), "the configuration is read");
    let AdminSocket { listener, file } =
        socket::listen(&config.admin().socket).await.map_err(RunError::Admin)?;
    let http = http::listen(config.metrics().listen).await.map_err(RunError::Http)?;
    let dataplane = Dataplane::open(&args.pin_root, capacities(&config)).map_err(RunError::Open)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"), origin = ?dataplane.origin(), program = dataplane.program_id(),
        pin_root = %args.pin_root.display(), "the forwarder is loaded"
    );
    let kernel = Arc::new(Kernel::new(dataplane).map_err(RunError::Ways)?);

    let outputs = Outputs {
        view: Arc::new(ArcSwap::from_pointee(first_view(&args.pin_root))),
        announcer: Arc::new(Announcer::default()),
        ways: Wants::default(),
        null_routes: null_route::Prefixes::default(),
        metrics: Metrics::default(),
    };
    let followed = config.controller().cloned().map(|controller| Followed::open(controller, &args.state_dir));
    let room = room(&config);
    let (requests, receiver) = mpsc::channel(16);
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let control = Control::start(
        kernel.clone(),
        Paths { config: args.config.clone(), history: Folder::new(&args.state_dir) },
        Begin { config, text, controller: followed.as_ref().map(|followed| followed.shown.clone()) },
        health::by_socket(),
        outputs.clone(),
    );
    let control = control.await.map_err(RunError::Start)?;

    // Not before it is known which backends are wanted: legs in the maps would be taken for leftovers.
    let (found, ways) = watch::channel(route::Found::default());
    let wanted = outputs.ways.subscribe();
    tasks.spawn(until(stop.clone(), route::follow(wanted, kernel.ways(), found)));
    let null_routes = outputs.null_routes.subscribe();
    tasks.spawn(until(stop.clone(), async move {
        if let Err(error) = null_route::keep(null_routes).await {
            tracing::error!(%error, "VIPs cannot be null-routed");
        }
    }));
    let (status, links) = watch::channel(guideway_l2::Status::default());
    tasks.spawn(on_link::keep(outputs.announcer.watch(), status, stop.clone()));
    tasks.spawn(serve_http(http, &outputs, kernel.clone(), ways.clone(), links.clone(), stop.clone()));
    let flows = FlowCounter::new(kernel.clone());
    if let Some(Followed { controller, left, shown }) = followed {
        let follow = Follow {
            controller,
            requests: requests.clone(),
            view: outputs.view.clone(),
            counts: kernel.clone(),
            flows: flows.clone(),
            addresses: kernel.addresses(),
            relays: args.state_dir.join("controller").join("relays.json"),
            room,
            metrics: outputs.metrics.clone(),
            shown,
            settings: patient(&left.found),
        };
        tasks.spawn(follow::follow(follow, left, stop.clone()));
    }
    let admin = Admin {
        view: outputs.view.clone(),
        flows,
        counts: kernel,
        ways,
        announcements: outputs.announcer.watch(),
        links,
        requests: requests.clone(),
        started: Instant::now(),
        stop: stop.clone(),
    };
    tasks.spawn(async move {
        if let Err(error) = admin::serve(admin, listener).await {
            tracing::error!(error = chain(&error), "the admin API ended");
        }
    });
    let (changes, changed) = mpsc::channel(1);
    tasks.spawn(until(stop.clone(), crate::watch::watch(args.config, Debounce::new(stamp), changes)));
    tasks.spawn(until(stop.clone(), forward_changes(changed, requests.clone())));
    tasks.spawn(signals.serve(requests, stop.clone()));
    tasks.close();

    control.run(receiver, stop).await;
    systemd::stopping();
    tracing::info!("stopping; the forwarder goes on with the installed generation");
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    drop(file);
    Ok(())
}

/// A controller, and what is kept of what it said.
struct Followed {
    controller: Controller,
    left: Left,
    shown: SharedController,
}

impl Followed {
    fn open(controller: Controller, state: &Path) -> Self {
        let (folder, found, problems) = kept::Folder::open(state);
        let problems: Vec<String> =
            problems.iter().map(|problem| format!("kept: {}", chain(problem))).collect();
        for problem in &problems {
            tracing::error!(problem, "what was kept of the controller is not whole");
        }
        let shown = Arc::new(ArcSwap::from_pointee(follow::first_view(&controller, &found)));
        Self { controller, left: Left { folder, found, problems }, shown }
    }
}

/// A start waits for a first verdict on each backend: that is no reason to withdraw what was announced before.
fn patient(found: &Found) -> FollowerSettings {
    let sets = found.committed.iter().flat_map(|content| content.sets().values());
    let longest = sets.filter_map(|set| set.health_check.as_ref()).map(|check| check.timeout).max();
    let settings = FollowerSettings::default();
    let install_timeout = settings.install_timeout + longest.unwrap_or_default();
    FollowerSettings { install_timeout, ..settings }
}

fn room(config: &Config) -> Room {
    let limits = config.limits();
    // The first backend is never used.
    Room { vips: limits.vips, backends: limits.backends - 1, flows: limits.flows }
}

/// Every probe under way takes a descriptor, and the usual soft limit of 1024 is less than a node can have backends. The
/// soft limit is low for programs that use select(2), which this one does not.
fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| match soft < hard {
        true => setrlimit(Resource::RLIMIT_NOFILE, hard, hard),
        false => Ok(()),
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

fn first_view(pin_root: &Path) -> View {
    View { pin_root: pin_root.display().to_string(), program_tag: program_tag(pin_root), ..View::default() }
}

/// Tag of the pinned program.
fn program_tag(pin_root: &Path) -> String {
    let program = aya::programs::ProgramInfo::from_pin(pin_root.join(guideway_abi::FORWARDER_PROGRAM));
    program.map(|program| format!("{:016x}", program.tag())).unwrap_or_default()
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    stop.run_until_cancelled_owned(work).await;
}

fn serve_http(
    listener: TcpListener,
    outputs: &Outputs,
    kernel: Arc<Kernel>,
    ways: watch::Receiver<route::Found>,
    links: watch::Receiver<guideway_l2::Status>,
    stop: CancellationToken,
) -> impl Future<Output = ()> + use<> {
    let registry = metrics::registry(&outputs.metrics, outputs.view.clone(), kernel, ways, links);
    let view = outputs.view.clone();
    async move {
        if let Err(error) = http::serve(listener, registry, view, stop.cancelled_owned()).await {
            tracing::error!(%error, "the metrics server ended");
        }
    }
}

async fn forward_changes(mut changed: mpsc::Receiver<()>, requests: mpsc::Sender<Request>) {
    while changed.recv().await.is_some() {
        if requests.send(Request::FileChanged).await.is_err() {
            return;
        }
    }
}

struct Signals {
    hangup: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn serve(mut self, requests: mpsc::Sender<Request>, stop: CancellationToken) {
        loop {
            tokio::select! {
                Some(()) = self.hangup.recv() => {
                    tracing::info!("SIGHUP: reading the configuration again");
                    let _stopping = requests.send(Request::Reload(None)).await;
                }
                Some(()) = self.interrupt.recv() => break,
                Some(()) = self.terminate.recv() => break,
                () = stop.cancelled() => break,
            }
        }
        stop.cancel();
    }
}
