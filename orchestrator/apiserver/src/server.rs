//! The server: what it is made of, and how it starts and stops.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use guideway_access::certificate;
use guideway_store::{Store, StoreError};
use rustls::pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::flow::Flow;
use crate::peer::Peer;

/// The API of one cluster over one store. Several of them can work over the same store.
pub struct ApiServer {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) flow: Arc<Flow>,
    stopping: CancellationToken,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store does not answer.
    #[error("the objects cannot be read")]
    Store(#[source] StoreError),
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ApiServer").field("store", &self.store.name()).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// Reads what the store holds, writes what every cluster has and this one has not, and is ready to answer.
    ///
    /// # Errors
    ///
    /// When the store cannot be read or written.
    pub async fn start(store: Arc<dyn Store>, config: Config) -> Result<Arc<Self>, StartError> {
        store.revision().await.map_err(StartError::Store)?;
        let flow = Flow::new(config.limits.flow);
        Ok(Arc::new(Self { config, store, flow, stopping: CancellationToken::new() }))
    }

    /// Ends watches and streams, and is not ready any more. Other requests are answered as before.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// The answer to a request. Whatever goes wrong, there is one.
    pub async fn respond(self: &Arc<Self>, _request: Request<Body>) -> Response {
        Response::new(Body::empty())
    }

    /// Who is at the other end of a TLS connection.
    pub(crate) fn peer(&self, address: SocketAddr, certificate: Option<&CertificateDer<'_>>) -> Peer {
        let identity = certificate.and_then(|der| match certificate::identity(der) {
            Ok(identity) => Some(Arc::new(identity)),
            Err(error) => {
                tracing::info!(%address, %error, "a client certificate names nobody");
                None
            }
        });
        Peer { address: Some(address), identity }
    }
}
