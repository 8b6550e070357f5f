//! TLS of the server, with a certificate that is another one before it expires.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::pki::{Authority, Leaf, PkiError, Subject};

/// The name under which the server meets node agents.
const NODE_CLIENT: &str = "kube-apiserver-kubelet-client";

/// The server's certificate, and how to get the next one.
#[derive(Debug)]
pub struct ServingCertificate {
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    current: ArcSwap<Current>,
}

#[derive(Debug)]
struct Current {
    leaf: Leaf,
    key: Arc<CertifiedKey>,
}

impl ServingCertificate {
    /// A certificate for a server under `names` and `addresses`.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new(
        authority: &Authority,
        names: Vec<String>,
        addresses: Vec<IpAddr>,
        now: SystemTime,
    ) -> Result<Arc<Self>, PkiError> {
        let current = make(authority, &names, &addresses, now)?;
        Ok(Arc::new(Self { names, addresses, current: ArcSwap::from_pointee(current) }))
    }

    /// Makes the next one if this one is old. Connections that are open keep theirs.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn renew(&self, authority: &Authority, now: SystemTime) -> Result<(), PkiError> {
        if self.current.load().leaf.is_old(now) {
            self.current.store(Arc::new(make(authority, &self.names, &self.addresses, now)?));
            tracing::info!("the server has another certificate, as the old one was about to expire");
        }
        Ok(())
    }
}

fn make(
    authority: &Authority,
    names: &[String],
    addresses: &[IpAddr],
    now: SystemTime,
) -> Result<Current, PkiError> {
    let leaf = authority.server(names, addresses, now)?;
    let (chain, key) = leaf.parts()?;
    let provider = rustls::crypto::ring::default_provider();
    let key = CertifiedKey::from_der(chain, key, &provider).map_err(PkiError::Tls)?;
    Ok(Current { leaf, key: Arc::new(key) })
}

impl ResolvesServerCert for ServingCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.load().key))
    }
}

/// TLS as the server speaks it: clients may show a certificate of the authority.
///
/// # Errors
///
/// When the authority's certificate is none.
pub fn server(
    authority: &Authority,
    certificate: Arc<ServingCertificate>,
) -> Result<Arc<ServerConfig>, PkiError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots(authority)?), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .map_err(|error| PkiError::Tls(rustls::Error::General(error.to_string())))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(PkiError::Tls)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// TLS towards node agents: they have a certificate of the authority, and so have we.
///
/// # Errors
///
/// When the certificate cannot be made.
pub fn node_client(authority: &Authority, now: SystemTime) -> Result<Arc<ClientConfig>, PkiError> {
    let subject = Subject { user: NODE_CLIENT.to_owned(), groups: vec!["system:masters".to_owned()] };
    let leaf = authority.client(&subject, now, crate::pki::LEAF_LIFE)?;
    let (chain, key) = leaf.parts()?;
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(PkiError::Tls)?
        .with_root_certificates(roots(authority)?)
        .with_client_auth_cert(chain, key)
        .map_err(PkiError::Tls)?;
    Ok(Arc::new(config))
}

fn roots(authority: &Authority) -> Result<RootCertStore, PkiError> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.certificate().as_bytes())
        .map_err(|error| PkiError::Tls(rustls::Error::General(error.to_string())))?;
    roots.add(certificate).map_err(PkiError::Tls)?;
    Ok(roots)
}
