//! The roles and bindings that every cluster has: the rights that users, nodes and components have in Kubernetes.
//!
//! The server makes sure of them when it starts, with [`missing`]: what was taken from a default role or binding comes
//! back, what was added to it stays, and one that is annotated `rbac.authorization.kubernetes.io/autoupdate: "false"` is left
//! alone.

mod components;
mod controllers;
mod users;

pub(crate) use components::node_rules;
use serde_json::{Map, Value, json};

use super::{GROUP, Rule};
use crate::Objects;

const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// One row of the tables: a role.
struct RoleRow {
    /// Empty for a cluster role.
    namespace: &'static str,
    name: &'static str,
    /// The aggregated role that gathers this one, if there is one: `admin`, `edit` or `view`.
    gathered_by: Option<&'static str>,
    rules: Rules,
}

enum Rules {
    /// These.
    Own(&'static [Row]),
    /// Those of all roles that say that they belong to this one.
    Gathered,
}

/// A rule in the order groups, resources, verbs.
enum Row {
    In(&'static [&'static str], &'static [&'static str], &'static [&'static str]),
    /// With the names of objects before the verbs.
    Named(&'static [&'static str], &'static [&'static str], &'static [&'static str], &'static [&'static str]),
    Paths(&'static [&'static str]),
    AllPaths,
}

/// One row of the tables: a binding of the role of the same name.
struct BindingRow {
    /// Empty for a cluster role binding.
    namespace: &'static str,
    name: &'static str,
    role: &'static str,
    to: &'static [To],
}

enum To {
    User(&'static str),
    Group(&'static str),
    /// A service account in `kube-system`.
    Account(&'static str),
}

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
const READ_WRITE: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// An object with the resource that it belongs to, in the group [`GROUP`].
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultObject {
    /// `clusterroles`, `clusterrolebindings`, `roles` or `rolebindings`.
    pub resource: &'static str,
    /// The object.
    pub object: Value,
    /// Is it to be created, or does it replace one that is there?
    pub write: DefaultWrite,
}

/// What to do with a [`DefaultObject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultWrite {
    /// There is none of this name.
    Create,
    /// The one of this name lacks something; the object carries its resourceVersion.
    Replace,
}

/// All default roles and bindings. The rules of aggregated roles are filled in.
#[must_use]
pub fn all() -> Vec<(&'static str, Value)> {
    let mut roles: Vec<Value> = role_rows().map(role).collect();
    for _ in 0..3 {
        // One round for each level: admin gathers edit, which gathers view, which gathers.
        let before = roles.clone();
        for role in &mut roles {
            if let super::Aggregation::Rules(rules) = super::aggregate(role, &before) {
                role["rules"] = json!(rules);
            }
        }
    }
    let roles = roles.into_iter().map(|role| (resource_of(&role, "clusterroles", "roles"), role));
    let bindings = binding_rows()
        .map(binding)
        .map(|binding| (resource_of(&binding, "clusterrolebindings", "rolebindings"), binding));
    roles.chain(bindings).collect()
}

/// What of [`all`] is not in `objects`, or not whole.
#[must_use]
pub fn missing(objects: &dyn Objects) -> Vec<DefaultObject> {
    all().into_iter().filter_map(|(resource, wanted)| missing_of(objects, resource, wanted)).collect()
}

fn missing_of(objects: &dyn Objects, resource: &'static str, wanted: Value) -> Option<DefaultObject> {
    let metadata = &wanted["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or_default();
    let name = metadata["name"].as_str().unwrap_or_default();
    let Some(found) = objects.get(GROUP, resource, namespace, name) else {
        return Some(DefaultObject { resource, object: wanted, write: DefaultWrite::Create });
    };
    if found["metadata"]["annotations"][AUTOUPDATE] == "false" {
        return None;
    }
    let mut object = (*found).clone();
    for field in ["labels", "annotations"] {
        add_missing_keys(&mut object["metadata"][field], &wanted["metadata"][field]);
    }
    if wanted["aggregationRule"].is_null() {
        add_missing_elements(&mut object["rules"], &wanted["rules"]);
    } else {
        object["aggregationRule"] = wanted["aggregationRule"].clone();
    }
    add_missing_elements(&mut object["subjects"], &wanted["subjects"]);
    tidy(&mut object);
    (object != *found).then_some(DefaultObject { resource, object, write: DefaultWrite::Replace })
}

/// Takes out the nulls that looking at absent fields left.
fn tidy(object: &mut Value) {
    let remove_nulls = |value: &mut Value| {
        if let Some(map) = value.as_object_mut() {
            map.retain(|_, field| !field.is_null());
        }
    };
    remove_nulls(object);
    if let Some(metadata) = object.get_mut("metadata") {
        remove_nulls(metadata);
    }
}

fn add_missing_keys(to: &mut Value, from: &Value) {
    let Some(from) = from.as_object() else { return };
    if !to.is_object() {
        *to = Value::Object(Map::new());
    }
    for (key, value) in from {
        if to.get(key).is_none() {
            to[key] = value.clone();
        }
    }
}

fn add_missing_elements(to: &mut Value, from: &Value) {
    let Some(from) = from.as_array() else { return };
    if !to.is_array() {
        *to = Value::Array(Vec::new());
    }
    if let Some(to) = to.as_array_mut() {
        for element in from {
            if !to.contains(element) {
                to.push(element.clone());
            }
        }
    }
}

fn role_rows() -> impl Iterator<Item = &'static RoleRow> {
    users::ROLES.iter().chain(components::ROLES).chain(controllers::ROLES)
}

fn binding_rows() -> impl Iterator<Item = &'static BindingRow> {
    users::BINDINGS.iter().chain(components::BINDINGS).chain(controllers::BINDINGS)
}

fn resource_of(object: &Value, cluster: &'static str, namespaced: &'static str) -> &'static str {
    if object["metadata"]["namespace"].is_null() { cluster } else { namespaced }
}

