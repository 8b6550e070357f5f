use serde_json::json;

use super::*;

/// A schema whose `spec` is given.
fn with_spec(spec: Value) -> Value {
    json!({"type": "object", "properties": {"spec": spec}})
}

fn causes(schema: &Value) -> Vec<String> {
    let causes = Schema::from_crd(schema, "s").err().unwrap_or_default();
    causes.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_not_structural_is_refused() {
    let spec = "s.properties[spec]";
    let cases = [
        (json!({}), vec!["s.type: Required value: must not be empty at the root".to_owned()]),
        (
            json!({"type": "array", "items": {"type": "string"}}),
            vec![r#"s.type: Invalid value: "array": must be object at the root"#.into()],
        ),
        (
            json!({"type": "object", "nullable": true}),
            vec!["s.nullable: Forbidden: nullable cannot be true at the root".into()],
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            vec!["s.additionalProperties: Forbidden: must not be used at the root".into()],
        ),
        (with_spec(json!({})), vec![format!("{spec}.type: Required value: must not be empty for specified object fields")]),
        (with_spec(json!({"type": "array"})), vec![format!("{spec}.items: Required value: must be specified")]),
        (
            with_spec(json!({"type": "array", "items": {}})),
            vec![format!("{spec}.items.type: Required value: must not be empty for specified array items")],
        ),
        (
            with_spec(json!({"type": "text"})),
            vec![format!(
                "{spec}.type: Unsupported value: \"text\": supported values: \
                 \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\""
            )],
        ),
        (
            with_spec(json!({"type": "object", "$ref": "x", "id": "y"})),
            vec![
                format!("{spec}.$ref: Forbidden: $ref is not supported"),
                format!("{spec}.id: Forbidden: id is not supported"),
            ],
        ),
        (
            with_spec(json!({"type": "object", "additionalProperties": false})),
            vec![format!("{spec}.additionalProperties: Forbidden: additionalProperties cannot be set to false")],
        ),
        (
            with_spec(json!({
                "type": "object",
                "additionalProperties": {"type": "string"},
                "properties": {"a": {"type": "string"}},
            })),
            vec![format!(
                "{spec}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"
            )],
        ),
        (
            with_spec(json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true})),
            vec![format!(
                "{spec}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity \
                 becomes quadratic"
            )],
        ),
        (
            with_spec(json!({"type": "string", "x-kubernetes-int-or-string": true})),
            vec![format!(
                "{spec}.type: Invalid value: \"string\": must be empty if x-kubernetes-int-or-string is true"
            )],
        ),
        (
            with_spec(json!({"type": "object", "x-kubernetes-preserve-unknown-fields": false})),
            vec![format!("{spec}.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined")],
        ),
        (
            with_spec(json!({"type": "object", "x-kubernetes-embedded-resource": true})),
            vec![format!(
                "{spec}.properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without \
                 x-kubernetes-preserve-unknown-fields"
            )],
        ),
        (
            with_spec(json!({
                "type": "object",
                "properties": {"a": {"type": "string"}},
                "anyOf": [{"properties": {"a": {"type": "string"}, "b.c": {"minLength": 1}}}],
            })),
            vec![
                format!("{spec}.anyOf[0].properties[a].type: Forbidden: must be empty to be structural"),
                format!(
                    "{spec}.properties[b.c]: Required value: because it is defined in {spec}.anyOf[0].properties[b.c]"
                ),
            ],
        ),
        (
            with_spec(json!({"type": "string", "pattern": "["})),
            vec![format!(
                "{spec}.pattern: Invalid value: \"[\": must be a valid regular expression, but isn't: \
                 error: unclosed character class"
            )],
        ),
        (
            with_spec(json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"})),
            vec![format!(
                "{spec}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"
            )],
        ),
        (
            with_spec(json!({
                "type": "array",
                "items": {"type": "object", "properties": {"a": {"type": "string"}}},
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["a", "b"],
            })),
            vec![
                format!(
                    "{spec}.items.properties[a].default: Required value: this property is in \
                     x-kubernetes-list-map-keys, so it must have a default or be a required property"
                ),
                format!(
                    "{spec}.x-kubernetes-list-map-keys: Invalid value: [\"a\",\"b\"]: entries must all be names of \
                     item properties"
                ),
            ],
        ),
        (
            with_spec(json!({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "set"})),
            vec![format!(
                "{spec}.items.x-kubernetes-map-type: Invalid value: \"granular\": must be atomic as item of a list with \
                 x-kubernetes-list-type=set"
            )],
        ),
        (
            with_spec(json!({"type": "string", "x-kubernetes-list-type": "many"})),
            vec![
                format!("{spec}.type: Invalid value: \"string\": must be array if x-kubernetes-list-type is specified"),
                format!(
                    "{spec}.x-kubernetes-list-type: Unsupported value: \"many\": supported values: \
                     \"atomic\", \"map\", \"set\""
                ),
            ],
        ),
        (
            with_spec(json!({"type": "object", "default": {"b": 1}, "properties": {"a": {"type": "string"}}})),
            vec![format!("{spec}.default: Invalid value: {{\"b\":1}}: must not have unknown fields: b")],
        ),
        (
            with_spec(json!({"type": "integer", "default": "1"})),
            vec![format!(
                "{spec}.default: Invalid value: \"string\": {spec}.default in body must be of type integer: \"string\""
            )],
        ),
        (
            json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {"labels": {}}}}}),
            vec![
                "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but \
                 metadata is implicitly specified"
                    .into(),
                "s.properties[metadata].properties[labels].type: Required value: must not be empty for specified \
                 object fields"
                    .into(),
            ],
        ),
        (
            with_spec(json!({"type": "string", "minLength": "x"})),
            vec![format!("{spec}.minLength: Invalid value: \"x\": must be a whole number, not below 0")],
        ),
    ];
    for (schema, expected) in cases {
        assert_eq!(causes(&schema), expected, "{schema}");
    }
}

