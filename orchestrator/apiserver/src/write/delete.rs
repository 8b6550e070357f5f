use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use guideway_access::admission::{self, Operation};
use guideway_api::options::{DeleteOptions, DryRun, Propagation};
use guideway_api::{Kind, Status};
use guideway_store::{Revision, Txn, TxnOutcome, Write};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::claims;
use crate::body::{self, Content};
use crate::call::Call;
use crate::random;
use crate::reply::{self, Answer};
use crate::value::{at, finalizers, is_terminating, metadata, text};

/// How often a deletion is tried again because the object changed meanwhile.
const ATTEMPTS: usize = 16;
const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// What has become of an object that was deleted.
pub(crate) enum Deleted {
    /// It is gone. This was its last state.
    Gone(Value),
    /// It will go, once nothing holds it any more.
    Going(Value),
}

/// The end of the object that the path names.
pub(crate) async fn delete(call: &mut Call, body: Body) -> Answer {
    let options = delete_options(call, body).await?;
    let name = call.path.name.clone();
    match delete_object(call, &name, &options).await? {
        // Kubernetes does not say so to anybody else, as clients of before would not understand it.
        Deleted::Going(object) if options.takes_dependents => call.show(StatusCode::ACCEPTED, &object),
        Deleted::Going(object) => call.show(StatusCode::OK, &object),
        Deleted::Gone(object) if call.kind().returns_deleted => call.show(StatusCode::OK, &object),
        Deleted::Gone(object) => {
            let status = Status::deleted(call.named(), &name, text(&object, &["metadata", "uid"]));
            Ok(reply::value(StatusCode::OK, call.wanted.encoding, &status))
        }
    }
}

/// What the query and the body say about a deletion.
pub(super) async fn delete_options(call: &Call, body: Body) -> Result<DeleteOptions, Status> {
    let bytes = body::read(body, call.server.config.limits.body).await?;
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        body::decode(body::format(&call.headers)?, &bytes, Content::Object("DeleteOptions"))?.value
    };
    DeleteOptions::parse(call.query(), &body)
}

/// Deletes one object, or marks it as one that is to go.
pub(crate) async fn delete_object(
    call: &mut Call,
    name: &str,
    options: &DeleteOptions,
) -> Result<Deleted, Status> {
    for _ in 0..ATTEMPTS {
        call.server.fresh().await?;
        let Some(current) = call.server.cache.get(&call.key(name)) else {
            return Err(Status::not_found(call.named(), name));
        };
        let old = call.shown(&current);
        check(call, &old, name, options)?;
        let mut warnings = Vec::new();
        {
            let view = call.view();
            let suffix = random::suffix();
            let request = call.admission(Operation::Delete, name, Some(&old), &view, &suffix);
            admission::validate(&request, None, &mut warnings)?;
        }
        let kind = Arc::clone(call.resource.kind());
        let mut new = marked(&kind, &old, options, call.now);
        let is_dry = options.dry_run == DryRun::All;
        if is_done(&kind, &new) {
            if is_dry || call.remove(&old, current.revision).await?.is_some() {
                call.warnings.append(&mut warnings);
                return Ok(Deleted::Gone(old));
            }
            continue;
        }
        if new == old {
            return Ok(Deleted::Going(old));
        }
        if is_dry || call.mark(&mut new, current.revision).await? {
            call.warnings.append(&mut warnings);
            return Ok(Deleted::Going(new));
        }
    }
    Err(Status::conflict(call.named(), name))
}

impl Call {
    /// Writes an object that is to go and is still at `revision`. False when it has changed.
    async fn mark(&self, object: &mut Value, revision: Revision) -> Result<bool, Status> {
        let key = self.key(text(object, &["metadata", "name"]));
        let txn = Txn::update(key, revision, self.stored(object)?);
        match self.server.store.txn(txn).await.map_err(|error| self.server.store_failed(&error))? {
            TxnOutcome::Committed(revision) => {
                metadata(object).insert("resourceVersion".into(), Value::from(revision.to_string()));
                Ok(true)
            }
            TxnOutcome::Refused { .. } => Ok(false),
        }
    }

