//! Paths and what can be done there.

use serde_json::{Map, Value, json};

use super::{Definitions, Resource, Subresource};
use crate::builtin::REFERENCE;

const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";

/// The path of a group and version itself.
pub(super) fn of_group(
    group: &str,
    version: &str,
    paths: &mut Map<String, Value>,
    definitions: &mut Definitions,
) {
    let Some(name) = definitions.kind("", "v1", "APIResourceList") else { return };
    let operation = json!({
        "description": "get available resources",
        "operationId": format!("get{}APIResources", title(group, version)),
        "tags": [tag(group, version)],
        "responses": responses(Some(name)),
    });
    paths.insert(format!("{}/", base(group, version)), json!({ "get": operation }));
}

/// The paths of a resource.
pub(super) fn of_resource(
    resource: &Resource<'_>,
    paths: &mut Map<String, Value>,
    definitions: &mut Definitions,
) {
    let (object, list) = match &resource.custom {
        Some(custom) => {
            let (object, list) = definitions.custom(resource, custom);
            (Some(object), Some(list))
        }
        None => {
            let object = definitions.kind(resource.group, resource.version, resource.kind);
            let list = definitions.kind(resource.group, resource.version, &format!("{}List", resource.kind));
            (object.map(str::to_owned), list.map(str::to_owned))
        }
    };
    definitions.kind("", "v1", "DeleteOptions");
    definitions.kind("", "v1", "Status");
    definitions.named(PATCH);
    let of = Of {
        resource,
        kind: (resource.group, resource.version, resource.kind),
        object: object.as_deref(),
        list: list.as_deref(),
        subresource: "",
    };
    let base = base(resource.group, resource.version);
    let plural = resource.plural;
    let collection = if resource.namespaced {
        if resource.verbs.contains(&"list") {
            let path = json!({ "get": of.operation(Action::List { everywhere: true }) });
            paths.insert(format!("{base}/{plural}"), path);
        }
        format!("{base}/namespaces/{{namespace}}/{plural}")
    } else {
        format!("{base}/{plural}")
    };
    let item = format!("{collection}/{{name}}");
    of.insert(
        paths,
        collection,
        resource.verbs,
        &[
            ("list", "get", Action::List { everywhere: false }),
            ("create", "post", Action::Create),
            ("deletecollection", "delete", Action::DeleteCollection),
        ],
    );
    for subresource in &resource.subresources {
        of_subresource(resource, subresource, &item, object.as_deref(), paths, definitions);
    }
    of.insert(paths, item, resource.verbs, &ITEM);
}

const ITEM: [(&str, &str, Action); 4] = [
    ("get", "get", Action::Get),
    ("update", "put", Action::Replace),
    ("patch", "patch", Action::Patch),
    ("delete", "delete", Action::Delete),
];

fn of_subresource(
    resource: &Resource<'_>,
    subresource: &Subresource<'_>,
    item: &str,
    parent: Option<&str>,
    paths: &mut Map<String, Value>,
    definitions: &mut Definitions,
) {
    let kind = subresource.kind;
    // `status` of a custom kind is the kind itself.
    let object = match definitions.kind(kind.0, kind.1, kind.2) {
        Some(name) => Some(name),
        None if kind == (resource.group, resource.version, resource.kind) => parent,
        None => None,
    };
    let of = Of { resource, kind, object, list: None, subresource: subresource.name };
    let mut verbs = ITEM.to_vec();
    verbs.push(("create", "post", Action::Create));
    of.insert(paths, format!("{item}/{}", subresource.name), subresource.verbs, &verbs);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    List {
        /// In all namespaces.
        everywhere: bool,
    },
    Get,
    Create,
    Replace,
    Patch,
    Delete,
    DeleteCollection,
}

impl Action {
    /// The word in operation ids.
    fn word(self) -> &'static str {
        match self {
            Self::List { .. } => "list",
            Self::Get => "read",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deleteCollection",
        }
    }

    /// Kubernetes' word for it (`x-kubernetes-action`).
    fn extension(self) -> &'static str {
        match self {
            Self::List { .. } => "list",
            Self::Get => "get",
            Self::Create => "post",
            Self::Replace => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
        }
    }

    fn queries(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Self::List { .. } => &LIST_QUERIES,
            Self::Get => &[],
            Self::Create | Self::Replace => &WRITE_QUERIES,
            Self::Patch => &PATCH_QUERIES,
            Self::Delete | Self::DeleteCollection => &DELETE_QUERIES,
        }
    }
}

const LIST_QUERIES: [(&str, &str, &str); 10] = [
    ("allowWatchBookmarks", "boolean", "Send bookmarks on watches."),
    ("continue", "string", "Where the list before this one ended."),
    ("fieldSelector", "string", "Which objects, by their fields."),
    ("labelSelector", "string", "Which objects, by their labels."),
    ("limit", "integer", "How many objects an answer holds at most."),
    ("resourceVersion", "string", "State that the answer must have reached."),
    ("resourceVersionMatch", "string", "How resourceVersion is meant: Exact or NotOlderThan."),
    ("sendInitialEvents", "boolean", "Begin a watch with the objects that there are."),
    ("timeoutSeconds", "integer", "When a watch ends."),
    ("watch", "boolean", "Follow changes instead of listing."),
];
const DRY_RUN: (&str, &str, &str) = ("dryRun", "string", "All: check everything and keep nothing.");
const MANAGER: (&str, &str, &str) = ("fieldManager", "string", "Who sets the fields.");
const VALIDATION: (&str, &str, &str) =
    ("fieldValidation", "string", "What becomes of unknown and duplicate fields: Ignore, Warn or Strict.");
