//! The members of the cluster, one of which is used at a time.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::EtcdOptions;
use crate::StoreError;

/// For connections to etcd by TLS; all in PEM.
#[derive(Clone)]
pub struct EtcdTls {
    /// Who signs the members' certificates.
    pub ca: String,
    /// Our certificate and its key, if etcd asks for one.
    pub client: Option<(String, String)>,
}

impl fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EtcdTls")
    }
}

/// A member that is silent for this long, in answers to pings, is given up.
const PING: Duration = Duration::from_secs(2);

pub(super) struct Endpoints {
    channels: Vec<Channel>,
    current: AtomicUsize,
}

impl Endpoints {
    /// Nothing is connected yet.
    pub(super) fn new(options: &EtcdOptions) -> Result<Self, StoreError> {
        let bad = |what: String| StoreError::Unavailable { what, source: None };
        if options.endpoints.is_empty() {
            return Err(bad("no member of etcd was named".into()));
        }
        let channel = |url: &String| {
            let mut endpoint = Endpoint::from_shared(url.clone())
                .map_err(|error| StoreError::unavailable(format!("{url:?} is no URL of etcd"), error))?
                .connect_timeout(Duration::from_secs(1))
                .tcp_nodelay(true)
                .http2_keep_alive_interval(PING)
                .keep_alive_timeout(PING)
                .keep_alive_while_idle(true);
            if url.starts_with("https:") {
                let Some(tls) = &options.tls else {
                    return Err(bad(format!("{url} needs the certificate of who signed etcd's")));
                };
                let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&tls.ca));
                if let Some((certificate, key)) = &tls.client {
                    config = config.identity(Identity::from_pem(certificate, key));
                }
                let unusable =
                    |error| StoreError::unavailable("the certificates for etcd cannot be used", error);
                endpoint = endpoint.tls_config(config).map_err(unusable)?;
            }
            Ok(endpoint.connect_lazy())
        };
        let channels = options.endpoints.iter().map(channel).collect::<Result<_, _>>()?;
        Ok(Self { channels, current: AtomicUsize::new(0) })
    }

    /// The member in use, and its number.
    pub(super) fn current(&self) -> (usize, Channel) {
        let at = self.current.load(Ordering::Relaxed) % self.channels.len();
        (at, self.channels[at].clone())
    }

    /// Goes on to the next member, unless another call has done so.
    pub(super) fn failed(&self, at: usize) {
        let next = (at + 1) % self.channels.len();
        // Who loses the race finds the member that the winner chose.
        let _ = self.current.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(super) fn all(&self) -> &[Channel] {
        &self.channels
    }
}
