//! The kinds that are part of the server, as rows.
//!
//! Names, verbs, subresources and columns are those of Kubernetes. Left out are kinds that would be stored without
//! anybody acting on them: admission policies, flow schemas, device claims, ServiceCIDRs.

use std::sync::OnceLock;

use guideway_schema::Schema;

use crate::kind::{
    GroupVersionKind, Kind, Origin, Scope, SelectableField, Storage, Subresource, Verb, Version,
};
use crate::rules::{Ordinary, Rules};
use crate::table::{BuiltIn, Printer};

mod apps;
mod core;
mod extension;
mod policy;
mod review;
mod storage;

const ALL: &[Verb] = &[
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];
const WRITE: &[Verb] = &[Verb::Get, Verb::Patch, Verb::Update];
const PROXY: &[Verb] = &[Verb::Create, Verb::Delete, Verb::Get, Verb::Patch, Verb::Update];

const SCALE: &str = "autoscaling/v1/Scale";

/// A subresource of a row: name, kind of its bodies (`group/version/Kind`; empty: that of the row), verbs.
type Sub = (&'static str, &'static str, &'static [Verb]);
/// A selectable field of a row: what selectors call it, where it is (empty: there), its value if it is not set.
type Field = (&'static str, &'static str, &'static str);

/// A built-in kind.
pub(super) struct Row {
    group: &'static str,
    versions: &'static [&'static str],
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
    scope: Scope,
    short: &'static [&'static str],
    categories: &'static [&'static str],
    verbs: &'static [Verb],
    subresources: &'static [Sub],
    fields: &'static [Field],
    storage: (&'static str, &'static str),
    table: BuiltIn,
    returns_deleted: bool,
    rules: &'static dyn Rules,
}

impl Row {
    const fn new(
        group: &'static str,
        version: &'static [&'static str],
        plural: &'static str,
        singular: &'static str,
        kind: &'static str,
        scope: Scope,
    ) -> Self {
        Self {
            group,
            versions: version,
            plural,
            singular,
            kind,
            scope,
            short: &[],
            categories: &[],
            verbs: ALL,
            subresources: &[],
            fields: &[],
            storage: (group, version[0]),
            table: crate::table::DEFAULT,
            returns_deleted: false,
            rules: &Ordinary,
        }
    }

    const fn short(mut self, short: &'static [&'static str]) -> Self {
        self.short = short;
        self
    }

    const fn category(mut self, categories: &'static [&'static str]) -> Self {
        self.categories = categories;
        self
    }

    const fn verbs(mut self, verbs: &'static [Verb]) -> Self {
        self.verbs = verbs;
        self
    }

    const fn subs(mut self, subresources: &'static [Sub]) -> Self {
        self.subresources = subresources;
        self
    }

    const fn fields(mut self, fields: &'static [Field]) -> Self {
        self.fields = fields;
        self
    }

    const fn stored_as(mut self, group: &'static str, version: &'static str) -> Self {
        self.storage = (group, version);
        self
    }

    const fn table(mut self, table: BuiltIn) -> Self {
        self.table = table;
        self
    }

    const fn returned_when_deleted(mut self) -> Self {
        self.returns_deleted = true;
        self
    }

    const fn rules(mut self, rules: &'static dyn Rules) -> Self {
        self.rules = rules;
        self
    }

    fn version(&self, name: &'static str) -> Version {
        let (group, kind) = (self.group, self.kind);
        let identity = GroupVersionKind { group: group.into(), version: name.into(), kind: kind.into() };
        let subresources = self.subresources.iter().map(|sub| subresource(sub, &identity)).collect();
        let field = |(label, path, default): &Field| SelectableField {
            label: (*label).into(),
            path: if path.is_empty() { (*label).into() } else { (*path).into() },
            default: (*default).into(),
        };
        Version {
            name: name.into(),
            served: true,
            storage: self.storage == (group, name),
            deprecation: deprecation(group, name, kind),
            subresources,
            scale: None,
            fields: self.fields.iter().map(field).collect(),
            document: None,
            printer: Printer::built_in(self.table),
            schema: OnceLock::new(),
            identity,
        }
    }

    fn make(&self) -> Kind {
        Kind {
            group: self.group.into(),
            kind: self.kind.into(),
            list_kind: format!("{}List", self.kind),
            plural: self.plural.into(),
            singular: self.singular.into(),
            short_names: self.short.iter().map(|name| (*name).into()).collect(),
            categories: self.categories.iter().map(|name| (*name).into()).collect(),
            scope: self.scope,
            verbs: self.verbs.to_vec(),
            versions: self.versions.iter().map(|name| self.version(name)).collect(),
            storage: Storage { group: self.storage.0.into(), version: self.storage.1.into() },
            origin: Origin::BuiltIn,
            defined: 0,
            returns_deleted: self.returns_deleted,
            rules: self.rules,
        }
    }
}

/// All built-in kinds, groups in the order in which discovery shows them.
pub(super) fn kinds() -> Vec<Kind> {
    let tables: [&[Row]; 7] = [
        core::ROWS,
        extension::SERVICES,
        apps::ROWS,
        review::ROWS,
        policy::ROWS,
        storage::ROWS,
        extension::ROWS,
    ];
    let mut kinds: Vec<Kind> = tables.into_iter().flatten().map(Row::make).collect();
    kinds.sort_by_key(|kind| group_rank(&kind.group));
    kinds
}

/// The schema of a built-in kind, made when it is first needed.
pub(crate) fn schema(identity: &GroupVersionKind) -> Option<Schema> {
    Schema::builtin(&identity.group, &identity.version, &identity.kind)
}

/// Groups in the order in which discovery shows them; others follow by name.
const GROUPS: [&str; 19] = [
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
];

/// Place of a group in discovery.
pub(crate) fn group_rank(group: &str) -> usize {
    GROUPS.iter().position(|known| *known == group).unwrap_or(GROUPS.len())
}

fn subresource((name, kind, verbs): &Sub, owner: &GroupVersionKind) -> Subresource {
    let mut words = kind.split('/');
    let kind = match (words.next(), words.next(), words.next()) {
        (Some(group), Some(version), Some(kind)) => {
            GroupVersionKind { group: group.into(), version: version.into(), kind: kind.into() }
        }
        _ => owner.clone(),
    };
    Subresource { name: (*name).into(), kind, verbs: verbs.to_vec() }
}

fn deprecation(group: &str, version: &str, kind: &str) -> Option<String> {
    let words = match (group, kind) {
        ("", "ComponentStatus") => "v1.19+",
        ("", "Endpoints") => "v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        _ => return None,
    };
    Some(format!("{version} {kind} is deprecated in {words}"))
}
