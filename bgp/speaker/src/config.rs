//! The configuration file: YAML in, values that can only be right out. `docs/configuration-bgp.md` is its reference.

mod announce;
mod document;
mod include;
mod monitoring;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use guideway_bgp_config::PeerConfig;
use guideway_bgp_daemon::file::{self, ConfigError};
use guideway_bgp_monitor::MonitorSettings;
use guideway_bgp_rib::DampingSettings;
use guideway_bgp_rib::policy::NodeExport;

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Own AS number.
    pub local_as: u32,
    /// Own BGP identifier.
    pub router_id: Ipv4Addr,
    /// Where routers may connect to; empty when nowhere.
    pub listen: Listen,
    /// What SIGTERM does to the routes.
    pub on_stop: OnStop,
    /// Where the set of addresses comes from.
    pub agent: AgentConfig,
    /// Unix socket of the admin API.
    pub admin_socket: PathBuf,
    /// Where metrics and health are served over HTTP.
    pub metrics_listen: SocketAddr,
    /// The socket of lb-bfd.
    pub bfd_socket: PathBuf,
    /// What is set for the routes of the node, its pools and its VIPs.
    pub node: NodeExport,
    /// Damping of VIPs that come and go; `None` when there is none.
    pub damping: Option<DampingSettings>,
    /// What a drain does unless its order says otherwise.
    pub drain: DrainConfig,
    /// Who is shown the sessions.
    pub monitoring: MonitorSettings,
    /// The peers, each address once.
    pub peers: Vec<PeerConfig>,
    /// The file whose peers, pools and VIPs are among these.
    pub include: Option<PathBuf>,
}

/// Where routers may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Every address of both families, port 179.
    Default,
    /// These addresses; none at all when empty.
    On(Vec<SocketAddr>),
}

impl Listen {
    /// The addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        match self {
            Self::Default => {
                let port = guideway_bgp_config::BGP_PORT;
                vec![(Ipv4Addr::UNSPECIFIED, port).into(), (std::net::Ipv6Addr::UNSPECIFIED, port).into()]
            }
            Self::On(addresses) => addresses.clone(),
        }
    }
}

/// What an end of the process does to the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStop {
    /// They are withdrawn: each session ends with Cease/Administrative Shutdown.
    Withdraw,
    /// Routers with graceful restart keep them for their restart time: connections are closed without a word.
    Preserve,
}

/// What a drain does unless its order says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainConfig {
    /// How long flows may take to end.
    pub timeout: Duration,
    /// Fewer flows than this end it early.
    pub below: Option<u64>,
    /// How long a router may take to show another path.
    pub evidence_wait: Duration,
}

/// How to reach lb-dataplane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfig {
    /// Its admin socket.
    pub socket: PathBuf,
    /// How long its last word counts after the stream broke.
    pub hold: Duration,
}

impl Config {
    /// Reads a file, and the password files and the other file that it names.
    ///
    /// # Errors
    ///
    /// Every problem of the file, each with its line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        // One that does not exist yet has nothing to add.
        let include = |path: &Path| match file::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            read => read.map_err(|error| error.to_string()),
        };
        file::load(path, |text, read_file| document::parse(text, read_file, &include))
    }
}

impl Config {
    /// The longest time that a peer keeps routes for us while we restart; zero when none does.
    #[must_use]
    pub fn restart_time(&self) -> Duration {
        let times = self.peers.iter().filter_map(|peer| peer.session.graceful_restart);
        times.map(|restart| restart.restart_time).max().unwrap_or_default()
    }
}
