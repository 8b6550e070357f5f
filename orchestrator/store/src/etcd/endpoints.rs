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
            // Otherwise each attempt to connect would fail, which looks as if nobody were there.
            let uri = endpoint.uri();
            if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
                return Err(bad(format!("{url:?} is no URL of etcd; http://10.0.0.1:2379 is one")));
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_urls_are_members() {
        let new = |url: &str| {
            let options =
                EtcdOptions { endpoints: vec![url.to_owned()], prefix: "/guideway".to_owned(), tls: None };
            Endpoints::new(&options).map(|_| ()).map_err(|error| error.to_string())
        };
        for url in ["http://10.0.0.1:2379", "http://etcd.example:2379", "http://[::1]:2379"] {
            assert_eq!(new(url), Ok(()), "{url}");
        }
        for url in ["10.0.0.1:2379", "etcd.example", "ftp://10.0.0.1:2379", "http://", "", "/"] {
            let error = new(url).unwrap_err();
            assert!(error.contains(&format!("{url:?} is no URL of etcd")), "{url}: {error}");
        }
        let error = new("https://10.0.0.1:2379").unwrap_err();
        assert!(error.contains("needs the certificate"), "{error}");
    }
}
