//! What is served: all kinds as of now, and the documents about them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use guideway_api::kind::{Kind, Origin, Scope, Verb};
use guideway_api::{Registry, Resource};
use guideway_cache::Object;
use guideway_schema::openapi;
use guideway_store::Revision;
use serde_json::Value;

/// An immutable state of what is served. A change of a definition makes another one.
pub(crate) struct Catalogue {
    pub(crate) registry: Registry,
    definitions: BTreeMap<String, Definition>,
    documents: Mutex<BTreeMap<String, Document>>,
}

/// A definition that is served.
#[derive(Clone)]
struct Definition {
    revision: Revision,
    value: Arc<Value>,
    kind: Arc<Kind>,
}

/// A definition, as far as it says something: its labels and its state are left out, and that it is being deleted.
#[derive(Clone, Debug)]
pub(crate) struct Edition(Arc<Value>);

impl PartialEq for Edition {
    fn eq(&self, other: &Self) -> bool {
        let same = |one: &Value, two: &Value| {
            one["metadata"]["uid"] == two["metadata"]["uid"] && one["spec"] == two["spec"]
        };
        Arc::ptr_eq(&self.0, &other.0) || same(&self.0, &other.0)
    }
}

/// Bytes with what tells them from others.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) bytes: Bytes,
    pub(crate) hash: Arc<str>,
}

/// The two forms of the OpenAPI document, version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenApiForm {
    Json,
    Protobuf,
}

impl Catalogue {
    pub(crate) fn built_in() -> Self {
        Self { registry: Registry::built_in(), definitions: BTreeMap::new(), documents: Mutex::default() }
    }

    /// With the definitions that are established. What has not changed since `self` is not made again.
    pub(crate) fn with_definitions(&self, objects: &[Arc<Object>]) -> Self {
        let mut definitions = BTreeMap::new();
        for object in objects {
            let name = object.name().to_owned();
            if let Some(known) = self.definitions.get(&name).filter(|known| known.revision == object.revision)
            {
                definitions.insert(name, known.clone());
                continue;
            }
            let value = object.value();
            if !is_established(&value) {
                continue;
            }
            match Kind::from_crd(&value) {
                Ok(kind) => {
                    let definition = Definition {
                        revision: object.revision,
                        value: Arc::new(value),
                        kind: Arc::new(kind),
                    };
                    definitions.insert(name, definition);
                }
                Err(causes) => {
                    let causes: Vec<String> =
                        causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
                    tracing::warn!(
                        definition = name,
                        causes = causes.join("; "),
                        "a definition is not served"
                    );
                }
            }
        }
        let kinds = definitions.values().map(|definition| Arc::clone(&definition.kind)).collect();
        let groups: BTreeSet<String> = self
            .definitions
            .values()
            .chain(definitions.values())
            .map(|definition| definition.kind.group.clone())
            .collect();
        // Documents of groups that definitions do not touch stay.
        let is_kept = |path: &str| match path.strip_prefix("apis/").and_then(|rest| rest.split_once('/')) {
            Some((group, _)) => !groups.contains(group),
            None => path == "api/v1",
        };
        let documents = self
            .lock()
            .iter()
            .filter(|(path, _)| is_kept(path))
            .map(|(path, document)| (path.clone(), document.clone()))
            .collect();
        Self { registry: self.registry.with_custom(kinds), definitions, documents: Mutex::new(documents) }
    }

    /// What tells the definition of a custom kind from one that says something else. None for a kind that is not there, or
    /// is one of the server's own.
    pub(crate) fn edition(&self, kind: &Kind) -> Option<Edition> {
        let definition = self.definitions.get(&format!("{}.{}", kind.plural, kind.group))?;
        Some(Edition(Arc::clone(&definition.value)))
    }

    /// The OpenAPI document of a group and version, by its path (`apis/apps/v1`).
    pub(crate) fn openapi(&self, path: &str) -> Option<Document> {
        if let Some(document) = self.lock().get(path) {
            return Some(document.clone());
        }
        let (group, version) = match path.strip_prefix("apis/") {
            Some(rest) => rest.split_once('/')?,
            None => ("", path.strip_prefix("api/")?),
        };
        let resources = self.registry.group_version(group, version);
        if resources.is_empty() {
            return None;
        }
        let document = self.describe(&resources, |resources| openapi::v3(group, version, resources));
        self.lock().insert(path.to_owned(), document.clone());
        Some(document)
    }

