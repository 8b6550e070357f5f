//! What extends the API. Webhooks and aggregated APIs are kept and not called, of which clients are warned.

use guideway_schema::Cause;
use serde_json::{Map, Value, json};

use super::Rules;
use super::field::{Causes, Field};
use crate::json::{Fill, View};
use crate::kind::{Kind, Version};
use crate::meta::NameRule;
use crate::registry::custom::schema_path;

/// The finalizer of a definition whose custom resources are to be deleted before it.
pub const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// CustomResourceDefinitions.
pub(crate) struct Definition;

impl Rules for Definition {
    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        if let Some(names) = spec.made("names") {
            let kind = names.text("kind").to_owned();
            if !kind.is_empty() {
                names.or_set("listKind", format!("{kind}List"));
                names.or_set("singular", kind.to_lowercase());
            }
        }
        if let Some(conversion) = spec.made("conversion") {
            conversion.or_set("strategy", "None");
            if let Some(service) = conversion
                .inner("webhook")
                .and_then(|one| one.inner("clientConfig"))
                .and_then(|one| one.inner("service"))
            {
                service.or_set("port", 443);
            }
        }
    }

    fn status_keeps(&self) -> &'static [&'static str] {
        &super::KEPT_METADATA
    }

    fn prepare_create(&self, object: &mut Value) {
        super::ordinary::prepare_create(true, true, object);
        object.set(
            "status",
            json!({"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": stored(object)}),
        );
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        super::ordinary::prepare_update(true, true, new, old);
        let added = stored(new);
        if let Some(status) = new.made("status") {
            let mut all = status.list("storedVersions").to_vec();
            all.extend(
                added.into_iter().map(Value::from).filter(|one| !status.list("storedVersions").contains(one)),
            );
            status.set("storedVersions", all);
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        self.check(object, None)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.check(new, Some(old));
        let (after, before) = (Field::root(new), Field::root(old));
        after.at("spec.group").immutable(&before.at("spec.group"), &mut causes);
        // Objects that are there would be in the wrong place.
        let established = old
            .list("status.conditions")
            .iter()
            .any(|one| one.text("type") == "Established" && one.text("status") == "True");
        for name in ["spec.scope", "spec.names.kind"] {
            if established {
                after.at(name).immutable(&before.at(name), &mut causes);
            }
        }
        after.at("spec.names.plural").immutable(&before.at("spec.names.plural"), &mut causes);
        causes.extend(keeps_stored(new));
        causes
    }

    fn deletion_finalizer(&self) -> Option<&'static str> {
        Some(CLEANUP_FINALIZER)
    }

    fn validate_status(&self, new: &Value, _old: &Value) -> Vec<Cause> {
        keeps_stored(new)
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        if object.text("spec.conversion.strategy") != "Webhook" {
            return Vec::new();
        }
        let words = "spec.conversion: conversion webhooks are not called by this server: versions differ in apiVersion alone";
        vec![words.into()]
    }
}

impl Definition {
    fn check(&self, object: &Value, old: Option<&Value>) -> Vec<Cause> {
        let mut causes = Vec::new();
        let definition = Field::root(object);
        let spec = definition.at("spec");
        let (group, names) = (spec.at("group"), spec.at("names"));
        let name = definition.at("metadata.name");
        let wanted = format!("{}.{}", names.at("plural").text(), group.text());
        if name.text() != wanted {
            causes.push(name.invalid("must be spec.names.plural+\".\"+spec.group"));
        }
        if group.needs(&mut causes) {
            group.dns_subdomain(&mut causes);
            if !group.text().contains('.') {
                causes.push(group.invalid("should be a domain with at least one dot"));
            }
        }
        spec.at("scope").needs_one_of(&["Cluster", "Namespaced"], &mut causes);
        check_names(&names, &mut causes);
        check_versions(&spec, &mut causes);
        if spec.at("preserveUnknownFields").flag() {
            let words = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in \
                         spec.versions[*].schema instead";
            causes.push(spec.at("preserveUnknownFields").invalid(words));
        }
        spec.at("conversion.strategy").one_of(&["None", "Webhook"], &mut causes);
        // What is asked for is judged, not what was granted of it.
        let mut asked = object.clone();
        asked.unset("status");
        match crate::registry::custom::kind(&asked) {
            Ok(kind) => causes.extend(over_budget(&kind, object, old)),
            Err(more) => {
                // A place that was blamed above is blamed once.
                let blamed: Vec<String> = causes.iter().map(|cause| cause.field.clone()).collect();
                causes.extend(more.into_iter().filter(|cause| !blamed.contains(&cause.field)));
            }
        }
        causes
    }
}

