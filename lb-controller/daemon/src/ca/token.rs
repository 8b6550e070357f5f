//! Tokens by which a forwarder gets its first certificate, once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guideway_controller_core::ForwarderName;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::authority::{CERTIFICATE, CaError};
use crate::files;

/// What a forwarder is given: which token, its secret, and the authority that it may believe. As text
/// `ID.SECRET.HASH`: 16, 64 and 64 hexadecimal digits; the hash is the SHA-256 of the authority's certificate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    id: [u8; 8],
    secret: [u8; 32],
    authority: [u8; 32],
}

/// Without the secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&hex(&self.id)).finish()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", hex(&self.id), hex(&self.secret), hex(&self.authority))
    }
}

impl FromStr for Token {
    type Err = CaError;

    fn from_str(text: &str) -> Result<Self, CaError> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(CaError::Token);
        let token = Self { id: unhex(part()?)?, secret: unhex(part()?)?, authority: unhex(part()?)? };
        if parts.next().is_some() { Err(CaError::Token) } else { Ok(token) }
    }
}

/// What is kept of a token: not its secret.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    name: String,
    secret_sha256: String,
    expires: u64,
}

/// The tokens of a folder, each a file that goes when it is used.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    folder: PathBuf,
    authorities: PathBuf,
}

impl Tokens {
    /// Those of the authority in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.join("tokens"), authorities: folder.join(CERTIFICATE) }
    }

    /// A new one, by which one certificate for `name` can be had.
    pub(crate) fn make(
        &self,
        name: &ForwarderName,
        now: SystemTime,
        life: Duration,
    ) -> Result<Token, CaError> {
        let missing =
            || CaError::Missing { path: self.authorities.clone(), advice: "run `lb-controller ca init`" };
        let authorities = files::read(&self.authorities).map_err(CaError::File)?.ok_or_else(missing)?;
        let authority = CertificateDer::from_pem_slice(authorities.as_bytes()).map_err(|error| {
            let reason = error.to_string();
            CaError::Content { path: self.authorities.clone(), what: "certificate", reason }
        })?;
        let (id, secret) = (random()?, random()?);
        let token = Token { id, secret, authority: Sha256::digest(&authority).into() };
        let expires = (now + life).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let kept =
            Kept { name: name.to_string(), secret_sha256: hex(&Sha256::digest(token.secret)), expires };
        let text = serde_json::to_string(&kept)
            .map_err(|error| CaError::Sign { subject: name.to_string(), reason: error.to_string() })?;
        files::folder(&self.folder).map_err(CaError::File)?;
        self.sweep(now);
        files::write(&self.path(&token), &text).map_err(CaError::File)?;
        Ok(token)
    }

    /// Takes a token for the name that it was made for, if that is the `wanted` one. It does not count again, at whichever
    /// controller.
    pub(crate) fn take(
        &self,
        token: &Token,
        wanted: Option<&str>,
        now: SystemTime,
    ) -> Result<ForwarderName, CaError> {
        let path = self.path(token);
        let text = files::read(&path).map_err(CaError::File)?.ok_or(CaError::Token)?;
        let kept: Kept = serde_json::from_str(&text).map_err(|_| CaError::Token)?;
        // Of hashes: how long the comparison takes says nothing about the secret.
        if kept.secret_sha256 != hex(&Sha256::digest(token.secret)) {
            return Err(CaError::Token);
        }
        let name = ForwarderName::new(&kept.name).map_err(|_| CaError::Token)?;
        let is_old = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() > kept.expires;
        if !is_old && wanted.is_some_and(|wanted| wanted != name.as_str()) {
            return Err(CaError::NameOfToken(name));
        }
        // Whoever removes the file has the token.
        if !files::remove(&path).map_err(CaError::File)? {
            return Err(CaError::Token);
        }
        if is_old {
            return Err(CaError::Token);
        }
        Ok(name)
    }

    /// Removes tokens that are too old. What cannot be removed now will be later: it counts for nothing.
    fn sweep(&self, now: SystemTime) {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let Ok(Some(text)) = files::read(&path) else { continue };
            if serde_json::from_str::<Kept>(&text).is_ok_and(|kept| kept.expires < now) {
                _ = files::remove(&path);
            }
        }
    }

    fn path(&self, token: &Token) -> PathBuf {
        self.folder.join(hex(&token.id))
    }
}

fn random<const N: usize>() -> Result<[u8; N], CaError> {
    let mut bytes = [0; N];
    let filled = rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| CaError::Tls(rustls::Error::FailedToGetRandomBytes))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Result<[u8; N], CaError> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(CaError::Token);
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| CaError::Token)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| CaError::Token)?;
    }
    Ok(bytes)
}
