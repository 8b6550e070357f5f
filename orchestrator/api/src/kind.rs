//! A kind: everything about a resource that is data.

use std::sync::OnceLock;

use guideway_schema::Schema;
use serde_json::Value;

use crate::rules::Rules;
use crate::status::Qualified;
use crate::table::Printer;

/// What can be done with a resource. [`as_str`](Self::as_str) is RBAC's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// POST.
    Create,
    /// DELETE of one object.
    Delete,
    /// DELETE of a list.
    DeleteCollection,
    /// GET of one object.
    Get,
    /// GET of a list.
    List,
    /// PATCH.
    Patch,
    /// PUT.
    Update,
    /// GET of a list and what becomes of it.
    Watch,
}

impl Verb {
    /// The verb as RBAC rules and discovery write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Get => "get",
            Self::List => "list",
            Self::Patch => "patch",
            Self::Update => "update",
            Self::Watch => "watch",
        }
    }
}

/// Whether objects of a kind are in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Names are unique in the cluster.
    Cluster,
    /// Names are unique in a namespace.
    Namespaced,
}

/// Group, version and kind of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupVersionKind {
    /// Empty for the core group.
    pub group: String,
    /// As in `v1`.
    pub version: String,
    /// As in `Pod`.
    pub kind: String,
}

impl GroupVersionKind {
    /// The words of `apiVersion`: `apps/v1`, or `v1` in the core group.
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }
}

/// The words of an object's `apiVersion`: `apps/v1`, or `v1` in the core group.
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// A part of a resource with a path of its own.
#[derive(Clone, Debug)]
pub struct Subresource {
    /// Last word of the path.
    pub name: String,
    /// What requests and answers hold.
    pub kind: GroupVersionKind,
    /// What can be done with it.
    pub verbs: Vec<Verb>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// As in `Ready`; kubectl prints it in capitals.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub kind: String,
    /// `name` in the column of names, otherwise mostly empty.
    pub format: String,
    /// For people.
    pub description: String,
    /// 0: always shown; more: only with `-o wide`.
    pub priority: i32,
}

/// A field that field selectors may name, besides `metadata.name` and `metadata.namespace`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectableField {
    /// What selectors call it, as in `spec.nodeName`.
    pub label: String,
    /// Where it is, if that is elsewhere.
    pub path: String,
    /// Its value where the object says nothing.
    pub default: String,
}

/// Paths of the parts of `scale` in a custom resource, as in `.spec.replicas`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalePaths {
    /// Replicas that are wanted.
    pub spec_replicas: String,
    /// Replicas that are there.
    pub status_replicas: String,
    /// The selector of their pods, as text.
    pub label_selector: Option<String>,
}

/// Where a kind comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Part of the server.
    BuiltIn,
    /// Defined by a CustomResourceDefinition.
    Custom,
}

/// Where the objects of a kind are stored; two kinds may share a place (events are in two groups).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Group of the stored form.
    pub group: String,
    /// Version of the stored form.
    pub version: String,
}

/// One version of a kind.
pub struct Version {
    /// As in `v1`.
    pub name: String,
    /// Clients may use it.
    pub served: bool,
    /// Objects are stored in it.
    pub storage: bool,
    /// What clients are warned of when they use it; empty if they are not.
    pub deprecation: Option<String>,
    /// Subresources, by name.
    pub subresources: Vec<Subresource>,
    /// Where a custom resource has what `scale` shows; built-in kinds have it in `spec.replicas`.
    pub scale: Option<ScalePaths>,
    /// Fields that selectors may name.
    pub fields: Vec<SelectableField>,
    /// The schema of a custom resource as its definition has it, for OpenAPI documents.
    pub document: Option<Value>,
    pub(crate) printer: Printer,
    pub(crate) schema: OnceLock<Option<Schema>>,
    pub(crate) identity: GroupVersionKind,
}

impl Version {
    /// What objects may hold; none for a kind whose objects are not looked into.
    pub fn schema(&self) -> Option<&Schema> {
        self.schema.get_or_init(|| crate::registry::built_in_schema(&self.identity)).as_ref()
    }

    /// The subresource of a name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|one| one.name == name)
    }

    /// Columns of tables.
    pub fn columns(&self) -> &[Column] {
        self.printer.columns()
    }

    /// The words of `apiVersion` in objects of this version.
    pub fn api_version(&self) -> String {
        self.identity.api_version()
    }
}

/// A kind with its versions.
pub struct Kind {
    /// Empty for the core group.
    pub group: String,
    /// As in `Pod`.
    pub kind: String,
    /// As in `PodList`.
    pub list_kind: String,
    /// The resource: `pods`.
    pub plural: String,
    /// As in `pod`.
    pub singular: String,
    /// As in `po`.
    pub short_names: Vec<String>,
    /// As in `all`.
    pub categories: Vec<String>,
    /// Whether objects are in namespaces.
    pub scope: Scope,
    /// What can be done with objects.
    pub verbs: Vec<Verb>,
    /// The preferred version first.
    pub versions: Vec<Version>,
    /// Where objects are stored, and in which form.
    pub storage: Storage,
    /// Where the kind comes from.
    pub origin: Origin,
    /// The revision of its definition: what was written later is stored as the definition says. 0 for kinds of the server.
    pub defined: u64,
    /// A deletion answers with the last state of the object, instead of a Status.
    pub returns_deleted: bool,
    /// What is special about it.
    pub rules: &'static dyn Rules,
}

impl Kind {
    /// The version of a name, if it is served.
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.served && version.name == name)
    }

    /// The resource with its group, as most errors name it.
    pub fn resource(&self) -> Qualified<'_> {
        Qualified { group: &self.group, name: &self.plural }
    }

    /// The kind with its group, as errors of validation name it.
    pub fn qualified(&self) -> Qualified<'_> {
        Qualified { group: &self.group, name: &self.kind }
    }

    /// Whether objects are kept; reviews are only answered.
    pub fn is_stored(&self) -> bool {
        self.verbs.contains(&Verb::List)
    }

    /// Prefix of the store's keys of all objects, or of those of a namespace. It ends with a slash.
    pub fn prefix(&self, namespace: Option<&str>) -> String {
        let group = if self.storage.group.is_empty() { "core" } else { &self.storage.group };
        match namespace {
            Some(namespace) if self.scope == Scope::Namespaced => {
                format!("/registry/{group}/{}/{namespace}/", self.plural)
            }
            _ => format!("/registry/{group}/{}/", self.plural),
        }
    }

    /// Key of an object in the store. The namespace of a cluster-scoped kind is ignored.
    pub fn key(&self, namespace: Option<&str>, name: &str) -> String {
        let mut key = self.prefix(namespace);
        key.push_str(name);
        key
    }

    /// The kind that a CustomResourceDefinition defines, with the names that were accepted (or, before that, those
    /// that it wants).
    ///
    /// # Errors
    ///
    /// The causes for which it cannot be served. A definition that passed validation has none.
    pub fn from_crd(definition: &Value) -> Result<Self, Vec<crate::Cause>> {
        crate::registry::custom::kind(definition)
    }
}
