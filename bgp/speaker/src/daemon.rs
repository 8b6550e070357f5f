//! Start, reload and end of the whole speaker.
//!
//! ```text
//!   agent (lb-dataplane) ──gRPC stream──► agent::follow ──watch: set of prefixes──► peer task (one per peer) ──TCP──► router
//!   SIGHUP, SIGTERM ──► daemon ──oneshot: stop──► peer task
//!   admin (Unix socket), metrics (HTTP) ──read──► status ◄──written by── agent::follow, peer tasks, daemon
//! ```

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use guideway_bgp_fsm::Stop;
use sd_notify::NotifyState;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::admin;
use crate::agent;
use crate::config::{Config, ConfigError};
use crate::metrics;
use crate::peer::Peer;
use crate::prefixes::Prefixes;
use crate::status::SpeakerStatus;

/// How long the servers may take to end.
const SERVER_END: Duration = Duration::from_secs(1);
const LIVENESS_CHECK: Duration = Duration::from_secs(5);

/// Why the speaker does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(ConfigError),
    /// The admin socket cannot be served.
    #[error("cannot serve the admin API")]
    Admin(#[source] admin::BindError),
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

/// Runs the speaker with the configuration in `path` until SIGTERM or SIGINT.
///
/// # Errors
///
/// When it cannot start.
pub async fn run(path: &Path) -> Result<(), RunError> {
    let config = Config::load(path).map_err(RunError::Config)?;
    let handler = |kind| signal(kind).map_err(RunError::Signals);
    let mut signals = Signals {
        hangup: handler(SignalKind::hangup())?,
        terminate: handler(SignalKind::terminate())?,
        interrupt: handler(SignalKind::interrupt())?,
    };
    // The socket comes last: a start that fails leaves no file behind.
    let address = config.metrics_listen;
    let http = TcpListener::bind(address).await.map_err(|source| RunError::Metrics { address, source })?;
    let admin = admin::bind(&config.admin_socket).await.map_err(RunError::Admin)?;

    let status = SpeakerStatus::new(config.local_as, config.router_id);
    let stop = CancellationToken::new();
    let mut servers = JoinSet::new();
    let admin = admin::serve(admin, status.clone(), stop.clone());
    servers.spawn(async move {
        if let Err(error) = admin.await {
            error!(%error, "the admin API ended");
        }
    });
    let http = metrics::serve(http, status.clone(), stop.clone());
    servers.spawn(async move {
        if let Err(error) = http.await {
            error!(%error, "the metrics server ended");
        }
    });

    let socket = config.admin_socket.clone();
    let mut speaker = Speaker::start(path.to_owned(), config, status);
    info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), "bgp-speaker runs");
    notify(&[NotifyState::Ready]);
    let outcome = speaker.until_stopped(&mut signals).await;

    notify(&[NotifyState::Stopping]);
    speaker.stop().await;
    stop.cancel();
    let _ = tokio::time::timeout(SERVER_END, async { while servers.join_next().await.is_some() {} }).await;
    let _ = std::fs::remove_file(socket);
    info!("bgp-speaker ended");
    outcome
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

struct Speaker {
    path: PathBuf,
    config: Config,
    status: SpeakerStatus,
    prefixes: watch::Sender<Prefixes>,
    agent: JoinHandle<()>,
    peers: HashMap<IpAddr, Peer>,
}

impl Speaker {
    fn start(path: PathBuf, config: Config, status: SpeakerStatus) -> Self {
        let (prefixes, _) = watch::channel(Prefixes::default());
        let follow = agent::follow(config.agent.clone(), status.agent.clone(), prefixes.clone());
        let agent = tokio::spawn(follow);
        let mut speaker = Self { path, config, status, prefixes, agent, peers: HashMap::new() };
        speaker.start_missing_peers();
        speaker
    }

