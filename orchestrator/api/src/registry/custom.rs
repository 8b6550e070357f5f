//! The kind of a CustomResourceDefinition.

use std::cmp::Reverse;
use std::sync::OnceLock;

use guideway_schema::{Cause, Schema, Type};
use serde_json::Value;

use crate::json::View;
use crate::jsonpath::JsonPath;
use crate::kind::{
    Column, GroupVersionKind, Kind, Origin, ScalePaths, Scope, SelectableField, Storage, Subresource, Verb,
    Version,
};
use crate::rules::{CUSTOM, CUSTOM_WITH_STATUS};
use crate::table::{CustomColumn, Printer};

const VERBS: [Verb; 8] = [
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Create,
    Verb::Update,
    Verb::Watch,
];

/// How many fields of a version can be selected by.
const MOST_SELECTABLE: usize = 8;

pub(crate) fn kind(definition: &Value) -> Result<Kind, Vec<Cause>> {
    let mut causes = Vec::new();
    let group = definition.text("spec.group");
    // Names that another definition has are not this one's; only those that were accepted count, once it is known.
    let accepted = definition.at("status.acceptedNames");
    let wanted = definition.at("spec.names");
    let names = if accepted.text("plural").is_empty() { wanted } else { accepted };
    for (path, value) in [
        ("spec.group", group),
        ("spec.names.plural", names.text("plural")),
        ("spec.names.kind", names.text("kind")),
    ] {
        if value.is_empty() {
            causes.push(Cause::required(path, ""));
        }
    }
    let kind = names.text("kind");
    let mut versions = Vec::new();
    for (index, version) in definition.list("spec.versions").iter().enumerate() {
        let identity =
            GroupVersionKind { group: group.into(), version: version.text("name").into(), kind: kind.into() };
        match one(version, identity, definition, index) {
            Ok(version) => versions.push(version),
            // What all versions have is blamed once.
            Err(more) => more.into_iter().for_each(|cause| {
                if !causes.contains(&cause) {
                    causes.push(cause);
                }
            }),
        }
    }
    if !definition.list("spec.versions").iter().any(|version| version.flag("storage")) {
        causes.push(Cause::required(
            "spec.versions",
            "must have exactly one version marked as storage version",
        ));
    }
    let stored = versions.iter().find(|version| version.storage);
    let Some(stored) = stored.filter(|_| causes.is_empty()) else { return Err(causes) };
    let storage = Storage { group: group.into(), version: stored.name.clone() };
    // Nothing new comes into a kind that is about to go.
    let is_terminating = definition
        .list("status.conditions")
        .iter()
        .any(|condition| condition.text("type") == "Terminating" && condition.text("status") == "True");
    let has_status = stored.subresource("status").is_some();
    versions.sort_by_key(|version| Reverse(priority(&version.name)));
    let texts = |field: &str| -> Vec<String> {
        names.list(field).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let or = |field: &str, otherwise: String| match names.text(field) {
        "" => otherwise,
        text => text.to_owned(),
    };
    Ok(Kind {
        group: group.into(),
        kind: kind.into(),
        list_kind: or("listKind", format!("{kind}List")),
        plural: names.text("plural").into(),
        singular: or("singular", kind.to_lowercase()),
        short_names: texts("shortNames"),
        categories: texts("categories"),
        scope: if definition.text("spec.scope") == "Namespaced" { Scope::Namespaced } else { Scope::Cluster },
        verbs: VERBS.into_iter().filter(|verb| *verb != Verb::Create || !is_terminating).collect(),
        versions,
        storage,
        origin: Origin::Custom,
        defined: definition.text("metadata.resourceVersion").parse().unwrap_or_default(),
        returns_deleted: false,
        rules: if has_status { &CUSTOM_WITH_STATUS } else { &CUSTOM },
    })
}

/// Where causes say that the schema of a version is. One that is the same in all versions, as that of an only version, is
/// for Kubernetes a part of the definition itself.
pub(crate) fn schema_path(definition: &Value, index: usize) -> String {
    let versions = definition.list("spec.versions");
    if versions.iter().all(|version| version.at("schema") == versions[0].at("schema")) {
        "spec.validation.openAPIV3Schema".to_owned()
    } else {
        format!("spec.versions[{index}].schema.openAPIV3Schema")
    }
}

/// One version of a definition.
fn one(
    version: &Value,
    identity: GroupVersionKind,
    definition: &Value,
    index: usize,
) -> Result<Version, Vec<Cause>> {
    let path = &format!("spec.versions[{index}]");
    let schema_path = schema_path(definition, index);
    let schema = version.at("schema.openAPIV3Schema");
    let mut causes = Vec::new();
    let parsed = (!schema.is_null()).then(|| Schema::from_crd(schema, &schema_path));
    let parsed = parsed.and_then(|parsed| parsed.map_err(|more| causes.extend(more)).ok());
    let (subresources, scale) = subresources(version, &identity, path, &mut causes);
    let columns = columns(version, path, &mut causes);
    let fields = selectable(version, parsed.as_ref(), path, &mut causes);
    if !causes.is_empty() {
        return Err(causes);
    }
    Ok(Version {
        name: identity.version.clone(),
        served: version.flag("served"),
        storage: version.flag("storage"),
        deprecation: deprecation(version, &identity, definition),
        subresources,
        scale,
        fields,
        document: Some(schema.clone()).filter(|schema| !schema.is_null()),
        printer: Printer::custom(columns),
        schema: OnceLock::from(parsed),
        identity,
    })
}

fn deprecation(version: &Value, identity: &GroupVersionKind, definition: &Value) -> Option<String> {
    if !version.flag("deprecated") {
        return None;
    }
    let words = version.text("deprecationWarning");
    if !words.is_empty() {
        return Some(words.to_owned());
    }
    // The newest stable version that is served is what to use instead.
    let group = &identity.group;
    let others = definition.list("spec.versions").iter();
    let newer = others
        .filter(|other| other.flag("served") && !other.flag("deprecated"))
        .map(|other| other.text("name"))
        .max_by_key(|name| priority(name))
        .filter(|name| priority(name) > priority(&identity.version));
    let this = format!("{} {} is deprecated", identity.api_version(), identity.kind);
    Some(match newer {
        Some(newer) => format!("{this}; use {group}/{newer} {}", identity.kind),
        None => this,
    })
}

fn subresources(
    version: &Value,
    identity: &GroupVersionKind,
    path: &str,
    causes: &mut Vec<Cause>,
) -> (Vec<Subresource>, Option<ScalePaths>) {
    let verbs = || vec![Verb::Get, Verb::Patch, Verb::Update];
    let mut all = Vec::new();
    let scale = version.at("subresources.scale");
    let mut paths = None;
    if scale.is_object() {
        let kind =
            GroupVersionKind { group: "autoscaling".into(), version: "v1".into(), kind: "Scale".into() };
        all.push(Subresource { name: "scale".into(), kind, verbs: verbs() });
        let mut checked = |field: &str, required: bool| {
            let text = scale.text(field);
            if required || !text.is_empty() {
                scale_path(text, field, &format!("{path}.subresources.scale.{field}"), causes);
            }
            text.to_owned()
        };
        let spec_replicas = checked("specReplicasPath", true);
        let status_replicas = checked("statusReplicasPath", true);
        let selector = checked("labelSelectorPath", false);
        let label_selector = Some(selector).filter(|text| !text.is_empty());
        paths = Some(ScalePaths { spec_replicas, status_replicas, label_selector });
    }
    if version.at("subresources.status").is_object() {
        all.push(Subresource { name: "status".into(), kind: identity.clone(), verbs: verbs() });
    }
    (all, paths)
}

/// Fields by which lists and watches can be narrowed: single values of a known place.
fn selectable(
    version: &Value,
    schema: Option<&Schema>,
    path: &str,
    causes: &mut Vec<Cause>,
) -> Vec<SelectableField> {
    let mut fields: Vec<SelectableField> = Vec::new();
    for (index, field) in version.list("selectableFields").iter().enumerate() {
        let written = field.text("jsonPath");
        let place = format!("{path}.selectableFields[{index}]");
        let value = Value::from(written);
        if written.is_empty() {
            causes.push(Cause::required(format!("{place}.jsonPath"), ""));
            continue;
        }
        if let Some(schema) = schema {
            match selected(written, schema) {
                Ok(Type::String | Type::Boolean | Type::Integer) => (),
                Ok(_) => {
                    let words = "must point to a field of type string, boolean or integer. Enum string fields and \
                                 strings with formats are allowed.";
                    causes.push(Cause::invalid(&place, &value, words));
                }
                Err(why) => {
                    let words = format!("is an invalid path: {why}");
                    causes.push(Cause::invalid(format!("{place}.jsonPath"), &value, &words));
                    continue;
                }
            }
        }
        if written.starts_with(".metadata") {
            causes.push(Cause::invalid(&place, &value, "must not point to fields in metadata"));
        }
        let label = written.trim_start_matches('.');
        if fields.iter().any(|known| known.label == label) {
            causes.push(Cause::duplicate(&place, &value));
        }
        fields.push(SelectableField { label: label.into(), path: label.into(), default: String::new() });
    }
    if fields.len() > MOST_SELECTABLE {
        causes.push(Cause::too_many(
            format!("{path}.selectableFields"),
            fields.len(),
            MOST_SELECTABLE as u64,
        ));
    }
    fields
}

/// The type at a path of keys.
fn selected(written: &str, schema: &Schema) -> Result<Type, String> {
    let names = written.strip_prefix('.').ok_or("must begin with a dot")?.split('.');
    let mut schema = schema;
    for name in names {
        let below = schema.property(name);
        schema = below.ok_or_else(|| format!("does not refer to a valid field: no field {name:?}"))?;
    }
    Ok(schema.kind())
}

/// A path of `scale` has nothing but keys, from spec or status.
fn scale_path(text: &str, field: &str, path: &str, causes: &mut Vec<Cause>) {
    if text.is_empty() {
        causes.push(Cause::required(path, ""));
        return;
    }
    let value = Value::from(text);
    if !text.starts_with('.') || JsonPath::parse(text).ok().is_none_or(|path| path.keys().is_none()) {
        causes.push(Cause::invalid(path, &value, "should be a json path without array notation"));
        return;
    }
    let below: &[&str] = match field {
        "specReplicasPath" => &[".spec."],
        "statusReplicasPath" => &[".status."],
        _ => &[".spec.", ".status."],
    };
    if !below.iter().any(|prefix| text.starts_with(prefix)) {
        let words = format!("should be a json path under {}", below.join(" or ").replace(". ", " "));
        causes.push(Cause::invalid(path, &value, words.trim_end_matches('.')));
    }
}

fn columns(version: &Value, path: &str, causes: &mut Vec<Cause>) -> Vec<CustomColumn> {
    let declared = version.list("additionalPrinterColumns");
    if declared.is_empty() {
        return JsonPath::parse(".metadata.creationTimestamp").map(age).into_iter().collect();
    }
    let mut columns = Vec::new();
    for (index, column) in declared.iter().enumerate() {
        let text = column.text("jsonPath");
        let description = match column.text("description") {
            "" => format!("Custom resource definition column (in JSONPath format): {text}"),
            words => words.to_owned(),
        };
        match JsonPath::parse(text) {
            Ok(path) => columns.push(CustomColumn {
                column: Column {
                    name: column.text("name").into(),
                    kind: column.text("type").into(),
                    format: column.text("format").into(),
                    description,
                    priority: i32::try_from(column.int("priority")).unwrap_or(i32::MAX),
                },
                path,
            }),
            Err(error) => causes.push(Cause::invalid(
                format!("{path}.additionalPrinterColumns[{index}].jsonPath"),
                &text.into(),
                &format!("must be a json path: {error}"),
            )),
        }
    }
    columns
}

/// The column of a kind that declares none.
fn age(path: JsonPath) -> CustomColumn {
    CustomColumn {
        column: Column {
            name: "Age".into(),
            kind: "date".into(),
            format: String::new(),
            description: String::new(),
            priority: 0,
        },
        path,
    }
}

/// Order of versions: stable ones first, then beta, then alpha, newer before older; what is no version like these
/// comes last, by name.
pub(crate) fn priority(version: &str) -> (u8, u64, u64, Reverse<String>) {
    let last = (0, 0, 0, Reverse(version.to_owned()));
    let Some(rest) = version.strip_prefix('v') else { return last };
    let split = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (major, rest) = rest.split_at(split);
    let Ok(major) = major.parse() else { return last };
    let minor = |text: &str| text.parse().ok();
    let ranked = match rest {
        "" => Some((3, 0)),
        rest => match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
            (Some(number), _) => minor(number).map(|minor| (2, minor)),
            (_, Some(number)) => minor(number).map(|minor| (1, minor)),
            _ => None,
        },
    };
    ranked.map_or(last, |(rank, minor)| (rank, major, minor, Reverse(String::new())))
}
