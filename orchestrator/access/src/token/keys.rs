use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::VerifyingKey;
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::jwt;

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no private key in the text.
    #[error("signing key cannot be used; it must be an ECDSA P-256 key as PKCS#8 PEM (BEGIN PRIVATE KEY)")]
    Signing,
    /// There is no key in the text.
    #[error(
        "verifying key {0} cannot be used; it must be the PEM of an ECDSA P-256 key (BEGIN PUBLIC KEY or, as PKCS#8, \
         BEGIN PRIVATE KEY)"
    )]
    Verifying(usize),
}

/// A key to sign with.
pub(super) struct SigningKey {
    key: p256::ecdsa::SigningKey,
    public: PublicKey,
}

/// A key to verify with.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    /// The SHA-256 of the SubjectPublicKeyInfo in base64url, which headers of tokens name.
    id: String,
    key: VerifyingKey,
}

impl SigningKey {
    pub(super) fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let key = p256::ecdsa::SigningKey::from_pkcs8_pem(pem).map_err(|_| KeyError::Signing)?;
        let public = PublicKey::of(*key.verifying_key()).ok_or(KeyError::Signing)?;
        Ok(Self { key, public })
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The token that says `claims`.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Option<String> {
        jwt::sign(&self.key, &self.public.id, claims)
    }
}

impl PublicKey {
    /// `index` is for the error.
    pub(super) fn from_pem(pem: &str, index: usize) -> Result<Self, KeyError> {
        let private = || p256::ecdsa::SigningKey::from_pkcs8_pem(pem).ok().map(|key| *key.verifying_key());
        VerifyingKey::from_public_key_pem(pem)
            .ok()
            .or_else(private)
            .and_then(Self::of)
            .ok_or(KeyError::Verifying(index))
    }

    pub(super) fn jwk(&self) -> Value {
        let point = self.key.to_encoded_point(false);
        let coordinate =
            |bytes: Option<_>| bytes.map(|bytes: &p256::FieldBytes| URL_SAFE_NO_PAD.encode(bytes));
        json!({
            "use": "sig",
            "kty": "EC",
            "kid": self.id,
            "crv": "P-256",
            "alg": jwt::ALGORITHM,
            "x": coordinate(point.x()),
            "y": coordinate(point.y()),
        })
    }

    /// Is this the key that a header names?
    pub(super) fn is(&self, id: &str) -> bool {
        self.id == id
    }

    pub(super) fn key(&self) -> &VerifyingKey {
        &self.key
    }

    fn of(key: VerifyingKey) -> Option<Self> {
        let der = key.to_public_key_der().ok()?;
        Some(Self { id: URL_SAFE_NO_PAD.encode(Sha256::digest(der.as_bytes())), key })
    }
}
