//! Ownership by ordinary writes.

use super::*;
use crate::fields::FieldSet;
use crate::managed::{self, update};

#[test]
fn a_write_owns_what_it_changes() {
    let schema = config_map();
    let live = update_as(&schema, None, &config_map_with(json!({"a": "1", "b": "1"})), "one", T1);
    assert_eq!(entries(&live), [r#"one Update 01: {"f:data":{".":{},"f:a":{},"f:b":{}}}"#]);
    let mut changed = live.clone();
    changed["data"]["b"] = "2".into();
    let live = update_as(&schema, Some(&live), &changed, "two", T2);
    assert_eq!(
        entries(&live),
        [r#"one Update 01: {"f:data":{".":{},"f:a":{}}}"#, r#"two Update 02: {"f:data":{"f:b":{}}}"#]
    );
    let mut changed = live.clone();
    changed["data"] = json!({"b": "2"});
    let live = update_as(&schema, Some(&live), &changed, "two", T3);
    assert_eq!(
        entries(&live),
        [r#"one Update 01: {"f:data":{}}"#, r#"two Update 02: {"f:data":{"f:b":{}}}"#],
        "what is removed is nobody's"
    );
}

/// Read carelessly, this one is the next number when it was written.
#[test]
fn a_key_with_a_long_number_is_the_same_when_it_was_written() {
    let text = r#"{"f:spec":{"k:{\"n\":7000000000000000000000000000000000000013002392524177214894}":{}}}"#;
    let set = FieldSet::from_value(&serde_json::from_str(text).unwrap()).unwrap();
    assert_eq!(FieldSet::from_value(&set.to_value()), Ok(set));
}

#[test]
fn a_write_takes_fields_from_those_who_apply() {
    let schema = config_map();
    let config = config_map_with(json!({"a": "1", "b": "1"}));
    let live = apply_as(&schema, None, &config, "me", Force::No, T1).unwrap();
    let mut changed = live.clone();
    changed["data"]["a"] = "2".into();
    let live = update_as(&schema, Some(&live), &changed, "editor", T2);
    assert_eq!(
        entries(&live),
        [r#"me Apply 01: {"f:data":{"f:b":{}}}"#, r#"editor Update 02: {"f:data":{"f:a":{}}}"#]
    );
}

#[test]
fn a_write_of_the_same_keeps_everything() {
    let schema = config_map();
    let live = update_as(&schema, None, &config_map_with(json!({"a": "1"})), "one", T1);
    for written in [live.clone(), bare(&live)] {
        assert_eq!(update_as(&schema, Some(&live), &written, "two", T2), live);
    }
}

#[test]
fn what_the_server_fills_in_is_nobodys() {
    let mut object = config_map_with(json!({}));
    object["metadata"] = json!({"name": "x", "namespace": "n", "uid": "u", "generation": 1, "labels": {"a": "b"},
        "creationTimestamp": T1, "resourceVersion": "5"});
    let live = update_as(&config_map(), None, &object, "one", T1);
    assert_eq!(
        entries(&live),
        [r#"one Update 01: {"f:data":{},"f:metadata":{"f:labels":{".":{},"f:a":{}}}}"#]
    );
}

#[test]
fn clients_may_write_the_list() {
    let schema = config_map();
    let live = update_as(&schema, None, &config_map_with(json!({"a": "1"})), "one", T1);
    let with = |list: Value| {
        let mut changed = live.clone();
        changed["metadata"]["managedFields"] = list;
        update(&schema, Some(&live), changed, &Manager::new("two", "v1"), T2)
    };
    assert_eq!(with(json!([])).unwrap(), live, "an empty list is one that was not understood");
    let cleared = with(json!([{}])).unwrap();
    assert_eq!(cleared, bare(&live));
    assert_eq!(
        update_as(&schema, Some(&cleared), &config_map_with(json!({"a": "2"})), "two", T2),
        config_map_with(json!({"a": "2"})),
        "and stays clear until it is applied to"
    );
    // As kubectl does when it takes fields over from client-side apply.
    let taken = json!([{"manager": "kubectl", "operation": "Apply", "apiVersion": "v1", "time": T2,
        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:a": {}}}}]);
    assert_eq!(entries(&with(taken).unwrap()), [r#"kubectl Apply 02: {"f:data":{"f:a":{}}}"#]);
    let refused = |entry: Value| {
        let causes = with(json!([entry])).unwrap_err();
        causes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        refused(json!({"manager": "x", "operation": "Steal"})),
        ["metadata.managedFields[0].operation: Invalid value: \"Steal\": must be `Apply` or `Update`"]
    );
    assert_eq!(
        refused(json!({"operation": "Apply", "fieldsType": "FieldsV2"})),
        ["metadata.managedFields[0].fieldsType: Invalid value: \"FieldsV2\": must be `FieldsV1`"]
    );
    let causes = refused(json!({"operation": "Apply", "fieldsV1": {"spec": {}}}));
    assert!(causes[0].contains("metadata.managedFields[0].fieldsV1: Invalid value"), "{causes:?}");
    assert!(causes[0].contains("is no path element"), "{causes:?}");
    assert_eq!(managed::validate(&json!([])), []);
}

#[test]
fn a_subresource_cannot_write_the_list() {
    let schema = deployment();
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"replicas": 1}});
    let live = update_as(&schema, None, &object, "one", T1);
    let mut changed = live.clone();
    changed["metadata"]["managedFields"] = json!([{}]);
    changed["status"] = json!({"replicas": 1});
    changed["spec"]["replicas"] = 2.into();
    let manager = Manager {
        subresource: "status".into(),
        reset: FieldSet::of(&[&["spec"]]),
        ..Manager::new("controller", "apps/v1")
    };
    let found = update(&schema, Some(&live), changed, &manager, T2).unwrap();
    assert_eq!(
        entries(&found),
        [
            r#"one Update 01: {"f:spec":{".":{},"f:replicas":{}}}"#,
            r#"controller/status Update 02: {"f:status":{".":{},"f:replicas":{}}}"#
        ]
    );
}

#[test]
fn what_every_object_of_a_kind_has_is_nobodys() {
    let schema = deployment();
    let unset = json!({
        "spec": {"selector": null, "strategy": {},
            "template": {"metadata": {"creationTimestamp": null}, "spec": {"containers": null}}},
        "status": {"count": 0},
    });
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "strategy": {"rollingUpdate": {"maxSurge": 1}, "type": "RollingUpdate"},
        "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "web"}], "securityContext": {}}}},
        "status": {"count": 0}});
    let own = concat!(
        r#"{"f:spec":{"f:selector":{},"f:strategy":{"f:rollingUpdate":{".":{},"f:maxSurge":{}},"f:type":{}},"#,
        r#""f:template":{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"#,
        r#""f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:name":{}}},"f:securityContext":{}}}}}"#
    );
    let manager = Manager { unset, ..Manager::new("one", "apps/v1") };
    let live = update(&schema, None, object, &manager, T1).unwrap();
    assert_eq!(entries(&live), [format!("one Update 01: {own}")]);
    // Nor does it change when it is written out, or left out.
    let mut written = live.clone();
    written["status"] = json!({});
    written["spec"]["template"]["metadata"]["creationTimestamp"] = Value::Null;
    let manager = Manager { name: "two".into(), ..manager };
    let found = update(&schema, Some(&live), written, &manager, T2).unwrap();
    assert_eq!(entries(&found), [format!("one Update 01: {own}")]);
}

#[test]
fn the_oldest_managers_become_one() {
    let schema = config_map();
    let mut live = update_as(&schema, None, &config_map_with(json!({"a": "0"})), "m00", T1);
    for number in 1..14 {
        let mut changed = live.clone();
        changed["data"][format!("k{number:02}")] = "x".into();
        let now = format!("2026-01-01T00:01:{number:02}Z");
        live = update_as(&schema, Some(&live), &changed, &format!("m{number:02}"), &now);
    }
    let found = entries(&live);
    assert_eq!(found.len(), managed::MAX_UPDATE_MANAGERS);
    assert_eq!(
        found[0],
        r#"ancient-changes Update 04: {"f:data":{".":{},"f:a":{},"f:k01":{},"f:k02":{},"f:k03":{},"f:k04":{}}}"#
    );
    assert!(found[1].starts_with("m05 Update 05"), "{}", found[1]);
}
