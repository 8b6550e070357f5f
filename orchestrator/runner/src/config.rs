//! What a runner has to be told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use guideway_controllers::Object;
use guideway_election::ElectionConfig;

use crate::Metrics;

/// Makes the token of a secret of type `kubernetes.io/service-account-token`: the account and the secret in; the
/// token, or why there is none, out.
pub type TokenSigner = Arc<dyn Fn(&Object, &Object) -> Result<String, String> + Send + Sync>;

/// Settings of a runner.
#[derive(Clone)]
pub struct Config {
    /// Absent: this runner is the only one and acts at once.
    pub election: Option<ElectionConfig>,
    /// PEM certificates of the cluster's CA: the content of every `kube-root-ca.crt`. Absent: none are written.
    pub root_ca: Option<String>,
    /// Absent: secrets for tokens of service accounts are left empty.
    pub token_signer: Option<TokenSigner>,
    /// How long an Event is kept.
    pub event_ttl: Duration,
    /// Keys that one controller looks at at the same time.
    pub workers: usize,
    /// How often the kinds that are served are asked for, besides whenever a definition or API service changes.
    pub discovery_period: Duration,
    /// Counters of the runner.
    pub metrics: Metrics,
}

impl Config {
    /// One runner, no CA, no tokens; Events live for an hour.
    pub fn new() -> Self {
        Self {
            election: None,
            root_ca: None,
            token_signer: None,
            event_ttl: Duration::from_secs(3600),
            workers: 4,
            discovery_period: Duration::from_secs(30),
            metrics: Metrics::default(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("election", &self.election)
            .field("root_ca", &self.root_ca.is_some())
            .field("token_signer", &self.token_signer.is_some())
            .field("event_ttl", &self.event_ttl)
            .field("workers", &self.workers)
            .field("discovery_period", &self.discovery_period)
            .finish_non_exhaustive()
    }
}
