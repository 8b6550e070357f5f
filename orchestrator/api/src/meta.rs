//! Metadata: names, labels, owners; what the server sets and what clients may change.

use guideway_schema::Cause;
use serde_json::Value;

use crate::json::{Fill, View};
use crate::kind::{Kind, Origin, Scope};

pub use names::{NameRule, dns_label_errors, dns_subdomain_errors, label_key_errors, label_value_errors};

mod names;
#[cfg(test)]
mod tests;

/// Characters of generated names: no vowels, and none that is mistaken for another.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// Characters that are added to `generateName`.
const SUFFIX: u32 = 5;
/// What is kept of `generateName`, so that the name can be a label.
const BASE: usize = 63 - 5;
/// Bytes of all annotations together.
const ANNOTATIONS: usize = 256 * 1024;

/// A name of `generateName` and five characters. `random` is any number.
pub fn generated_name(base: &str, random: u64) -> String {
    let mut end = base.len().min(BASE);
    while !base.is_char_boundary(end) {
        end -= 1;
    }
    let mut name = base[..end].to_owned();
    let mut rest = random;
    for _ in 0..SUFFIX {
        let index = usize::try_from(rest % 27).unwrap_or_default();
        name.push(char::from(ALPHABET[index]));
        rest /= 27;
    }
    name
}

/// Gives a new object what the server alone decides: uid and time of creation, and nothing of its end. `time` as
/// [`seconds_text`](crate::age::seconds_text) writes it.
pub fn prepare_create(object: &mut Value, uid: &str, time: &str) {
    let Some(metadata) = object.made("metadata") else { return };
    for field in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"] {
        metadata.unset(field);
    }
    metadata.set("uid", uid);
    metadata.set("creationTimestamp", time);
}

/// Gives the next state of an object what clients cannot change: it keeps its identity, its generation until the kind's
/// rules raise it and, if it is going, its end. Goes before those rules.
pub fn prepare_update(new: &mut Value, old: &Value) {
    let Some(metadata) = new.made("metadata") else { return };
    metadata.unset("selfLink");
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
        "generation",
    ] {
        match old.at("metadata").get(field) {
            Some(value) => metadata.set(field, value.clone()),
            None => {
                metadata.unset(field);
            }
        }
    }
}

/// What is wrong with the metadata of an object.
pub fn validate(kind: &Kind, object: &Value) -> Vec<Cause> {
    let metadata = object.at("metadata");
    let mut causes = Vec::new();
    let base = metadata.text("generateName");
    if !base.is_empty() {
        // A generated name goes on after the base, so a hyphen may end it.
        let checked = base.strip_suffix('-').map(|base| format!("{base}a"));
        let checked = checked.as_deref().unwrap_or(base);
        for error in kind.rules.name_rule().errors(checked) {
            causes.push(Cause::invalid("metadata.generateName", &base.into(), &error));
        }
    }
    match metadata.text("name") {
        "" => causes.push(Cause::required("metadata.name", "name or generateName is required")),
        name => {
            for error in kind.rules.name_rule().errors(name) {
                causes.push(Cause::invalid("metadata.name", &name.into(), &error));
            }
        }
    }
    match (kind.scope, metadata.text("namespace")) {
        (Scope::Namespaced, "") => causes.push(Cause::required("metadata.namespace", "")),
        (Scope::Namespaced, namespace) => {
            for error in dns_label_errors(namespace) {
                causes.push(Cause::invalid("metadata.namespace", &namespace.into(), &error));
            }
        }
        (Scope::Cluster, "") => (),
        (Scope::Cluster, _) => {
            causes.push(Cause::forbidden("metadata.namespace", "not allowed on this type"));
        }
    }
    labels(metadata.at("labels"), "metadata.labels", &mut causes);
    annotations(metadata.at("annotations"), "metadata.annotations", &mut causes);
    owners(metadata, &mut causes);
    finalizers(kind, metadata, &mut causes);
    causes
}

