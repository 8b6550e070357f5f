//! One transaction for an object and for what goes with it: its claims, and the quotas that it is charged to.

use std::collections::BTreeSet;

use axum::body::Bytes;
use guideway_access::admission::{self, Operation};
use guideway_access::quota;
use guideway_api::kind::Origin;
use guideway_api::rules::Claim;
use guideway_api::{Scope, Status, convert};
use guideway_store::{Expect, Key, Revision, StoreError, Txn, TxnOutcome, Write};
use serde_json::{Value, json};

use super::claims::Claims;
use crate::call::Call;
use crate::random;
use crate::server::ApiServer;
use crate::value::{metadata, text};

/// How often a transaction is tried again because of what is not the object itself: an address that another object has
/// taken, a quota that another object was charged to.
const ATTEMPTS: usize = 32;

/// What is to be written.
pub(crate) struct Proposal<'a> {
    pub(crate) key: Key,
    pub(crate) expect: Expect,
    /// For a new object.
    pub(crate) namespace: Option<(Key, Revision)>,
    pub(crate) old: Option<&'a Value>,
    pub(crate) operation: Operation,
    pub(crate) is_dry: bool,
    pub(crate) name: &'a str,
}

/// What came of it.
pub(crate) enum Committed {
    Done,
    /// The object is not as expected.
    Refused,
    /// The namespace is not, and is to be looked at again.
    NamespaceChanged,
}

/// What an expectation of the transaction is about.
#[derive(Clone, Copy)]
enum About {
    Object,
    Namespace,
    Claim(usize),
    Quota,
}

