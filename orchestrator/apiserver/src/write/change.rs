//! The next state of an object that is there.

use std::sync::Arc;

use guideway_access::admission::{self, Operation};
use guideway_api::options::{DryRun, WriteOptions};
use guideway_api::{Status, convert, meta};
use guideway_cache::Object;
use guideway_patch::managed::{self, Manager};
use guideway_store::Expect;
use serde_json::Value;

use super::Door;
use super::commit::{Committed, Proposal};
use super::delete::is_done;
use crate::call::Call;
use crate::random;
use crate::value::{metadata, text};

/// How often a change that names no resourceVersion is made anew because another one was first.
const ATTEMPTS: usize = 16;

/// What a client wants an object to be.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) object: Value,
    /// Its `managedFields` are those of a server-side apply.
    pub(crate) is_applied: bool,
}

/// A change of one object.
pub(crate) struct Change<'a> {
    pub(crate) door: Door,
    pub(crate) options: &'a WriteOptions,
    /// A PUT says all of the object, so that a missing resourceVersion may matter.
    pub(crate) is_whole: bool,
}

impl Call {
    /// Makes the next state of the object that the path names with `make`, as often as it takes.
    pub(crate) async fn change(
        &mut self,
        change: &Change<'_>,
        mut make: impl FnMut(&Call, &Value, &mut Vec<String>) -> Result<Made, Status>,
    ) -> Result<Value, Status> {
        for _ in 0..ATTEMPTS {
            let current = self.current().await?;
            let mut warnings = Vec::new();
            let attempt = self.attempt(change, &current, &mut make, &mut warnings).await;
            // Those of an attempt that somebody else forestalled come again.
            if !matches!(attempt, Ok(None)) {
                self.warnings.append(&mut warnings);
            }
            if let Some(value) = attempt? {
                return Ok(value);
            }
        }
        Err(Status::conflict(self.named(), &self.path.name))
    }

    /// One attempt. None when another change was first and this one may be made anew.
    async fn attempt(
        &self,
        change: &Change<'_>,
        current: &Arc<Object>,
        make: &mut impl FnMut(&Call, &Value, &mut Vec<String>) -> Result<Made, Status>,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Value>, Status> {
        let kind = Arc::clone(self.resource.kind());
        let rules = kind.rules;
        let name = self.path.name.as_str();
        let old = self.shown(current);
        let Made { object: mut new, is_applied } = make(self, &old, warnings)?;
        let is_conditional = self.same_object(&mut new, &old, change.is_whole)?;
        if let Some(schema) = self.version().schema() {
            schema.default(&mut new);
        }
        rules.default(&self.version().name, &mut new);
        {
            let view = self.view();
            let suffix = random::suffix();
            let request = self.admission(Operation::Update, name, Some(&old), &view, &suffix);
            admission::mutate(&request, &mut new, warnings)?;
        }
        meta::prepare_update(&mut new, &old);
        change.door.prepare(&kind, &mut new, &old);
        metadata(&mut new).insert("resourceVersion".into(), old["metadata"]["resourceVersion"].clone());
        if !is_applied {
            let manager = self.manager(change.options.field_manager.as_deref());
            new = self.managed(Some(&old), new, manager, change.door, name)?;
        }
        rules.stamp(&mut new, &old, &self.time());
        // What changes nothing is not written, unless it is stored as another definition had it.
        if new == old && !convert::is_outdated(&kind, current.revision.0, &current.value()) {
            return Ok(Some(old));
        }
        let mut causes = meta::validate_update(&kind, &new, &old);
        if let Some(schema) = self.version().schema() {
            causes.extend(schema.validate_update(&new, &old));
        }
        causes.extend(change.door.validate(&kind, &new, &old));
        if !causes.is_empty() {
            return Err(Status::invalid(kind.qualified(), name, &causes));
        }
        warnings.extend(rules.warnings(&new));
        let is_dry = change.options.dry_run == DryRun::All;
        if is_done(&kind, &new) {
            // Nothing holds the object any more that was deleted before.
            let is_gone = is_dry || self.remove(&old, current.revision).await?.is_some();
            return if is_gone { Ok(Some(new)) } else { self.again(is_conditional) };
        }
        let proposal = Proposal {
            key: Arc::clone(&current.key),
            expect: Expect::At(current.revision),
            namespace: None,
            old: Some(&old),
            operation: Operation::Update,
            is_dry,
            name,
        };
        match self.commit(&mut new, proposal, warnings).await? {
            Committed::Done => Ok(Some(new)),
            Committed::Refused | Committed::NamespaceChanged => self.again(is_conditional),
        }
    }

    fn again(&self, is_conditional: bool) -> Result<Option<Value>, Status> {
        if is_conditional { Err(Status::conflict(self.named(), &self.path.name)) } else { Ok(None) }
    }

    /// Whether what the client sent is about this object, and about this state of it if it says so. Gives whether it does.
    fn same_object(&self, new: &mut Value, old: &Value, is_whole: bool) -> Result<bool, Status> {
        let name = self.path.name.as_str();
        match text(new, &["metadata", "name"]) {
            "" => {
                metadata(new).insert("name".into(), Value::from(name));
            }
            own if own != name => {
                return Err(Status::bad_request(format!(
                    "the name of the object ({own}) does not match the name on the URL ({name})"
                )));
            }
            _ => {}
        }
        let namespace = text(old, &["metadata", "namespace"]);
        match text(new, &["metadata", "namespace"]) {
            "" if !namespace.is_empty() => {
                metadata(new).insert("namespace".into(), Value::from(namespace));
            }
            own if own != namespace => {
                return Err(Status::bad_request(format!(
                    "the namespace of the object ({own}) does not match the namespace on the request ({namespace})"
                )));
            }
            _ => {}
        }
        let uid = text(old, &["metadata", "uid"]);
        let wanted = text(new, &["metadata", "uid"]);
        if !wanted.is_empty() && wanted != uid {
            return Err(Status::other_uid(self.named(), name, &self.key(name), wanted, uid));
        }
        let version = text(old, &["metadata", "resourceVersion"]);
        let wanted = text(new, &["metadata", "resourceVersion"]);
        if wanted.is_empty() || wanted == "0" {
            if is_whole && !self.kind().rules.updates_unconditionally() {
                let cause = guideway_api::Cause::invalid(
                    "metadata.resourceVersion",
                    &Value::from(0),
                    "must be specified for an update",
                );
                return Err(Status::invalid(self.kind().qualified(), name, &[cause]));
            }
            metadata(new).insert("resourceVersion".into(), Value::from(version));
            return Ok(false);
        }
        if wanted != version {
            return Err(Status::conflict(self.named(), name));
        }
        Ok(is_whole)
    }

    /// The object with the record of who set which field.
    pub(super) fn managed(
        &self,
        before: Option<&Value>,
        after: Value,
        mut manager: Manager,
        door: Door,
        name: &str,
    ) -> Result<Value, Status> {
        let Some(schema) = self.version().schema() else { return Ok(after) };
        manager.reset = door.reset(self.kind(), &after);
        managed::update(schema, before, after, &manager, &self.time())
            .map_err(|causes| Status::invalid(self.kind().qualified(), name, &causes))
    }
}