    async fn until_stopped(&mut self, signals: &mut Signals) -> Result<(), RunError> {
        let mut check = tokio::time::interval(watchdog());
        loop {
            tokio::select! {
                _ = signals.hangup.recv() => self.reload().await,
                _ = signals.terminate.recv() => return Ok(()),
                _ = signals.interrupt.recv() => return Ok(()),
                _ = check.tick() => {
                    // Better to be started again by the service manager than to run on without one of them.
                    if let Some((address, _)) = self.peers.iter().find(|(_, peer)| peer.is_dead()) {
                        return Err(RunError::TaskDied(format!("peer {address}")));
                    }
                    if self.agent.is_finished() {
                        return Err(RunError::TaskDied("the agent's stream".to_owned()));
                    }
                    notify(&[NotifyState::Watchdog]);
                }
            }
        }
    }

    /// Takes the file over if it is right: only sessions whose configuration changed are touched.
    async fn reload(&mut self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            notify(&[NotifyState::Reloading, now]);
        }
        match Config::load(&self.path) {
            Ok(config) => {
                self.change_to(config).await;
                self.status.change(|view| view.reloads_accepted += 1);
                info!("configuration reloaded");
            }
            Err(error) => {
                self.status.change(|view| view.reloads_refused += 1);
                let reason = std::error::Error::source(&error).map(|source| format!(": {source}"));
                for problem in error.to_string().lines() {
                    let reason = reason.as_deref().unwrap_or_default();
                    error!("configuration refused, nothing is changed: {problem}{reason}");
                }
            }
        }
        notify(&[NotifyState::Ready]);
    }

    async fn change_to(&mut self, config: Config) {
        if config.admin_socket != self.config.admin_socket
            || config.metrics_listen != self.config.metrics_listen
        {
            warn!("admin.socket and metrics.listen are taken over at the next start only");
        }
        if config.agent != self.config.agent {
            self.agent.abort();
            let follow =
                agent::follow(config.agent.clone(), self.status.agent.clone(), self.prefixes.clone());
            self.agent = tokio::spawn(follow);
        }
        self.config = config;
        let mut ending = JoinSet::new();
        for address in self.peers.keys().copied().collect::<Vec<_>>() {
            let wanted = self.config.peers.iter().find(|peer| peer.address == address);
            let stop = match wanted {
                None => Stop::Deconfigured,
                Some(wanted) if *wanted != self.peers[&address].config => Stop::ConfigurationChange,
                Some(_) => continue,
            };
            if let Some(peer) = self.peers.remove(&address) {
                ending.spawn(peer.stop(stop));
            }
        }
        while ending.join_next().await.is_some() {}
        self.start_missing_peers();
    }

    fn start_missing_peers(&mut self) {
        for config in &self.config.peers {
            self.peers
                .entry(config.address)
                .or_insert_with(|| Peer::spawn(config.clone(), self.prefixes.subscribe()));
        }
        let statuses = self.config.peers.iter().filter_map(|config| self.peers.get(&config.address));
        let statuses = statuses.map(|peer| peer.status.clone()).collect();
        let (local_as, router_id) = (self.config.local_as, self.config.router_id);
        self.status.change(|view| {
            (view.local_as, view.router_id, view.peers) = (local_as, router_id, statuses);
        });
    }

    /// Every peer gets a Cease/Administrative Shutdown, all at the same time.
    async fn stop(self) {
        let mut ending = JoinSet::new();
        for peer in self.peers.into_values() {
            ending.spawn(peer.stop(Stop::Shutdown("bgp-speaker is stopped".to_owned())));
        }
        while ending.join_next().await.is_some() {}
        self.agent.abort();
    }
}

/// How often the service manager wants a sign of life, with room to spare.
fn watchdog() -> Duration {
    sd_notify::watchdog_enabled().map_or(LIVENESS_CHECK, |limit| (limit / 3).max(Duration::from_millis(100)))
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "cannot notify the service manager");
    }
}