    /// The OpenAPI document, version 2, of everything, as JSON or as protobuf.
    pub(crate) fn openapi_v2(&self, form: OpenApiForm) -> Document {
        let (name, make): (_, fn(&[openapi::Resource<'_>]) -> openapi::Document) = match form {
            OpenApiForm::Json => ("v2", openapi::v2),
            OpenApiForm::Protobuf => ("v2.protobuf", openapi::v2_protobuf),
        };
        if let Some(document) = self.lock().get(name) {
            return document.clone();
        }
        let resources: Vec<Resource> = self
            .paths()
            .iter()
            .flat_map(|(group, version, _)| self.registry.group_version(group, version))
            .collect();
        let document = self.describe(&resources, make);
        self.lock().insert(name.to_owned(), document.clone());
        document
    }

    /// Group, version and path of all that is served.
    pub(crate) fn paths(&self) -> Vec<(String, String, String)> {
        let mut found = BTreeSet::new();
        for kind in self.registry.kinds() {
            for version in kind.versions.iter().filter(|version| version.served) {
                let path = if kind.group.is_empty() {
                    format!("api/{}", version.name)
                } else {
                    format!("apis/{}/{}", kind.group, version.name)
                };
                found.insert((kind.group.clone(), version.name.clone(), path));
            }
        }
        found.into_iter().collect()
    }

    fn describe(
        &self,
        resources: &[Resource],
        make: impl FnOnce(&[openapi::Resource<'_>]) -> openapi::Document,
    ) -> Document {
        let verbs: Vec<Vec<&str>> = resources.iter().map(|one| words(&one.kind().verbs)).collect();
        let parts: Vec<Vec<Vec<&str>>> = resources
            .iter()
            .map(|one| one.version().subresources.iter().map(|part| words(&part.verbs)).collect())
            .collect();
        let described: Vec<openapi::Resource<'_>> = resources
            .iter()
            .zip(verbs.iter().zip(&parts))
            .map(|(one, (verbs, parts))| {
                let (kind, version) = (one.kind(), one.version());
                let subresources =
                    version.subresources.iter().zip(parts).map(|(part, verbs)| openapi::Subresource {
                        name: &part.name,
                        kind: (&part.kind.group, &part.kind.version, &part.kind.kind),
                        verbs,
                    });
                openapi::Resource {
                    group: &kind.group,
                    version: &version.name,
                    kind: &kind.kind,
                    plural: &kind.plural,
                    namespaced: kind.scope == Scope::Namespaced,
                    verbs,
                    returns_deleted: kind.returns_deleted,
                    subresources: subresources.collect(),
                    custom: self.custom(kind, &version.name),
                }
            })
            .collect();
        let document = make(&described);
        Document { bytes: Bytes::from(document.bytes), hash: document.hash.into() }
    }

    fn custom<'a>(&'a self, kind: &'a Kind, version: &str) -> Option<openapi::Custom<'a>> {
        if kind.origin != Origin::Custom {
            return None;
        }
        let definition = self.definitions.get(&format!("{}.{}", kind.plural, kind.group))?;
        let versions = definition.value["spec"]["versions"].as_array()?;
        let found = versions.iter().find(|one| one["name"] == version)?;
        Some(openapi::Custom { schema: &found["schema"]["openAPIV3Schema"], list_kind: &kind.list_kind })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Document>> {
        // A half-made document is never put in.
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn words(verbs: &[Verb]) -> Vec<&'static str> {
    verbs.iter().map(|verb| verb.as_str()).collect()
}

/// Whether its names were accepted and it may be served.
fn is_established(definition: &Value) -> bool {
    definition["status"]["conditions"].as_array().is_some_and(|conditions| {
        conditions.iter().any(|condition| condition["type"] == "Established" && condition["status"] == "True")
    })
}