#[test]
fn what_is_structural_is_taken() {
    for spec in [
        json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]}),
        json!({
            "x-kubernetes-int-or-string": true,
            "allOf": [{"anyOf": [{"type": "integer"}, {"type": "string"}]}, {"pattern": "^[0-9]+%?$"}],
        }),
        json!({"x-kubernetes-preserve-unknown-fields": true}),
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "x-kubernetes-embedded-resource": true}),
        json!({"type": "object", "additionalProperties": true}),
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "not": {"required": ["a"]}}),
        json!({
            "type": "array",
            "items": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["a"],
        }),
    ] {
        assert_eq!(causes(&with_spec(spec.clone())), Vec::<String>::new(), "{spec}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let mut deep = json!({"type": "string"});
    for _ in 0..200 {
        deep = json!({"type": "object", "properties": {"a": deep}});
    }
    let found = causes(&deep);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("Forbidden: schemas have at most 64 levels and 50000 places"));
    let many: serde_json::Map<String, Value> =
        (0..60_000).map(|index| (format!("f{index}"), json!({"type": "string"}))).collect();
    assert_eq!(causes(&json!({"type": "object", "properties": many})).len(), 1);
}

#[test]
fn fields_are_pruned_and_defaulted() {
    let schema = json!({
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "default": {},
                "properties": {
                    "replicas": {"type": "integer", "default": 1},
                    "note": {"type": "string", "nullable": true, "default": "x"},
                    "ports": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"protocol": {"type": "string", "default": "TCP"}},
                        },
                    },
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                        "properties": {"known": {"type": "object", "properties": {}}}},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "template": {"type": "object", "x-kubernetes-embedded-resource": true,
                        "x-kubernetes-preserve-unknown-fields": true},
                    "empty": {"type": "object"},
                },
            },
        },
    });
    let schema = Schema::from_crd(&schema, "").unwrap();
    let mut object = json!({
        "apiVersion": "a/v1",
        "kind": "A",
        "metadata": {"name": "a", "labels": {"x": "y"}, "bogus": 1},
        "other": 1,
        "spec": {
            "replicas": null,
            "note": null,
            "ports": [{}, {"protocol": "UDP", "x": 1}],
            "free": {"a": {"b": 1}, "known": {"c": 1}},
            "labels": {"a": "b"},
            "template": {"apiVersion": "v1", "kind": "B", "metadata": {"bogus": 1}, "spec": {"a": 1}},
            "empty": {"a": 1},
        },
    });
    let mut unknown = schema.unknown_fields(&object);
    unknown.sort();
    assert_eq!(
        unknown,
        [
            "metadata.bogus",
            "other",
            "spec.empty.a",
            "spec.free.known.c",
            "spec.ports[1].x",
            "spec.template.metadata.bogus",
        ]
    );
    schema.prune(&mut object);
    schema.default(&mut object);
    assert_eq!(
        object,
        json!({
            "apiVersion": "a/v1",
            "kind": "A",
            "metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {
                "replicas": 1,
                "note": null,
                "ports": [{"protocol": "TCP"}, {"protocol": "UDP"}],
                "free": {"a": {"b": 1}, "known": {}},
                "labels": {"a": "b"},
                "template": {"apiVersion": "v1", "kind": "B", "metadata": {}, "spec": {"a": 1}},
                "empty": {},
            },
        })
    );
    assert_eq!(schema.validate(&object), []);
    let mut bare = json!({});
    schema.default(&mut bare);
    assert_eq!(bare, json!({"spec": {"replicas": 1, "note": "x"}}));
}

