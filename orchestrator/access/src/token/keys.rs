use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What comes before the point in a SubjectPublicKeyInfo of the curve P-256 (RFC 5480): algorithm, curve, and that the
/// point follows uncompressed.
const SPKI_PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const COORDINATE: usize = 32;

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
    key: EncodingKey,
    public: PublicKey,
}

/// A key to verify with.
#[derive(Clone)]
pub(super) struct PublicKey {
    /// The SHA-256 of the SubjectPublicKeyInfo in base64url, which headers of tokens name.
    pub(super) id: String,
    pub(super) key: DecodingKey,
    x: String,
    y: String,
}

impl SigningKey {
    pub(super) fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let key = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(|_| KeyError::Signing)?;
        let public = PublicKey::of(&key).ok_or(KeyError::Signing)?;
        Ok(Self { key, public })
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The token that says `claims`.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Option<String> {
        let header = Header { kid: Some(self.public.id.clone()), typ: None, ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &self.key).ok()
    }
}

impl PublicKey {
    /// `index` is for the error.
    pub(super) fn from_pem(pem: &str, index: usize) -> Result<Self, KeyError> {
        let private = || EncodingKey::from_ec_pem(pem.as_bytes()).ok().and_then(|key| Self::of(&key));
        spki(pem).and_then(|der| Self::of_spki(&der)).or_else(private).ok_or(KeyError::Verifying(index))
    }

    pub(super) fn jwk(&self) -> Value {
        json!({"use": "sig", "kty": "EC", "kid": self.id, "crv": "P-256", "alg": "ES256", "x": self.x, "y": self.y})
    }

    /// The public half of a private key.
    fn of(key: &EncodingKey) -> Option<Self> {
        match Jwk::from_encoding_key(key, Algorithm::ES256).ok()?.algorithm {
            AlgorithmParameters::EllipticCurve(point) => Self::of_point(point.x, point.y),
            _ => None,
        }
    }

    fn of_spki(der: &[u8]) -> Option<Self> {
        let point = der.strip_prefix(&SPKI_PREFIX)?;
        let (x, y) = point.split_at_checked(COORDINATE)?;
        (y.len() == COORDINATE)
            .then(|| Self::of_point(URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y)))?
    }

    /// From coordinates in base64url.
    fn of_point(x: String, y: String) -> Option<Self> {
        let mut der = SPKI_PREFIX.to_vec();
        der.extend(URL_SAFE_NO_PAD.decode(&x).ok()?);
        der.extend(URL_SAFE_NO_PAD.decode(&y).ok()?);
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(&der));
        let key = DecodingKey::from_ec_components(&x, &y).ok()?;
        (der.len() == SPKI_PREFIX.len() + 2 * COORDINATE).then_some(Self { id, key, x, y })
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// The bytes of a PEM public key.
fn spki(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (text, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    STANDARD.decode(text.split_whitespace().collect::<String>()).ok()
}
