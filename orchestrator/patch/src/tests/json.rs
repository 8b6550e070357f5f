//! JSON patch and JSON merge patch.

use proptest::prelude::*;

use super::*;
use crate::{MAX_DEPTH, MAX_OPERATIONS, PatchError, json_patch, merge_patch};

fn patched(object: &Value, patch: &Value) -> Result<Value, PatchError> {
    json_patch(object, patch.to_string().as_bytes())
}

#[test]
fn operations_of_rfc_6902() {
    let object = json!({"a": {"b": [1, 2]}, "c~d": 1, "e/f": 2});
    let cases = [
        (
            json!([{"op": "add", "path": "/a/b/1", "value": 9}]),
            json!({"a": {"b": [1, 9, 2]}, "c~d": 1, "e/f": 2}),
        ),
        (
            json!([{"op": "add", "path": "/a/b/-", "value": 9}]),
            json!({"a": {"b": [1, 2, 9]}, "c~d": 1, "e/f": 2}),
        ),
        (json!([{"op": "remove", "path": "/a"}]), json!({"c~d": 1, "e/f": 2})),
        (
            json!([{"op": "replace", "path": "/c~0d", "value": 3}]),
            json!({"a": {"b": [1, 2]}, "c~d": 3, "e/f": 2}),
        ),
        (
            json!([{"op": "move", "from": "/e~1f", "path": "/x"}]),
            json!({"a": {"b": [1, 2]}, "c~d": 1, "x": 2}),
        ),
        (
            json!([{"op": "copy", "from": "/a/b/0", "path": "/a/c"}]),
            json!({"a": {"b": [1, 2], "c": 1}, "c~d": 1, "e/f": 2}),
        ),
        (
            json!([{"op": "test", "path": "/a/b", "value": [1, 2]}, {"op": "test", "path": "/x", "value": null}]),
            object.clone(),
        ),
    ];
    for (patch, expected) in cases {
        assert_eq!(patched(&object, &patch).unwrap(), expected, "{patch}");
    }
}

#[test]
fn each_fault_has_its_status() {
    let object = json!({"a": 1});
    let status = |patch: &str| json_patch(&object, patch.as_bytes()).unwrap_err();
    for malformed in ["", "{}", "[1]", "[{]", "null"] {
        assert_eq!(status(malformed).status(), 400, "{malformed}");
    }
    for refused in [
        r#"[{"op":"test","path":"/a","value":2}]"#,
        r#"[{"op":"test","path":"/b","value":2}]"#,
        r#"[{"op":"remove","path":"/b"}]"#,
        r#"[{"op":"add","path":"/b/c","value":1}]"#,
        r#"[{"op":"burn","path":"/a"}]"#,
        r#"[{"op":"add","path":"a","value":1}]"#,
    ] {
        assert_eq!(status(refused).status(), 422, "{refused}");
    }
    assert_eq!(
        status(r#"[{"op":"test","path":"/a","value":2}]"#).to_string(),
        "operation 0 at \"/a\": value did not match"
    );
    let many: Vec<Value> =
        (0..=MAX_OPERATIONS).map(|_| json!({"op": "test", "path": "/a", "value": 1})).collect();
    let error = patched(&object, &Value::Array(many)).unwrap_err();
    assert_eq!(error.status(), 413);
    assert_eq!(error.to_string(), "The allowed maximum operations in a JSON patch is 10000, got 10001");
}

#[test]
fn a_patch_cannot_grow_an_object_without_bound() {
    let object = json!({"a": "x".repeat(1000), "b": {}});
    let doubling: Vec<Value> =
        (0..40).map(|step| json!({"op": "copy", "from": "", "path": format!("/b/{step}")})).collect();
    let error = patched(&object, &Value::Array(doubling)).unwrap_err();
    assert!(error.to_string().ends_with("too large in total"), "{error}");
    let mut path = String::new();
    let deeper: Vec<Value> = (0..200)
        .map(|_| {
            path.push_str("/a");
            json!({"op": "add", "path": path, "value": {}})
        })
        .collect();
    let error = patched(&json!({}), &Value::Array(deeper)).unwrap_err();
    assert!(error.to_string().ends_with("nested too deeply"), "{error}");
}

#[test]
fn merge_patches_of_rfc_7386() {
    let merged = |object: Value, patch: &str| merge_patch(&object, patch.as_bytes());
    assert_eq!(
        merged(json!({"a": {"b": 1, "c": 2}, "d": [1]}), r#"{"a":{"b":null,"e":{"f":null}},"d":[2]}"#)
            .unwrap(),
        json!({"a": {"c": 2, "e": {}}, "d": [2]})
    );
    for malformed in ["", "[]", "1", "{"] {
        assert_eq!(merged(json!({}), malformed).unwrap_err().status(), 400, "{malformed}");
    }
}

#[test]
fn shifting_a_long_list_again_and_again_is_refused() {
    let object = json!({"a": vec![0; 100_000]});
    let steps = vec![json!({"op": "move", "from": "/a/0", "path": "/a/0"}); 1000];
    let error = patched(&object, &Value::Array(steps)).unwrap_err();
    assert!(error.to_string().ends_with("moves too much"), "{error}");
}

/// A value of some depth.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(1)), Just(json!("x")), Just(json!(true)), Just(json!([]))];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map("[a-c~/]{1,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    /// The difference of two objects, applied to the first, gives the second.
    #[test]
    fn a_difference_leads_from_one_to_the_other(one in value(), other in value()) {
        let difference = serde_json::to_value(::json_patch::diff(&one, &other)).unwrap();
        prop_assert_eq!(patched(&one, &difference).unwrap(), other);
    }

    /// A merge patch that is applied twice changes nothing the second time.
    #[test]
    fn merging_twice_is_merging_once(one in value(), patch in value()) {
        let patch = json!({"a": patch});
        let once = merge_patch(&one, patch.to_string().as_bytes()).unwrap();
        prop_assert_eq!(&merge_patch(&once, patch.to_string().as_bytes()).unwrap(), &once);
    }

    #[test]
    fn no_patch_makes_it_panic_or_deep(
        object in value(),
        steps in proptest::collection::vec(("add|remove|replace|move|copy|test", "(/[a-c0-3-]){0,3}", "(/[a-c0-3-]){0,3}"), 0..12),
        new in value(),
    ) {
        let operations = steps.iter().map(|(op, path, from)| json!({"op": op, "path": path, "from": from, "value": new}));
        if let Ok(found) = patched(&object, &operations.collect()) {
            prop_assert!(depth(&found) <= MAX_DEPTH);
        }
    }
}
