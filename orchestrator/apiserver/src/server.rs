//! The server: what it is made of, and how it starts and stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use guideway_access::rbac::Index;
use guideway_access::token::{KeyError, Tokens};
use guideway_access::{Identity, certificate};
use guideway_api::Status;
use guideway_cache::{Cache, WaitError};
use guideway_store::{Revision, Store, StoreError};
use rustls::pki_types::CertificateDer;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::flow::Flow;
use crate::metrics::Metrics;
use crate::objects::CachedObjects;
use crate::peer::Peer;

mod background;
mod bootstrap;

/// How long a request waits for the cache to come to a revision.
const PATIENCE: Duration = Duration::from_secs(3);
/// What tokens are for that are good for this server.
const AUDIENCE: &str = "https://kubernetes.default.svc";

/// The API of one cluster over one store. Several of them can work over the same store.
pub struct ApiServer {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) flow: Arc<Flow>,
    /// Of the requests with a seat there, those that have whole lists in memory.
    pub(crate) whole_lists: Arc<Flow>,
    pub(crate) metrics: Metrics,
    pub(crate) rbac: ArcSwap<Index>,
    pub(crate) tokens: Tokens,
    pub(crate) anonymous: Arc<Identity>,
    catalogue: ArcSwap<Catalogue>,
    /// Rings when the catalogue is another one.
    catalogue_changed: Notify,
    /// Why the store does not answer, if it does not.
    pub(crate) silent: ArcSwapOption<String>,
    stopping: CancellationToken,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store does not answer.
    #[error("the objects cannot be read")]
    Store(#[source] StoreError),
    /// A key of service-account tokens cannot be used.
    #[error("the keys of service accounts")]
    Keys(#[source] KeyError),
    /// What every cluster has cannot be written.
    #[error("{what} cannot be written: {why}")]
    Bootstrap {
        /// The object.
        what: String,
        /// What the API said.
        why: String,
    },
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
    /// When the store cannot be read or written, or keys are none.
    pub async fn start(store: Arc<dyn Store>, config: Config) -> Result<Arc<Self>, StartError> {
        let (signing, verifying) =
            config.token_keys.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
        let audiences = [config.issuer.clone(), AUDIENCE.to_owned()];
        let tokens = Tokens::new(&config.issuer, &audiences, signing, verifying).map_err(StartError::Keys)?;
        let cache = Cache::start(Arc::clone(&store), config.limits.cache).await.map_err(StartError::Store)?;
        let server = Arc::new(Self {
            flow: Flow::new(config.limits.flow),
            whole_lists: Flow::new(config.limits.whole_lists),
            config,
            store,
            cache,
            metrics: Metrics::new(),
            rbac: ArcSwap::default(),
            tokens,
            anonymous: Arc::new(Identity::anonymous()),
            catalogue: ArcSwap::from_pointee(Catalogue::built_in()),
            catalogue_changed: Notify::new(),
            silent: ArcSwapOption::empty(),
            stopping: CancellationToken::new(),
        });
        server.read_definitions();
        server.read_roles();
        server.follow();
        server.bootstrap().await?;
        Ok(server)
    }

    /// Ends watches and streams, and is not ready any more. Other requests are answered as before.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// The token of a secret of type `kubernetes.io/service-account-token` for the account with this `uid`. None when the
    /// key does not sign.
    #[must_use]
    pub fn secret_token(&self, namespace: &str, account: &str, uid: &str, secret: &str) -> Option<String> {
        self.tokens.secret_token(namespace, account, uid, secret)
    }

    /// Done once the server is to end.
    pub(crate) fn stopping(&self) -> WaitForCancellationFuture<'_> {
        self.stopping.cancelled()
    }

    /// The same, to be kept.
    pub(crate) fn stop_token(&self) -> CancellationToken {
        self.stopping.clone()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// What is served now.
    pub(crate) fn catalogue(&self) -> arc_swap::Guard<Arc<Catalogue>> {
        self.catalogue.load()
    }

    /// Done once the catalogue is another one than at the time of this call.
    pub(crate) fn catalogue_changed(&self) -> Notified<'_> {
        self.catalogue_changed.notified()
    }

    /// Returns once the cache has every write that was acknowledged before this call.
    pub(crate) async fn fresh(&self) -> Result<Revision, Status> {
        self.cache.fresh(PATIENCE).await.map_err(|error| self.not_reached(error))
    }

    /// Returns once the cache has come to a revision.
    pub(crate) async fn reach(&self, revision: Revision) -> Result<(), Status> {
        if self.cache.revision() >= revision {
            return Ok(());
        }
        match self.cache.wait_for(revision, PATIENCE).await {
            Ok(_) => Ok(()),
            Err(WaitError::Timeout { current }) => Err(Status::too_large_version(revision.0, current.0)),
            Err(error) => Err(self.not_reached(error)),
        }
    }

    fn not_reached(&self, error: WaitError) -> Status {
        match error {
            WaitError::Store(error) => self.store_failed(&error),
            error => Status::timeout(error),
        }
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
        Peer { identity }
    }

    fn read_roles(&self) {
        self.rbac.store(Arc::new(Index::from_objects(&CachedObjects { server: self })));
    }

    fn read_definitions(&self) {
        let (_, definitions) = self.cache.list(background::DEFINITIONS);
        let catalogue = self.catalogue.load().with_definitions(&definitions);
        self.catalogue.store(Arc::new(catalogue));
        self.catalogue_changed.notify_waiters();
    }
}
