//! The built-in authority.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use guideway_controller_core::ForwarderName;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::files::{self, FileError};

use super::request;

/// How long a certificate of a forwarder is good. It asks for another one after two thirds of that.
pub(crate) const FORWARDER_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long one of a controller is. It is made anew at each start and each day.
pub(crate) const CONTROLLER_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long the authority is good.
const CA_LIFE: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
/// Clocks of other machines may be behind.
const CLOCK_SKEW: Duration = Duration::from_secs(3600);

pub(crate) const CERTIFICATE: &str = "ca.crt";
pub(crate) const KEY: &str = "ca.key";

/// Why there is no authority, or no certificate of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaError {
    /// A file cannot be read or written.
    #[error("{0}")]
    File(FileError),
    /// Something that is needed is not there.
    #[error("{} is not there: {advice}", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// There is an authority already.
    #[error("{} is there already: forwarders trust it; remove it to make another one", .0.display())]
    Exists(PathBuf),
    /// A file holds something else.
    #[error("{} holds no {what} that can be used: {reason}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A certificate cannot be made.
    #[error("a certificate for {subject:?} cannot be made: {reason}")]
    Sign {
        /// For whom.
        subject: String,
        /// Why.
        reason: String,
    },
    /// A request cannot be granted.
    #[error("the request for a certificate is of no use: {0}")]
    Request(String),
    /// No name is known by which forwarders dial.
    #[error("`ca.names` is empty: write the names and addresses by which forwarders dial the controllers")]
    NoNames,
    /// TLS does not take it.
    #[error("certificate, key and authorities do not fit together: {0}")]
    Tls(rustls::Error),
    /// A token counts no more.
    #[error("the token is unknown, used or too old: make another one with `lb-controller ca token NAME`")]
    Token,
    /// A token is for another forwarder.
    #[error(
        "the token is for {0}: write that as `controller.name`, or make a token for this one; it still counts"
    )]
    NameOfToken(ForwarderName),
}

/// A certificate with its key, both PEM.
pub(crate) struct Leaf {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// What signs.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// All authorities that are believed, the one that signs first.
    authorities: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new one in `folder`.
    pub(crate) fn init(folder: &Path, now: SystemTime) -> Result<Self, CaError> {
        files::folder(folder).map_err(CaError::File)?;
        let (certificate_path, key_path) = (folder.join(CERTIFICATE), folder.join(KEY));
        if let Some(there) = [&certificate_path, &key_path].into_iter().find(|path| path.exists()) {
            return Err(CaError::Exists(there.clone()));
        }
        let failed = |error: rcgen::Error| CaError::Sign {
            subject: "the authority".to_owned(),
            reason: error.to_string(),
        };
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name("guideway-controller-ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = (now - CLOCK_SKEW).into();
        params.not_after = (now + CA_LIFE).into();
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?.pem();
        // The certificate last: a key alone is of a command that was cut off, and is told.
        files::write(&key_path, &key.serialize_pem()).map_err(CaError::File)?;
        files::write(&certificate_path, &certificate).map_err(CaError::File)?;
        Self::parse(folder, certificate, &key.serialize_pem())
    }

    /// The one in `folder`; `None` when certificates are brought.
    pub(crate) fn open(folder: &Path) -> Result<Option<Self>, CaError> {
        let (certificate_path, key_path) = (folder.join(CERTIFICATE), folder.join(KEY));
        let certificate = files::read(&certificate_path).map_err(CaError::File)?.ok_or(CaError::Missing {
            path: certificate_path,
            advice: "make an authority with `lb-controller ca init`, or bring certificates",
        })?;
        let key = files::read(&key_path).map_err(CaError::File)?;
        key.map(|key| Self::parse(folder, certificate, &key)).transpose()
    }

    fn parse(folder: &Path, authorities: String, key: &str) -> Result<Self, CaError> {
        let content = |file: &str, what| {
            let path = folder.join(file);
            move |error: rcgen::Error| CaError::Content { path, what, reason: error.to_string() }
        };
        let key = KeyPair::from_pem(key).map_err(content(KEY, "private key"))?;
        let issuer =
            Issuer::from_ca_cert_pem(&authorities, key).map_err(content(CERTIFICATE, "authority"))?;
        let first = CertificateDer::from_pem_slice(authorities.as_bytes());
        let is_pair = first.is_ok_and(|der| {
            x509_parser::parse_x509_certificate(&der).is_ok_and(|(_, certificate)| {
                certificate.public_key().raw == issuer.key().subject_public_key_info()
            })
        });
        if !is_pair {
            return Err(CaError::Content {
                path: folder.join(KEY),
                what: "key of the first certificate in ca.crt",
                reason: "it belongs to another one".to_owned(),
            });
        }
        Ok(Self { issuer, authorities })
    }

    /// All authorities that are believed, PEM.
    pub(crate) fn authorities(&self) -> &str {
        &self.authorities
    }

    /// A certificate with a new key for a forwarder.
    pub(crate) fn forwarder(
        &self,
        name: &ForwarderName,
        now: SystemTime,
        life: Duration,
    ) -> Result<Leaf, CaError> {
        let key = KeyPair::generate()
            .map_err(|error| CaError::Sign { subject: name.to_string(), reason: error.to_string() })?;
        let certificate = self.sign(forwarder(name), &key, name.as_str(), now, life)?;
        Ok(Leaf { certificate, key: key.serialize_pem() })
    }

    /// Whether a request can be granted.
    pub(crate) fn check_request(request: &str) -> Result<(), CaError> {
        request::public_key(request).map(drop)
    }

    /// A certificate for the key of a request (RFC 2986, PEM). Whatever else it asks for is not granted.
    pub(crate) fn grant(
        &self,
        request: &str,
        name: &ForwarderName,
        now: SystemTime,
        life: Duration,
    ) -> Result<String, CaError> {
        let key = request::public_key(request)?;
        self.sign(forwarder(name), &key, name.as_str(), now, life)
    }

    /// A certificate of a controller that is dialled by these names and addresses.
    pub(crate) fn controller(&self, names: &[String], now: SystemTime) -> Result<Leaf, CaError> {
        let subject = "lb-controller";
        let failed =
            |error: rcgen::Error| CaError::Sign { subject: names.join(", "), reason: error.to_string() };
        if names.is_empty() {
            return Err(CaError::NoNames);
        }
        let mut params = CertificateParams::default();
        for name in names {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into().map_err(failed)?),
            });
        }
        params.distinguished_name = common_name(subject);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = self.sign(params, &key, subject, now, CONTROLLER_LIFE)?;
        Ok(Leaf { certificate, key: key.serialize_pem() })
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        key: &impl PublicKeyData,
        subject: &str,
        now: SystemTime,
        life: Duration,
    ) -> Result<String, CaError> {
        params.not_before = (now - CLOCK_SKEW).into();
        params.not_after = (now + life).into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let signed = params.signed_by(key, &self.issuer);
        let failed =
            |error: rcgen::Error| CaError::Sign { subject: subject.to_owned(), reason: error.to_string() };
        Ok(signed.map_err(failed)?.pem())
    }
}

fn forwarder(name: &ForwarderName) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name.as_str());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
