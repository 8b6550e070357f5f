//! Roles and bindings: who may do what.

mod attributes;

pub use attributes::{Attributes, ResourceAttributes, Target};

use serde_json::Value;

use crate::{Identity, Objects};

/// All roles and bindings of the cluster, compiled for lookup by subject.
#[derive(Clone, Debug, Default)]
pub struct Index;

/// The kinds that an [`Index`] is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RbacKind {
    /// Rules of one namespace.
    Role,
    /// Rules of the cluster.
    ClusterRole,
    /// Gives a role's rules in one namespace.
    RoleBinding,
    /// Gives a cluster role's rules everywhere.
    ClusterRoleBinding,
}

/// The answer to a question for rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// May it be done?
    pub allowed: bool,
    /// Why, in words for whoever asked for a review. Often empty for a no.
    pub reason: String,
}

impl RbacKind {
    /// The kind behind a resource of the group `rbac.authorization.k8s.io`.
    #[must_use]
    pub fn from_resource(resource: &str) -> Option<Self> {
        match resource {
            "roles" => Some(Self::Role),
            "clusterroles" => Some(Self::ClusterRole),
            "rolebindings" => Some(Self::RoleBinding),
            "clusterrolebindings" => Some(Self::ClusterRoleBinding),
            _ => None,
        }
    }
}

impl Index {
    /// Everything that `objects` holds.
    #[must_use]
    pub fn from_objects(_objects: &dyn Objects) -> Self {
        Self
    }

    /// One object was added or changed.
    pub fn put(&mut self, _kind: RbacKind, _object: &Value) {}

    /// One object is gone. `namespace` is `""` for the kinds of the cluster.
    pub fn remove(&mut self, _kind: RbacKind, _namespace: &str, _name: &str) {}

    /// May `who` do this, as far as roles say?
    #[must_use]
    pub fn authorize(&self, _who: &Identity, _attributes: &Attributes<'_>) -> Decision {
        Decision { allowed: false, reason: String::new() }
    }
}