fn metadata(namespace: &str, name: &str) -> Value {
    let mut metadata = json!({
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {AUTOUPDATE: "true"},
    });
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
    }
    metadata
}

fn role(row: &RoleRow) -> Value {
    let kind = if row.namespace.is_empty() { "ClusterRole" } else { "Role" };
    let mut role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata(row.namespace, row.name),
        "rules": [],
    });
    let label = |of: &str| format!("rbac.authorization.k8s.io/aggregate-to-{of}");
    if let Some(to) = row.gathered_by {
        role["metadata"]["labels"][label(to)] = json!("true");
    }
    match row.rules {
        Rules::Own(rows) => role["rules"] = json!(rows.iter().map(rule).collect::<Vec<_>>()),
        Rules::Gathered => {
            let selector = json!({"matchLabels": {label(row.name): "true"}});
            role["aggregationRule"] = json!({"clusterRoleSelectors": [selector]});
        }
    }
    role
}

fn rule(row: &Row) -> Rule {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    match row {
        Row::In(groups, resources, verbs) => Rule {
            verbs: texts(verbs),
            api_groups: texts(groups),
            resources: texts(resources),
            ..Rule::default()
        },
        Row::Named(groups, resources, names, verbs) => Rule {
            verbs: texts(verbs),
            api_groups: texts(groups),
            resources: texts(resources),
            resource_names: texts(names),
            ..Rule::default()
        },
        Row::Paths(paths) => {
            Rule { verbs: texts(&["get"]), non_resource_urls: texts(paths), ..Rule::default() }
        }
        Row::AllPaths => Rule { verbs: texts(&["*"]), non_resource_urls: texts(&["*"]), ..Rule::default() },
    }
}

fn binding(row: &BindingRow) -> Value {
    let (kind, role_kind) = if row.namespace.is_empty() {
        ("ClusterRoleBinding", "ClusterRole")
    } else {
        ("RoleBinding", "Role")
    };
    let subjects: Vec<Value> = row
        .to
        .iter()
        .map(|to| match to {
            To::User(name) => json!({"apiGroup": GROUP, "kind": "User", "name": name}),
            To::Group(name) => json!({"apiGroup": GROUP, "kind": "Group", "name": name}),
            To::Account(name) => json!({"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}),
        })
        .collect();
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata(row.namespace, row.name),
        "roleRef": {"apiGroup": GROUP, "kind": role_kind, "name": row.role},
        "subjects": subjects,
    })
}

#[cfg(test)]
mod tests;
