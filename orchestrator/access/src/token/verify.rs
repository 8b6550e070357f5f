use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::claims::{Claims, LEGACY_ISSUER, Reference};
use super::{Authenticated, MAX_TOKEN, Tokens, jwt};
use crate::{Identity, Objects};

/// How far the clocks of servers that issue tokens may be ahead.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// How long tokens outlive the deletion of their object, for a pod that is still shutting down.
const AFTER_DELETION: SignedDuration = SignedDuration::from_secs(60);

/// Why a token proves nothing. Clients are only told 401; whoever asks for a review gets the words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token of this cluster, or it was changed.
    #[error("invalid bearer token")]
    Unknown,
    /// Its time is over.
    #[error("service account token has expired")]
    Expired,
    /// Its time has not come: look at the clocks of the servers.
    #[error("service account token is not valid yet")]
    NotYet,
    /// It is for somebody else.
    #[error("token audiences {token:?} is invalid for the target audiences {wanted:?}")]
    Audience {
        /// For whom it is.
        token: Vec<String>,
        /// For whom it should be.
        wanted: Vec<String>,
    },
    /// Its account, or the object that it is bound to, is gone.
    #[error("service account token has been invalidated: {0} is gone")]
    Invalidated(&'static str),
    /// The token of a secret was taken out of the secret.
    #[error("service account token has been invalidated: the secret holds another one")]
    Replaced,
}

/// The claims of a token whose signature is right. Whether they still count is for [`Tokens::authenticate`] to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub(super) claims: Claims,
    /// The token itself, when it must be compared with that in a secret.
    pub(super) legacy: Option<String>,
}

impl Tokens {
    /// Checks signature and issuer of a service-account token. The result depends on nothing else: it can be kept.
    ///
    /// # Errors
    ///
    /// The token is not of this cluster.
    pub fn verify(&self, token: &str) -> Result<Verified, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Unknown);
        }
        let parts = jwt::parse(token).ok_or(TokenError::Unknown)?;
        let key = self.verifying.iter().find(|key| key.is(&parts.key)).ok_or(TokenError::Unknown)?;
        let claims: Claims = parts.verify(key.key()).ok_or(TokenError::Unknown)?;
        let bound = claims.iss == self.issuer && claims.bound.is_some();
        let legacy = claims.iss == LEGACY_ISSUER && claims.bound.is_none();
        if claims.account().is_none() || !(bound || legacy) {
            return Err(TokenError::Unknown);
        }
        Ok(Verified { claims, legacy: legacy.then(|| token.to_owned()) })
    }

    /// Does a token count now, for these audiences (none: the API server's own)?
    ///
    /// # Errors
    ///
    /// It does not.
    pub(super) fn accept(
        &self,
        token: &Verified,
        audiences: &[String],
        objects: &dyn Objects,
        now: Timestamp,
    ) -> Result<Authenticated, TokenError> {
        let claims = &token.claims;
        let (namespace, name, uid) = claims.account().ok_or(TokenError::Unknown)?;
        let audiences = if token.legacy.is_some() {
            self.common_audiences(&self.audiences, audiences)?
        } else {
            self.common_audiences(claims.aud.as_slice(), audiences)?
        };
        let second = now.as_second();
        match claims.exp {
            // RFC 7519 section 4.1.4: not accepted on or after.
            Some(exp) if second >= exp => return Err(TokenError::Expired),
            None if token.legacy.is_none() => return Err(TokenError::Expired),
            _ => {}
        }
        if claims.nbf.is_some_and(|nbf| second.saturating_add(CLOCK_SKEW.as_secs()) < nbf) {
            return Err(TokenError::NotYet);
        }
        live(objects, "serviceaccounts", namespace, name, uid, now)
            .ok_or(TokenError::Invalidated("the service account"))?;
        let mut identity = Identity::service_account(namespace, name, uid);
        if let Some(stored) = &token.legacy {
            let secret = claims.legacy_secret.as_deref().unwrap_or_default();
            secret_holds(objects, namespace, secret, stored, now)?;
        }
        if let Some(bound) = &claims.bound {
            let check = |what, resource, namespace, reference: &Option<Reference>| match reference {
                Some(object) => live(objects, resource, namespace, &object.name, &object.uid, now)
                    .map(drop)
                    .ok_or(TokenError::Invalidated(what)),
                None => Ok(()),
            };
            check("the pod", "pods", namespace, &bound.pod)?;
            check("the secret", "secrets", namespace, &bound.secret)?;
            if bound.pod.is_none() {
                // With a pod the node is only told, as the pod dies with it.
                check("the node", "nodes", "", &bound.node)?;
            }
            identity.extra = extra(claims);
        }
        Ok(Authenticated { identity, audiences })
    }

    /// Those of `token` that are asked for.
    pub(super) fn common_audiences(
        &self,
        token: &[String],
        wanted: &[String],
    ) -> Result<Vec<String>, TokenError> {
        let wanted = if wanted.is_empty() { &self.audiences } else { wanted };
        let common: Vec<String> =
            token.iter().filter(|audience| wanted.contains(audience)).cloned().collect();
        if common.is_empty() {
            return Err(TokenError::Audience { token: token.to_vec(), wanted: wanted.to_vec() });
        }
        Ok(common)
    }
}

/// The object, if it is the very same and not deleted for longer than a moment.
fn live(
    objects: &dyn Objects,
    resource: &str,
    namespace: &str,
    name: &str,
    uid: &str,
    now: Timestamp,
) -> Option<std::sync::Arc<Value>> {
    let object = objects.get("", resource, namespace, name)?;
    (object["metadata"]["uid"] == uid && !long_deleted(&object, now)).then_some(object)
}

fn long_deleted(object: &Value, now: Timestamp) -> bool {
    let deleted = object["metadata"]["deletionTimestamp"].as_str();
    deleted.is_some_and(|text| {
        text.parse::<Timestamp>()
            .ok()
            .and_then(|at| at.checked_add(AFTER_DELETION).ok())
            .is_none_or(|until| until < now)
    })
}

fn secret_holds(
    objects: &dyn Objects,
    namespace: &str,
    name: &str,
    token: &str,
    now: Timestamp,
) -> Result<(), TokenError> {
    let secret = objects
        .get("", "secrets", namespace, name)
        .filter(|secret| !long_deleted(secret, now))
        .ok_or(TokenError::Invalidated("the secret"))?;
    let stored = secret["data"]["token"].as_str().and_then(|text| STANDARD.decode(text).ok());
    let same = stored.is_some_and(|stored| bool::from(stored.ct_eq(token.as_bytes())));
    if same { Ok(()) } else { Err(TokenError::Replaced) }
}

/// What the identity says besides its name: which token, which pod, which node.
fn extra(claims: &Claims) -> BTreeMap<String, Vec<String>> {
    let mut extra = BTreeMap::new();
    let mut say = |key: &str, value: &str| {
        if !value.is_empty() {
            extra.insert(format!("authentication.kubernetes.io/{key}"), vec![value.to_owned()]);
        }
    };
    if !claims.jti.is_empty() {
        say("credential-id", &format!("JTI={}", claims.jti));
    }
    if let Some(bound) = &claims.bound {
        for (what, reference) in [("pod", &bound.pod), ("node", &bound.node)] {
            if let Some(object) = reference {
                say(&format!("{what}-name"), &object.name);
                say(&format!("{what}-uid"), &object.uid);
            }
        }
    }
    extra
}
