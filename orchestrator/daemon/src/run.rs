//! The server, from its arguments to its end.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use guideway_access::{Identity, MASTERS};
use guideway_apiserver::{ApiServer, Check, Config, Limits, StartError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::ServerArgs;
use crate::files::{self, FileError, FolderLock, LockError};
use crate::pki::{Authority, LEAF_LIFE, PkiError, Subject};
use crate::stores::{self, StoresError};
use crate::tls::{self, ServingCertificate};
use crate::{control, descriptors, kubeconfig, systemd};

/// Where pods find the server.
const NAMES: [&str; 5] = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
];
/// How often certificates are looked at.
const RENEWAL: Duration = Duration::from_secs(12 * 3600);
/// The user of the administrator's kubeconfig.
const ADMINISTRATOR: &str = "kubernetes-admin";

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A folder cannot be made, or a file not written.
    #[error("the data folder")]
    Folder(#[source] FileError),
    /// Somebody else works there.
    #[error(transparent)]
    Lock(LockError),
    /// No authority.
    #[error(transparent)]
    Pki(PkiError),
    /// No store.
    #[error(transparent)]
    Store(StoresError),
    /// Not on this address.
    #[error("{address} cannot be listened on; choose another --listen")]
    Listen {
        /// As given.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An argument that makes no sense.
    #[error("{0}")]
    Argument(String),
    /// The API does not start.
    #[error("the API cannot start")]
    Start(#[source] StartError),
    /// The operating system refuses something else.
    #[error("{what}")]
    System {
        /// What was to be done.
        what: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Serves until a signal.
///
/// # Errors
///
/// When it cannot start.
pub async fn run(args: ServerArgs) -> Result<(), RunError> {
    let begun = Instant::now();
    check(&args)?;
    let signals = Signals::new()?;
    let folder = args.folder.data_dir.clone();
    files::folder(&folder).map_err(RunError::Folder)?;
    let _lock = FolderLock::take(&folder).map_err(RunError::Lock)?;
    let authority = Arc::new(Authority::open(&args.folder.pki(), SystemTime::now()).map_err(RunError::Pki)?);
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|source| RunError::Listen { address: args.listen, source })?;
    let listen = listener.local_addr().map_err(|source| RunError::System {
        what: "the address that is listened on is not known",
        source,
    })?;
    let store = stores::open(&folder, &args.etcd).await.map_err(RunError::Store)?;
    let advertise = SocketAddr::new(advertised(&args, listen), listen.port());
    let serving = serving(&args, &authority, advertise)?;
    let tls = tls::server(&authority, Arc::clone(&serving)).map_err(RunError::Pki)?;
    let controllers_run = Arc::new(AtomicBool::new(true));
    let config = config(&args, &authority, advertise, Arc::clone(&controllers_run))?;
    let api = ApiServer::start(Arc::clone(&store), config).await.map_err(RunError::Start)?;
    let url = format!("https://{}", SocketAddr::new(local(listen), listen.port()));
    let files = Kubeconfig { path: args.kubeconfig_path(), url: url.clone() };
    files.write(&authority).map_err(RunError::Pki)?;
    let socket = control::listen(&folder).map_err(|source| RunError::System {
        what: "the socket of the data folder cannot be made",
        source,
    })?;
    tokio::spawn(control::serve(socket, Arc::clone(&store)));
    tokio::spawn(renew(Arc::clone(&authority), serving, files));
    if let Some(period) = systemd::watchdog_period() {
        tokio::spawn(async move {
            loop {
                systemd::watchdog();
                tokio::time::sleep(period).await;
            }
        });
    }
    let stop = CancellationToken::new();
    let serve = tokio::spawn(Arc::clone(&api).serve(listener, tls, stop.clone(), args.drain));
    let controllers = tokio::spawn(controllers(
        Arc::clone(&api),
        args.clone(),
        Arc::clone(&authority),
        stop.clone(),
        controllers_run,
    ));
    tracing::info!(
        %listen,
        store = store.name(),
        kubeconfig = %args.kubeconfig_path().display(),
        ready_in_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready"
    );
    systemd::ready(&format!("serving {url}"));
    let name = signals.wait().await;
    tracing::info!(signal = name, "stopping");
    systemd::stopping();
    // Controllers give up their Lease while there is an API to do it with.
    stop_controllers(&stop, controllers, args.drain).await;
    if let Err(error) = serve.await {
        tracing::error!(%error, "the server ended by itself");
    }
    control::remove(&folder);
    Ok(())
}

fn check(args: &ServerArgs) -> Result<(), RunError> {
    let bad = |text: String| Err(RunError::Argument(text));
    match args.service_cidr.as_slice() {
        [_] => {}
        [one, two] if one.addr().is_ipv4() != two.addr().is_ipv4() => {}
        _ => return bad("--service-cidr takes one network, or one of each family".to_owned()),
    }
    if let Some(network) =
        args.service_cidr.iter().find(|network| network.max_prefix_len() - network.prefix_len() < 3)
    {
        return bad(format!("--service-cidr {network} is too small: it needs room for 8 addresses at least"));
    }
    Ok(())
}

fn config(
    args: &ServerArgs,
    authority: &Authority,
    advertise: SocketAddr,
    controllers: Arc<AtomicBool>,
) -> Result<Config, RunError> {
    Ok(Config {
        service_networks: args.service_cidr.clone(),
        node_ports: args.node_port_range.clone(),
        advertise: Some(advertise),
        issuer: "https://kubernetes.default.svc.cluster.local".to_owned(),
        token_keys: authority.token_keys().to_vec(),
        node_tls: Some(tls::node_client(authority, SystemTime::now()).map_err(RunError::Pki)?),
        limits: Limits { connections: descriptors::limits(), ..Limits::default() },
        checks: vec![Check {
            name: "controllers",
            probe: Arc::new(move || {
                if controllers.load(Ordering::Relaxed) { Ok(()) } else { Err("they have ended".to_owned()) }
            }),
        }],
    })
}

fn serving(
    args: &ServerArgs,
    authority: &Authority,
    advertise: SocketAddr,
) -> Result<Arc<ServingCertificate>, RunError> {
    let mut names: Vec<String> = NAMES.map(str::to_owned).to_vec();
    let mut addresses = vec![IpAddr::from([127, 0, 0, 1]), advertise.ip()];
    if !args.listen.ip().is_unspecified() {
        addresses.push(args.listen.ip());
    }
    // The Service of the API has the first address of the network.
    for network in &args.service_cidr {
        addresses.extend(network.hosts().find(|address| *address != network.network()));
    }
    for name in &args.tls_san {
        match name.parse() {
            Ok(address) => addresses.push(address),
            Err(_) => names.push(name.clone()),
        }
    }
    if let Ok(name) = std::fs::read_to_string("/proc/sys/kernel/hostname") {
        names.push(name.trim().to_owned());
    }
    addresses.sort();
    addresses.dedup();
    ServingCertificate::new(authority, names, addresses, SystemTime::now()).map_err(RunError::Pki)
}

/// Under which address others reach the server.
fn advertised(args: &ServerArgs, listen: SocketAddr) -> IpAddr {
    if let Some(address) = args.advertise_address {
        return address;
    }
    if !listen.ip().is_unspecified() {
        return listen.ip();
    }
    // Nothing is sent: the kernel says which address it would send from.
    let way_out = || {
        let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
        socket.connect("192.0.2.1:9").ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    way_out().unwrap_or(IpAddr::from([127, 0, 0, 1]))
}

/// Where this machine reaches the server.
fn local(listen: SocketAddr) -> IpAddr {
    if listen.ip().is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { listen.ip() }
}

/// The administrator's file.
struct Kubeconfig {
    path: PathBuf,
    url: String,
}

impl Kubeconfig {
    fn write(&self, authority: &Authority) -> Result<(), PkiError> {
        let now = SystemTime::now();
        let known = files::read(&self.path).map_err(PkiError::File)?.and_then(|text| kubeconfig::read(&text));
        if known.is_some_and(|known| {
            known.server == self.url
                && known.ca == authority.certificate()
                && !crate::pki::is_old_certificate(&known.certificate, now)
        }) {
            return Ok(());
        }
        let subject = Subject { user: ADMINISTRATOR.to_owned(), groups: vec![MASTERS.to_owned()] };
        let leaf = authority.client(&subject, now, LEAF_LIFE)?;
        let text = kubeconfig::text(&self.url, authority.certificate(), ADMINISTRATOR, &leaf);
        files::write(&self.path, &text).map_err(PkiError::File)
    }
}

/// Keeps certificates young.
async fn renew(authority: Arc<Authority>, serving: Arc<ServingCertificate>, files: Kubeconfig) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let renewed = serving.renew(&authority, SystemTime::now()).and_then(|()| files.write(&authority));
        if let Err(error) = renewed {
            tracing::error!(error = crate::error::chain(&error), "certificates cannot be renewed");
        }
    }
}

async fn controllers(
    api: Arc<ApiServer>,
    args: ServerArgs,
    authority: Arc<Authority>,
    stop: CancellationToken,
    running: Arc<AtomicBool>,
) {
    let identity = Identity::user("system:kube-controller-manager", &[MASTERS]);
    let client = kube::Client::new(api.in_process(identity), "default");
    let mut config = guideway_runner::Config::new();
    config.root_ca = Some(authority.certificate().to_owned());
    config.event_ttl = args.event_ttl;
    let signer = Arc::clone(&api);
    config.token_signer = Some(Arc::new(move |account, secret| {
        let token = signer.secret_token(&account.namespace, &account.name, &account.uid, &secret.name);
        token.ok_or_else(|| "the key of service-account tokens does not sign".to_owned())
    }));
    if !args.etcd.etcd_servers.is_empty() {
        let holder = format!("{}_{}", hostname(), std::process::id());
        config.election =
            Some(guideway_runner::ElectionConfig::new("kube-system", "guideway-controllers", holder));
    }
    if let Err(error) = guideway_runner::run(client, config, stop).await {
        tracing::error!(%error, "the controllers ended");
    }
    running.store(false, Ordering::Relaxed);
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "orchestrator".to_owned(), |name| name.trim().to_owned())
}

async fn stop_controllers(
    stop: &CancellationToken,
    controllers: tokio::task::JoinHandle<()>,
    patience: Duration,
) {
    stop.cancel();
    if tokio::time::timeout(patience, controllers).await.is_err() {
        tracing::warn!("the controllers do not end in time");
    }
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, RunError> {
        let failed = |source| RunError::System { what: "signals cannot be waited for", source };
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    async fn wait(mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
