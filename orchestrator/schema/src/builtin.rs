//! Schemas of the built-in kinds, from committed tables.
//!
//! `builtin/definitions.txt` holds one OpenAPI definition per line, `builtin/kinds.txt` says which of them a kind is.
//! `cargo xtask schema` derives both. A definition is parsed when it is first walked: starting costs next to nothing,
//! and most are never needed.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, OnceLock},
};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    ListType, MapType, PatchStrategy, Schema, Type,
    schema::{Child, Node},
};

/// What references to definitions begin with.
pub(crate) const REFERENCE: &str = "#/components/schemas/";

static DEFINITIONS: LazyLock<BTreeMap<&'static str, Definition>> = LazyLock::new(|| {
    let lines = include_str!("builtin/definitions.txt").lines();
    let definitions = lines.filter_map(|line| line.split_once('\t'));
    definitions.map(|(name, json)| (name, Definition { name, json, schema: OnceLock::new() })).collect()
});

static KINDS: LazyLock<BTreeMap<[&'static str; 3], &'static str>> = LazyLock::new(|| {
    let lines = include_str!("builtin/kinds.txt").lines();
    let words = lines.filter_map(|line| {
        let mut words = line.split(' ');
        let group = words.next()?;
        Some(([if group == "-" { "" } else { group }, words.next()?, words.next()?], words.next()?))
    });
    words.collect()
});

/// A type of Kubernetes' API.
pub(crate) struct Definition {
    /// Full name, as `io.k8s.api.core.v1.Pod`.
    pub(crate) name: &'static str,
    /// Its OpenAPI v3 schema.
    pub(crate) json: &'static str,
    schema: OnceLock<Schema>,
}

impl Definition {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        DEFINITIONS.get(name)
    }

    pub(crate) fn of_kind(group: &str, version: &str, kind: &str) -> Option<&'static Self> {
        Self::named(KINDS.get(&[group, version, kind])?)
    }

    pub(crate) fn schema(&'static self) -> &'static Schema {
        self.schema.get_or_init(|| {
            // The tables are committed and a test parses all of them; there is nothing to tell the caller.
            let raw: Raw = serde_json::from_str(self.json).unwrap_or_default();
            let mut node = raw.node();
            node.definition = Some(self.name);
            if self.name == "io.k8s.apimachinery.pkg.api.resource.Quantity" {
                node.kind = Type::Quantity;
            }
            Schema(Arc::new(node))
        })
    }
}

/// A reference to a definition with something of its own, which then counts.
pub(crate) struct Site {
    definition: &'static Definition,
    map_type: Option<MapType>,
    patch_strategy: PatchStrategy,
    schema: OnceLock<Schema>,
}

impl Site {
    pub(crate) fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| {
            let mut node = (*self.definition.schema().0).clone();
            node.map_type = self.map_type.unwrap_or(node.map_type);
            node.patch_strategy = self.patch_strategy;
            Schema(Arc::new(node))
        })
    }
}

impl Schema {
    /// The schema of a built-in kind, lists included (`PodList`). The core group is the empty string.
    ///
    /// `DeleteOptions`, `Status` and their like are kinds of the core group's `v1`.
    pub fn builtin(group: &str, version: &str, kind: &str) -> Option<Self> {
        Definition::of_kind(group, version, kind).map(|definition| definition.schema().clone())
    }

    /// The schema of `metadata` of every object.
    pub fn object_meta() -> Self {
        let definition = Definition::named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
        definition.map_or_else(|| Self(Arc::default()), |definition| definition.schema().clone())
    }
}

/// The words of an OpenAPI schema that built-in definitions use.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    r#type: Box<str>,
    format: Option<Box<str>>,
    #[serde(default)]
    properties: BTreeMap<Box<str>, Raw>,
    items: Option<Box<Raw>>,
    additional_properties: Option<Box<Raw>>,
    #[serde(default)]
    required: Vec<Box<str>>,
    default: Option<Value>,
    #[serde(rename = "$ref")]
    reference: Option<String>,
    #[serde(default)]
    all_of: Vec<Raw>,
    #[serde(rename = "x-kubernetes-list-type")]
    list_type: Option<Box<str>>,
    #[serde(rename = "x-kubernetes-list-map-keys", default)]
    list_map_keys: Vec<Box<str>>,
    #[serde(rename = "x-kubernetes-map-type")]
    map_type: Option<Box<str>>,
    #[serde(rename = "x-kubernetes-patch-strategy", default)]
    patch_strategy: Box<str>,
    #[serde(rename = "x-kubernetes-patch-merge-key")]
    patch_merge_key: Option<Box<str>>,
}

impl Raw {
    fn child(self) -> Child {
        let reference = self.reference.as_deref().or_else(|| self.all_of.first()?.reference.as_deref());
        let Some(definition) =
            reference.and_then(|reference| Definition::named(reference.strip_prefix(REFERENCE)?))
        else {
            return Child::Inline(Schema(Arc::new(self.node())));
        };
        let map_type = self.map_type();
        let patch_strategy = self.patch_strategy();
        if map_type.is_none() && patch_strategy == PatchStrategy::default() {
            return Child::Definition(definition);
        }
        Child::Site(Arc::new(Site { definition, map_type, patch_strategy, schema: OnceLock::new() }))
    }

    fn node(self) -> Node {
        let map_type = self.map_type();
        let patch_strategy = self.patch_strategy();
        let kind = match &*self.r#type {
            "object" => Type::Object,
            "array" => Type::Array,
            "string" => Type::String,
            "integer" => Type::Integer,
            "number" => Type::Number,
            "boolean" => Type::Boolean,
            _ if self.format.as_deref() == Some("int-or-string") => Type::IntOrString,
            _ => Type::Any,
        };
        let defaulted = self.properties.iter().filter(|(_, raw)| raw.default.is_some());
        let defaulted = defaulted.map(|(name, _)| name.clone()).collect();
        let properties: BTreeMap<_, _> =
            self.properties.into_iter().map(|(name, raw)| (name, raw.child())).collect();
        let additional = self.additional_properties.map(|raw| raw.child());
        Node {
            kind,
            format: self.format,
            // An object of which nothing is said may hold anything: RawExtension, FieldsV1.
            preserve_unknown: kind == Type::Object && properties.is_empty() && additional.is_none(),
            properties: Arc::new(properties),
            items: self.items.map(|raw| raw.child()),
            additional,
            required: self.required.into(),
            default: self.default.map(Arc::new),
            defaulted,
            list_type: self.list_type.as_deref().map(|kind| match kind {
                "map" => ListType::Map,
                "set" => ListType::Set,
                _ => ListType::Atomic,
            }),
            list_map_keys: self.list_map_keys.into(),
            map_type: map_type.unwrap_or_default(),
            patch_strategy,
            patch_merge_key: self.patch_merge_key,
            ..Node::default()
        }
    }

    fn map_type(&self) -> Option<MapType> {
        self.map_type.as_deref().map(|kind| match kind {
            "atomic" => MapType::Atomic,
            _ => MapType::Granular,
        })
    }

    fn patch_strategy(&self) -> PatchStrategy {
        let mut strategy = PatchStrategy::default();
        for word in self.patch_strategy.split(',') {
            match word {
                "merge" => strategy.merge = true,
                "retainKeys" => strategy.retain_keys = true,
                "replace" => strategy.replace = true,
                _ => {}
            }
        }
        strategy
    }
}

#[cfg(test)]
mod tests;
