use serde_json::json;

use super::*;

fn schema(spec: Value) -> Schema {
    let schema = json!({"type": "object", "properties": {"spec": spec}});
    Schema::from_crd(&schema, "").unwrap()
}

/// The causes of `spec`, one per line.
fn causes(spec: Value, value: Value) -> String {
    let causes = schema(spec).validate(&json!({"spec": value}));
    causes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn causes_are_in_kubernetes_words() {
    let cases = [
        (json!({"type": "integer"}), json!(3), ""),
        (json!({"type": "integer"}), json!(3.0), ""),
        (
            json!({"type": "integer"}),
            json!("3"),
            r#"spec: Invalid value: "string": spec in body must be of type integer: "string""#,
        ),
        (
            json!({"type": "integer"}),
            json!(1.5),
            r#"spec: Invalid value: "number": spec in body must be of type integer: "number""#,
        ),
        (
            json!({"type": "string"}),
            json!(null),
            r#"spec: Invalid value: "null": spec in body must be of type string: "null""#,
        ),
        (json!({"type": "string", "nullable": true}), json!(null), ""),
        (
            json!({"type": "string", "enum": ["a", "b"]}),
            json!("c"),
            r#"spec: Unsupported value: "c": supported values: "a", "b""#,
        ),
        (
            json!({"type": "string", "pattern": "^a+$"}),
            json!("b"),
            r#"spec: Invalid value: "b": spec in body should match '^a+$'"#,
        ),
        (
            json!({"type": "string", "maxLength": 2}),
            json!("abc"),
            "spec: Too long: may not be more than 2 bytes",
        ),
        (
            json!({"type": "string", "minLength": 2}),
            json!("a"),
            r#"spec: Invalid value: "a": spec in body should be at least 2 chars long"#,
        ),
        (
            json!({"type": "integer", "minimum": 1, "maximum": 5}),
            json!(0),
            "spec: Invalid value: 0: spec in body should be greater than or equal to 1",
        ),
        (
            json!({"type": "number", "maximum": 5.5, "exclusiveMaximum": true}),
            json!(5.5),
            "spec: Invalid value: 5.5: spec in body should be less than 5.5",
        ),
        (
            json!({"type": "integer", "multipleOf": 2}),
            json!(3),
            "spec: Invalid value: 3: spec in body should be a multiple of 2",
        ),
        (
            json!({"type": "string", "format": "ipv4"}),
            json!("x"),
            r#"spec: Invalid value: "x": spec in body must be of type ipv4: "x""#,
        ),
        (
            json!({"type": "array", "maxItems": 1, "items": {"type": "string"}}),
            json!(["a", 1]),
            "spec: Too many: 2: must have at most 1 item\n\
             spec[1]: Invalid value: \"integer\": spec[1] in body must be of type string: \"integer\"",
        ),
        (
            json!({"type": "array", "minItems": 1, "items": {"type": "string"}}),
            json!([]),
            "spec: Invalid value: []: spec in body should have at least 1 items",
        ),
        (
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}),
            json!({}),
            "spec.a: Required value",
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 1}),
            json!({"a": "b", "c": 1}),
            "spec: Too many: 2: must have at most 1 item\n\
             spec.c: Invalid value: \"integer\": spec.c in body must be of type string: \"integer\"",
        ),
        (
            json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}),
            json!(["a", "b", "a"]),
            r#"spec[2]: Duplicate value: "a""#,
        ),
        (
            json!({
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
            }),
            json!([{"name": "a"}, {"name": "a"}]),
            r#"spec[1]: Duplicate value: {"name":"a"}"#,
        ),
        (json!({"x-kubernetes-int-or-string": true}), json!("50%"), ""),
        (
            json!({"x-kubernetes-int-or-string": true}),
            json!(true),
            r#"spec: Invalid value: "boolean": spec in body must be of type integer,string: "boolean""#,
        ),
        (
            json!({
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
            }),
            json!({"a": "x", "b": "y"}),
            r#"spec: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives"#,
        ),
        (
            json!({
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "anyOf": [{"required": ["a"]}],
            }),
            json!({}),
            "spec: Invalid value: \"\": \"spec\" must validate at least one schema (anyOf)\nspec.a: Required value",
        ),
        (
            json!({"type": "integer", "not": {"minimum": 3}}),
            json!(4),
            r#"spec: Invalid value: "": "spec" must not validate the schema (not)"#,
        ),
    ];
    for (spec, value, expected) in cases {
        assert_eq!(causes(spec.clone(), value.clone()), expected, "{spec} {value}");
    }
}

#[test]
fn causes_are_bounded() {
    let spec = json!({"type": "array", "items": {"type": "string"}});
    let value = Value::Array(vec![json!(1); 10_000]);
    assert_eq!(schema(spec).validate(&json!({"spec": value})).len(), MAX_CAUSES);
}
