//! Everything together.

mod ca;
mod settings;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use guideway_bgp_daemon::http::{self, Pages};
use guideway_bgp_daemon::service::{Servers, Signals, Told as Signal, log_refused, notify, watchdog};
use guideway_controller_crds::guideway::Rollout;
use guideway_controller_index::{Defaults, IndexConfig};
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::ca::{Tls, Tokens};
use crate::config::{Config, Liveness};
use crate::metrics::Sight;
use crate::project::{Ended, Projector};
use crate::record::RolloutObject;
use crate::rollout::{self, Command, Driver, FileStore, RecordStore, Told};
use crate::sources::{self, Feed, Home, Static};
use crate::state::{Past, Sights};
use crate::status::resources::{self, Told as Said};
use crate::{admin, election, forwarders};

pub use ca::ca;

/// Objects that something may have to be said about.
const SAID: usize = 256;
/// Questions that wait for the projector.
const QUESTIONS: usize = 16;

/// Runs until SIGTERM.
///
/// # Errors
///
/// When the configuration is wrong, or something that is needed at the start cannot be had.
pub async fn run(path: &Path) -> anyhow::Result<()> {
    let config = Config::load(path)?;
    let mut signals = Signals::listen()?;
    let identity = settings::identity();
    let stop = CancellationToken::new();
    let mut servers = Servers::default();

    let (say, said) = mpsc::channel(SAID);
    let home = home(&config, say).await?;
    let store: Arc<dyn RecordStore> = match &home {
        Some(home) => Arc::new(RolloutObject::new(home.client.clone(), &home.namespace, &home.rollout)),
        None => Arc::new(FileStore::new(&config.state_dir)?),
    };
    let admission = forwarders::Admission::default();
    let (links, link_events) = forwarders::links(admission.clone());
    serve_forwarders(&config, &links, &admission, &mut servers).await?;
    let driver_stop = CancellationToken::new();
    let settings = settings::settings(&identity, config.liveness, &config.rollout);
    let history = Arc::clone(&store);
    let (driver, driving) = rollout::start(settings, store, link_events, driver_stop.clone());

    let sight = Sight::new(&driver, admission.clone());
    let pages: Arc<dyn Pages> = Arc::new(sight.clone());
    let listener = listen(config.metrics_listen).await?;
    servers.run("the metrics server", http::serve(listener, pages, servers.stop_token()));

    let (rollout, rollouts) = watch::channel(None);
    let mut background = vec![
        tokio::spawn(follow_rollout(
            rollouts,
            config.rollout.clone(),
            identity.clone(),
            config.liveness,
            driver.clone(),
        )),
        tokio::spawn(count(sight.clone(), driver.clone())),
    ];
    let lease = config
        .home
        .as_ref()
        .zip(home.as_ref())
        .map(|(configured, home)| (home.client.clone(), election::settings(configured, &identity)));
    let (holder, leader) = watch::channel(None);
    let electing = tokio::spawn({
        let (driver, stop) = (driver.clone(), stop.clone());
        async move { election::run(lease, &driver, &holder, &stop).await }
    });
    let (asking, questions) = mpsc::channel(QUESTIONS);
    let past = Past::default();
    let remembering = tokio::spawn(past.clone().remember(driver.clone(), history, stop.clone()));
    let sights = Sights {
        driver: driver.clone(),
        projector: asking,
        contacts: sight.contacts.clone(),
        admission,
        past,
        leader,
    };
    if let Some(home) = &home {
        let (client, namespace) = (home.client.clone(), home.namespace.clone());
        let saying = resources::run(client, namespace, identity.clone(), sights.clone(), said);
        background.push(tokio::spawn(saying));
    }
    let socket = config.socket.clone();
    let listener = guideway_bgp_daemon::socket::bind(&socket, "give this one another admin.socket").await?;
    servers.run("the admin API", admin::serve(sights, listener, servers.stop_token()));
    let (statics, configured) = watch::channel(Arc::new(statics(&config)));
    let metrics = Arc::clone(&sight.metrics);
    let projector = Projector { driver, identity, metrics, rollout, questions };
    let index = IndexConfig { seed: config.seed, defaults: Defaults::default() };
    let projecting = tokio::spawn(sessions(projector, index, home, configured, sight, stop.clone()));

    notify(&[NotifyState::Ready]);
    tracing::info!("the controller runs");
    attend(path, config, &statics, &mut signals).await;

    notify(&[NotifyState::Stopping]);
    stop.cancel();
    let _ended = projecting.await;
    let _ended = electing.await;
    let _ended = remembering.await;
    driver_stop.cancel();
    let _ended = driving.await;
    background.iter().for_each(tokio::task::JoinHandle::abort);
    servers.end(&socket).await;
    Ok(())
}

