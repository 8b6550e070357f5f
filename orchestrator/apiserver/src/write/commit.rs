//! One transaction for an object and for what goes with it: its claims, and the quotas that it is charged to.

use std::collections::BTreeSet;

use axum::body::Bytes;
use guideway_access::admission::{self, Operation};
use guideway_access::quota;
use guideway_api::{Status, convert};
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
        for _ in 0..ATTEMPTS {
            let claims = Claims::of(self, object, proposal.old, &taken)?;
            let (namespace, quotas) = self.admitted(object, &proposal, warnings)?;
            if proposal.is_dry {
                return Ok(Committed::Done);
            }
            let mut txn = Txn::default();
            let mut about = vec![About::Object];
            txn.expect.push((proposal.key.clone(), proposal.expect));
            txn.writes.push(Write::Put { key: proposal.key.clone(), value: self.stored(object)? });
            if let Some((key, revision)) = namespace {
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
            let outcome = self.server.store.txn(txn).await.map_err(|error| self.server.store_failed(&error))?;
            let (failed, revision) = match outcome {
                TxnOutcome::Committed(revision) => {
                    metadata(object).insert("resourceVersion".into(), Value::from(revision.to_string()));
                    return Ok(Committed::Done);
                }
                TxnOutcome::Refused { failed, revision, .. } => (failed, revision),
            };
            for index in failed {
                match about.get(index) {
                    Some(About::Object) => return Ok(Committed::Refused),
                    Some(About::Claim(claim)) => claims.refused(self, *claim, object, proposal.name, &mut taken)?,
                    _ => {}
                }
            }
            // What the others wrote is looked at next.
            self.server.reach(revision).await?;
        }
        Err(Status::conflict_because(
            self.named(),
            proposal.name,
            "other requests were first too many times; please try again",
        ))
    }

    /// Asks those who may refuse, and those who count. Gives what must not change meanwhile.
    #[allow(clippy::type_complexity)]
    fn admitted(
        &self,
        object: &Value,
        proposal: &Proposal<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<(Option<(Key, Revision)>, Vec<Value>), Status> {
        let mut namespace = None;
        if proposal.operation == Operation::Create
            && let Some(name) = self.namespace().filter(|_| self.kind().plural != "namespaces")
        {
            // An object must not come into a namespace that is about to go, whatever is cached here.
            let key = Key::from(format!("/registry/core/namespaces/{name}"));
            namespace = self.server.cache.get(&key).map(|object| (key, object.revision));
        }
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
        let quotas = quota::charge(&request, object)?;
        Ok((namespace, quotas))
    }

    /// The bytes of the store.
    pub(super) fn stored(&self, object: &mut Value) -> Result<Bytes, Status> {
        metadata(object).remove("resourceVersion");
        let encoded = if convert::is_stored_form(self.kind(), self.version()) {
            serde_json::to_vec(object)
        } else {
            let mut stored = object.clone();
            convert::to_storage(self.kind(), self.version(), &mut stored);
            serde_json::to_vec(&stored)
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