impl Call {
    /// Writes `object`, which is in the version of the request. It has its resourceVersion and its allocated values
    /// afterwards.
    pub(crate) async fn commit(
        &self,
        object: &mut Value,
        proposal: Proposal<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Committed, Status> {
        let mut taken = BTreeSet::new();
        let mut is_fresh = false;
        for _ in 0..ATTEMPTS {
            let claims = Claims::of(self, object, proposal.old, &taken);
            let admitted =
                claims.and_then(|claims| Ok((claims, self.admitted(object, &proposal, warnings)?)));
            let (claims, quotas) = match admitted {
                Ok(admitted) => admitted,
                Err(status) if is_fresh || !matches!(status.code, 403 | 404 | 422) => return Err(status),
                Err(_) => {
                    // What is missing here, or in the way, may have changed a moment ago.
                    self.server.fresh().await?;
                    is_fresh = true;
                    continue;
                }
            };
            if proposal.is_dry {
                // What the transaction would find, as of now.
                self.server.fresh().await?;
                let is_there = |key: &Key| self.server.cache.get(key).is_some();
                if matches!(proposal.expect, Expect::Absent) && is_there(&proposal.key) {
                    return Ok(Committed::Refused);
                }
                let is_taken = |claim: &Claim| is_there(&Key::from(claim.key()));
                let Some(claim) = claims.added.iter().position(is_taken) else { return Ok(Committed::Done) };
                claims.refused(self, claim, object, proposal.name, &mut taken)?;
                continue;
            }
            let mut txn = Txn::default();
            let mut about = vec![About::Object];
            txn.expect.push((proposal.key.clone(), proposal.expect));
            txn.writes.push(Write::Put { key: proposal.key.clone(), value: self.stored(object)? });
            if let Some((key, revision)) = proposal.namespace.clone() {
                about.push(About::Namespace);
                txn.expect.push((key, Expect::At(revision)));
            }
            claims.put(&proposal.key, &mut txn);
            about.extend((0..claims.added.len()).map(About::Claim));
            for quota in &quotas {
                about.push(About::Quota);
                let (key, revision, value) = quota_write(quota)?;
                txn.expect.push((key.clone(), Expect::At(revision)));
                txn.writes.push(Write::Put { key, value });
            }
            let outcome =
                self.server.store.txn(txn).await.map_err(|error| self.server.store_failed(&error))?;
            let (failed, revision) = match outcome {
                TxnOutcome::Committed(revision) => {
                    metadata(object).insert("resourceVersion".into(), Value::from(revision.to_string()));
                    return Ok(Committed::Done);
                }
                TxnOutcome::Refused { failed, revision, .. } => (failed, revision),
            };
            let mut is_namespace = false;
            for index in failed {
                match about.get(index) {
                    Some(About::Object) => return Ok(Committed::Refused),
                    Some(About::Claim(claim)) => {
                        claims.refused(self, *claim, object, proposal.name, &mut taken)?;
                    }
                    Some(About::Namespace) => is_namespace = true,
                    _ => {}
                }
            }
            // What the others wrote is looked at next.
            self.server.reach(revision).await?;
            if is_namespace {
                return Ok(Committed::NamespaceChanged);
            }
        }
        Err(Status::conflict_because(
            self.named(),
            proposal.name,
            "other requests were first too many times; please try again",
        ))
    }

    /// Asks those who may refuse, and those who count. Gives the quotas that are charged.
    fn admitted(
        &self,
        object: &Value,
        proposal: &Proposal<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Value>, Status> {
        let view = self.view();
        let suffix = random::suffix();
        let request = self.admission(proposal.operation, proposal.name, proposal.old, &view, &suffix);
        let mut found = Vec::new();
        admission::validate(&request, Some(object), &mut found)?;
        for warning in found {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        quota::charge(&request, object)
    }

    /// The namespace of the path as it is known here. An object must not come into one that is about to go: it is written
    /// on the condition that the namespace is still this one.
    pub(super) fn namespace_state(&self) -> Option<(Key, Revision)> {
        let name = self.namespace().filter(|_| self.kind().scope == Scope::Namespaced)?;
        let key = Key::from(format!("/registry/core/namespaces/{name}"));
        self.server.cache.get(&key).map(|object| (key, object.revision))
    }

    /// The bytes of the store. What the stored version of a custom object cannot hold is lost to who wrote it, too.
    pub(super) fn stored(&self, object: &mut Value) -> Result<Bytes, Status> {
        metadata(object).remove("resourceVersion");
        let encoded = if convert::is_stored_form(self.kind(), self.version()) {
            serde_json::to_vec(object)
        } else {
            let mut stored = object.clone();
            convert::to_storage(self.kind(), self.version(), &mut stored);
            let encoded = serde_json::to_vec(&stored);
            if self.kind().origin == Origin::Custom {
                convert::from_storage(self.kind(), self.version(), &mut stored);
                *object = stored;
            }
            encoded
        };
        encoded.map(Bytes::from).map_err(Status::internal)
    }
}

/// The write of a quota that was charged. It goes with the object or not at all.
fn quota_write(quota: &Value) -> Result<(Key, Revision, Bytes), Status> {
    let mut quota = quota.clone();
    let revision = text(&quota, &["metadata", "resourceVersion"]).parse().map_err(Status::internal)?;
    let key = Key::from(format!(
        "/registry/core/resourcequotas/{}/{}",
        text(&quota, &["metadata", "namespace"]),
        text(&quota, &["metadata", "name"])
    ));
    metadata(&mut quota).remove("resourceVersion");
    let value = serde_json::to_vec(&quota).map_err(Status::internal)?;
    Ok((key, Revision(revision), Bytes::from(value)))
}

impl ApiServer {
    /// In the words of a Status.
    pub(crate) fn store_failed(&self, error: &StoreError) -> Status {
        match error {
            StoreError::TooLarge { .. } => Status::too_large(format!("Request entity too large: {error}")),
            StoreError::InvalidKey { .. } => Status::bad_request(error.to_string()),
            StoreError::Unavailable { .. } => {
                tracing::warn!(%error, "the store does not answer");
                Status::unavailable(format!("the store does not answer: {error}")).retry_after(1)
            }
            StoreError::OutcomeUnknown { .. } => {
                tracing::warn!(%error, "a write may or may not have been done");
                Status::timeout(error)
            }
            error => {
                tracing::error!(%error, "the store failed");
                Status::internal(error)
            }
        }
    }
}

/// What is stored for a claim.
pub(super) fn claim(owner: &str) -> Bytes {
    Bytes::from(json!({"owner": owner}).to_string())
}