async fn home(config: &Config, said: mpsc::Sender<Said>) -> anyhow::Result<Option<Home>> {
    let Some(home) = &config.home else { return Ok(None) };
    let client = sources::client::by_config(&home.kubeconfig).await.context("the home cluster")?;
    let (namespace, rollout) = (home.namespace.clone(), home.rollout.clone());
    Ok(Some(Home { client, namespace, rollout, said }))
}

async fn listen(address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

async fn serve_forwarders(
    config: &Config,
    links: &forwarders::Links,
    admission: &forwarders::Admission,
    servers: &mut Servers,
) -> anyhow::Result<()> {
    let names = if config.ca.names.is_empty() { vec![settings::host()] } else { config.ca.names.clone() };
    let tls = Arc::new(Tls::open(&config.ca.folder, &names, SystemTime::now())?);
    for address in &config.listen {
        let listener = listen(*address).await?;
        let (tls, links, stop) = (Arc::clone(&tls), links.clone(), servers.stop_token());
        let server = forwarders::serve(listener, tls, links, config.liveness, stop);
        servers.run("the server of forwarders", server);
    }
    let listener = listen(config.enrolment_listen).await?;
    let tokens = Tokens::new(&config.ca.folder);
    let (admission, stop) = (admission.clone(), servers.stop_token());
    let enrolment = forwarders::serve_enrolment(listener, Arc::clone(&tls), tokens, admission, stop);
    servers.run("the enrolment of forwarders", enrolment);
    let stop = servers.stop_token();
    servers.run("the renewal of certificates", async move {
        forwarders::refresh(tls, stop).await;
        Ok::<(), std::convert::Infallible>(())
    });
    Ok(())
}

fn statics(config: &Config) -> Static {
    Static { clusters: config.clusters.clone(), services_file: config.services_file.clone() }
}

/// Sources and projector, anew whenever the lead was lost.
async fn sessions(
    mut projector: Projector,
    index: IndexConfig,
    home: Option<Home>,
    config: watch::Receiver<Arc<Static>>,
    sight: Sight,
    stop: CancellationToken,
) {
    loop {
        let (feed, changes) = Feed::new(sight.contacts.clone(), sight.admission.clone());
        sight.feed.store(Some(Arc::new(feed.clone())));
        let ending = stop.child_token();
        let reading = tokio::spawn(sources::run(home.clone(), config.clone(), feed.clone(), ending.clone()));
        let ended = projector.run(index.clone(), feed, changes, stop.clone()).await;
        ending.cancel();
        let _ended = reading.await;
        if ended == Ended::Stopped {
            return;
        }
        tracing::info!("the lead is lost: everything is read again");
    }
}

/// What the Rollout object says holds; without one, the configuration file.
async fn follow_rollout(
    mut rollouts: watch::Receiver<Option<Rollout>>,
    default: Rollout,
    identity: String,
    liveness: Liveness,
    driver: Driver,
) {
    while rollouts.changed().await.is_ok() {
        let rollout = rollouts.borrow_and_update().clone().unwrap_or_else(|| default.clone());
        let settings = settings::settings(&identity, liveness, &rollout);
        if driver.commands.send(Command::Settings(settings)).await.is_err() {
            return;
        }
    }
}

/// Counts and logs what the driver tells.
async fn count(sight: Sight, driver: Driver) {
    use tokio::sync::broadcast::error::RecvError;
    let mut told = driver.told.subscribe();
    loop {
        match told.recv().await {
            Ok(Told::Came(stage, time)) => sight.metrics.came(stage.as_str(), time),
            Ok(Told::Notice(notice)) if notice.is_trouble() => tracing::warn!(?notice, "rollout"),
            Ok(Told::Notice(notice)) => tracing::info!(?notice, "rollout"),
            Ok(Told::Resign) => tracing::warn!("another controller leads by the record: standing back"),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Until a signal says to stop.
async fn attend(
    path: &Path,
    mut config: Config,
    statics_of: &watch::Sender<Arc<Static>>,
    signals: &mut Signals,
) {
    let mut alive = tokio::time::interval(watchdog());
    loop {
        tokio::select! {
            _ = alive.tick() => notify(&[NotifyState::Watchdog]),
            told = signals.next() => match told {
                Signal::Stop => return,
                Signal::Reload => {
                    guideway_bgp_daemon::service::notify_reloading();
                    match Config::load(path) {
                        Ok(new) => {
                            settings::log_fixed(&config, &new);
                            statics_of.send_replace(Arc::new(statics(&new)));
                            config = new;
                        }
                        Err(error) => log_refused(&error),
                    }
                    notify(&[NotifyState::Ready]);
                }
            },
        }
    }
}
