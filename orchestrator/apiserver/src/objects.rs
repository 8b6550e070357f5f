//! The cache, as admission and reviews see it.

use std::sync::Arc;

use guideway_access::Objects;
use serde_json::Value;

use crate::server::ApiServer;

/// All objects as the cache has them now.
pub(crate) struct CachedObjects<'a> {
    pub(crate) server: &'a ApiServer,
}

impl CachedObjects<'_> {
    fn prefix(&self, group: &str, resource: &str, namespace: &str) -> String {
        let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
        match self.server.catalogue().registry.by_name(group, resource) {
            Some(kind) => kind.prefix(namespace),
            None => format!("/registry/{}/{resource}/", if group.is_empty() { "core" } else { group }),
        }
    }
}

impl Objects for CachedObjects<'_> {
    fn get(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let key = format!("{}{name}", self.prefix(group, resource, namespace));
        let object = self.server.cache.get(&key)?;
        // There are few of them, and every request in a namespace looks at one.
        let is_of_every_request = group.is_empty() && resource == "namespaces";
        Some(if is_of_every_request { object.kept_value() } else { Arc::new(object.value()) })
    }

    fn list(&self, group: &str, resource: &str, namespace: &str) -> Vec<Arc<Value>> {
        let (_, objects) = self.server.cache.list(&self.prefix(group, resource, namespace));
        objects.iter().map(|object| Arc::new(object.value())).collect()
    }
}
