//! Signed JSON: the compact form of a JWS (RFC 7515 section 7.1) with ES256 (RFC 7518 section 3.4) and nothing else. What the
//! header says of algorithms is only compared.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(super) const ALGORITHM: &str = "ES256";

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

/// The parts of a token that is not verified yet.
pub(super) struct Unverified<'a> {
    /// The key that it wants to be verified with.
    pub(super) key: String,
    signed: &'a str,
    claims: &'a str,
    signature: &'a str,
}

/// Signs `claims` with the key of the name `id`.
pub(super) fn sign(key: &SigningKey, id: &str, claims: &impl Serialize) -> Option<String> {
    let header = Header { alg: ALGORITHM.to_owned(), kid: id.to_owned() };
    let encode = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
    let signed =
        format!("{}.{}", encode(serde_json::to_vec(&header).ok()?), encode(serde_json::to_vec(claims).ok()?));
    let signature: Signature = key.sign(signed.as_bytes());
    let signature = signature.normalize_s().unwrap_or(signature);
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())))
}

/// Takes a token apart.
pub(super) fn parse(token: &str) -> Option<Unverified<'_>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    (header.alg == ALGORITHM).then_some(Unverified { key: header.kid, signed, claims, signature })
}

impl Unverified<'_> {
    /// What the token says, if it is signed with this key.
    pub(super) fn verify<T: DeserializeOwned>(&self, key: &VerifyingKey) -> Option<T> {
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(self.signature).ok()?).ok()?;
        // Of the two signatures that ECDSA accepts only the one that is issued: a changed token is no token.
        if signature.normalize_s().is_some() {
            return None;
        }
        key.verify(self.signed.as_bytes(), &signature).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(self.claims).ok()?).ok()
    }
}
