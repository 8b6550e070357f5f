//! Start, reload and end of the whole aggregator.
//!
//! ```text
//!   speakers ──► peer tasks ──Router: up, update, End-of-RIB, down──► Core ◄──configure── daemon ◄── SIGHUP
//!                                                                     │  ▲
//!                                                       wake (Notify) │  │ export(): one task
//!                                                                     ▼  │
//!   routers ◄── peer tasks ◄──cursors── update groups (Outlet) ◄──── exporter
//!
//!   Core ──orders (reset, move, released)──► daemon ──► Peers
//!   Core ──watch: speakers──► remember (file)
//!   admin (Unix socket), metrics (HTTP) ──read──► Core, Peers
//! ```

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use guideway_bgp_daemon::file::ConfigError;
use guideway_bgp_daemon::http;
use guideway_bgp_daemon::service::{Servers, Signals, Told, log_refused, notify, notify_reloading, watchdog};
use guideway_bgp_daemon::socket::{self, BindError};
use guideway_bgp_fsm::{RestartFlags, Stop};
use guideway_bgp_peer::{Peers, Settings};
use sd_notify::NotifyState;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::admin;
use crate::config::{Config, OnStop};
use crate::core::{Core, Order, all_families};
use crate::remember;

/// The shortest and the longest pause after changes were put into the groups. A change that comes alone is not held up by it,
/// for the pause comes afterwards; of many at once, those that come in a pause are worked off together.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// Why the aggregator does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(ConfigError),
    /// The admin socket cannot be served.
    #[error("cannot serve the admin API")]
    Admin(#[source] BindError),
    /// The address for metrics cannot be listened on.
    #[error("metrics: cannot listen on {address}")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Signals cannot be received.
    #[error("cannot receive signals")]
    Signals(#[source] std::io::Error),
    /// A task ended that never should.
    #[error("the task of {0} ended by itself; this is a bug")]
    TaskDied(String),
}

/// What the admin API and the metrics read.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Sessions.
    pub peers: Peers,
    /// Routes.
    pub core: Arc<Core>,
    /// Own AS number and BGP identifier, and what was counted.
    pub counts: Arc<Counts>,
}

/// What the daemon itself counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// Configurations taken over on SIGHUP.
    pub reloads_accepted: AtomicU64,
    /// Configurations refused on SIGHUP.
    pub reloads_refused: AtomicU64,
    /// Changes that were put into update groups.
    pub changes: AtomicU64,
    /// How often there were some.
    pub batches: AtomicU64,
    /// What has to wait for the next start, in words.
    pub pending: std::sync::Mutex<Vec<String>>,
}

/// Runs the aggregator with the configuration in `path` until SIGTERM or SIGINT. Speakers are remembered in `state_dir`.
///
/// # Errors
///
/// When it cannot start, or a part of it is gone.
pub async fn run(path: &Path, state_dir: &Path) -> Result<(), RunError> {
    let config = Config::load(path).map_err(RunError::Config)?;
    let mut signals = Signals::listen().map_err(RunError::Signals)?;
    // The socket comes last: a start that fails leaves no file behind.
    let address = config.metrics_listen;
    let listener =
        TcpListener::bind(address).await.map_err(|source| RunError::Metrics { address, source })?;
    let admin = socket::bind(&config.admin_socket, "configure another admin.socket")
        .await
        .map_err(RunError::Admin)?;

    let admin_socket = config.admin_socket.clone();
    let mut aggregator = Aggregator::start(path.to_owned(), &state_dir.join(remember::FILE), config);
    let mut servers = Servers::default();
    let stop = servers.stop_token();
    servers.run("the admin API", admin::serve(admin, aggregator.shared.clone(), stop.clone()));
    servers.run("the metrics server", http::serve(listener, Arc::new(aggregator.shared.clone()), stop));

    info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), "bgp-aggregator runs");
    notify(&[NotifyState::Ready]);
    let outcome = aggregator.until_stopped(&mut signals).await;

    notify(&[NotifyState::Stopping]);
    aggregator.stop().await;
    servers.end(&admin_socket).await;
    info!("bgp-aggregator ended");
    outcome
}

struct Aggregator {
    path: PathBuf,
    config: Arc<Config>,
    shared: Shared,
    orders: mpsc::UnboundedReceiver<Order>,
    exporter: JoinHandle<()>,
    rememberer: JoinHandle<()>,
}