    /// Takes an object, which is still at `revision`, out of the store, and with it what it alone had. None when it has
    /// changed.
    pub(super) async fn remove(
        &self,
        object: &Value,
        revision: Revision,
    ) -> Result<Option<Revision>, Status> {
        let key = self.key(text(object, &["metadata", "name"]));
        let mut txn = Txn::delete(key, revision);
        for key in claims::released(self, object) {
            txn.writes.push(Write::Delete { key });
        }
        match self.server.store.txn(txn).await.map_err(|error| self.server.store_failed(&error))? {
            TxnOutcome::Committed(revision) => Ok(Some(revision)),
            TxnOutcome::Refused { .. } => Ok(None),
        }
    }
}

/// Whether the object is the one that is meant.
fn check(call: &Call, old: &Value, name: &str, options: &DeleteOptions) -> Result<(), Status> {
    let kind = call.kind().qualified();
    let plain = guideway_api::Qualified { group: "", name: kind.name };
    if let Some(wanted) = &options.preconditions.uid {
        let found = text(old, &["metadata", "uid"]);
        if wanted != found {
            return Err(Status::uid_precondition(plain, name, wanted, found));
        }
    }
    if let Some(wanted) = &options.preconditions.resource_version {
        let found = text(old, &["metadata", "resourceVersion"]);
        if wanted != found {
            return Err(Status::version_precondition(plain, name, wanted, found));
        }
    }
    Ok(())
}

/// The object as one that is to go.
fn marked(kind: &Kind, old: &Value, options: &DeleteOptions, now: Timestamp) -> Value {
    let mut new = old.clone();
    let was_terminating = is_terminating(old);
    let mut finalizers = with_propagation(old, options.propagation);
    let own = kind.rules.deletion_finalizer().filter(|own| !was_terminating && !finalizers.contains(own));
    finalizers.extend(own);
    if finalizers.is_empty() {
        metadata(&mut new).remove("finalizers");
    } else {
        metadata(&mut new).insert("finalizers".into(), json!(finalizers));
    }
    let grace = kind.rules.grace_seconds(old, options.grace_seconds).unwrap_or(0).max(0);
    let before = at(old, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64).unwrap_or(0);
    if was_terminating && grace >= before {
        return new;
    }
    let begun = text(old, &["metadata", "deletionTimestamp"]).parse::<Timestamp>();
    let end = match begun {
        // It was to live longer: the time of the first deletion counts.
        Ok(end) => end.checked_sub(SignedDuration::from_secs(before - grace)).unwrap_or(now),
        Err(_) => now.checked_add(SignedDuration::from_secs(grace)).unwrap_or(now),
    };
    let metadata = metadata(&mut new);
    metadata.insert("deletionTimestamp".into(), Value::from(end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
    // What goes once its contents are gone has no time to go in, and is not a new generation of itself.
    if kind.rules.deletion_finalizer().is_none() && !is_namespace(kind) {
        metadata.insert("deletionGracePeriodSeconds".into(), Value::from(grace));
        if let Some(generation) =
            metadata.get("generation").and_then(Value::as_i64).filter(|generation| *generation > 0)
        {
            metadata.insert("generation".into(), Value::from(generation + 1));
        }
    }
    if is_namespace(kind) {
        new["status"]["phase"] = Value::from("Terminating");
    }
    new
}

/// The finalizers with which dependents are treated as the client asks.
fn with_propagation(old: &Value, propagation: Option<Propagation>) -> Vec<&str> {
    let mut names: Vec<&str> = finalizers(old).collect();
    let (add, drop): (Option<&str>, &[&str]) = match propagation {
        None => return names,
        Some(Propagation::Background) => (None, &[FOREGROUND, ORPHAN]),
        Some(Propagation::Foreground) => (Some(FOREGROUND), &[ORPHAN]),
        Some(Propagation::Orphan) => (Some(ORPHAN), &[FOREGROUND]),
    };
    names.retain(|name| !drop.contains(name));
    if let Some(add) = add.filter(|add| !names.contains(add)) {
        names.push(add);
    }
    names
}

/// Whether an object that is to go can go now: nothing holds it, and its time is over.
pub(crate) fn is_done(kind: &Kind, object: &Value) -> bool {
    let grace = at(object, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64).unwrap_or(0);
    let holds_contents = is_namespace(kind)
        && at(object, &["spec", "finalizers"])
            .and_then(Value::as_array)
            .is_some_and(|names| !names.is_empty());
    is_terminating(object) && grace == 0 && finalizers(object).next().is_none() && !holds_contents
}

fn is_namespace(kind: &Kind) -> bool {
    kind.group.is_empty() && kind.plural == "namespaces"
}
