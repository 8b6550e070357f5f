//! The schema tree and how to walk it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_json::Value;

use crate::{
    builtin::{Definition, Site},
    checks::Checks,
};

/// JSON type that a place of an object may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Type {
    /// Anything; there is nothing to walk below.
    #[default]
    Any,
    /// An object with [properties](Schema::property) or [additional values](Schema::additional).
    Object,
    /// A list of [items](Schema::items).
    Array,
    /// A string.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A truth value.
    Boolean,
    /// A whole number or a string (`x-kubernetes-int-or-string`).
    IntOrString,
    /// A quantity of a resource, as `500m` or `1Gi`: a string, or a number that becomes one.
    Quantity,
}

/// How the elements of a list are told apart (`x-kubernetes-list-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ListType {
    /// The list has one owner and is replaced as a whole.
    #[default]
    Atomic,
    /// Scalars, each at most once.
    Set,
    /// Objects, told apart by the values of [`Schema::list_map_keys`].
    Map,
}

/// How the entries of an object are owned (`x-kubernetes-map-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MapType {
    /// Each entry on its own.
    #[default]
    Granular,
    /// The object has one owner and is replaced as a whole.
    Atomic,
}

/// What a strategic merge patch does with a field (`x-kubernetes-patch-strategy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PatchStrategy {
    /// Lists are merged (by [`Schema::patch_merge_key`] if they hold objects) instead of replaced.
    pub merge: bool,
    /// `$retainKeys` is obeyed: what the patch's list does not name is removed.
    pub retain_keys: bool,
    /// Objects are replaced instead of merged.
    pub replace: bool,
}

/// What a place of an object may hold, and what is below it. Cheap to clone.
#[derive(Clone)]
pub struct Schema(pub(crate) Arc<Node>);

/// One place.
#[derive(Clone, Default)]
pub(crate) struct Node {
    pub(crate) kind: Type,
    /// Name of the built-in type.
    pub(crate) definition: Option<&'static str>,
    pub(crate) format: Option<Box<str>>,
    pub(crate) nullable: bool,
    pub(crate) properties: Arc<BTreeMap<Box<str>, Child>>,
    pub(crate) items: Option<Child>,
    pub(crate) additional: Option<Child>,
    pub(crate) required: Arc<[Box<str>]>,
    pub(crate) default: Option<Arc<Value>>,
    /// Names of the properties with a default, so that a walk need not look at all.
    pub(crate) defaulted: Arc<[Box<str>]>,
    pub(crate) list_type: Option<ListType>,
    pub(crate) list_map_keys: Arc<[Box<str>]>,
    pub(crate) map_type: MapType,
    pub(crate) patch_strategy: PatchStrategy,
    pub(crate) patch_merge_key: Option<Box<str>>,
    pub(crate) preserve_unknown: bool,
    pub(crate) embedded_resource: bool,
    /// Part of a custom resource: nothing of it is typed in Go.
    pub(crate) custom: bool,
    /// What values must fulfil beyond their type.
    pub(crate) checks: Option<Arc<Checks>>,
}

/// A schema below another.
#[derive(Clone)]
pub(crate) enum Child {
    /// Only here.
    Inline(Schema),
    /// A built-in type. It is parsed when it is first walked; one of them holds itself.
    Definition(&'static Definition),
    /// A built-in type with something of the place.
    Site(Arc<Site>),
}

impl Child {
    pub(crate) fn schema(&self) -> &Schema {
        match self {
            Self::Inline(schema) => schema,
            Self::Definition(definition) => definition.schema(),
            Self::Site(site) => site.schema(),
        }
    }
}

impl Schema {
    /// Type of the place.
    pub fn kind(&self) -> Type {
        self.0.kind
    }

    /// The schema's `format` (`int32`, `date-time`, `byte`, ...).
    pub fn format(&self) -> Option<&str> {
        self.0.format.as_deref()
    }

    /// The place may hold null.
    pub fn nullable(&self) -> bool {
        self.0.nullable
    }

    /// Schema of a field that the schema names.
    pub fn property(&self, name: &str) -> Option<&Schema> {
        self.0.properties.get(name).map(Child::schema)
    }

    /// Names of the fields that the schema names, sorted.
    pub fn property_names(&self) -> impl Iterator<Item = &str> {
        self.0.properties.keys().map(AsRef::as_ref)
    }

    /// Schema of the entries of a map (`additionalProperties`).
    pub fn additional(&self) -> Option<&Schema> {
        self.0.additional.as_ref().map(Child::schema)
    }

    /// Schema of a field: its own, or that of a map's entries.
    pub fn field(&self, name: &str) -> Option<&Schema> {
        self.property(name).or_else(|| self.additional())
    }

    /// Schema of a list's elements.
    pub fn items(&self) -> Option<&Schema> {
        self.0.items.as_ref().map(Child::schema)
    }

    /// Fields that must be present.
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.0.required.iter().map(AsRef::as_ref)
    }

    /// Value of a field that is not given.
    pub fn default_value(&self) -> Option<&Value> {
        self.0.default.as_deref()
    }

    /// How the elements of a list are told apart: atomic unless the schema says otherwise.
    pub fn list_type(&self) -> ListType {
        self.0.list_type.unwrap_or_default()
    }

    /// Fields whose values tell the elements of a [`ListType::Map`] apart.
    pub fn list_map_keys(&self) -> impl Iterator<Item = &str> {
        self.0.list_map_keys.iter().map(AsRef::as_ref)
    }

    /// How the entries of an object are owned.
    pub fn map_type(&self) -> MapType {
        self.0.map_type
    }

    /// What a strategic merge patch does with the field.
    pub fn patch_strategy(&self) -> PatchStrategy {
        self.0.patch_strategy
    }

    /// Field whose value tells a list's elements apart in a strategic merge patch.
    pub fn patch_merge_key(&self) -> Option<&str> {
        self.0.patch_merge_key.as_deref()
    }

    /// Fields that the schema does not name are kept.
    pub fn preserves_unknown(&self) -> bool {
        self.0.preserve_unknown
    }

    /// The place holds an object with `apiVersion`, `kind` and `metadata` of its own.
    pub fn is_embedded_resource(&self) -> bool {
        self.0.embedded_resource
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("kind", &self.0.kind)
            .field("properties", &self.0.properties.keys())
            .finish_non_exhaustive()
    }
}
