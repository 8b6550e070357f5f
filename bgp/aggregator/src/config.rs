//! The configuration file: YAML in, values that can only be right out. `docs/aggregator.md` is its reference.

mod document;
mod peers;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use guideway_bgp_config::{LimitAction, PeerConfig, Remote};
use guideway_bgp_daemon::file::{self, ConfigError};
use guideway_bgp_rib::loc;
use ipnet::IpNet;

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Own AS, identifier, cluster and local preference.
    pub local: loc::Local,
    /// Where speakers and routers may connect to.
    pub listen: Vec<SocketAddr>,
    /// What SIGTERM does to the routes.
    pub on_stop: OnStop,
    /// Unix socket of the admin API.
    pub admin_socket: PathBuf,
    /// Where metrics and health are served over HTTP.
    pub metrics_listen: SocketAddr,
    /// The socket of lb-bfd.
    pub bfd_socket: PathBuf,
    /// How long things are waited for.
    pub restart: RestartConfig,
    /// Prefixes that speakers may announce in.
    pub pools: Vec<Pool>,
    /// Speakers and routers, in the order of the file.
    pub peers: Vec<Peer>,
}

/// What an end of the process does to the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStop {
    /// They are withdrawn: each session ends with Cease/Administrative Shutdown.
    Withdraw,
    /// Routers with graceful restart keep them for their restart time: connections are closed without a word.
    Preserve,
}

/// How long things are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartConfig {
    /// After a start: for the speakers that are known.
    pub defer: Duration,
    /// The longest that paths of a speaker are kept that restarts.
    pub keep: Duration,
    /// The longest that old paths are kept while a speaker tells its routes anew.
    pub resync: Duration,
    /// The longest that paths are kept beyond a restart; `None` for not at all.
    pub long_lived: Option<Duration>,
}

/// Prefixes that VIPs are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// How peers name it.
    pub name: String,
    /// The prefixes; no pool has one that overlaps with another one.
    pub prefixes: Vec<IpNet>,
    /// When routers are told the prefixes themselves; `None` for never.
    pub aggregate: Option<Aggregate>,
}

/// When a prefix of a pool is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aggregate {
    /// While so many specifics of it live.
    pub minimum: usize,
    /// Once there have been enough for so long.
    pub up_after: Duration,
    /// Until there have been too few for so long.
    pub down_after: Duration,
}

/// A peer with what it is here.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// What its session needs.
    pub config: PeerConfig,
    /// What it is.
    pub kind: Kind,
    /// Inside the AS: a client of the reflector.
    pub client: bool,
}

/// What a peer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// It announces VIPs, and is told nothing.
    Speaker(SpeakerConfig),
    /// It is told what the speakers announce, and nothing of it is taken.
    Router(RouterConfig),
}

/// What is set for a speaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeakerConfig {
    /// The prefixes that it may announce in.
    pub allowed: Vec<IpNet>,
    /// How much it may announce.
    pub limit: loc::Limit,
    /// From so many percent of the limit on the status says so.
    pub warn_percent: u8,
    /// When to try again after the limit ended the session; `None` waits for an operator.
    pub retry: Option<Duration>,
}

/// What is set for a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouterConfig {
    /// Whether it is told aggregates.
    pub specifics: loc::Specifics,
}

impl Config {
    /// Reads a file, and the password files that it names.
    ///
    /// # Errors
    ///
    /// Every problem of the file, each with its line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        file::load(path, document::parse)
    }

    /// What the Loc-RIB is configured with.
    #[must_use]
    pub fn loc_settings(&self) -> loc::Settings {
        let aggregates = self.pools.iter().flat_map(|pool| {
            pool.aggregate.into_iter().flat_map(|aggregate| {
                pool.prefixes.iter().map(move |prefix| loc::AggregateConfig {
                    prefix: *prefix,
                    minimum: aggregate.minimum,
                    up_after: aggregate.up_after,
                    down_after: aggregate.down_after,
                })
            })
        });
        loc::Settings {
            local: self.local,
            restart_limit: self.restart.keep,
            resync_limit: self.restart.resync,
            long_lived_limit: self.restart.long_lived,
            aggregates: aggregates.collect(),
        }
    }

    /// The peer with this name, or the range that this address is in: of several the longest.
    #[must_use]
    pub fn peer(&self, name: &str, address: IpAddr) -> Option<&Peer> {
        let named = self.peers.iter().find(|peer| peer.config.name == name);
        named.or_else(|| {
            let ranges = self.peers.iter().filter_map(|peer| match peer.config.remote {
                Remote::Range { prefix, .. } if prefix.contains(&address) => {
                    Some((prefix.prefix_len(), peer))
                }
                _ => None,
            });
            ranges.max_by_key(|(length, _)| *length).map(|(_, peer)| peer)
        })
    }

    /// The names of the speakers that are not ranges.
    pub fn speakers(&self) -> impl Iterator<Item = &str> {
        let speakers = self.peers.iter().filter(|peer| matches!(peer.kind, Kind::Speaker(_)));
        let single = speakers.filter(|peer| !matches!(peer.config.remote, Remote::Range { .. }));
        single.map(|peer| peer.config.name.as_str())
    }
}

impl Peer {
    /// What its limit does, in the words of the Loc-RIB.
    fn limit(config: &PeerConfig) -> loc::Limit {
        config.max_prefixes.map_or(DEFAULT_LIMIT, |limit| loc::Limit {
            prefixes: usize::try_from(limit.limit).unwrap_or(usize::MAX),
            action: match limit.action {
                LimitAction::Warn => loc::LimitAction::Warn,
                LimitAction::Block => loc::LimitAction::Block,
                LimitAction::Reset => loc::LimitAction::Reset,
            },
        })
    }
}

/// Ten times what a forwarder has.
const DEFAULT_LIMIT: loc::Limit = loc::Limit { prefixes: 10_000, action: loc::LimitAction::Block };
/// RFC 4724 leaves it to the operator; most routers wait for as long.
const DEFAULT_DEFER: Duration = Duration::from_secs(60);
const DEFAULT_ROUTER_ID: Ipv4Addr = Ipv4Addr::BROADCAST;
