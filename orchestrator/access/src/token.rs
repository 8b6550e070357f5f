//! Tokens: who a bearer token says that the client is, and the tokens of service accounts.
//!
//! Service-account tokens are JWTs (RFC 7519) signed with ECDSA P-256 (ES256, RFC 7518 section 3.4). Nothing of a token is
//! stored: it counts as long as it has not expired and the account, and the object that it is bound to, live. Signatures of
//! this kind need no random numbers (RFC 6979), so issuing is pure as well.

pub mod bootstrap;
mod claims;
mod jwt;
mod keys;
mod known;
mod request;
mod review;
mod verify;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub use keys::KeyError;
pub use request::TokenRequest;
pub use verify::{TokenError, Verified};

use crate::{Identity, Objects, Status, refusal};
use keys::{PublicKey, SigningKey};
use known::Known;

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// The issuer of this cluster's service-account tokens: a key to sign with, keys to verify with.
pub struct Tokens {
    issuer: String,
    audiences: Vec<String>,
    signing: SigningKey,
    verifying: Vec<PublicKey>,
    longest: Option<SignedDuration>,
    known: Known,
}

/// What a token proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// Who.
    pub identity: Identity,
    /// For whom the token is, of those that were asked about.
    pub audiences: Vec<String>,
}

impl Tokens {
    /// Signs with `signing` (PKCS#8 PEM of an ECDSA P-256 key), verifies with it and with every one of `verifying` (PEM of
    /// such a key or of its public half), so that keys can be changed while tokens of the old ones live.
    /// `audiences` are the names of this API server; without one it is `issuer`.
    ///
    /// # Errors
    ///
    /// A key is none.
    pub fn new(
        issuer: &str,
        audiences: &[String],
        signing: &str,
        verifying: &[String],
    ) -> Result<Self, KeyError> {
        let signing = SigningKey::from_pem(signing)?;
        let mut keys = vec![signing.public().clone()];
        for (index, pem) in verifying.iter().enumerate() {
            let key = PublicKey::from_pem(pem, index)?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let audiences = if audiences.is_empty() { vec![issuer.to_owned()] } else { audiences.to_vec() };
        Ok(Self {
            issuer: issuer.to_owned(),
            audiences,
            signing,
            verifying: keys,
            longest: None,
            known: Known::default(),
        })
    }

    /// No token is to live longer: requests for more are shortened, with a warning.
    #[must_use]
    pub fn with_longest(self, longest: SignedDuration) -> Self {
        Self { longest: Some(longest), ..self }
    }

    /// Who sends this bearer token, a service-account token or a bootstrap token? `audiences` are those to accept, none for
    /// the API server's own.
    ///
    /// Checking a signature takes a good part of a millisecond, so it is done once for a token; whether the token still counts is
    /// asked each time.
    ///
    /// # Errors
    ///
    /// 401: the token proves nothing (now).
    pub fn authenticate(
        &self,
        token: &str,
        audiences: &[String],
        objects: &dyn Objects,
        now: Timestamp,
    ) -> Result<Authenticated, Status> {
        self.identify(token, audiences, objects, now).map_err(|_| refusal::unauthorized())
    }

    /// The same, with the reason.
    fn identify(
        &self,
        token: &str,
        audiences: &[String],
        objects: &dyn Objects,
        now: Timestamp,
    ) -> Result<Authenticated, TokenError> {
        if let Some(token) = bootstrap::BootstrapToken::parse(token) {
            // Bootstrap tokens are for the API server only.
            let audiences = self.common_audiences(&self.audiences, audiences)?;
            let identity = token.identity(objects, now).ok_or(TokenError::Unknown)?;
            return Ok(Authenticated { identity, audiences });
        }
        let verified = self.known.get_or(token, || self.verify(token))?;
        self.accept(&verified, audiences, objects, now)
    }

    /// The keys to verify tokens with, as `/openid/v1/jwks` serves them (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({"keys": self.verifying.iter().map(PublicKey::jwk).collect::<Vec<_>>()})
    }

    /// What `/.well-known/openid-configuration` serves (OpenID Connect Discovery 1.0 section 3). `jwks` is the URL of the
    /// keys.
    #[must_use]
    pub fn discovery(&self, jwks: &str) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": jwks,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }
}

#[cfg(test)]
mod tests;
