//! The cluster's own certificate authority, and what it signs.
//!
//! The folder holds the authority (`ca.crt`, `ca.key`) and the key that signs service-account tokens
//! (`service-accounts.key`). They are made once. Servers of one cluster need the same three files. What the authority
//! signs for servers lives in memory only and is made anew at each start, and before it expires.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::files::{self, FileError};

#[cfg(test)]
mod tests;

/// How long a certificate of a client or a server is good.
pub const LEAF_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// Groups that a client certificate can name.
pub const MAX_GROUPS: usize = 2;
/// How long the authority is good, and so anything that it signs.
pub const CA_LIFE: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
/// Clocks of other machines may be behind.
const CLOCK_SKEW: Duration = Duration::from_secs(3600);

/// The certificate authority of a cluster and its token key.
#[derive(Debug)]
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
    token_keys: Vec<String>,
}

/// A certificate with its key, both PEM.
#[derive(Clone)]
pub struct Leaf {
    /// The certificate alone.
    pub certificate: String,
    /// PKCS #8.
    pub key: String,
    /// When it has to be another one.
    pub expires: SystemTime,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Leaf").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Whom a client certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The common name: the user.
    pub user: String,
    /// Organizations: the groups, [`MAX_GROUPS`] at most.
    pub groups: Vec<String>,
}

/// Why there is no authority, or no certificate of it.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A file cannot be read or written.
    #[error("the keys of the cluster")]
    File(#[source] FileError),
    /// Half of it is there.
    #[error("{} is missing beside {}: put it back, or remove both to get a new authority, which no client trusts yet", missing.display(), there.display())]
    Half {
        /// Not there.
        missing: PathBuf,
        /// There.
        there: PathBuf,
    },
    /// A file holds something else.
    #[error("{} holds no {what} that can be used", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What the parser says.
        #[source]
        source: rcgen::Error,
    },
    /// A certificate cannot be made.
    #[error("a certificate for {subject:?} cannot be made")]
    Sign {
        /// For whom.
        subject: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// More groups than fit.
    #[error("a certificate names {MAX_GROUPS} groups at most, not {0}: bind the role to the user instead")]
    Groups(usize),
    /// TLS does not take what was made.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

impl Authority {
    /// The authority in `folder`; a new one when there is none.
    ///
    /// # Errors
    ///
    /// When files are missing, hold something else, or cannot be written.
    pub fn open(folder: &Path, now: SystemTime) -> Result<Self, PkiError> {
        files::folder(folder).map_err(PkiError::File)?;
        let (certificate_path, key_path) = (folder.join("ca.crt"), folder.join("ca.key"));
        let certificate = files::read(&certificate_path).map_err(PkiError::File)?;
        let key = files::read(&key_path).map_err(PkiError::File)?;
        let (certificate, key) = match (certificate, key) {
            (Some(certificate), Some(key)) => (certificate, key),
            // The certificate is written last: a key alone is of a start that was cut off.
            (None, _) if !certificate_path.exists() => {
                let (certificate, key) = new_authority(now)?;
                files::write(&key_path, &key).map_err(PkiError::File)?;
                files::write(&certificate_path, &certificate).map_err(PkiError::File)?;
                (certificate, key)
            }
            (None, _) => return Err(PkiError::Half { missing: certificate_path, there: key_path }),
            (Some(_), None) => return Err(PkiError::Half { missing: key_path, there: certificate_path }),
        };
        let key = KeyPair::from_pem(&key).map_err(|source| PkiError::Content {
            path: key_path,
            what: "private key",
            source,
        })?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, key).map_err(|source| PkiError::Content {
            path: certificate_path,
            what: "certificate",
            source,
        })?;
        let token_path = folder.join("service-accounts.key");
        let token_keys = match files::read(&token_path).map_err(PkiError::File)? {
            Some(text) => split_pem(&text),
            None => {
                let key = KeyPair::generate()
                    .map_err(|source| PkiError::Sign { subject: "service accounts".to_owned(), source })?
                    .serialize_pem();
                files::write(&token_path, &key).map_err(PkiError::File)?;
                vec![key]
            }
        };
        Ok(Self { certificate, issuer, token_keys })
    }

    /// The certificate of the authority, PEM.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The keys of service-account tokens, PEM, the one that signs first.
    #[must_use]
    pub fn token_keys(&self) -> &[String] {
        &self.token_keys
    }

    /// A certificate by which a client is `subject`, for `life`.
    ///
    /// # Errors
    ///
    /// When `subject` cannot be written into one.
    pub fn client(&self, subject: &Subject, now: SystemTime, life: Duration) -> Result<Leaf, PkiError> {
        if subject.groups.len() > MAX_GROUPS {
            return Err(PkiError::Groups(subject.groups.len()));
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&subject.user, &subject.groups);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, &subject.user, now, life)
    }

    /// A certificate for a server under `names` and `addresses`.
    ///
    /// # Errors
    ///
    /// When a name cannot be written into one.
    pub fn server(&self, names: &[String], addresses: &[IpAddr], now: SystemTime) -> Result<Leaf, PkiError> {
        let subject = "kube-apiserver";
        let mut params = CertificateParams::new(names.to_vec())
            .map_err(|source| PkiError::Sign { subject: subject.to_owned(), source })?;
        params.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
        params.distinguished_name = name(subject, &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params, subject, now, LEAF_LIFE)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        subject: &str,
        now: SystemTime,
        life: Duration,
    ) -> Result<Leaf, PkiError> {
        let failed = |source| PkiError::Sign { subject: subject.to_owned(), source };
        let expires = now + life;
        params.not_before = (now - CLOCK_SKEW).into();
        params.not_after = expires.into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Leaf { certificate: certificate.pem(), key: key.serialize_pem(), expires })
    }
}

