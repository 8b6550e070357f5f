//! `lb-decap run`.
//!
//! One task applies the configuration: at the start, when the file changed, at SIGHUP, and every few seconds, so that what
//! somebody else changed (an interface that was made anew, an address taken off lo) is put right.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use guideway_bpf::Decap;
use guideway_file_change::{Debounce, Stamp};
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use crate::admin::{self, Agent};
use crate::apply::apply;
use crate::cli::{LogFormat, RunArguments};
use crate::config::{Config, ConfigError};
use crate::kubernetes::{self, Found};
use crate::loopback::Loopback;
use crate::wanted::Wanted;
use crate::{metrics, socket, up};

/// Between two looks at the file.
const LOOK: Duration = Duration::from_millis(500);
/// Looks between two runs of an unchanged configuration.
const LOOKS_PER_RUN: u32 = 10;
/// How long the servers may take to end.
const SERVERS_END: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT. The programs stay.
pub(crate) async fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    start_log(arguments.log_format);
    let path = &arguments.config.path;
    let before = Stamp::of(path);
    let config = Config::load(path)?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot receive signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot receive signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot receive signals")?;

    let root = &arguments.pins.pin_root;
    let decap = Arc::new(Decap::open(root).context("cannot set the decap programs up")?);
    info!("{} {}", root.display(), up::origin(decap.origin()));
    let listen = config.metrics_listen;
    let http = TcpListener::bind(listen)
        .await
        .with_context(|| format!("metrics.listen: cannot listen on {listen}"))?;
    let (unix, _file) = socket::listen(&config.admin_socket).await?;

    // Until the first look at what is there nobody may rely on this node.
    let (problems, seen) = watch::channel(vec!["it starts: nothing is put in place yet".to_owned()]);
    let agent = Agent::new(Arc::clone(&decap), path.clone(), root.clone(), seen);
    let stop = CancellationToken::new();
    let servers = [
        tokio::spawn(admin::serve(unix, agent.clone(), stop.clone())),
        tokio::spawn(metrics::serve(http, agent, stop.clone())),
    ];
    let (known, found) = watch::channel(Found::default());
    let source = config.kubernetes.clone();
    let installed = decap.services().context("cannot read the services")?.services;
    let _source = source.map(|source| tokio::spawn(kubernetes::follow(source, installed, known)));
    let mut node = Node {
        found: found.clone(),
        path: path.clone(),
        config,
        file: Debounce::new(before),
        refused: None,
        decap,
        loopback: Loopback::open().await?,
        problems,
    };
    node.apply().await;
    notify(&[NotifyState::Ready]);

    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut since_run = 0;
    let mut changes = found;
    loop {
        tokio::select! {
            Ok(()) = changes.changed() => node.apply().await,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => node.reload().await,
            _ = looks.tick() => {
                since_run += 1;
                if node.file.look(Stamp::of(&node.path)) {
                    node.reload().await;
                } else if since_run >= LOOKS_PER_RUN {
                    since_run = 0;
                    node.apply().await;
                }
                notify(&[NotifyState::Watchdog]);
            }
        }
    }
    notify(&[NotifyState::Stopping]);
    stop.cancel();
    for server in servers {
        let _late = tokio::time::timeout(SERVERS_END, server).await;
    }
    info!("lb-decap ended; the programs go on");
    Ok(())
}

struct Node {
    path: PathBuf,
    config: Config,
    /// What Kubernetes has for this node.
    found: watch::Receiver<Found>,
    /// Whether the file is another one than when it was read last.
    file: Debounce,
    /// Why the file is not the one in force.
    refused: Option<String>,
    decap: Arc<Decap>,
    loopback: Loopback,
    problems: watch::Sender<Vec<String>>,
}

impl Node {
    /// A file with mistakes changes nothing.
    async fn reload(&mut self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            notify(&[NotifyState::Reloading, now]);
        }
        self.file = Debounce::new(Stamp::of(&self.path));
        match Config::load(&self.path) {
            Ok(config) => {
                let (old, new) = (&self.config, &config);
                if (&old.admin_socket, old.metrics_listen) != (&new.admin_socket, new.metrics_listen) {
                    warn!("admin.socket and metrics.listen are taken over at the next start only");
                }
                if old.kubernetes != new.kubernetes {
                    warn!("kubernetes is taken over at the next start only");
                }
                let config = Config { kubernetes: old.kubernetes.clone(), ..config };
                self.config = config;
                self.refused = None;
                info!("configuration read");
                self.apply().await;
            }
            Err(error) => {
                let source = match &error {
                    ConfigError::Unreadable { source, .. } => format!(": {source}"),
                    ConfigError::Wrong { .. } => String::new(),
                };
                for line in error.to_string().lines() {
                    error!("configuration refused, nothing is changed: {line}{source}");
                }
                self.refused = Some(format!("the configuration file was refused: {error}{source}"));
                self.apply().await;
            }
        }
        notify(&[NotifyState::Ready]);
    }

    /// What is to be done; none while it is not known.
    fn wanted(&self) -> Option<Wanted> {
        let mut wanted = self.config.wanted.clone();
        if self.config.kubernetes.is_some() {
            let found = self.found.borrow().services.clone()?;
            for (key, service) in found.iter() {
                // The file has the last word.
                wanted.services.entry(*key).or_insert(*service);
            }
        }
        Some(wanted)
    }

    async fn apply(&mut self) {
        let mut tell = |line: String| info!("{line}");
        let mut found: Vec<String> = match self.wanted() {
            Some(wanted) => match apply(&self.decap, &self.loopback, &wanted, &mut tell).await {
                Ok(failures) => failures.iter().map(|error| format!("{error:#}")).collect(),
                Err(error) => vec![format!("{error:#}")],
            },
            None => {
                vec!["kubernetes: the API server has not told all Services yet; nothing is changed".into()]
            }
        };
        found.extend(self.found.borrow().problems.clone());
        let before = self.problems.borrow().clone();
        for problem in found.iter().filter(|problem| !before.contains(problem)) {
            error!("{problem}; tried again every few seconds");
        }
        found.extend(self.refused.clone());
        self.problems.send_if_modified(|problems| {
            let changed = *problems != found;
            *problems = found;
            changed
        });
    }
}

/// What goes wrong with the API server is told once, and not by the library for each attempt.
const LOG: &str = "info,kube_client::client::builder=off";

fn start_log(format: LogFormat) {
    let wanted = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|wanted| !wanted.is_empty());
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into());
    let filter = filter.parse_lossy(wanted.as_deref().unwrap_or(LOG));
    // A log that nobody reads any more must not end the daemon: without this the subscriber panics over it.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!(%error, "cannot notify the service manager");
    }
}
