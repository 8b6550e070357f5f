#[cfg(test)]
pub(crate) mod fake;

use std::sync::Arc;

use serde_json::Value;

/// Read access to the other objects of the cluster, as of one moment.
///
/// Groups are API groups, `""` for the core group; resources are plural names. Objects carry their
/// `metadata.resourceVersion`: what a plugin gives back changed is written on the condition that this one still holds.
pub trait Objects {
    /// One object. `namespace` is `""` for what is cluster-scoped.
    fn get(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>>;

    /// All objects of a resource in a namespace, or, with `""`, in all of them (and all of a cluster-scoped resource).
    fn list(&self, group: &str, resource: &str, namespace: &str) -> Vec<Arc<Value>>;
}

/// No objects at all.
impl Objects for () {
    fn get(&self, _: &str, _: &str, _: &str, _: &str) -> Option<Arc<Value>> {
        None
    }

    fn list(&self, _: &str, _: &str, _: &str) -> Vec<Arc<Value>> {
        Vec::new()
    }
}