const WRITE_QUERIES: [(&str, &str, &str); 3] = [DRY_RUN, MANAGER, VALIDATION];
const PATCH_QUERIES: [(&str, &str, &str); 4] =
    [DRY_RUN, MANAGER, VALIDATION, ("force", "boolean", "Take fields from other managers (apply only).")];
const DELETE_QUERIES: [(&str, &str, &str); 4] = [
    DRY_RUN,
    ("gracePeriodSeconds", "integer", "Time for the object to end."),
    ("orphanDependents", "boolean", "Superseded by propagationPolicy."),
    ("propagationPolicy", "string", "What becomes of dependents: Orphan, Background or Foreground."),
];

/// What operations speak of.
struct Of<'a> {
    resource: &'a Resource<'a>,
    kind: (&'a str, &'a str, &'a str),
    /// Name of the definition.
    object: Option<&'a str>,
    list: Option<&'a str>,
    /// Empty for the resource itself.
    subresource: &'a str,
}

impl Of<'_> {
    fn insert(
        &self,
        paths: &mut Map<String, Value>,
        path: String,
        verbs: &[&str],
        actions: &[(&str, &str, Action)],
    ) {
        let mut operations = Map::new();
        for (verb, method, action) in actions {
            if verbs.contains(verb) {
                operations.insert((*method).to_owned(), self.operation(*action));
            }
        }
        if operations.is_empty() {
            return;
        }
        let mut parameters = Vec::new();
        if path.contains("{name}") {
            parameters.push(place("name", &format!("name of the {}", self.resource.kind)));
        }
        if path.contains("{namespace}") {
            parameters.push(place("namespace", "namespace of the object"));
        }
        operations.insert("parameters".into(), parameters.into());
        paths.insert(path, Value::Object(operations));
    }

    fn operation(&self, action: Action) -> Value {
        let (group, version, kind) = self.kind;
        let resource = self.resource;
        let namespaced = if resource.namespaced && action != (Action::List { everywhere: true }) {
            "Namespaced"
        } else {
            ""
        };
        let everywhere = if action == (Action::List { everywhere: true }) { "ForAllNamespaces" } else { "" };
        let id = format!(
            "{}{}{namespaced}{}{}{everywhere}",
            action.word(),
            title(resource.group, resource.version),
            resource.kind,
            capital(self.subresource),
        );
        let queries = action.queries().iter().map(|(name, kind, description)| {
            json!({
                "name": name, "in": "query", "description": description,
                "schema": { "type": kind, "uniqueItems": true },
            })
        });
        let answer = match action {
            Action::List { .. } => self.list,
            Action::Delete if resource.returns_deleted && self.subresource.is_empty() => self.object,
            Action::Delete | Action::DeleteCollection => Some("io.k8s.apimachinery.pkg.apis.meta.v1.Status"),
            _ => self.object,
        };
        let mut operation = json!({
            "description": format!("{} {}", action.word(), describe(resource.kind, self.subresource)),
            "operationId": id,
            "parameters": queries.collect::<Vec<_>>(),
            "responses": responses(answer),
            "tags": [tag(resource.group, resource.version)],
            "x-kubernetes-action": action.extension(),
            "x-kubernetes-group-version-kind": { "group": group, "version": version, "kind": kind },
        });
        if let Some(body) = self.body(action) {
            operation["requestBody"] = body;
        }
        operation
    }

    fn body(&self, action: Action) -> Option<Value> {
        let of = |name: &str| json!({ "schema": { "$ref": format!("{REFERENCE}{name}") } });
        match action {
            Action::Create | Action::Replace => {
                let content = self.object.map_or_else(|| json!({}), of);
                Some(json!({ "content": { "*/*": content }, "required": true }))
            }
            Action::Patch => {
                let mut content = Map::new();
                for kind in [
                    "application/apply-patch+yaml",
                    "application/json-patch+json",
                    "application/merge-patch+json",
                ] {
                    content.insert(kind.into(), of(PATCH));
                }
                if self.resource.custom.is_none() {
                    content.insert("application/strategic-merge-patch+json".into(), of(PATCH));
                }
                Some(json!({ "content": content, "required": true }))
            }
            Action::Delete | Action::DeleteCollection => Some(
                json!({ "content": { "*/*": of("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions") } }),
            ),
            Action::List { .. } | Action::Get => None,
        }
    }
}

fn responses(name: Option<&str>) -> Value {
    let mut ok = json!({ "description": "OK" });
    if let Some(name) = name {
        let schema = json!({ "schema": { "$ref": format!("{REFERENCE}{name}") } });
        ok["content"] = json!({ "application/json": schema, "application/yaml": schema });
    }
    json!({ "200": ok, "401": { "description": "Unauthorized" } })
}

fn place(name: &str, description: &str) -> Value {
    json!({
        "name": name, "in": "path", "description": description, "required": true,
        "schema": { "type": "string", "uniqueItems": true },
    })
}

fn base(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

fn describe(kind: &str, subresource: &str) -> String {
    if subresource.is_empty() { kind.to_owned() } else { format!("{subresource} of {kind}") }
}

/// A group and version in operation ids: `AppsV1`, `CoreV1`.
fn title(group: &str, version: &str) -> String {
    let group = group.strip_suffix(".k8s.io").unwrap_or(group);
    let group: String =
        if group.is_empty() { "Core".into() } else { group.split(['.', '-']).map(capital).collect() };
    format!("{group}{}", capital(version))
}

fn tag(group: &str, version: &str) -> String {
    let group = if group.is_empty() { "core" } else { group.split('.').next().unwrap_or(group) };
    format!("{group}_{version}")
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}
