use std::fmt::Write;

use serde_json::json;

use super::*;
use crate::kind::{Kind, Origin};

/// All that is data, in a form that is easy to review.
#[test]
fn the_kinds_are_these() {
    let mut text = String::new();
    for kind in Registry::built_in().kinds() {
        let versions: Vec<&str> = kind.versions.iter().map(|one| one.name.as_str()).collect();
        writeln!(
            text,
            "{}/{}/{} {} {} {:?} short={:?} categories={:?}",
            kind.group,
            versions.join(","),
            kind.plural,
            kind.singular,
            kind.kind,
            kind.scope,
            kind.short_names,
            kind.categories,
        )
        .unwrap();
        let verbs: Vec<&str> = kind.verbs.iter().map(|verb| verb.as_str()).collect();
        writeln!(text, "  verbs {}", verbs.join(" ")).unwrap();
        let version = &kind.versions[0];
        for part in &version.subresources {
            let verbs: Vec<&str> = part.verbs.iter().map(|verb| verb.as_str()).collect();
            writeln!(text, "  /{} {} {}", part.name, part.kind.kind, verbs.join(" ")).unwrap();
        }
        let columns: Vec<String> = version
            .columns()
            .iter()
            .map(|one| format!("{}:{}:{}", one.name, one.kind, one.priority))
            .collect();
        writeln!(text, "  columns {}", columns.join(" | ")).unwrap();
        let fields: Vec<&str> = version.fields.iter().map(|one| one.label.as_str()).collect();
        if !fields.is_empty() {
            writeln!(text, "  fields {}", fields.join(" ")).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn every_built_in_version_has_a_schema_and_one_stored_form() {
    for kind in Registry::built_in().kinds() {
        for version in &kind.versions {
            assert!(version.schema().is_some(), "{} {}", version.api_version(), kind.kind);
        }
        let stored = kind.versions.iter().filter(|version| version.storage).count();
        let elsewhere = kind.storage.group != kind.group;
        assert_eq!(stored, usize::from(!elsewhere), "{}", kind.kind);
        assert!(
            kind.versions.iter().all(|one| one.subresources.is_sorted_by(|a, b| a.name < b.name)),
            "{}",
            kind.kind
        );
    }
}

#[test]
fn keys_say_where_an_object_is() {
    let registry = Registry::built_in();
    let key = |group: &str, resource: &str| registry.by_name(group, resource).unwrap().key(Some("ns"), "x");
    assert_eq!(key("", "pods"), "/registry/core/pods/ns/x");
    assert_eq!(key("apps", "deployments"), "/registry/apps/deployments/ns/x");
    assert_eq!(key("", "nodes"), "/registry/core/nodes/x");
    assert_eq!(key("events.k8s.io", "events"), key("", "events"));
    let pods = registry.find("", "v1", "pods").unwrap();
    assert_eq!(pods.kind().prefix(None), "/registry/core/pods/");
    assert!(registry.find("", "v2", "pods").is_none());
    assert!(!registry.find("authorization.k8s.io", "v1", "subjectaccessreviews").unwrap().kind().is_stored());
}

fn definition() -> serde_json::Value {
    json!({"spec": {
        "group": "example.com", "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList",
                  "shortNames": ["wd"], "categories": ["all"]},
        "versions": [{
            "name": "v1", "served": true, "storage": true,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "properties": {"colour": {"type": "string"}}}}}},
            "subresources": {"status": {}, "scale": {
                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            }},
            "additionalPrinterColumns": [
                {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1},
            ],
            "selectableFields": [{"jsonPath": ".spec.colour"}],
        }],
    }})
}

#[test]
fn a_definition_is_a_kind() {
    let kind = Kind::from_crd(&definition()).unwrap();
    assert_eq!((kind.plural.as_str(), kind.origin), ("widgets", Origin::Custom));
    assert!(kind.rules.has_status() && kind.rules.has_generation() && !kind.rules.updates_unconditionally());
    let version = kind.version("v1").unwrap();
    assert_eq!(version.subresource("scale").unwrap().kind.api_version(), "autoscaling/v1");
    assert_eq!(version.scale.as_ref().unwrap().spec_replicas, ".spec.replicas");
    assert_eq!(version.columns().len(), 2);
    assert_eq!(version.fields[0].label, "spec.colour");
    assert_eq!(kind.key(Some("ns"), "w"), "/registry/example.com/widgets/ns/w");
}

#[test]
fn a_definition_that_cannot_be_served_says_why() {
    let words = |change: fn(&mut serde_json::Value)| {
        let mut definition = definition();
        change(&mut definition);
        let causes = Kind::from_crd(&definition).map(|_| ()).unwrap_err();
        causes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        words(|one| one["spec"]["versions"][0]["storage"] = false.into()),
        "spec.versions: Required value: must have exactly one version marked as storage version"
    );
    assert_eq!(
        words(|one| one["spec"]["versions"][0]["additionalPrinterColumns"][0]["jsonPath"] = ".a[".into()),
        "spec.versions[0].additionalPrinterColumns[0].jsonPath: Invalid value: \".a[\": must be a json path: \
         unterminated array"
    );
    assert_eq!(
        words(|one| one["spec"]["versions"][0]["subresources"]["scale"]["specReplicasPath"] =
            ".status.x".into()),
        "spec.versions[0].subresources.scale.specReplicasPath: Invalid value: \".status.x\": should be a json path \
         under .spec"
    );
}

#[test]
fn versions_are_ordered_as_kubernetes_does() {
    let mut names = ["v1alpha1", "foo", "v2", "v1beta2", "v10", "v1", "v1beta10", "bar"];
    names.sort_by_key(|name| std::cmp::Reverse(custom::priority(name)));
    assert_eq!(names, ["v10", "v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "bar", "foo"]);
}
