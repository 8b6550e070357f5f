use proptest::{collection::vec, option, prelude::*};
use serde_json::{Map, json};

use super::*;

/// Names that schemas and values share, so that they meet.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("metadata"), Just("kind")].prop_map(str::to_owned)
}

/// Any value of JSON, of few names.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..300).prop_map(Value::from),
        Just(json!(1.5)),
        "[ab]{0,3}".prop_map(Value::from),
        Just(json!("1Gi")),
        Just(json!("2026-01-01T00:00:00Z")),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((name(), inner), 0..5).prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

/// A structural schema.
fn place() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        (option::of("[ab]{0,2}"), option::of(0_u64..4)).prop_map(|(default, max)| {
            let mut schema = json!({"type": "string"});
            if let Some(max) = max {
                schema["maxLength"] = max.into();
            }
            if let Some(default) = default.filter(|text| max.is_none_or(|max| text.len() as u64 <= max)) {
                schema["default"] = default.into();
            }
            schema
        }),
        option::of(0_i64..9).prop_map(|default| match default {
            Some(default) => json!({"type": "integer", "minimum": 0, "default": default}),
            None => json!({"type": "integer", "nullable": true}),
        }),
        Just(json!({"type": "boolean"})),
        Just(json!({"x-kubernetes-int-or-string": true})),
        Just(json!({"x-kubernetes-preserve-unknown-fields": true})),
        Just(json!({
            "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
        })),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (vec((name(), inner.clone()), 0..4), any::<bool>(), any::<bool>()).prop_map(
                |(fields, open, default)| {
                    let mut schema = json!({"type": "object", "properties": Map::from_iter(fields)});
                    if open {
                        schema["x-kubernetes-preserve-unknown-fields"] = true.into();
                    }
                    if default {
                        schema["default"] = json!({});
                    }
                    schema
                }
            ),
            inner.clone().prop_map(|values| json!({"type": "object", "additionalProperties": values})),
            (inner, any::<bool>()).prop_map(|(items, set)| {
                let mut schema = json!({"type": "array", "items": items});
                let scalar = matches!(items["type"].as_str(), Some("string" | "boolean"));
                if set && scalar {
                    schema["x-kubernetes-list-type"] = "set".into();
                }
                schema
            }),
        ]
    })
}

fn schema() -> impl Strategy<Value = Schema> {
    place().prop_map(|spec| {
        let schema = json!({"type": "object", "properties": {"spec": spec, "a": {"type": "string"}}});
        Schema::from_crd(&schema, "s").unwrap_or_else(|causes| panic!("{schema}: {causes:?}"))
    })
}

proptest! {
    #[test]
    fn pruning_leaves_what_is_known(schema in schema(), spec in value(), other in value()) {
        let mut object = json!({"spec": spec, "b": other});
        schema.prune(&mut object);
        prop_assert_eq!(schema.unknown_fields(&object), Vec::<String>::new());
        let mut again = object.clone();
        schema.prune(&mut again);
        prop_assert_eq!(again, object);
    }

    #[test]
    fn defaults_are_set_once_and_allowed(schema in schema(), spec in value()) {
        let mut object = json!({"spec": spec});
        let valid = schema.validate(&object).is_empty();
        schema.default(&mut object);
        if valid {
            prop_assert_eq!(schema.validate(&object), []);
        }
        let mut again = object.clone();
        schema.default(&mut again);
        prop_assert_eq!(&again, &object);
        // What is unchanged is not refused.
        prop_assert_eq!(schema.validate_update(&object, &object), []);
    }

    #[test]
    fn no_value_is_too_strange_for_built_in_kinds(mut object in value()) {
        for (group, kind) in [("", "Pod"), ("apps", "Deployment"), ("apiextensions.k8s.io", "CustomResourceDefinition")] {
            let schema = Schema::builtin(group, "v1", kind).unwrap();
            if schema.type_error(&object).is_none() {
                schema.normalize(&mut object);
                prop_assert_eq!(schema.type_error(&object), None);
                let mut again = object.clone();
                schema.normalize(&mut again);
                prop_assert_eq!(&again, &object);
            }
            schema.prune(&mut object);
            prop_assert_eq!(schema.unknown_fields(&object), Vec::<String>::new());
            schema.default(&mut object);
            schema.validate(&object);
        }
    }

    #[test]
    fn no_value_is_too_strange_for_a_definition(schema in value(), other in value()) {
        let _ = Schema::from_crd(&schema, "s");
        let words = ["type", "properties", "items", "additionalProperties", "anyOf", "allOf", "not", "default", "enum",
            "pattern", "required", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations"];
        for word in words {
            let _ = Schema::from_crd(&json!({"type": "object", word: schema, "properties": {"a": other}}), "s");
            let _ = Schema::from_crd(&json!({"type": "object", "properties": {"a": {"type": "array", word: schema}}}), "s");
        }
    }
}

#[test]
fn paths_are_kubernetes() {
    let pod = Schema::builtin("", "v1", "Pod").unwrap();
    let object = json!({
        "metadata": {"labels": {"a": "b"}, "bogus": 1, "managedFields": [{"fieldsV1": {"f:x": {}}}]},
        "spec": {"containers": [{"name": "a"}, {"image": "b", "ports": [{"Port": 1}]}], "foo": {"bar": 1}},
    });
    let unknown = pod.unknown_fields(&object);
    assert_eq!(unknown, ["metadata.bogus", "spec.containers[1].ports[0].Port", "spec.foo"]);
    let many: Map<String, Value> = (0..500).map(|index| (format!("f{index}"), Value::Null)).collect();
    assert_eq!(pod.unknown_fields(&Value::Object(many)).len(), MAX_UNKNOWN);
}
