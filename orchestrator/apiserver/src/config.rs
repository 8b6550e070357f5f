//! What the server is told.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::flow::FlowLimits;
use crate::serve::ConnectionLimits;

/// What an [`ApiServer`](crate::ApiServer) is told once, at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where ClusterIPs come from: one network, or one of each family with the preferred one first.
    pub service_networks: Vec<IpNet>,
    /// Where node ports come from.
    pub node_ports: RangeInclusive<u16>,
    /// Where clients in the cluster reach this server: the endpoint of the Service `default/kubernetes`.
    pub advertise: Option<SocketAddr>,
    /// The `iss` of the service-account tokens, and the base of the OpenID documents.
    pub issuer: String,
    /// Keys of service-account tokens, PEM. The first one signs; all of them verify.
    pub token_keys: Vec<String>,
    /// How node agents are met: our client certificate, and the CA that theirs is checked with. None: streams are refused.
    pub node_tls: Option<Arc<rustls::ClientConfig>>,
    /// Bounds.
    pub limits: Limits,
    /// Where `/readyz` learns that the rest of the process works, by name.
    pub checks: Vec<Check>,
}

/// Part of the process that [`Config::checks`] asks.
#[derive(Clone)]
pub struct Check {
    /// In `/readyz?verbose`.
    pub name: &'static str,
    /// Why it is not ready.
    pub probe: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Bounds of what clients can make the server do.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections.
    pub connections: ConnectionLimits,
    /// Requests at work.
    pub flow: FlowLimits,
    /// Of these, lists that are in memory as a whole before they are sent.
    pub whole_lists: FlowLimits,
    /// What is remembered for watches.
    pub cache: guideway_cache::Limits,
    /// Bytes of a request's body.
    pub body: usize,
    /// For everything but watches and streams.
    pub request: Duration,
    /// The life of a watch that asks for none is drawn from here.
    pub watch: RangeInclusive<Duration>,
    /// Between two bookmarks of a watch.
    pub bookmarks: Duration,
    /// Between two looks for what the server is found by.
    pub upkeep: Duration,
    /// Between two questions to the store whether it answers.
    pub pulse: Duration,
    /// How long the store may take to answer, before `/readyz` says that it does not.
    pub silence: Duration,
    /// For a node agent to take a connection and answer.
    pub node: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: ConnectionLimits::default(),
            flow: FlowLimits::default(),
            whole_lists: FlowLimits { seats: 4, seats_per_client: 1, ..FlowLimits::default() },
            cache: guideway_cache::Limits::default(),
            body: 3 * 1024 * 1024,
            request: Duration::from_secs(60),
            watch: Duration::from_secs(30 * 60)..=Duration::from_secs(60 * 60),
            bookmarks: Duration::from_secs(60),
            upkeep: Duration::from_secs(10),
            pulse: Duration::from_secs(1),
            // Members of an etcd cluster elect a leader in a second or two.
            silence: Duration::from_secs(3),
            node: Duration::from_secs(10),
        }
    }
}
