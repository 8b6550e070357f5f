//! Start, reload and end of the whole speaker.
//!
//! ```text
//!   agent (lb-dataplane) ──gRPC stream──► agent::follow ──watch: its last word──► Speaker::announce ──► Table
//!   Table ──routes──► update groups (Outlet) ──wakes──► peer tasks (guideway-bgp-peer) ──TCP──► routers
//!   peer tasks ──sessions, received routes──► Table
//!   lbctl ──orders──► Drains::run ──effects──► Table, Peers         Speaker::live ──► state file
//!   SIGHUP, SIGTERM ──► daemon ──► Speaker
//!   admin (Unix socket), metrics (HTTP) ──read──► Speaker
//! ```

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use guideway_bgp_daemon::file::ConfigError;
use guideway_bgp_daemon::http;
use guideway_bgp_daemon::service::{Servers, Signals, Told, log_refused, notify, notify_reloading, watchdog};
use guideway_bgp_daemon::socket::{self, BindError};
use guideway_file_change::Stamp;
use sd_notify::NotifyState;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use crate::admin;
use crate::agent;
use crate::config::{AgentConfig, Config};
use crate::metrics;
use crate::speaker::Speaker;

/// How often it is looked whether the included file is another one: it is replaced as a whole, by renaming.
const LOOK: Duration = Duration::from_millis(300);

/// Why the speaker does not run.
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

/// Runs the speaker with the configuration in `path` until SIGTERM or SIGINT. What must outlive the process is kept in
/// `state_dir`.
///
/// # Errors
///
/// When it cannot start.
pub async fn run(path: &Path, state_dir: &Path) -> Result<(), RunError> {
    let mut config = Config::load(path).map_err(RunError::Config)?;
    let included = stamp(&config);
    if included.is_some() {
        // As it was when it was looked at, or later.
        config = Config::load(path).map_err(RunError::Config)?;
    }
    let mut signals = Signals::listen().map_err(RunError::Signals)?;
    // The socket comes last: a start that fails leaves no file behind.
    let address = config.metrics_listen;
    let listener =
        TcpListener::bind(address).await.map_err(|source| RunError::Metrics { address, source })?;
    let admin = socket::bind(&config.admin_socket, "configure another admin.socket")
        .await
        .map_err(RunError::Admin)?;
    let admin_socket = config.admin_socket.clone();

    let speaker = Speaker::new(config, state_dir.to_owned());
    let mut servers = Servers::default();
    let stop = servers.stop_token();
    servers.run("the admin API", admin::serve(admin, Arc::clone(&speaker), stop.clone()));
    servers.run(
        "the metrics server",
        http::serve(listener, Arc::new(metrics::Served(Arc::clone(&speaker))), stop),
    );

    let mut tasks = Tasks::start(path.to_owned(), included, Arc::clone(&speaker));
    info!(version = env!("CARGO_PKG_VERSION"), config = %path.display(), "bgp-speaker runs");
    notify(&[NotifyState::Ready]);
    let outcome = tasks.until_stopped(&mut signals).await;

    notify(&[NotifyState::Stopping]);
    tasks.end();
    speaker.stop().await;
    servers.end(&admin_socket).await;
    info!("bgp-speaker ended");
    outcome
}

/// Of the included file, if the configuration names one and it is there.
fn stamp(config: &Config) -> Option<Stamp> {
    Stamp::of(config.include.as_deref()?)
}

/// The tasks beside the peers'.
struct Tasks {
    path: PathBuf,
    /// The included file as it was read last.
    included: Option<Stamp>,
    speaker: Arc<Speaker>,
    agent: (AgentConfig, JoinHandle<()>),
    /// Each with its name; none of them ends by itself.
    others: Vec<(&'static str, JoinHandle<()>)>,
    begin: JoinHandle<()>,
}

impl Tasks {
    fn start(path: PathBuf, included: Option<Stamp>, speaker: Arc<Speaker>) -> Self {
        let each = [Arc::clone(&speaker), Arc::clone(&speaker), Arc::clone(&speaker), Arc::clone(&speaker)];
        let [begins, announces, drains, lives] = each;
        let others = vec![
            ("announcements", tokio::spawn(async move { announces.announce().await })),
            ("drains", tokio::spawn(async move { drains.drains.run(&*drains).await })),
            ("signs of life", tokio::spawn(async move { lives.live().await })),
        ];
        let agent = follow(&speaker);
        let begin = tokio::spawn(async move { begins.begin().await });
        Self { path, included, speaker, agent, others, begin }
    }

    async fn until_stopped(&mut self, signals: &mut Signals) -> Result<(), RunError> {
        let mut check = tokio::time::interval(watchdog());
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                told = signals.next() => match told {
                    Told::Reload => self.reload(),
                    Told::Stop => return Ok(()),
                },
                _ = looks.tick() => {
                    if stamp(&self.speaker.config()) != self.included {
                        info!("the included file is another one");
                        self.reload();
                    }
                }
                _ = check.tick() => {
                    // Better to be started again by the service manager than to run on without one of them.
                    if let Some(peer) = self.speaker.peers.dead() {
                        return Err(RunError::TaskDied(format!("peer {peer}")));
                    }
                    if self.agent.1.is_finished() {
                        return Err(RunError::TaskDied("the agent's stream".to_owned()));
                    }
                    if let Some((name, _)) = self.others.iter().find(|(_, task)| task.is_finished()) {
                        return Err(RunError::TaskDied((*name).to_owned()));
                    }
                    notify(&[NotifyState::Watchdog]);
                }
            }
        }
    }

    /// Takes the file over if it is right: only sessions that it concerns are touched.
    fn reload(&mut self) {
        notify_reloading();
        // Before it is read: what comes later is another version.
        self.included = stamp(&self.speaker.config());
        match Config::load(&self.path) {
            Ok(config) => {
                let before = self.speaker.config();
                if config.admin_socket != before.admin_socket
                    || config.metrics_listen != before.metrics_listen
                    || config.bfd_socket != before.bfd_socket
                {
                    warn!(
                        "admin.socket, metrics.listen and bfd.socket are taken over at the next start only"
                    );
                }
                self.speaker.reconfigure(config);
                if self.speaker.config().agent != self.agent.0 {
                    self.agent.1.abort();
                    self.agent = follow(&self.speaker);
                }
                self.speaker.reloads.lock().accepted += 1;
                info!("configuration reloaded");
            }
            Err(error) => {
                self.speaker.reloads.lock().refused += 1;
                log_refused(&error);
            }
        }
        notify(&[NotifyState::Ready]);
    }

    fn end(self) {
        self.begin.abort();
        self.agent.1.abort();
        self.others.iter().for_each(|(_, task)| task.abort());
    }
}

fn follow(speaker: &Arc<Speaker>) -> (AgentConfig, JoinHandle<()>) {
    let config = speaker.config().agent.clone();
    let follow = agent::follow(config.clone(), speaker.agent.clone(), speaker.words());
    (config, tokio::spawn(follow))
}