/// What is wrong with the next metadata of an object, given those it has.
pub fn validate_update(kind: &Kind, new: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = validate(kind, new);
    for field in ["name", "namespace"] {
        let (after, before) = (new.at("metadata").at(field), old.at("metadata").at(field));
        if after != before {
            causes.push(Cause::invalid(format!("metadata.{field}"), after, "field is immutable"));
        }
    }
    if old.has("metadata.deletionTimestamp") {
        let before = old.list("metadata.finalizers");
        let after = new.list("metadata.finalizers").iter();
        let added: Vec<String> = after
            .filter(|one| !before.contains(one))
            .filter_map(Value::as_str)
            .map(|one| format!("{one:?}"))
            .collect();
        if !added.is_empty() {
            let words = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", &words));
        }
    }
    causes
}

/// What is wrong with labels.
pub(crate) fn labels(labels: &Value, field: &str, causes: &mut Vec<Cause>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        for error in label_key_errors(key) {
            causes.push(Cause::invalid(field, &key.as_str().into(), &error));
        }
        for error in label_value_errors(value.as_str().unwrap_or_default()) {
            causes.push(Cause::invalid(field, value, &error));
        }
    }
}

/// What is wrong with annotations.
pub(crate) fn annotations(annotations: &Value, field: &str, causes: &mut Vec<Cause>) {
    let mut bytes = 0;
    for (key, value) in annotations.as_object().into_iter().flatten() {
        for error in label_key_errors(&key.to_lowercase()) {
            causes.push(Cause::invalid(field, &key.as_str().into(), &error));
        }
        bytes += key.len() + value.as_str().map_or(0, str::len);
    }
    if bytes > ANNOTATIONS {
        causes.push(Cause::too_long(field, 262_144));
    }
}

fn owners(metadata: &Value, causes: &mut Vec<Cause>) {
    let mut controller: Option<String> = None;
    for (index, owner) in metadata.list("ownerReferences").iter().enumerate() {
        let path = |field: &str| format!("metadata.ownerReferences[{index}].{field}");
        if owner.text("apiVersion").is_empty() {
            causes.push(Cause::invalid(
                path("apiVersion"),
                &Value::from(owner.text("apiVersion")),
                "version must not be empty",
            ));
        }
        for field in ["kind", "name", "uid"] {
            if owner.text(field).is_empty() {
                causes.push(Cause::invalid(path(field), &"".into(), "must not be empty"));
            }
        }
        if owner.text("apiVersion") == "v1" && owner.text("kind") == "Event" {
            let words = "/v1, Kind=Event is disallowed from being an owner";
            causes.push(Cause::invalid(format!("metadata.ownerReferences[{index}]"), owner, words));
        }
        if owner.flag("controller") {
            let name = format!("{}/{}", owner.text("kind"), owner.text("name"));
            match &controller {
                None => controller = Some(name),
                Some(first) => {
                    let words = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for \
                         {first} and {name}"
                    );
                    let all = metadata.at("ownerReferences");
                    causes.push(Cause::invalid("metadata.ownerReferences", all, &words));
                }
            }
        }
    }
}

fn finalizers(kind: &Kind, metadata: &Value, causes: &mut Vec<Cause>) {
    const STANDARD: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];
    // Custom resources, and what extends the API, have finalizers of any name.
    let strict = kind.origin == Origin::BuiltIn
        && !matches!(kind.group.as_str(), "apiextensions.k8s.io" | "apiregistration.k8s.io");
    let all = metadata.list("finalizers");
    for (index, finalizer) in all.iter().enumerate() {
        let name = finalizer.as_str().unwrap_or_default();
        let field = format!("metadata.finalizers[{index}]");
        for error in label_key_errors(name) {
            causes.push(Cause::invalid(field.as_str(), finalizer, &error));
        }
        if strict && !name.contains('/') && !STANDARD.contains(&name) {
            let words = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(field, finalizer, words));
        }
    }
    if ["orphan", "foregroundDeletion"].iter().all(|name| all.iter().any(|one| one == name)) {
        let words = "finalizer orphan and foregroundDeletion cannot be both set";
        causes.push(Cause::invalid("metadata.finalizers", metadata.at("finalizers"), words));
    }
}
