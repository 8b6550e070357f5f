//! Tokens: who a bearer token says that the client is, and the tokens of service accounts.

use jiff::Timestamp;
use serde_json::Value;

use crate::refusal;
use crate::{Identity, Objects, Refusal};

/// The issuer of this cluster's service-account tokens: a key to sign with, keys to verify with.
pub struct Tokens;

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is no key of a kind that is known.
    #[error("{which} is no PEM key that can be used: {why}")]
    Unusable {
        /// Which key.
        which: String,
        /// What it should be.
        why: &'static str,
    },
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
    /// public ECDSA P-256 or RSA keys), so that keys can be changed while tokens of the old ones live.
    /// `audiences` are the names of this API server; the issuer is the first of them if there is none.
    ///
    /// # Errors
    ///
    /// A key is none.
    pub fn new(
        _issuer: &str,
        _audiences: &[String],
        _signing: &str,
        _verifying: &[String],
    ) -> Result<Self, KeyError> {
        Ok(Self)
    }

    /// Who sends this bearer token? `audiences` are those to accept, none for the API server's own.
    ///
    /// # Errors
    ///
    /// 401: the token proves nothing (now).
    pub fn authenticate(
        &self,
        _token: &str,
        _audiences: &[String],
        _objects: &dyn Objects,
        _now: Timestamp,
    ) -> Result<Authenticated, Refusal> {
        Err(refusal::unauthorized())
    }

    /// The `token` subresource of a service account: `request` is a TokenRequest, and so is the answer. `id` is fresh random
    /// text, unique for the token (a UUID).
    ///
    /// # Errors
    ///
    /// 404 without the account, 422 for a request that cannot be granted.
    pub fn request(
        &self,
        _namespace: &str,
        _service_account: &str,
        request: &Value,
        _objects: &dyn Objects,
        _now: Timestamp,
        _id: &str,
    ) -> Result<Value, Refusal> {
        Ok(request.clone())
    }

    /// `authentication.k8s.io/v1` TokenReview: whose token is this?
    ///
    /// # Errors
    ///
    /// There is no token to look at.
    pub fn review(&self, request: &Value, _objects: &dyn Objects, _now: Timestamp) -> Result<Value, Refusal> {
        Ok(request.clone())
    }

    /// The keys to verify tokens with, as `/openid/v1/jwks` serves them.
    #[must_use]
    pub fn jwks(&self) -> Value {
        serde_json::json!({"keys": []})
    }

    /// What `/.well-known/openid-configuration` serves. `jwks` is the URL of the keys.
    #[must_use]
    pub fn discovery(&self, _jwks: &str) -> Value {
        Value::Null
    }
}
