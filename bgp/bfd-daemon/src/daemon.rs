//! Start and end of lb-bfd.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use guideway_bgp_daemon::service::notify;
use guideway_bgp_daemon::socket::{self, BindError};
use sd_notify::NotifyState;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch as versions;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::engine::{Engine, Order, StartError};
use crate::registry::Registry;
use crate::{metrics, priority, service, watch};

/// How often held sessions and sockets are looked after, and the service manager is told of life.
const TEND: Duration = Duration::from_millis(500);
/// How long the servers, and the timing thread's farewells, may take to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// What lb-bfd is told at its start.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Unix socket of the API.
    pub socket: PathBuf,
    /// Where metrics are served.
    pub metrics_listen: SocketAddr,
    /// How long sessions live on when their clients are gone.
    pub hold: Duration,
    /// How many sessions there may be.
    pub max_sessions: usize,
}

/// Why lb-bfd does not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The socket of the API cannot be served.
    #[error("cannot serve the API")]
    Socket(#[source] BindError),
    /// The address for metrics cannot be listened on.
    #[error("metrics: cannot listen on {address}")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The timing thread cannot run.
    #[error("cannot send and receive BFD packets")]
    Engine(#[source] StartError),
    /// Signals cannot be received.
    #[error("cannot receive signals")]
    Signals(#[source] io::Error),
    /// A thread or task ended that never should.
    #[error("{0} ended by itself; this is a bug")]
    Died(&'static str),
}

/// Runs until SIGTERM or SIGINT, then tells all peers that the sessions end on purpose.
///
/// # Errors
///
/// When it cannot start.
pub async fn run(settings: Settings) -> Result<(), RunError> {
    let handler = |kind| signal(kind).map_err(RunError::Signals);
    let (terminate, interrupt) = (handler(SignalKind::terminate())?, handler(SignalKind::interrupt())?);
    let address = settings.metrics_listen;
    let http = TcpListener::bind(address).await.map_err(|source| RunError::Metrics { address, source })?;
    // What was running is asked first: two of them must not share the ports.
    let listener = socket::bind(&settings.socket, "give another --socket").await.map_err(RunError::Socket)?;
    let outcome = serve(&settings, http, listener, terminate, interrupt).await;
    let _ = std::fs::remove_file(&settings.socket);
    outcome
}

async fn serve(
    settings: &Settings,
    http: TcpListener,
    listener: tokio::net::UnixListener,
    mut terminate: Signal,
    mut interrupt: Signal,
) -> Result<(), RunError> {
    let engine = Arc::new(Engine::start().await.map_err(RunError::Engine)?);
    let registry = Arc::new(Registry::new(Arc::clone(&engine), settings.hold, settings.max_sessions));
    let (version, changes) = versions::channel(0);
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let api = service::serve(listener, Arc::clone(&registry), changes, stop.clone());
    tasks.spawn(async move { api.await.map_err(io::Error::other) });
    tasks.spawn(metrics::serve(http, Arc::clone(&registry), stop.clone()));
    let watch = tokio::spawn(watch::run(Arc::clone(&registry), version));
    priority::lock_memory();
    info!(version = env!("CARGO_PKG_VERSION"), scheduling = %engine.scheduling, "lb-bfd runs");
    notify(&[NotifyState::Ready]);

    let mut tend = tokio::time::interval(TEND);
    let outcome = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            _ = tasks.join_next() => break Err(RunError::Died("a server")),
            _ = tend.tick() => {
                if engine.is_dead() {
                    break Err(RunError::Died("the timing thread"));
                }
                if watch.is_finished() {
                    break Err(RunError::Died("the task that tells of changes"));
                }
                registry.tend();
                notify(&[NotifyState::Watchdog]);
            }
        }
    };
    notify(&[NotifyState::Stopping]);
    // Clients must see that lb-bfd is gone, not that the path is: they are left before the sessions end.
    stop.cancel();
    watch.abort();
    let _ = tokio::time::timeout(PATIENCE, async { while tasks.join_next().await.is_some() {} }).await;
    engine.order(Order::Stop);
    let farewell = async {
        while !engine.is_dead() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, farewell).await.is_err() {
        error!("the timing thread does not end");
    }
    info!("lb-bfd ended");
    outcome
}
