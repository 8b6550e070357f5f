//! Roles and bindings: who may do what.

mod aggregate;
mod attributes;
mod binding;
pub mod defaults;
mod escalation;
mod index;
mod rule;

pub use aggregate::{Aggregation, aggregate};
pub use attributes::{Attributes, ResourceAttributes, Target};
pub use index::Index;
pub use rule::Rule;

pub(crate) use escalation::confirm as confirm_no_escalation;

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Role, Self::ClusterRole, Self::RoleBinding, Self::ClusterRoleBinding];

    /// The kind behind a resource of the group [`GROUP`].
    #[must_use]
    pub fn from_resource(resource: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.resource() == resource)
    }

    /// The plural name.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::Role => "roles",
            Self::ClusterRole => "clusterroles",
            Self::RoleBinding => "rolebindings",
            Self::ClusterRoleBinding => "clusterrolebindings",
        }
    }

    fn is_role(self) -> bool {
        matches!(self, Self::Role | Self::ClusterRole)
    }

    /// The namespace that counts: none for the kinds of the cluster.
    fn namespace(self, namespace: &str) -> &str {
        match self {
            Self::Role | Self::RoleBinding => namespace,
            Self::ClusterRole | Self::ClusterRoleBinding => "",
        }
    }
}
