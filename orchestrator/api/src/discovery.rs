//! Discovery: which groups, versions and resources there are, in the old form and the aggregated one.

use serde_json::{Map, Value, json};

use crate::kind::{Kind, Origin, Scope, Subresource, Verb, Version, api_version};
use crate::registry::custom::priority;
use crate::registry::{Registry, group_rank};

#[cfg(test)]
mod tests;

/// A group with its versions, the preferred one first.
struct Group<'a> {
    name: &'a str,
    versions: Vec<&'a str>,
}

/// `/api` in the old form. `server`: `host:port` at which clients reach the server.
pub fn api_versions(server: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server}],
    })
}

/// `/apis` in the old form.
pub fn group_list(registry: &Registry) -> Value {
    let groups = groups(registry);
    let named = groups.iter().filter(|group| !group.name.is_empty());
    json!({
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": named.map(Group::document).collect::<Vec<_>>(),
    })
}

/// `/apis/{group}`; none if there is no such group.
pub fn group(registry: &Registry, name: &str) -> Option<Value> {
    let groups = groups(registry);
    let group = groups.iter().find(|group| group.name == name && !name.is_empty())?;
    let mut document = group.document();
    document["kind"] = "APIGroup".into();
    document["apiVersion"] = "v1".into();
    Some(document)
}

/// `/api/v1` and `/apis/{group}/{version}` in the old form; none if there is no such version.
pub fn resource_list(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let found = registry.group_version(group, version);
    if found.is_empty() {
        return None;
    }
    let mut resources = Vec::new();
    for resource in &found {
        let (kind, version) = (resource.kind(), resource.version());
        resources.push(legacy(kind));
        resources.extend(version.subresources.iter().map(|sub| legacy_part(kind, version, sub)));
    }
    let mut document = json!({
        "kind": "APIResourceList",
        "groupVersion": api_version(group, version),
        "resources": resources,
    });
    if !group.is_empty() {
        document["apiVersion"] = "v1".into();
    }
    Some(document)
}

/// Which of the two paths an aggregated document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `/api`: the core group.
    Core,
    /// `/apis`: all others.
    Groups,
}

/// The aggregated form of `/api` or `/apis`. `version` is that of `apidiscovery.k8s.io`: `v2` or `v2beta1`.
pub fn aggregated(registry: &Registry, root: Root, version: &str) -> Value {
    let groups = groups(registry);
    let groups = groups.iter().filter(|group| group.name.is_empty() == (root == Root::Core));
    let items: Vec<Value> = groups
        .map(|group| {
            let versions: Vec<Value> = group
                .versions
                .iter()
                .map(|version| {
                    let found = registry.group_version(group.name, version);
                    let resources: Vec<Value> =
                        found.iter().map(|resource| modern(resource.kind(), resource.version())).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let metadata = match group.name {
                "" => json!({}),
                name => json!({"name": name}),
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    })
}

/// All groups: those of Kubernetes in its order, then the others by name.
fn groups(registry: &Registry) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for kind in registry.kinds() {
        let served =
            kind.versions.iter().filter(|version| version.served).map(|version| version.name.as_str());
        let index = groups.iter().position(|group| group.name == kind.group).unwrap_or_else(|| {
            groups.push(Group { name: &kind.group, versions: Vec::new() });
            groups.len() - 1
        });
        for version in served {
            if !groups[index].versions.contains(&version) {
                groups[index].versions.push(version);
            }
        }
    }
    groups.retain(|group| !group.versions.is_empty());
    for group in &mut groups {
        group.versions.sort_by_key(|version| std::cmp::Reverse(priority(version)));
    }
    groups.sort_by(|a, b| (group_rank(a.name), a.name).cmp(&(group_rank(b.name), b.name)));
    groups
}

impl Group<'_> {
    fn document(&self) -> Value {
        let version =
            |version: &&str| json!({"groupVersion": api_version(self.name, version), "version": version});
        let versions: Vec<Value> = self.versions.iter().map(version).collect();
        json!({"name": self.name, "preferredVersion": versions.first(), "versions": versions})
    }
}

fn verbs(verbs: &[Verb]) -> Value {
    let mut words: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
    words.sort_unstable();
    words.into()
}

fn add_names(document: &mut Map<String, Value>, kind: &Kind) {
    if !kind.short_names.is_empty() {
        document.insert("shortNames".into(), kind.short_names.clone().into());
    }
    if !kind.categories.is_empty() {
        document.insert("categories".into(), kind.categories.clone().into());
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn legacy(kind: &Kind) -> Value {
    let mut document = object(json!({
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.scope == Scope::Namespaced,
        "kind": kind.kind,
        "verbs": verbs(&kind.verbs),
    }));
    add_names(&mut document, kind);
    Value::Object(document)
}

fn legacy_part(kind: &Kind, version: &Version, part: &Subresource) -> Value {
    let mut document = object(json!({
        "name": format!("{}/{}", kind.plural, part.name),
        "singularName": "",
        "namespaced": kind.scope == Scope::Namespaced,
        "kind": part.kind.kind,
        "verbs": verbs(&part.verbs),
    }));
    // Only what differs from the list's own group and version is said; `drain` looks for that of evictions.
    if (part.kind.group.as_str(), part.kind.version.as_str()) != (kind.group.as_str(), version.name.as_str())
    {
        document.insert("group".into(), part.kind.group.as_str().into());
        document.insert("version".into(), part.kind.version.as_str().into());
    }
    Value::Object(document)
}

fn modern(kind: &Kind, version: &Version) -> Value {
    let own = match kind.origin {
        Origin::BuiltIn => json!({"group": "", "version": "", "kind": kind.kind}),
        Origin::Custom => json!({"group": kind.group, "version": version.name, "kind": kind.kind}),
    };
    let mut document = object(json!({
        "resource": kind.plural,
        "responseKind": own,
        "scope": if kind.scope == Scope::Namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular,
        "verbs": verbs(&kind.verbs),
    }));
    add_names(&mut document, kind);
    let part = |part: &Subresource| {
        let same = (part.kind.group.as_str(), part.kind.version.as_str())
            == (kind.group.as_str(), version.name.as_str());
        let response = match same && kind.origin == Origin::BuiltIn {
            true => json!({"group": "", "version": "", "kind": part.kind.kind}),
            false => json!({"group": part.kind.group, "version": part.kind.version, "kind": part.kind.kind}),
        };
        json!({"subresource": part.name, "responseKind": response, "verbs": verbs(&part.verbs)})
    };
    if !version.subresources.is_empty() {
        document.insert("subresources".into(), version.subresources.iter().map(part).collect());
    }
    Value::Object(document)
}
