//! A cluster for tests: some objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Objects;

#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster(BTreeMap<(String, String, String, String), Arc<Value>>);

impl Cluster {
    pub(crate) fn with(mut self, group: &str, resource: &str, object: Value) -> Self {
        self.put(group, resource, object);
        self
    }

    pub(crate) fn put(&mut self, group: &str, resource: &str, object: Value) {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        self.0.insert(
            (group.to_owned(), resource.to_owned(), text("namespace"), text("name")),
            Arc::new(object),
        );
    }

    pub(crate) fn remove(&mut self, group: &str, resource: &str, namespace: &str, name: &str) {
        self.0.remove(&(group.to_owned(), resource.to_owned(), namespace.to_owned(), name.to_owned()));
    }
}

impl Objects for Cluster {
    fn get(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.0.get(&(group.to_owned(), resource.to_owned(), namespace.to_owned(), name.to_owned())).cloned()
    }

    fn list(&self, group: &str, resource: &str, namespace: &str) -> Vec<Arc<Value>> {
        let matches = |key: &(String, String, String, String)| {
            key.0 == group && key.1 == resource && (namespace.is_empty() || key.2 == namespace)
        };
        self.0.iter().filter(|(key, _)| matches(key)).map(|(_, object)| Arc::clone(object)).collect()
    }
}
