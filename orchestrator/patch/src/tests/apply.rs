//! Server-side apply.

use super::*;
use crate::fields::FieldSet;

fn web(container: Value, replicas: Option<u64>) -> Value {
    let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
    }});
    if let Some(replicas) = replicas {
        object["spec"]["replicas"] = replicas.into();
    }
    object
}

#[test]
fn an_absent_object_is_created_and_owned() {
    let config = web(json!({"name": "web", "image": "a", "ports": [{"containerPort": 80}]}), Some(2));
    let found = apply_as(&deployment(), None, &config, "me", Force::No, T1).unwrap();
    assert_eq!(bare(&found), config);
    let fields = json!({"f:spec": {
        "f:replicas": {},
        "f:selector": {},
        "f:template": {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {"f:containers": {
            "k:{\"name\":\"web\"}": {".": {}, "f:image": {}, "f:name": {}, "f:ports": {
                "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}}}},
    }});
    assert_eq!(entries(&found), [format!("me Apply 01: {fields}")]);
    let again = apply_as(&deployment(), Some(&found), &config, "me", Force::No, T2).unwrap();
    assert_eq!(again, found, "the same again changes nothing, not even the time");
}

#[test]
fn a_conflict_names_owner_and_field() {
    let live = update_as(&config_map(), None, &config_map_with(json!({"a": "1"})), "curl", T1);
    let config = config_map_with(json!({"a": "2"}));
    let error = apply_as(&config_map(), Some(&live), &config, "zz", Force::No, T2).unwrap_err();
    assert_eq!(error.to_string(), r#"Apply failed with 1 conflict: conflict with "curl" using v1: .data.a"#);
    let ApplyError::Conflicts(conflicts) = error else { panic!() };
    assert_eq!(conflicts[0].message(), r#"conflict with "curl" using v1"#);
    assert_eq!(conflicts[0].field, ".data.a");
}

#[test]
fn several_conflicts_are_sorted_and_grouped() {
    let schema = deployment();
    let live = web(json!({"name": "web", "image": "a"}), Some(1));
    let live = apply_as(&schema, None, &live, "first", Force::No, T1).unwrap();
    let mut status = live.clone();
    status["spec"]["template"]["metadata"]["labels"]["app"] = "other".into();
    let manager = Manager { subresource: "scale".into(), ..Manager::new("hpa", "apps/v1") };
    let live = crate::managed::update(&schema, Some(&live), status, &manager, T2).unwrap();
    let config = web(json!({"name": "web", "image": "b"}), Some(5));
    let error = apply_as(&schema, Some(&live), &config, "zz", Force::No, T3).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 3 conflicts: conflicts with \"first\":\n\
         - .spec.replicas\n\
         - .spec.template.spec.containers[name=\"web\"].image\n\
         conflicts with \"hpa\" with subresource \"scale\" using apps/v1:\n\
         - .spec.template.metadata.labels.app"
    );
    let forced = apply_as(&schema, Some(&live), &config, "zz", Force::Yes, T3).unwrap();
    assert_eq!(bare(&forced), config);
    assert!(entries(&forced).iter().all(|entry| !entry.starts_with("hpa")), "nothing is left to it");
}

#[test]
fn equal_values_are_shared() {
    let config = config_map_with(json!({"a": "1"}));
    let live = apply_as(&config_map(), None, &config, "one", Force::No, T1).unwrap();
    let live = apply_as(&config_map(), Some(&live), &config, "two", Force::No, T2).unwrap();
    let fields = r#"{"f:data":{"f:a":{}}}"#;
    assert_eq!(entries(&live), [format!("one Apply 01: {fields}"), format!("two Apply 02: {fields}")]);
    // One of two owners goes: the field stays.
    let empty = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}});
    let live = apply_as(&config_map(), Some(&live), &empty, "one", Force::No, T3).unwrap();
    assert_eq!(live["data"], json!({"a": "1"}));
    assert_eq!(entries(&live), [format!("two Apply 02: {fields}")]);
    // The last one goes: so does the field.
    let live = apply_as(&config_map(), Some(&live), &empty, "two", Force::No, T3).unwrap();
    assert_eq!(live, empty);
}

#[test]
fn what_is_applied_no_longer_goes_unless_it_is_someones() {
    let schema = deployment();
    let both = json!({"name": "web", "image": "a", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]});
    let live = apply_as(&schema, None, &web(both, Some(3)), "me", Force::No, T1).unwrap();
    // Someone else owns B as well, by setting it.
    let mut changed = live.clone();
    changed["spec"]["template"]["spec"]["containers"][0]["env"][1]["value"] = "3".into();
    let live = update_as(&schema, Some(&live), &changed, "editor", T2);
    let config = web(json!({"name": "web", "image": "a"}), None);
    let found = apply_as(&schema, Some(&live), &config, "me", Force::No, T3).unwrap();
    assert_eq!(found["spec"].get("replicas"), None);
    assert_eq!(found["spec"]["template"]["spec"]["containers"], json!([{"name": "web", "image": "a"}]));
}

#[test]
fn sets_and_keyed_lists_are_merged_in_the_order_of_the_configuration() {
    let schema = custom();
    let item = |name: &str| json!({"name": name});
    let live = custom_with(json!({"items": [item("a"), item("x"), item("b")], "set": ["1", "x", "2"]}));
    let live = update_as(&schema, None, &live, "u", T1);
    let config = custom_with(json!({"items": [item("c"), item("b"), item("a")], "set": ["2", "3"]}));
    let found = apply_as(&schema, Some(&live), &config, "me", Force::No, T2).unwrap();
    assert_eq!(found["spec"]["items"], json!([item("x"), item("c"), item("b"), item("a")]));
    assert_eq!(found["spec"]["set"], json!(["1", "x", "2", "3"]));
    for (live, config, merged) in [
        (["a", "b"], ["a", "c"], &["a", "b", "c"][..]),
        (["a", "b"], ["c", "d"], &["a", "b", "c", "d"]),
        (["a", "b"], ["c", "b"], &["a", "c", "b"]),
        (["a", "b"], ["b", "a"], &["b", "a"]),
        (["a", "b"], ["b", "c"], &["a", "b", "c"]),
    ] {
        let live = update_as(&schema, None, &custom_with(json!({"set": live})), "u", T1);
        let config = custom_with(json!({"set": config}));
        let found = apply_as(&schema, Some(&live), &config, "me", Force::No, T2).unwrap();
        assert_eq!(found["spec"]["set"], json!(merged));
    }
    assert!(entries(&found)[0].contains(r#""f:set":{"v:\"2\"":{},"v:\"3\"":{}}"#));
}

#[test]
fn what_is_atomic_has_one_owner() {
    let schema = custom();
    let live = custom_with(json!({"whole": {"a": "1"}, "list": ["a"]}));
    let live = apply_as(&schema, None, &live, "one", Force::No, T1).unwrap();
    assert_eq!(entries(&live), [r#"one Apply 01: {"f:spec":{"f:list":{},"f:whole":{}}}"#]);
    let config = custom_with(json!({"whole": {"b": "1"}, "list": ["b"]}));
    let error = apply_as(&schema, Some(&live), &config, "two", Force::No, T2).unwrap_err();
    assert!(error.to_string().ends_with("- .spec.list\n- .spec.whole"), "{error}");
    let found = apply_as(&schema, Some(&live), &config, "two", Force::Yes, T2).unwrap();
    assert_eq!(found["spec"], config["spec"]);
    assert_eq!(entries(&found), [r#"two Apply 02: {"f:spec":{"f:list":{},"f:whole":{}}}"#]);
}

#[test]
fn null_is_absence_except_where_it_is_a_value() {
    let schema = custom();
    let config = custom_with(json!({"number": null, "text": null, "map": {}, "part": {}}));
    let found = apply_as(&schema, None, &config, "me", Force::No, T1).unwrap();
    assert_eq!(found["spec"], json!({"text": null, "map": {}, "part": {}}));
    let fields = r#"{"f:spec":{"f:map":{},"f:number":{},"f:part":{},"f:text":{}}}"#;
    assert_eq!(entries(&found), [format!("me Apply 01: {fields}")]);
}

#[test]
fn an_object_from_before_is_owned_by_a_name_of_its_own() {
    let live = config_map_with(json!({"a": "1", "b": "2"}));
    let config = config_map_with(json!({"a": "2"}));
    let error = apply_as(&config_map(), Some(&live), &config, "me", Force::No, T1).unwrap_err();
    assert!(error.to_string().contains(r#"conflict with "before-first-apply" using v1: .data.a"#), "{error}");
    let found = apply_as(&config_map(), Some(&live), &config, "me", Force::Yes, T1).unwrap();
    assert_eq!(found["data"], json!({"a": "2", "b": "2"}));
    assert_eq!(
        entries(&found),
        [
            r#"me Apply 01: {"f:data":{"f:a":{}}}"#,
            r#"before-first-apply Update 01: {"f:data":{".":{},"f:b":{}}}"#
        ]
    );
}

#[test]
fn a_subresource_has_its_own_entry_and_leaves_the_rest_alone() {
    let schema = deployment();
    let live = apply_as(&schema, None, &web(json!({"name": "web", "image": "a"}), None), "me", Force::No, T1)
        .unwrap();
    let manager = Manager {
        subresource: "status".into(),
        reset: FieldSet::of(&[&["spec"], &["metadata", "labels"]]),
        ..Manager::new("me", "apps/v1")
    };
    let config = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {"x": "y"}},
        "spec": {"replicas": 7}, "status": {"replicas": 3}});
    let found = crate::apply::apply(&schema, Some(&live), &config, &manager, Force::No, T2).unwrap();
    assert_eq!(found["status"], json!({"replicas": 3}));
    assert_eq!((&found["spec"], found["metadata"].get("labels")), (&live["spec"], None));
    assert_eq!(entries(&found)[1], r#"me/status Apply 02: {"f:status":{"f:replicas":{}}}"#);
}

#[test]
fn what_is_no_configuration_is_refused() {
    let refused = |config: Value| {
        let manager = Manager::new("me", "apps/v1");
        crate::apply::apply(&deployment(), None, &config, &manager, Force::No, T1).unwrap_err().to_string()
    };
    assert_eq!(
        refused(json!([])),
        "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}"
    );
    assert_eq!(
        refused(json!({"apiVersion": "apps/v1", "metadata": {"managedFields": []}})),
        "metadata.managedFields must be nil"
    );
    assert_eq!(
        refused(json!({"apiVersion": "apps/v2"})),
        "Incorrect version specified in apply patch. Specified patch version: apps/v2, expected: apps/v1"
    );
    let mut config = web(json!({"image": "a"}), None);
    assert!(refused(config.clone()).contains("omits key field \"name\""));
    config["spec"]["template"]["spec"]["containers"] = json!([{"name": "a"}, {"name": "a"}]);
    assert_eq!(
        refused(config),
        "failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.template.spec.containers: \
         duplicate entries for key [name=\"a\"]"
    );
    let mut config = web(json!({"name": "web", "resources": {"bogus": 1}}), None);
    config["metadata"]["namespace"] = "n".into();
    assert_eq!(
        refused(config.clone()),
        "failed to create typed patch object (n/web; apps/v1, Kind=Deployment): \
         .spec.template.spec.containers[name=\"web\"].resources.bogus: field not declared in schema"
    );
    config["spec"]["template"]["metadata"]["annotations"] = json!({"any": "name"});
    config["bogus"] = Value::Null;
    assert_eq!(
        refused(config),
        "failed to create typed patch object (n/web; apps/v1, Kind=Deployment): errors:\n  \
         .bogus: field not declared in schema\n  \
         .spec.template.spec.containers[name=\"web\"].resources.bogus: field not declared in schema"
    );
}

#[test]
fn kubectl_goes_from_client_side_to_server_side_without_conflict() {
    let schema = config_map();
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    let applied = config_map_with(json!({"a": "1", "b": "1"}));
    let mut live = applied.clone();
    live["metadata"]["annotations"] = json!({annotation: applied.to_string()});
    let live = update_as(&schema, None, &live, "kubectl-client-side-apply", T1);
    let config = config_map_with(json!({"a": "2"}));
    let found = apply_as(&schema, Some(&live), &config, "kubectl", Force::No, T2).unwrap();
    assert_eq!(found["data"], json!({"a": "2", "b": "1"}));
    assert_eq!(found["metadata"]["annotations"][annotation], format!("{config}\n"));
    let error = apply_as(&schema, Some(&live), &config, "other", Force::No, T2).unwrap_err();
    assert!(error.to_string().contains("kubectl-client-side-apply"), "{error}");
    // What was changed since is someone else's.
    let mut changed = live.clone();
    changed["data"]["a"] = "3".into();
    let live = update_as(&schema, Some(&live), &changed, "editor", T2);
    let error = apply_as(&schema, Some(&live), &config, "kubectl", Force::No, T3).unwrap_err();
    assert!(error.to_string().contains("\"editor\""), "{error}");
}

#[test]
fn another_version_of_the_kind_is_the_same_applier() {
    let schema = custom();
    let mut config = custom_with(json!({"number": 1}));
    let live = apply_as(&schema, None, &config, "me", Force::No, T1).unwrap();
    config["apiVersion"] = "example.com/v2".into();
    config["spec"] = json!({"text": "x"});
    let mut live = live;
    live["apiVersion"] = "example.com/v2".into();
    let found = apply_as(&schema, Some(&live), &config, "me", Force::No, T2).unwrap();
    assert_eq!(found["spec"], json!({"text": "x"}));
    assert_eq!(found["metadata"]["managedFields"][0]["apiVersion"], "example.com/v2");
}
