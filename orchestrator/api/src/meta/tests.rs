use serde_json::json;

use super::*;
use crate::Registry;

fn words(resource: &str, metadata: Value) -> Vec<String> {
    let registry = Registry::built_in();
    let kind = registry.by_name("", resource).unwrap();
    validate(kind, &json!({"metadata": metadata})).iter().map(ToString::to_string).collect()
}

#[test]
fn names_are_made_of_few_characters() {
    assert_eq!(generated_name("web-", 0), "web-bbbbb");
    assert_eq!(generated_name("web-", 26 + 27 * 25), "web-98bbb");
    assert_eq!(generated_name(&"x".repeat(80), 1).len(), 63);
    assert_eq!(generated_name("ää", 1), "ääcbbbb");
}

#[test]
fn metadata_is_checked_in_kubernetes_words() {
    let good =
        json!({"name": "a.b", "namespace": "default", "labels": {"a.b/c": "D_e"}, "finalizers": ["a.b/c"]});
    assert_eq!(words("configmaps", good), Vec::<String>::new());
    let cases = [
        (
            "configmaps",
            json!({"namespace": "x"}),
            "metadata.name: Required value: name or generateName is required",
        ),
        ("configmaps", json!({"name": "x"}), "metadata.namespace: Required value"),
        (
            "nodes",
            json!({"name": "x", "namespace": "y"}),
            "metadata.namespace: Forbidden: not allowed on this type",
        ),
        (
            "namespaces",
            json!({"name": "a.b"}),
            "metadata.name: Invalid value: \"a.b\": must not contain dots",
        ),
        (
            "services",
            json!({"name": "1a", "namespace": "x"}),
            "metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower case alphanumeric \
             characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. \
             'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
        ),
        (
            "nodes",
            json!({"name": "x", "labels": {"a": "b c"}}),
            "metadata.labels: Invalid value: \"b c\": a valid label must be an empty string or consist of \
             alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
             'MyValue',  or 'my_value',  or '12345', regex used for validation is \
             '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ),
        (
            "nodes",
            json!({"name": "x", "finalizers": ["mine"]}),
            "metadata.finalizers[0]: Invalid value: \"mine\": name is neither a standard finalizer name nor is it \
             fully qualified",
        ),
        (
            "nodes",
            json!({"name": "x", "annotations": {"a": "b".repeat(262_144)}}),
            "metadata.annotations: Too long: may not be more than 262144 bytes",
        ),
        (
            "nodes",
            json!({"name": "x", "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]}),
            "metadata.ownerReferences[0].uid: Invalid value: \"\": must not be empty",
        ),
    ];
    for (resource, metadata, wanted) in cases {
        assert_eq!(words(resource, metadata.clone()), [wanted], "{metadata}");
    }
}

#[test]
fn a_bad_name_is_refused_as_kubernetes_does() {
    let registry = Registry::built_in();
    let kind = registry.by_name("", "configmaps").unwrap();
    let causes = validate(kind, &json!({"metadata": {"name": "Bad_Name", "namespace": "default"}}));
    assert_eq!(
        crate::Status::invalid(kind.qualified(), "Bad_Name", &causes).message,
        "ConfigMap \"Bad_Name\" is invalid: metadata.name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 subdomain \
         must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric \
         character (e.g. 'example.com', regex used for validation is \
         '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    );
}

#[test]
fn extensions_have_finalizers_of_any_name() {
    let registry = Registry::built_in();
    let kind = registry.by_name("apiextensions.k8s.io", "customresourcedefinitions").unwrap();
    let object =
        json!({"metadata": {"name": "x", "finalizers": ["customresourcecleanup.apiextensions.k8s.io"]}});
    assert_eq!(validate(kind, &object), []);
}

#[test]
fn what_goes_gets_no_finalizers() {
    let registry = Registry::built_in();
    let kind = registry.by_name("", "nodes").unwrap();
    let old = json!({"metadata": {"name": "x", "deletionTimestamp": "2026-11-20T08:19:41Z"}});
    let new = json!({"metadata": {"name": "x", "finalizers": ["a/b"]}});
    let causes = validate_update(kind, &new, &old);
    assert_eq!(
        causes[0].to_string(),
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new \
         finalizers []string{\"a/b\"}"
    );
    let mut kept = new;
    prepare_update(&mut kept, &old);
    assert_eq!(kept["metadata"]["deletionTimestamp"], old["metadata"]["deletionTimestamp"]);
}
