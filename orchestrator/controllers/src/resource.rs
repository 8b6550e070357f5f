//! Kinds of objects, as discovery names them.

use std::fmt;
use std::sync::Arc;

/// A resource without its version: what is stored once, whatever version it is read in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupResource {
    /// `""` is the core group.
    pub group: Arc<str>,
    /// Plural, lower-case: `pods`.
    pub plural: Arc<str>,
}

impl GroupResource {
    /// The resource `plural` of `group`.
    pub fn new(group: &str, plural: &str) -> Self {
        Self { group: group.into(), plural: plural.into() }
    }

    /// Whether this is the resource `plural` of `group`.
    pub fn is(&self, group: &str, plural: &str) -> bool {
        *self.group == *group && *self.plural == *plural
    }
}

/// As Kubernetes writes it: `deployments.apps`, `pods`.
impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plural)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// Whether objects of a kind live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One set of names for the cluster.
    Cluster,
    /// One set of names for each namespace.
    Namespaced,
}

/// What can be done with a resource, of the verbs that matter to controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Verbs {
    /// `list` and `watch`.
    pub watch: bool,
    /// `list`.
    pub list: bool,
    /// `delete`.
    pub delete: bool,
    /// `deletecollection`.
    pub delete_collection: bool,
}

impl Verbs {
    /// All of them, as nearly every kind has.
    pub const ALL: Self = Self { watch: true, list: true, delete: true, delete_collection: true };

    /// From the names in a discovery document.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut verbs = Self::default();
        let mut watch = false;
        for name in names {
            match name {
                "list" => verbs.list = true,
                "watch" => watch = true,
                "delete" => verbs.delete = true,
                "deletecollection" => verbs.delete_collection = true,
                _ => {}
            }
        }
        verbs.watch = watch && verbs.list;
        verbs
    }
}

/// A kind in one version, with all that is needed to form a request for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Group and plural.
    pub id: GroupResource,
    /// `v1`.
    pub version: Arc<str>,
    /// `Pod`.
    pub kind: Arc<str>,
    /// Where its objects live.
    pub scope: Scope,
    /// What can be done with it.
    pub verbs: Verbs,
}

impl Resource {
    /// A kind with all verbs.
    pub fn new(group: &str, version: &str, kind: &str, plural: &str, scope: Scope) -> Self {
        Self {
            id: GroupResource::new(group, plural),
            version: version.into(),
            kind: kind.into(),
            scope,
            verbs: Verbs::ALL,
        }
    }

    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.id.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.id.group, self.version)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_kubernetes_does() {
        let deployments = Resource::new("apps", "v1", "Deployment", "deployments", Scope::Namespaced);
        assert_eq!(deployments.id.to_string(), "deployments.apps");
        assert_eq!(deployments.api_version(), "apps/v1");
        let pods = Resource::new("", "v1", "Pod", "pods", Scope::Namespaced);
        assert_eq!((pods.id.to_string().as_str(), pods.api_version().as_str()), ("pods", "v1"));
    }

    #[test]
    fn watching_needs_listing() {
        assert!(!Verbs::from_names(["watch", "get"]).watch);
        assert_eq!(Verbs::from_names(["list", "watch", "delete", "deletecollection", "create"]), Verbs::ALL);
    }
}
