//! Sockets that peers connect to.

mod matching;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use guideway_bgp_config::{Authentication, PeerConfig};
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::peers::Inner;
use crate::socket::{self, TtlRule, ao::Stage};
pub(crate) use matching::{Incoming, Match, find, key_prefix};

/// An address that is not there yet is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// After an error of accept(2), of which only want of descriptors or memory is left.
const PAUSE: Duration = Duration::from_millis(100);
/// Refused connections are told of so often.
const TELL: Duration = Duration::from_secs(10);

/// A listener as seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerStatus {
    /// The address that is configured.
    pub configured: SocketAddr,
    /// The address that is listened on; `None` while that is not possible.
    pub address: Option<SocketAddr>,
    /// What is wrong, in words; keys that the kernel refuses are there too.
    pub problems: Vec<String>,
}

/// A listener in the registry. Dropping it closes the socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    socket: Option<Arc<TcpListener>>,
    error: Option<String>,
    /// The keys that the kernel has.
    keys: BTreeMap<IpNet, Authentication>,
    key_errors: BTreeMap<IpNet, String>,
    task: AbortHandle,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Listens on `address` in a task of its own, as soon as possible.
    pub(crate) fn start(address: SocketAddr, inner: Weak<Inner>) -> Self {
        let task = tokio::spawn(run(address, inner)).abort_handle();
        Self { address, socket: None, error: None, keys: BTreeMap::new(), key_errors: BTreeMap::new(), task }
    }

    pub(crate) fn status(&self) -> ListenerStatus {
        let address = self.socket.as_ref().and_then(|socket| socket.local_addr().ok());
        let problems = self.error.iter().chain(self.key_errors.values()).cloned().collect();
        ListenerStatus { configured: self.address, address, problems }
    }

    pub(crate) fn bound(&mut self, socket: Arc<TcpListener>, configs: &[Arc<PeerConfig>]) {
        self.socket = Some(socket);
        self.error = None;
        self.keys.clear();
        self.sync(configs);
    }

    pub(crate) fn failed(&mut self, error: String) {
        self.error = Some(error);
    }

    /// True when a connection from `from` can only have come about with the right key.
    pub(crate) fn has_key(&self, from: IpNet, authentication: &Authentication) -> bool {
        *authentication == Authentication::None || self.keys.get(&from) == Some(authentication)
    }

    /// Why connections from `from` are refused, if the key is the reason.
    pub(crate) fn key_problem(&self, from: &IpNet) -> Option<String> {
        self.key_errors.get(from).cloned()
    }

    /// Gives the kernel the keys and the least TTL that `configs` ask for.
    pub(crate) fn sync(&mut self, configs: &[Arc<PeerConfig>]) {
        let Some(socket) = &self.socket else { return };
        let mut wanted = BTreeMap::new();
        self.key_errors.clear();
        let own_family = |prefix: &IpNet| prefix.addr().is_ipv4() == self.address.is_ipv4();
        for config in configs {
            let prefix = key_prefix(&config.remote);
            if config.authentication == Authentication::None || !own_family(&prefix) {
                continue;
            }
            let known = wanted.entry(prefix).or_insert(&config.authentication);
            if **known != config.authentication {
                let text = format!(
                    "{}: another peer from {prefix} has another key; set the peers' link-local addresses",
                    config.name
                );
                self.key_errors.insert(prefix, text);
            }
        }
        let gone = |(prefix, key): &(&IpNet, &Authentication)| wanted.get(prefix).copied() != Some(*key);
        let gone: Vec<_> =
            self.keys.iter().filter(gone).map(|(prefix, key)| (*prefix, key.clone())).collect();
        for (prefix, key) in gone {
            self.keys.remove(&prefix);
            // A password is replaced by the new one; everything else has to go first.
            let replaced =
                matches!((&key, wanted.get(&prefix)), (Authentication::Md5(_), Some(Authentication::Md5(_))));
            if !replaced && let Err(error) = socket::remove_keys(socket, prefix, &key) {
                self.key_errors.insert(prefix, format!("{prefix}: {error}"));
            }
        }
        for (prefix, key) in wanted {
            if self.keys.contains_key(&prefix) {
                continue;
            }
            match socket::set_keys(socket, prefix, key, Stage::Listening) {
                Ok(()) => {
                    self.keys.insert(prefix, key.clone());
                }
                Err(error) => {
                    let text = format!("connections from {prefix} are refused: {error}");
                    warn!(listener = %self.address, "{text}");
                    self.key_errors.insert(prefix, text);
                }
            }
        }
        let here = configs.iter().filter(|config| own_family(&key_prefix(&config.remote)));
        let minimum = here.map(|config| TtlRule::of(config).minimum).min().unwrap_or_default();
        if let Err(error) = socket::set_listener_minimum(socket, minimum) {
            self.error = Some(error.to_string());
        }
    }
}

/// Binds and accepts until it is aborted.
async fn run(address: SocketAddr, inner: Weak<Inner>) {
    let mut told = String::new();
    let listener = loop {
        match socket::listen(address) {
            Ok(listener) => break Arc::new(listener),
            Err(error) => {
                let text = format!("cannot listen on {address}: {error}");
                if told != text {
                    warn!("{text}; trying again");
                }
                let Some(inner) = inner.upgrade() else { return };
                inner.listener_failed(address, text.clone());
                told = text;
            }
        }
        sleep(RETRY).await;
    };
    {
        let Some(inner) = inner.upgrade() else { return };
        inner.listener_bound(address, Arc::clone(&listener));
    }
    info!(address = %address, "listening for peers");
    let mut refusals = Refusals::default();
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                let Some(inner) = inner.upgrade() else { return };
                if let Err(why) = inner.accepted(address, stream, remote) {
                    refusals.tell(remote, &why);
                }
            }
            Err(error) => {
                warn!(%error, "a connection cannot be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Who knocks without being a peer must not fill the disk.
#[derive(Debug, Default)]
struct Refusals {
    told_at: Option<Instant>,
    untold: u64,
}

impl Refusals {
    fn tell(&mut self, remote: SocketAddr, why: &str) {
        if self.told_at.is_some_and(|at| at.elapsed() < TELL) {
            self.untold += 1;
            return;
        }
        info!(%remote, untold_before = self.untold, "connection refused: {why}");
        (self.told_at, self.untold) = (Some(Instant::now()), 0);
    }
}