/// Rules that could take too long. Those of a version whose schema stays as it is were accepted before.
fn over_budget(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (index, version) in object.list("spec.versions").iter().enumerate() {
        let name = version.text("name");
        let before = old.map_or(&[][..], |old| old.list("spec.versions")).iter();
        let before = before.filter(|before| before.text("name") == name).map(|before| before.at("schema"));
        if before.into_iter().any(|before| before == version.at("schema")) {
            continue;
        }
        let schema = kind.versions.iter().find(|version| version.name == name).and_then(Version::schema);
        let path = schema_path(object, index);
        for cause in schema.map(|schema| schema.rules_over_budget(&path)).unwrap_or_default() {
            // What all versions have is blamed once.
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
    }
    causes
}

/// Versions in which objects may be stored are there: nobody could read those objects otherwise.
fn keeps_stored(definition: &Value) -> Vec<Cause> {
    let versions: Vec<&str> = definition.list("spec.versions").iter().map(|one| one.text("name")).collect();
    let stored = Field::root(definition).at("status.storedVersions");
    let missing = stored.items().filter(|stored| !versions.contains(&stored.text()));
    let words = |name: &str| {
        format!(
            "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until \
             a storage migration ensures no data remains persisted in {name} and removes {name} from \
             status.storedVersions"
        )
    };
    missing.map(|stored| stored.invalid(&words(stored.text()))).collect()
}

/// The version in which objects are stored.
fn stored(object: &Value) -> Vec<String> {
    let versions = object.list("spec.versions").iter();
    versions
        .filter(|version| version.flag("storage"))
        .map(|version| version.text("name").to_owned())
        .collect()
}

fn check_names(names: &Field<'_>, causes: &mut Causes) {
    for name in ["plural", "singular"] {
        let field = names.at(name);
        if name == "singular" && field.is_empty() || !field.needs(causes) {
            continue;
        }
        field.all(&NameRule::Label1035.errors(field.text()), causes);
    }
    for name in ["kind", "listKind"] {
        let field = names.at(name);
        if field.needs(causes) {
            field.all(&NameRule::Label1035.errors(&field.text().to_lowercase()), causes);
        }
    }
    if names.at("kind").text() == names.at("listKind").text() && !names.at("kind").is_empty() {
        causes.push(names.at("listKind").invalid("kind and listKind may not be the same"));
    }
    for list in ["shortNames", "categories"] {
        for name in names.at(list).items() {
            name.all(&NameRule::Label1035.errors(name.text()), causes);
        }
    }
}

fn check_versions(spec: &Field<'_>, causes: &mut Causes) {
    let versions = spec.at("versions");
    let mut names: Vec<&str> = Vec::new();
    for version in versions.items() {
        let name = version.at("name");
        name.all(&NameRule::Label1035.errors(name.text()), causes);
        if names.contains(&name.text()) {
            causes.push(versions.invalid("must contain unique version names"));
        }
        names.push(name.text());
        let schema = version.at("schema.openAPIV3Schema");
        if !schema.is_set() {
            causes.push(schema.required("schemas are required"));
        }
        for column in version.at("additionalPrinterColumns").items() {
            column.at("name").needs(causes);
            column.at("jsonPath").needs(causes);
            let known = ["boolean", "date", "integer", "number", "string"];
            column.at("type").needs_one_of(&known, causes);
        }
    }
    if versions.items().filter(|version| version.at("storage").flag()).count() != 1 {
        causes.push(versions.invalid("must have exactly one version marked as storage version"));
    }
    if !versions.items().any(|version| version.at("served").flag()) && versions.is_empty() {
        causes.push(versions.required("must have at least one version"));
    }
}

/// Configurations of webhooks.
pub(crate) struct Webhooks;

impl Rules for Webhooks {
    fn has_status(&self) -> bool {
        false
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn default(&self, _version: &str, object: &mut Value) {
        let mutates = object.text("kind") == "MutatingWebhookConfiguration";
        for hook in object.each("webhooks") {
            hook.or_set("failurePolicy", "Fail");
            hook.or_set("matchPolicy", "Equivalent");
            hook.or_set("namespaceSelector", Map::new());
            hook.or_set("objectSelector", Map::new());
            hook.or_set("timeoutSeconds", 10);
            if mutates {
                hook.or_set("reinvocationPolicy", "Never");
            }
            for rule in hook.each("rules") {
                rule.or_set("scope", "*");
            }
            if let Some(service) = hook.inner("clientConfig").and_then(|config| config.inner("service")) {
                service.or_set("port", 443);
            }
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for hook in Field::root(object).at("webhooks").items() {
            let name = hook.at("name");
            if name.needs(&mut causes) {
                name.dns_subdomain(&mut causes);
                if name.text().split('.').count() < 3 {
                    causes.push(
                        name.invalid("should be a domain with at least three segments separated by dots"),
                    );
                }
            }
            if names.contains(&name.text()) {
                causes.push(name.duplicate());
            }
            names.push(name.text());
            hook.at("failurePolicy").one_of(&["Fail", "Ignore"], &mut causes);
            hook.at("matchPolicy").one_of(&["Equivalent", "Exact"], &mut causes);
            hook.at("sideEffects").needs_one_of(&["None", "NoneOnDryRun"], &mut causes);
            let seconds = hook.at("timeoutSeconds");
            if seconds.int().is_some_and(|seconds| !(1..=30).contains(&seconds)) {
                causes.push(seconds.invalid("the timeout value must be between 1 and 30 seconds"));
            }
            let versions = hook.at("admissionReviewVersions");
            if versions.is_empty() {
                causes.push(versions.required("must specify one of v1, v1beta1"));
            }
            let config = hook.at("clientConfig");
            if config.at("url").is_set() == config.at("service").is_set() {
                causes.push(config.required("exactly one of url or service is required"));
            }
            hook.at("namespaceSelector").selector(&mut causes);
            hook.at("objectSelector").selector(&mut causes);
        }
        causes
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        if object.list("webhooks").is_empty() {
            return Vec::new();
        }
        vec!["webhooks: admission webhooks are kept, but not called by this server".into()]
    }
}

/// APIServices.
pub(crate) struct ApiService;

impl Rules for ApiService {
    /// That of the core group is `v1.`.
    fn name_rule(&self) -> NameRule {
        NameRule::PathSegment
    }

    fn has_generation(&self) -> bool {
        false
    }

    fn status_keeps(&self) -> &'static [&'static str] {
        &super::KEPT_METADATA
    }

    fn default(&self, _version: &str, object: &mut Value) {
        if let Some(service) = object.inner("spec").and_then(|spec| spec.inner("service")) {
            service.or_set("port", 443);
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let service = Field::root(object);
        let spec = service.at("spec");
        let name = service.at("metadata.name");
        let wanted = format!("{}.{}", spec.at("version").text(), spec.at("group").text());
        if name.text() != wanted {
            causes.push(name.invalid(&format!("must be `spec.version+\".\"+spec.group`: {wanted:?}")));
        }
        for (field, least, most) in [("groupPriorityMinimum", 1, 20000), ("versionPriority", 1, 1000)] {
            let field = spec.at(field);
            if field.int().is_none_or(|number| !(least..=most).contains(&number)) {
                causes.push(field.invalid(&format!("must be positive and less than {}", most + 1)));
            }
        }
        causes
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        if object.at("spec.service").is_null() {
            return Vec::new();
        }
        vec!["spec.service: requests are not passed on to other API servers by this one".into()]
    }
}
