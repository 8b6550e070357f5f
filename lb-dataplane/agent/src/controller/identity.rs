//! Who this forwarder is to its controllers, and whom it takes for one: certificates and a key in files, which are read
//! again for each connection.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use guideway_dataplane_config::Controller;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// A longer file is no certificate.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Why the files do not make an identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be read or written.
    #[error("{}: {}", path.display(), source)]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no PEM, or holds something else.
    #[error("{}: holds no {what}: {}", path.display(), source)]
    Pem {
        /// Which one.
        path: PathBuf,
        /// What should be in it.
        what: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// The certificate cannot be read.
    #[error("{}: its certificate cannot be read", path.display())]
    Certificate {
        /// Which one.
        path: PathBuf,
    },
    /// It is somebody else's, and no VIP would ever be announced under that name.
    #[error("{}: the certificate is for {found:?} and controller.name is {expected:?}: they have to be the same", path.display())]
    Name {
        /// Which file.
        path: PathBuf,
        /// What the certificate says: common names, or without one the DNS names.
        found: Vec<String>,
        /// What the configuration says.
        expected: String,
    },
    /// Certificate and key are no pair, or an authority is none.
    #[error("certificate, key and authority do not fit together: {0}")]
    Unfit(rustls::Error),
    /// No request can be made with the key.
    #[error("no certificate can be asked for with this key: {0}")]
    Request(rcgen::Error),
}

/// Certificate, key and authorities, and until when they are good.
#[derive(Clone, Debug)]
pub struct Identity {
    /// For connections to controllers.
    pub tls: Arc<ClientConfig>,
    /// When the certificate begins to count.
    pub from: SystemTime,
    /// When it ends.
    pub until: SystemTime,
}

impl Identity {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// See [`IdentityError`].
    pub fn load(files: &Controller) -> Result<Self, IdentityError> {
        let chain = certificates(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|source| IdentityError::Pem {
            path: files.key.clone(),
            what: "private key",
            source,
        })?;
        let mut roots = RootCertStore::empty();
        for authority in certificates(&files.ca)? {
            roots.add(authority).map_err(IdentityError::Unfit)?;
        }
        let unreadable = || IdentityError::Certificate { path: files.certificate.clone() };
        let (from, until, names) = chain.first().and_then(parse).ok_or_else(unreadable)?;
        if names != [files.name.as_str()] {
            let (path, expected) = (files.certificate.clone(), files.name.clone());
            return Err(IdentityError::Name { path, found: names, expected });
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(IdentityError::Unfit)?
            .with_root_certificates(roots);
        let mut tls = config.with_client_auth_cert(chain, key).map_err(IdentityError::Unfit)?;
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { tls: Arc::new(tls), from, until })
    }

    /// Two thirds of its life are over: it is time for another one.
    #[must_use]
    pub fn is_old(&self, now: SystemTime) -> bool {
        let life = self.until.duration_since(self.from).unwrap_or_default();
        now > self.from + life * 2 / 3
    }
}

/// A certificate signing request with the key in `key` (RFC 2986, PEM). It asks for nothing: the controller knows who
/// asks.
///
/// # Errors
///
/// When the key cannot be read or is of no use.
pub fn request(key: &Path) -> Result<String, IdentityError> {
    let text = String::from_utf8_lossy(&read(key)?).into_owned();
    let key = KeyPair::from_pem(&text).map_err(IdentityError::Request)?;
    let params = CertificateParams::new(Vec::<String>::new()).map_err(IdentityError::Request)?;
    let request = params.serialize_request(&key).map_err(IdentityError::Request)?;
    request.pem().map_err(IdentityError::Request)
}

/// Puts a new certificate, and what signs those of controllers, in the place of the old ones.
///
/// # Errors
///
/// When they do not fit the key, or a file cannot be written. The old ones stay then.
pub fn renew(files: &Controller, certificate: &str, authorities: &str) -> Result<Identity, IdentityError> {
    let beside = |path: &Path| path.with_added_extension("new");
    let next = Controller { certificate: beside(&files.certificate), ca: beside(&files.ca), ..files.clone() };
    write(&next.certificate, certificate)?;
    write(&next.ca, authorities)?;
    let identity = Identity::load(&next)?;
    for (from, to) in [(&next.ca, &files.ca), (&next.certificate, &files.certificate)] {
        std::fs::rename(from, to).map_err(|source| IdentityError::File { path: to.clone(), source })?;
    }
    Ok(identity)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let wrong = |source| IdentityError::Pem { path: path.to_owned(), what: "certificate", source };
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(wrong)?;
    if found.is_empty() { Err(wrong(pem::Error::NoItemsFound)) } else { Ok(found) }
}

/// From when and until when it counts, and whose it is as the controller reads it.
fn parse(certificate: &CertificateDer<'static>) -> Option<(SystemTime, SystemTime, Vec<String>)> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let time = |seconds: i64| {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
    };
    let validity = parsed.validity();
    let mut names: Vec<String> =
        parsed.subject().iter_common_name().filter_map(|name| Some(name.as_str().ok()?.to_owned())).collect();
    if let (true, Ok(Some(others))) = (names.is_empty(), parsed.subject_alternative_name()) {
        names.extend(others.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        }));
    }
    Some((time(validity.not_before.timestamp())?, time(validity.not_after.timestamp())?, names))
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    let failed = |source| IdentityError::File { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err(failed(io::Error::other("not a file of less than 1 MiB")));
    }
    std::fs::read(path).map_err(failed)
}

fn write(path: &Path, text: &str) -> Result<(), IdentityError> {
    let write = || {
        let mut file = std::fs::File::create(path)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| IdentityError::File { path: path.to_owned(), source })
}