#[test]
fn names_may_be_restricted() {
    let schema = json!({
        "type": "object",
        "properties": {"metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 3}}}},
    });
    let schema = Schema::from_crd(&schema, "").unwrap();
    assert_eq!(schema.validate(&json!({"metadata": {"name": "abcd"}})).len(), 1);
    assert_eq!(
        schema.unknown_fields(&json!({"metadata": {"name": "a", "uid": "u", "labels": {"a": "b"}}})),
        [""; 0]
    );
}

/// A definition with those that it refers to written out, as tools that make definitions from Go types do.
fn written_out(mut schema: Value) -> Value {
    let reference = |schema: &Value| {
        let reference = schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str())?;
        Definition::named(reference.rsplit('/').next()?)
    };
    if let Some(definition) = reference(&schema) {
        schema = match definition.name.rsplit('.').next() {
            Some("Quantity" | "IntOrString") => {
                return json!({
                    "anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": true,
                });
            }
            Some("ObjectMeta") => {
                return json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
            }
            _ => serde_json::from_str(definition.json).unwrap(),
        };
    }
    for part in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(part).cloned() {
            schema[part] = written_out(below);
        }
    }
    if let Some(Value::Object(fields)) = schema.get_mut("properties") {
        for field in fields.values_mut() {
            *field = written_out(field.take());
        }
    }
    schema
}

#[test]
fn definitions_with_templates_of_pods_are_taken() {
    let template = Definition::named("io.k8s.api.core.v1.PodTemplateSpec").unwrap();
    let template = written_out(serde_json::from_str(template.json).unwrap());
    let many: serde_json::Map<String, Value> =
        (0..6).map(|index| (format!("t{index}"), template.clone())).collect();
    let schema = with_spec(json!({"type": "object", "properties": many}));
    let size = schema.to_string().len();
    assert!(size > 500_000, "{size}");
    let schema = Schema::from_crd(&schema, "s").unwrap();
    let mut object = json!({"spec": {"t0": {"metadata": {"labels": {"a": "b"}}, "spec": {
        "containers": [
            {"name": "c", "ports": [{"containerPort": 80}, {"containerPort": 80}], "bogus": 1},
            {"name": "c", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}},
        ],
    }}}});
    assert_eq!(schema.unknown_fields(&object), ["spec.t0.spec.containers[0].bogus"]);
    schema.prune(&mut object);
    schema.default(&mut object);
    assert_eq!(object["spec"]["t0"]["spec"]["containers"][0]["ports"][0]["protocol"], "TCP");
    let causes: Vec<String> = schema.validate(&object).iter().map(ToString::to_string).collect();
    assert_eq!(
        causes,
        [
            "spec.t0.spec.containers[0].ports[1]: Duplicate value: {\"containerPort\":80,\"protocol\":\"TCP\"}",
            "spec.t0.spec.containers[1]: Duplicate value: {\"name\":\"c\"}",
        ]
    );
}