impl Leaf {
    /// Whether a third of its life is left or less.
    #[must_use]
    pub fn is_old(&self, now: SystemTime) -> bool {
        self.expires.duration_since(now).map_or(true, |left| left <= LEAF_LIFE / 3)
    }

    /// As TLS takes it.
    ///
    /// # Errors
    ///
    /// When the PEM is not what it should be.
    pub fn parts(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), PkiError> {
        let bad =
            |error: rustls::pki_types::pem::Error| PkiError::Tls(rustls::Error::General(error.to_string()));
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).map_err(bad)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(bad)?;
        Ok((vec![certificate], key))
    }
}

fn new_authority(now: SystemTime) -> Result<(String, String), PkiError> {
    let failed = |source| PkiError::Sign { subject: "the authority".to_owned(), source };
    let mut params = CertificateParams::default();
    params.distinguished_name = name("guideway-ca", &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + CA_LIFE).into();
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn name(common: &str, organizations: &[String]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    // A name of rcgen holds each type once. The same type under its number is another one.
    let types = [DnType::OrganizationName, DnType::CustomDnType(vec![2, 5, 4, 10])];
    for (kind, organization) in types.into_iter().zip(organizations) {
        name.push(kind, organization.as_str());
    }
    name
}

/// The blocks of a PEM file, each with its own markers.
fn split_pem(text: &str) -> Vec<String> {
    text.split_inclusive("-----END")
        .zip(text.split("-----END").skip(1))
        .map(|(block, rest)| {
            let begin = block.find("-----BEGIN").unwrap_or(0);
            format!("{}{}\n", &block[begin..], rest.lines().next().unwrap_or_default())
        })
        .collect()
}

/// Whether a client certificate, PEM, is to be another one: a third of its life is left or less, or it cannot be read.
#[must_use]
pub fn is_old_certificate(pem: &str, now: SystemTime) -> bool {
    let parsed = CertificateDer::from_pem_slice(pem.as_bytes()).ok().and_then(|der| {
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
        let end = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(end))
    });
    parsed.is_none_or(|expires| expires.duration_since(now).map_or(true, |left| left <= LEAF_LIFE / 3))
}
