//! What the servers need of TLS, read again at times.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{RootCertStore, ServerConfig};

use super::authority::{Authority, CERTIFICATE, CaError};
use crate::files;

const SERVER_CERTIFICATE: &str = "controller.crt";
const SERVER_KEY: &str = "controller.key";

/// Certificates of this controller, and whom it believes.
#[derive(Debug)]
pub(crate) struct Tls {
    folder: PathBuf,
    names: Vec<String>,
    current: ArcSwap<Current>,
}

/// As it was read last.
#[derive(Debug)]
pub(crate) struct Current {
    /// For forwarders, who show certificates.
    pub(crate) mutual: Arc<ServerConfig>,
    /// For those who have none yet.
    pub(crate) enrolment: Arc<ServerConfig>,
    /// What signs; `None` when certificates are brought.
    pub(crate) authority: Option<Authority>,
}

impl Tls {
    /// Of a folder. A controller that has the authority gives itself a certificate for `names`, unless one is brought.
    pub(crate) fn open(folder: &Path, names: &[String], now: SystemTime) -> Result<Self, CaError> {
        let current = Current::load(folder, names, now)?;
        Ok(Self { folder: folder.to_owned(), names: names.to_vec(), current: ArcSwap::from_pointee(current) })
    }

    /// What counts now.
    pub(crate) fn current(&self) -> Arc<Current> {
        self.current.load_full()
    }

    /// Reads the folder again. After an error all is as it was. Connections that stand are not touched.
    pub(crate) fn refresh(&self, now: SystemTime) -> Result<(), CaError> {
        self.current.store(Arc::new(Current::load(&self.folder, &self.names, now)?));
        Ok(())
    }
}

impl Current {
    fn load(folder: &Path, names: &[String], now: SystemTime) -> Result<Self, CaError> {
        let authority = Authority::open(folder)?;
        let authorities = certificates(&folder.join(CERTIFICATE), "make one with `lb-controller ca init`")?;
        let certificate_path = folder.join(SERVER_CERTIFICATE);
        let (mut chain, key) = match &authority {
            Some(authority) if !certificate_path.exists() => {
                let leaf = authority.controller(names, now)?;
                let certificate = CertificateDer::from_pem_slice(leaf.certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes());
                let bad = |error: rustls::pki_types::pem::Error| {
                    CaError::Tls(rustls::Error::General(error.to_string()))
                };
                (vec![certificate.map_err(bad)?], key.map_err(bad)?)
            }
            _ => {
                let advice = "without ca.key the certificate of the controller is to be brought, too";
                (certificates(&certificate_path, advice)?, private_key(&folder.join(SERVER_KEY), advice)?)
            }
        };
        // Who joins knows the authority by its hash only.
        if let (1, Some(first)) = (chain.len(), authorities.first()) {
            chain.push(first.clone());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority).map_err(CaError::Tls)?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| CaError::Tls(rustls::Error::General(error.to_string())))?;
        let builder = || {
            ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(&[&TLS13])
                .map_err(CaError::Tls)
        };
        let finish = |config: Result<ServerConfig, rustls::Error>| {
            let mut config = config.map_err(CaError::Tls)?;
            config.alpn_protocols = vec![b"h2".to_vec()];
            // Each connection shows its certificate: one that does not count any more is not resumed.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
            Ok(Arc::new(config))
        };
        let mutual = builder()?.with_client_cert_verifier(verifier);
        let enrolment = builder()?.with_no_client_auth();
        Ok(Self {
            mutual: finish(mutual.with_single_cert(chain.clone(), key.clone_key()))?,
            enrolment: finish(enrolment.with_single_cert(chain, key))?,
            authority,
        })
    }
}

fn certificates(path: &Path, advice: &'static str) -> Result<Vec<CertificateDer<'static>>, CaError> {
    let text = files::read(path)
        .map_err(CaError::File)?
        .ok_or_else(|| CaError::Missing { path: path.to_owned(), advice })?;
    let content = |reason: String| CaError::Content { path: path.to_owned(), what: "certificate", reason };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let found = found.map_err(|error| content(error.to_string()))?;
    if found.is_empty() { Err(content("there is none in it".to_owned())) } else { Ok(found) }
}

fn private_key(path: &Path, advice: &'static str) -> Result<PrivateKeyDer<'static>, CaError> {
    let text = files::read(path)
        .map_err(CaError::File)?
        .ok_or_else(|| CaError::Missing { path: path.to_owned(), advice })?;
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|error| CaError::Content {
        path: path.to_owned(),
        what: "private key",
        reason: error.to_string(),
    })
}
