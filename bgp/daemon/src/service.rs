//! Signals, and the service manager.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::file::ConfigError;

/// How long the servers may take to end.
const SERVER_END: Duration = Duration::from_secs(1);
/// How often a daemon looks after its tasks when nobody asks it to do so more often.
const LIVENESS_CHECK: Duration = Duration::from_secs(5);

/// What a daemon is told by signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGTERM or SIGINT: end.
    Stop,
}

/// The signals that a daemon acts on.
#[derive(Debug)]
pub struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on these signals do nothing by themselves.
    ///
    /// # Errors
    /// When they cannot be received.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one. May be dropped and called again.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.hangup.recv() => Told::Reload,
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
        }
    }
}

/// The servers of a daemon: its admin API and its metrics.
#[derive(Debug, Default)]
pub struct Servers {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Servers {
    /// What tells a server to end.
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs a server. That it ended with an error is logged with its name.
    pub fn run<E: Display>(
        &mut self,
        name: &'static str,
        server: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        self.tasks.spawn(async move {
            if let Err(error) = server.await {
                error!(%error, "{name} ended");
            }
        });
    }

    /// Ends all, and waits for that a little; then the admin socket goes.
    pub async fn end(mut self, socket: &Path) {
        self.stop.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(SERVER_END, ended).await;
        let _ = std::fs::remove_file(socket);
    }
}

/// How often to look after tasks and to send [`NotifyState::Watchdog`]: as often as the service manager wants a sign of life,
/// with room to spare.
#[must_use]
pub fn watchdog() -> Duration {
    sd_notify::watchdog_enabled().map_or(LIVENESS_CHECK, |limit| (limit / 3).max(Duration::from_millis(100)))
}

/// Tells the service manager, if there is one.
pub fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "cannot notify the service manager");
    }
}

/// Tells the service manager that a reload begins; [`NotifyState::Ready`] ends it.
pub fn notify_reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[NotifyState::Reloading, now]);
    }
}

/// Logs every problem of a configuration that is not taken over.
pub fn log_refused(error: &ConfigError) {
    let reason = std::error::Error::source(error).map(|source| format!(": {source}"));
    for problem in error.to_string().lines() {
        let reason = reason.as_deref().unwrap_or_default();
        error!("configuration refused, nothing is changed: {problem}{reason}");
    }
}