#[test]
fn definitions_of_bgp_peers_are_taken() {
    let schema = with_spec(json!({
        "description": "What a speaker knows of a router.",
        "type": "object",
        "required": ["myASN"],
        "properties": {
            "myASN": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 4_294_967_295_u32},
            "peerPort": {"type": "integer", "minimum": 1, "maximum": 16384, "default": 179},
            "connectTime": {"type": "string", "x-kubernetes-validations": [
                {
                    "message": "connect time should be between 1 seconds to 65535",
                    "rule": "duration(self).getSeconds() >= 1 && duration(self).getSeconds()\n  <= 65535",
                },
                {"message": "whole seconds", "rule": "duration(self).getMilliseconds() % 1000 == 0"},
            ]},
            "restart": {"type": "boolean", "x-kubernetes-validations": [
                {"message": "cannot be changed after creation", "rule": "self == oldSelf"},
            ]},
            "passwordSecret": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {
                "name": {"type": "string"}, "namespace": {"type": "string"},
            }},
            "nodeSelectors": {"type": "array", "items": {
                "type": "object",
                "x-kubernetes-map-type": "atomic",
                "properties": {"matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}},
            }},
        },
    }));
    let schema = Schema::from_crd(&schema, "s").unwrap();
    // Numbers of autonomous systems have four bytes, whatever the format says.
    let mut object = json!({"spec": {"myASN": 4_200_000_000_u32, "connectTime": "10s", "restart": true}});
    schema.default(&mut object);
    assert_eq!(object["spec"]["peerPort"], 179);
    assert_eq!(schema.validate(&object), []);
    let causes = |value: &Value| -> Vec<String> {
        schema.validate_update(value, &object).iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        causes(&json!({"spec": {"myASN": 1, "connectTime": "10ms", "restart": false}})),
        [
            r#"spec.connectTime: Invalid value: "string": connect time should be between 1 seconds to 65535"#,
            r#"spec.connectTime: Invalid value: "string": whole seconds"#,
            r#"spec.restart: Invalid value: "boolean": cannot be changed after creation"#,
        ]
    );
    assert_eq!(
        causes(&json!({"spec": {"connectTime": 1}})),
        [
            "spec.myASN: Required value",
            r#"spec.connectTime: Invalid value: "integer": spec.connectTime in body must be of type string: "integer""#,
            r#"<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"#,
        ]
    );
}

#[test]
fn rules_of_gateways_are_taken() {
    let listener = json!({
        "type": "object",
        "required": ["name", "port", "protocol"],
        "properties": {
            "name": {"type": "string", "maxLength": 253, "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"},
            "port": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535},
            "protocol": {"type": "string"},
            "hostname": {"type": "string"},
            "tls": {
                "type": "object",
                "properties": {
                    "mode": {"type": "string", "enum": ["Terminate", "Passthrough"], "default": "Terminate"},
                    "certificates": {"type": "array", "maxItems": 64, "items": {"type": "string"}},
                },
                "x-kubernetes-validations": [{
                    "message": "certificates are needed to terminate",
                    "rule": "self.mode == 'Terminate' ? size(self.certificates) > 0 : true",
                }],
            },
        },
    });
    let schema = with_spec(json!({"type": "object", "properties": {"listeners": {
        "type": "array",
        "maxItems": 64,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": listener,
        "x-kubernetes-validations": [
            {"message": "no tls", "rule": "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)"},
            {"message": "names differ", "rule": "self.all(l1, self.exists_one(l2, l1.name == l2.name))"},
            {
                "message": "ports, protocols and hostnames differ",
                "rule": "self.all(l1, self.exists_one(l2, l1.port == l2.port && l1.protocol == l2.protocol && \
                         (has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname : \
                         !has(l1.hostname) && !has(l2.hostname))))",
            },
        ],
    }}}));
    let schema = Schema::from_crd(&schema, "s").unwrap();
    // As many as there may be.
    let listeners: Vec<Value> = (1..=64)
        .map(|port| json!({
            "name": format!("l{port}"), "port": port, "protocol": "HTTPS", "hostname": format!("h{port}.example.com"),
            "tls": {"certificates": (0..64).map(|index| format!("c{index}")).collect::<Vec<_>>()},
        }))
        .collect();
    let mut object = json!({"spec": {"listeners": listeners}});
    schema.default(&mut object);
    assert_eq!(schema.validate(&object), []);
    object["spec"]["listeners"][1]["port"] = 1.into();
    object["spec"]["listeners"][1]["hostname"] = "h1.example.com".into();
    object["spec"]["listeners"][2]["tls"]["certificates"] = json!([]);
    let causes: Vec<String> = schema.validate(&object).iter().map(ToString::to_string).collect();
    assert_eq!(
        causes,
        [
            r#"spec.listeners: Invalid value: "array": ports, protocols and hostnames differ"#,
            r#"spec.listeners[2].tls: Invalid value: "object": certificates are needed to terminate"#,
        ]
    );
}
