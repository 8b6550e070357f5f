//! Objects as informers give them.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use thiserror::Error;

use crate::resource::{GroupResource, Resource, Scope};

/// Where an object is, whether or not it exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub resource: GroupResource,
    /// `""` for what belongs to the cluster.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ObjectRef {
    /// The object `name` of `resource`; `namespace` is `""` for what belongs to the cluster.
    pub fn new(resource: &GroupResource, namespace: &str, name: &str) -> Self {
        Self { resource: resource.clone(), namespace: namespace.into(), name: name.into() }
    }
}

/// `services default/web`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.resource)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// An entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerReference {
    /// `apps/v1`.
    pub api_version: Arc<str>,
    /// `Deployment`.
    pub kind: Arc<str>,
    /// Name of the owner, in the same namespace or in the cluster.
    pub name: Arc<str>,
    /// The owner is the one with this uid, not another of its name.
    pub uid: Arc<str>,
    /// A foreground deletion of the owner waits for this dependent.
    pub block_owner_deletion: bool,
    /// The one owner that manages the object.
    pub controller: bool,
}

impl OwnerReference {
    /// The group in `apiVersion`; `""` is core.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// Why something is not an object.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0} is missing or not a string")]
pub struct ObjectError(&'static str);

/// An object with the metadata that controllers ask for again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its kind.
    pub resource: GroupResource,
    /// `""` for what belongs to the cluster.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its uid.
    pub uid: Arc<str>,
    /// Its resourceVersion as a number, 0 when it is none.
    pub revision: u64,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When its deletion was asked for.
    pub deleting: Option<Timestamp>,
    /// What must be done before it goes.
    pub finalizers: Vec<Arc<str>>,
    /// What it belongs to.
    pub owners: Vec<OwnerReference>,
    /// The whole, or what [`crate::resource`]-wise is kept of it; `Null` where only metadata is watched.
    pub body: Value,
}

impl Object {
    /// An object of `resource` from its JSON.
    ///
    /// # Errors
    ///
    /// Name or uid are missing.
    pub fn new(resource: &Resource, body: Value) -> Result<Self, ObjectError> {
        let meta = &body["metadata"];
        let text = |field: &str| meta[field].as_str();
        let time = |field: &str| text(field).and_then(|time| time.parse().ok());
        let namespace =
            if resource.scope == Scope::Cluster { "" } else { text("namespace").unwrap_or_default() };
        Ok(Self {
            resource: resource.id.clone(),
            namespace: namespace.into(),
            name: text("name").ok_or(ObjectError("metadata.name"))?.into(),
            uid: text("uid").ok_or(ObjectError("metadata.uid"))?.into(),
            revision: text("resourceVersion").and_then(|revision| revision.parse().ok()).unwrap_or(0),
            created: time("creationTimestamp"),
            deleting: time("deletionTimestamp"),
            finalizers: meta["finalizers"]
                .as_array()
                .map(|list| list.iter().filter_map(Value::as_str).map(Arc::from).collect())
                .unwrap_or_default(),
            owners: meta["ownerReferences"]
                .as_array()
                .map(|list| list.iter().map(owner).collect())
                .unwrap_or_default(),
            body,
        })
    }

    /// Where it is.
    pub fn reference(&self) -> ObjectRef {
        ObjectRef {
            resource: self.resource.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.body["metadata"]["labels"][name].as_str()
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.body["metadata"]["annotations"][name].as_str()
    }

    /// Whether it has the finalizer `name`.
    pub fn has_finalizer(&self, name: &str) -> bool {
        self.finalizers.iter().any(|finalizer| **finalizer == *name)
    }

    /// The owner that manages it.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owners.iter().find(|owner| owner.controller)
    }

    /// The text at a path of fields.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        path.iter().try_fold(&self.body, |value, field| value.get(field)).and_then(Value::as_str)
    }
}

fn owner(reference: &Value) -> OwnerReference {
    let text = |field: &str| reference[field].as_str().unwrap_or_default().into();
    OwnerReference {
        api_version: text("apiVersion"),
        kind: text("kind"),
        name: text("name"),
        uid: text("uid"),
        block_owner_deletion: reference["blockOwnerDeletion"] == true,
        controller: reference["controller"] == true,
    }
}
