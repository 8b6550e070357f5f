//! The first certificate of a forwarder, for a token that counts once.
//!
//! Whoever joins has no authority yet to believe. The token has the hash of one (SHA-256 of its certificate, the last of its
//! three parts): the controller has to show that authority, and a certificate that it has signed.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use guideway_controller_proto::v1::JoinRequest;
use guideway_controller_proto::v1::enrolment_client::EnrolmentClient;
use guideway_dataplane_config::{Controller, ControllerAddress};
use rcgen::KeyPair;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};

use super::identity::{self, IdentityError};
use super::link::{self, LinkError};

/// A token is shorter.
const MAX_TOKEN_BYTES: u64 = 1024;

/// Why a forwarder has no certificate.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The token cannot be read.
    #[error("the token cannot be read from {}", path.display())]
    Read {
        /// From where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no token.
    #[error(
        "this is no token: copy what `lb-controller ca token` has printed, three parts with points between them"
    )]
    Token,
    /// The key cannot be made or written.
    #[error("the key cannot be put into {}", path.display())]
    Key {
        /// Where to.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No controller can be reached, or it is not that of the token.
    #[error("{address} cannot be asked")]
    Connect {
        /// Who was asked.
        address: ControllerAddress,
        /// Why.
        #[source]
        source: LinkError,
    },
    /// The controller says no.
    #[error("the controller refuses: {0}")]
    Refused(String),
    /// Key or certificate are of no use.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// The token in a file, or on standard input when the path is `-`.
///
/// # Errors
///
/// When it cannot be read.
pub fn read_token(path: &Path) -> Result<String, JoinError> {
    let failed = |source| JoinError::Read { path: path.to_owned(), source };
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin().take(MAX_TOKEN_BYTES).read_to_string(&mut text).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_TOKEN_BYTES).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text.trim().to_owned())
}

/// Gets a certificate and puts it, its key and the authorities where `files` says; gives until when it counts. A key that is
/// there already is used.
///
/// # Errors
///
/// See [`JoinError`]. A token that was used does not count again.
pub async fn join(
    files: &Controller,
    address: &ControllerAddress,
    token: &str,
) -> Result<SystemTime, JoinError> {
    let authority = token.rsplit_once('.').map(|(_, hash)| hash.to_ascii_lowercase());
    let authority = authority.filter(|hash| hash.len() == 64 && token.split('.').count() == 3);
    let authority = authority.ok_or(JoinError::Token)?;
    if !files.key.exists() {
        make_key(&files.key).map_err(|source| JoinError::Key { path: files.key.clone(), source })?;
    }
    let request = identity::request(&files.key)?;
    let connect = |source| JoinError::Connect { address: address.clone(), source };
    let tls = believing(authority).map_err(|error| connect(LinkError::Connect(error.to_string())))?;
    let (channel, _) = link::dial(address, &[], tls).await.map_err(connect)?;
    let wish = JoinRequest { token: token.to_owned(), request, name: files.name.clone() };
    let answer = EnrolmentClient::new(channel).join(wish).await;
    let given = answer.map_err(|status| JoinError::Refused(status.message().to_owned()))?.into_inner();
    let identity = identity::renew(files, &given.certificate, &given.authorities)?;
    Ok(identity.until)
}

fn make_key(path: &Path) -> io::Result<()> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(key.serialize_pem().as_bytes())?;
    file.sync_all()
}

/// For a server with a certificate of the authority that has this hash.
fn believing(authority: String) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Pinned { authority, provider: provider.clone() });
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(tls))
}

/// Verifies as usual, with the one authority of the chain that has the hash.
#[derive(Debug)]
struct Pinned {
    authority: String,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_it = |certificate: &&CertificateDer<'_>| hash(certificate) == self.authority;
        let authority = intermediates.iter().find(is_it);
        let authority = authority.ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        WebPkiServerVerifier::builder_with_provider(roots.into(), self.provider.clone())
            .build()
            .map_err(|error| Error::General(error.to_string()))?
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn hash(certificate: &[u8]) -> String {
    Sha256::digest(certificate).iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