impl Aggregator {
    fn start(path: PathBuf, state_file: &Path, config: Config) -> Self {
        let config = Arc::new(config);
        let memory = remember::load(state_file);
        let restarting = memory.is_some();
        let (sender, orders) = mpsc::unbounded_channel();
        let core = Arc::new(Core::new(Arc::clone(&config), memory, Instant::now(), sender));
        // Before there are sessions: a change that nobody waits for is never told.
        let rememberer = tokio::spawn(remember::keep(state_file.to_owned(), core.memory()));
        let settings = Settings {
            name: "bgp-aggregator".to_owned(),
            listen: config.listen.clone(),
            bfd_socket: Some(config.bfd_socket.clone()),
            taps: Vec::new(),
        };
        let peers = Peers::start(settings, core.clone());
        // Nothing is forwarded here: what routers were told leads to others, and stays right while this process is away. That
        // is what the F bit says (RFC 4724 section 3).
        peers.set_restart(RestartFlags { restarting, forwarding: all_families() });
        peers.apply(peer_configs(&config));
        let counts = Arc::new(Counts::default());
        let exporter = tokio::spawn(export(Arc::clone(&core), Arc::clone(&counts)));
        Self { path, config, shared: Shared { peers, core, counts }, orders, exporter, rememberer }
    }

    async fn until_stopped(&mut self, signals: &mut Signals) -> Result<(), RunError> {
        let mut check = tokio::time::interval(watchdog());
        loop {
            tokio::select! {
                told = signals.next() => match told {
                    Told::Reload => self.reload(),
                    Told::Stop => return Ok(()),
                },
                Some(order) = self.orders.recv() => self.carry_out(order),
                _ = check.tick() => {
                    // Better to be started again by the service manager than to run on without one of them.
                    if let Some(name) = self.shared.peers.dead() {
                        return Err(RunError::TaskDied(format!("peer {name}")));
                    }
                    if self.exporter.is_finished() || self.rememberer.is_finished() {
                        return Err(RunError::TaskDied("the exporter or the memory".to_owned()));
                    }
                    notify(&[NotifyState::Watchdog]);
                }
            }
        }
    }

    fn carry_out(&self, order: Order) {
        match order {
            Order::Reset { peer, stop } => {
                // One that is gone meanwhile needs no reset.
                let _ = self.shared.peers.reset(&peer, stop);
            }
            Order::Move { peer } => self.shared.peers.set_outlets(peer, self.shared.core.outlets(peer)),
            Order::Released => {
                self.shared.peers.set_restart(RestartFlags { restarting: false, forwarding: all_families() });
            }
        }
    }

    /// Takes the file over if it is right: only sessions that the change concerns are touched.
    fn reload(&mut self) {
        notify_reloading();
        match Config::load(&self.path) {
            Ok(config) => {
                self.change_to(config);
                self.shared.counts.reloads_accepted.fetch_add(1, Ordering::Relaxed);
                info!("configuration reloaded");
            }
            Err(error) => {
                self.shared.counts.reloads_refused.fetch_add(1, Ordering::Relaxed);
                log_refused(&error);
            }
        }
        notify(&[NotifyState::Ready]);
    }

    fn change_to(&mut self, config: Config) {
        let mut pending = Vec::new();
        for (name, same) in [
            ("admin.socket", config.admin_socket == self.config.admin_socket),
            ("metrics.listen", config.metrics_listen == self.config.metrics_listen),
            ("bfd.socket", config.bfd_socket == self.config.bfd_socket),
        ] {
            if !same {
                warn!("{name} is taken over at the next start only");
                pending.push(format!("{name} of the configuration is taken over at the next start only"));
            }
        }
        *self.shared.counts.pending.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = pending;
        if config.listen != self.config.listen {
            self.shared.peers.listen(&config.listen);
        }
        self.config = Arc::new(config);
        self.shared.core.configure(Arc::clone(&self.config));
        let applied = self.shared.peers.apply(peer_configs(&self.config));
        info!(added = ?applied.added, removed = ?applied.removed, changed = ?applied.changed, "peers");
    }

    async fn stop(self) {
        self.shared.core.freeze();
        let stop = match self.config.on_stop {
            OnStop::Preserve => Stop::Silent,
            OnStop::Withdraw => Stop::Shutdown("bgp-aggregator is stopped".to_owned()),
        };
        self.shared.peers.stop(stop).await;
        self.exporter.abort();
        self.rememberer.abort();
    }
}

fn peer_configs(config: &Config) -> Vec<guideway_bgp_config::PeerConfig> {
    config.peers.iter().map(|peer| peer.config.clone()).collect()
}

/// Puts changes into the update groups as soon as there are some.
pub(crate) async fn export(core: Arc<Core>, counts: Arc<Counts>) {
    loop {
        let began = Instant::now();
        let (next, changes) = core.export(began);
        if changes > 0 {
            counts.changes.fetch_add(changes as u64, Ordering::Relaxed);
            counts.batches.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep((began.elapsed() * 2).clamp(PAUSE.0, PAUSE.1)).await;
        }
        core.woken(next).await;
    }
}
