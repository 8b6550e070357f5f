//! All kinds that the server has.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kind::{Kind, Origin, Version};

mod built_in;
pub(crate) mod custom;
#[cfg(test)]
mod tests;

pub(crate) use built_in::{group_rank, schema as built_in_schema};

/// An immutable snapshot of all kinds. A change of CustomResourceDefinitions gives another one.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: Vec<Arc<Kind>>,
    /// Places in `kinds`, by group and resource.
    by_resource: BTreeMap<String, BTreeMap<String, usize>>,
}

/// A resource that was found: a kind in one of its versions.
#[derive(Clone)]
pub struct Resource {
    kind: Arc<Kind>,
    version: usize,
}

impl Resource {
    /// The kind.
    pub fn kind(&self) -> &Arc<Kind> {
        &self.kind
    }

    /// The version that was asked for.
    pub fn version(&self) -> &Version {
        &self.kind.versions[self.version]
    }
}

impl Registry {
    /// The kinds that are part of the server.
    pub fn built_in() -> Self {
        Self::from_kinds(built_in::kinds().into_iter().map(Arc::new).collect())
    }

    /// The same built-in kinds with these custom ones in the place of those there were. Of kinds with one group and
    /// resource the first counts.
    #[must_use]
    pub fn with_custom(&self, custom: Vec<Arc<Kind>>) -> Self {
        let built_in = self.kinds.iter().filter(|kind| kind.origin == Origin::BuiltIn).cloned();
        Self::from_kinds(built_in.chain(custom).collect())
    }

    /// The resource of a path, if the version is served.
    pub fn find(&self, group: &str, version: &str, resource: &str) -> Option<Resource> {
        let kind = self.by_name(group, resource)?;
        let version = kind.versions.iter().position(|one| one.served && one.name == version)?;
        Some(Resource { kind: Arc::clone(kind), version })
    }

    /// The kind of a resource in any version.
    pub fn by_name(&self, group: &str, resource: &str) -> Option<&Arc<Kind>> {
        let index = self.by_resource.get(group)?.get(resource)?;
        self.kinds.get(*index)
    }

    /// All kinds.
    pub fn kinds(&self) -> &[Arc<Kind>] {
        &self.kinds
    }

    /// The kinds of a group that are served in a version, sorted by resource; none if the server has no such version.
    pub fn group_version(&self, group: &str, version: &str) -> Vec<Resource> {
        let resources = self.by_resource.get(group).into_iter().flatten();
        resources.filter_map(|(resource, _)| self.find(group, version, resource)).collect()
    }

    fn from_kinds(kinds: Vec<Arc<Kind>>) -> Self {
        let mut by_resource: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for (index, kind) in kinds.iter().enumerate() {
            by_resource.entry(kind.group.clone()).or_default().entry(kind.plural.clone()).or_insert(index);
        }
        Self { kinds, by_resource }
    }
}
