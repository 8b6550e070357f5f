//! What typed decoding does to the objects of built-in kinds.
//!
//! Kubernetes decodes them into Go's structs and encodes those again. So a value of the wrong type is an error of the
//! decoder, and what is stored has the form that encoding gives it. Custom resources have no types; the same walks
//! leave them alone.

use std::fmt::Write as _;

use base64::{DecodeError, Engine as _, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value};

use crate::{Quantity, Schema, Type, cause::quote};

/// Lists that may be missing, and are encoded nevertheless when they have no elements.
const KEPT: &[(&str, &[&str])] = &[
    ("autoscaling.v2.HorizontalPodAutoscalerStatus", &["currentMetrics"]),
    ("core.v1.ProjectedVolumeSource", &["sources"]),
    ("discovery.v1.EndpointSlice", &["ports"]),
    ("rbac.v1.ClusterRole", &["rules"]),
    ("rbac.v1.Role", &["rules"]),
    ("storage.v1.CSINodeDriver", &["topologyKeys"]),
    ("apiextensions.v1.CustomResourceDefinitionStatus", &["conditions", "storedVersions"]),
];

fn is_kept(definition: &str, field: &str) -> bool {
    KEPT.iter().any(|(of, fields)| {
        let rest = definition.strip_suffix(of);
        rest.is_some_and(|rest| rest.ends_with('.')) && fields.contains(&field)
    })
}

impl Schema {
    /// The first value of a built-in kind's object that has the wrong type, in the words of Go's decoder, with which
    /// Kubernetes answers 400: `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of
    /// type int32`.
    pub fn type_error(&self, object: &Value) -> Option<String> {
        let mut walk = TypeWalk { path: String::new(), holder: None };
        walk.check(self, object).err()
    }

    /// Gives a built-in kind's object, free of [type errors](Self::type_error), the form in which Kubernetes stores
    /// and answers it: no nulls, no empty maps and lists, quantities canonical, times in UTC with whole seconds
    /// (`MicroTime`: microseconds).
    pub fn normalize(&self, object: &mut Value) {
        match object {
            Value::Object(fields) => {
                if self.0.custom {
                    self.normalize_below(fields);
                    return;
                }
                if self.preserves_unknown() {
                    return;
                }
                if self.additional().is_some_and(|values| values.kind() == Type::String) {
                    // The zero value of the map's type.
                    fields.values_mut().filter(|value| value.is_null()).for_each(|value| *value = "".into());
                }
                fields.retain(|_, value| !value.is_null());
                self.normalize_below(fields);
                fields.retain(|name, value| !self.is_left_out(name, value));
            }
            Value::Array(elements) => {
                if let Some(items) = self.items() {
                    elements.iter_mut().for_each(|element| items.normalize(element));
                }
            }
            Value::Number(_) | Value::String(_) if self.kind() == Type::Quantity => {
                if let Some(quantity) = quantity(object) {
                    *object = Value::String(quantity.to_string());
                }
            }
            Value::String(text) if !self.0.custom && self.format() == Some("date-time") => {
                if let Ok(time) = parse_time(text) {
                    let micro = self.0.definition.is_some_and(|name| name.ends_with(".MicroTime"));
                    *text = show_time(time, micro);
                }
            }
            _ => {}
        }
    }

    /// Whether Go's encoder leaves a field out: a map without entries or a list without elements that is marked
    /// `omitempty`. The schema does not say which ones are; those that may be missing are, but for [`KEPT`].
    fn is_left_out(&self, name: &str, value: &Value) -> bool {
        let is_empty = match value {
            Value::Object(entries) => entries.is_empty(),
            Value::Array(elements) => elements.is_empty(),
            _ => return false,
        };
        let is_collection = |field: &Self| match value {
            Value::Array(_) => field.items().is_some(),
            _ => field.additional().is_some(),
        };
        is_empty
            && self.property(name).is_some_and(is_collection)
            && self.required().all(|required| required != name)
            && !self.0.definition.is_some_and(|definition| is_kept(definition, name))
    }

    fn normalize_below(&self, fields: &mut Map<String, Value>) {
        for (name, value) in fields {
            if let Some(schema) = self.field(name) {
                schema.normalize(value);
            }
        }
    }
}

/// The quantity that a value stands for.
fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// Parses a time as RFC 3339 spells it (section 5.6, capitals only, as Go has it).
fn parse_time(text: &str) -> Result<Timestamp, ()> {
    let bytes = text.as_bytes();
    let shape = bytes.len() >= 20
        && bytes[10] == b'T'
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            10 => *byte == b'T',
            13 | 16 => *byte == b':',
            0..19 => byte.is_ascii_digit(),
            _ => matches!(byte, b'0'..=b'9' | b'.' | b'Z' | b'+' | b'-' | b':'),
        });
    if shape { text.parse().map_err(|_| ()) } else { Err(()) }
}

fn show_time(time: Timestamp, micro: bool) -> String {
    let time = time.to_zoned(TimeZone::UTC);
    let mut text = time.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    if micro {
        // Writing to a String cannot fail.
        let _ = write!(text, ".{:06}", time.subsec_nanosecond() / 1000);
    }
    text.push('Z');
    text
}

/// A walk in search of the first value of a wrong type.
struct TypeWalk {
    /// Names of the fields down to here; elements of lists and entries of maps have none.
    path: String,
    /// Type that has the last field of the path.
    holder: Option<&'static str>,
}

impl TypeWalk {
    fn check(&mut self, schema: &Schema, value: &Value) -> Result<(), String> {
        match (schema.kind(), value) {
            (_, Value::Null)
            | (Type::Any, _)
            | (Type::Boolean, Value::Bool(_))
            | (Type::Number, Value::Number(_)) => Ok(()),
            (Type::Object, Value::Object(fields)) => {
                for (name, value) in fields {
                    if let Some(below) = schema.property(name) {
                        let (length, holder) = (self.path.len(), self.holder);
                        if length > 0 {
                            self.path.push('.');
                        }
                        self.path.push_str(name);
                        self.holder = schema.0.definition;
                        self.check(below, value)?;
                        self.path.truncate(length);
                        self.holder = holder;
                    } else if let Some(below) = schema.additional() {
                        self.check(below, value)?;
                    }
                }
                Ok(())
            }
            (Type::Object, _) if schema.preserves_unknown() => Ok(()),
            (_, Value::Array(elements)) if schema.0.custom => {
                let Some(items) = schema.items() else { return Ok(()) };
                elements.iter().try_for_each(|element| self.check(items, element))
            }
            _ if schema.0.custom => Ok(()),
            (Type::Array, Value::Array(elements)) => {
                let Some(items) = schema.items() else { return Ok(()) };
                elements.iter().try_for_each(|element| self.check(items, element))
            }
            (Type::String, Value::String(text)) => check_format(schema, text),
            (Type::String, value) if schema.format() == Some("date-time") => {
                Err(format!("json: cannot unmarshal {} into Go value of type string", go_kind(value)))
            }
            (Type::Integer, Value::Number(number)) => {
                let fits = match schema.format() {
                    Some("int32") => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
                    _ => number.as_i64().is_some(),
                };
                if fits { Ok(()) } else { Err(self.wrong(schema, &format!("number {number}"))) }
            }
            (Type::IntOrString, Value::String(_)) => Ok(()),
            (Type::IntOrString, Value::Number(number)) => {
                if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) {
                    return Ok(());
                }
                Err(format!("json: cannot unmarshal number {number} into Go value of type int32"))
            }
            (Type::IntOrString, value) => {
                Err(format!("json: cannot unmarshal {} into Go value of type int32", go_kind(value)))
            }
            (Type::Quantity, Value::String(text)) => {
                text.trim().parse::<Quantity>().map(drop).map_err(|error| error.to_string())
            }
            (Type::Quantity, value) => {
                let text = value.to_string();
                text.parse::<Quantity>().map(drop).map_err(|error| error.to_string())
            }
            (_, value) => Err(self.wrong(schema, go_kind(value))),
        }
    }

    fn wrong(&self, schema: &Schema, found: &str) -> String {
        let wanted = go_type(schema);
        match self.holder {
            Some(holder) => {
                let holder = holder.rsplit('.').next().unwrap_or(holder);
                let path = &self.path;
                format!(
                    "json: cannot unmarshal {found} into Go struct field {holder}.{path} of type {wanted}"
                )
            }
            None => format!("json: cannot unmarshal {found} into Go value of type {wanted}"),
        }
    }
}

fn check_format(schema: &Schema, text: &str) -> Result<(), String> {
    match schema.format() {
        Some("date-time") if parse_time(text).is_err() => {
            let text = quote(text);
            Err(format!(
                "parsing time {text} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text} as \"2006\""
            ))
        }
        Some("byte") => {
            // Go's decoder skips line ends.
            let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            STANDARD.decode(&text).map(drop).map_err(|error| {
                let offset = match error {
                    DecodeError::InvalidByte(offset, _) | DecodeError::InvalidLastSymbol(offset, _) => offset,
                    DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => text.len() / 4 * 4,
                };
                format!("illegal base64 data at input byte {offset}")
            })
        }
        _ => Ok(()),
    }
}

/// What Go's decoder calls a value.
/// What Go's decoder calls a value whose type it did not expect.
pub fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Go's type of a place, as far as the schema tells.
fn go_type(schema: &Schema) -> String {
    match schema.kind() {
        Type::Any => "interface {}".into(),
        Type::String if schema.format() == Some("byte") => "[]uint8".into(),
        Type::String => "string".into(),
        Type::Boolean => "bool".into(),
        Type::Integer if schema.format() == Some("int32") => "int32".into(),
        Type::Integer => "int64".into(),
        Type::Number => "float64".into(),
        Type::IntOrString => "intstr.IntOrString".into(),
        Type::Quantity => "resource.Quantity".into(),
        Type::Array => format!("[]{}", schema.items().map_or("interface {}".into(), go_type)),
        Type::Object => match (schema.0.definition, schema.additional()) {
            (Some(name), _) => {
                let mut words = name.rsplit('.');
                let name = words.next().unwrap_or_default();
                format!("{}.{name}", words.next().unwrap_or_default())
            }
            (None, Some(values)) if values.kind() == Type::Quantity => "v1.ResourceList".into(),
            (None, Some(values)) => format!("map[string]{}", go_type(values)),
            (None, None) => "map[string]interface {}".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::builtin::Definition;

    #[test]
    fn errors_are_in_the_words_of_gos_decoder() {
        let deployment = Schema::builtin("apps", "v1", "Deployment").unwrap();
        let cases = [
            (json!({"spec": {"replicas": 3, "paused": null}}), None),
            (
                json!({"spec": {"replicas": "3"}}),
                Some(
                    "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
                ),
            ),
            (
                json!({"spec": {"replicas": 1.5}}),
                Some(
                    "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
                ),
            ),
            (
                json!({"spec": {"template": {"spec": {"containers": [{"env": [{"name": "A", "value": 1}]}]}}}}),
                Some(
                    "json: cannot unmarshal number into Go struct field \
                     EnvVar.spec.template.spec.containers.env.value of type string",
                ),
            ),
            (
                json!({"spec": {"template": {"spec": {"containers": {"name": "x"}}}}}),
                Some(
                    "json: cannot unmarshal object into Go struct field \
                     PodSpec.spec.template.spec.containers of type []v1.Container",
                ),
            ),
            (
                json!({"metadata": {"labels": {"a": true}}}),
                Some(
                    "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
                ),
            ),
            (
                json!({"spec": "x"}),
                Some(
                    "json: cannot unmarshal string into Go struct field Deployment.spec of type v1.DeploymentSpec",
                ),
            ),
            (
                json!({"spec": {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": "x"}}}]}}}}),
                Some(
                    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                ),
            ),
            (
                json!({"metadata": {"creationTimestamp": "yesterday"}}),
                Some(
                    "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as \"2006\"",
                ),
            ),
        ];
        for (object, error) in cases {
            assert_eq!(deployment.type_error(&object).as_deref(), error, "{object}");
        }
        let secret = Schema::builtin("", "v1", "Secret").unwrap();
        assert_eq!(secret.type_error(&json!({"data": {"a": "aGVsbG8="}})), None);
        let error = secret.type_error(&json!({"data": {"a": "a!llo"}})).unwrap();
        assert_eq!(error, "illegal base64 data at input byte 1");
    }

    const KEPT_OF_OBJECTS: [(&str, &str, &str); 4] = [
        ("discovery.k8s.io", "EndpointSlice", "ports"),
        ("discovery.k8s.io", "EndpointSlice", "endpoints"),
        ("rbac.authorization.k8s.io", "ClusterRole", "rules"),
        ("rbac.authorization.k8s.io", "Role", "rules"),
    ];

    /// Each of them is there, and may be missing: another one would be kept anyway.
    #[test]
    fn what_is_kept_although_it_is_empty_is_a_list_that_may_be_missing() {
        for (definition, fields) in KEPT {
            let prefix = match definition.split('.').next() {
                Some("apiextensions") => "io.k8s.apiextensions-apiserver.pkg.apis.",
                _ => "io.k8s.api.",
            };
            let schema = Definition::named(&format!("{prefix}{definition}")).unwrap().schema();
            for field in *fields {
                assert!(schema.property(field).unwrap().items().is_some(), "{definition}.{field}");
                assert!(schema.required().all(|required| required != *field), "{definition}.{field}");
                assert!(is_kept(&format!("{prefix}{definition}"), field));
            }
        }
        assert!(!is_kept("io.k8s.api.core.v1.Pod", "rules") && !is_kept("x.extrarbac.v1.Role", "rules"));
    }

    #[test]
    fn the_form_is_that_of_encoded_objects() {
        let pod = Schema::builtin("", "v1", "Pod").unwrap();
        let mut object = json!({
            "metadata": {"name": "a", "creationTimestamp": null, "annotations": {"b": null},
                "deletionTimestamp": "2026-01-01T01:00:00.5+01:00"},
            "spec": {"containers": [{"resources": {"limits": {"cpu": 1, "memory": "1024Mi", "x": 0.5}}}]},
        });
        pod.normalize(&mut object);
        assert_eq!(
            object,
            json!({
                "metadata": {"name": "a", "annotations": {"b": ""}, "deletionTimestamp": "2026-01-01T00:00:00Z"},
                "spec": {"containers": [{"resources": {"limits": {"cpu": "1", "memory": "1Gi", "x": "500m"}}}]},
            })
        );
        let mut object = json!({
            "metadata": {"labels": {}, "annotations": {"a": "b"}, "finalizers": [],
                "managedFields": [{"fieldsV1": {"f:metadata": {"f:labels": {}}}}]},
            "spec": {"nodeSelector": {}, "securityContext": {}, "volumes": [{"name": "v", "emptyDir": {}}],
                "affinity": {"podAffinity": {"x": [{"labelSelector": {"matchLabels": {}}}]}}, "containers": []},
        });
        pod.normalize(&mut object);
        assert_eq!(
            object,
            json!({
                "metadata": {"annotations": {"a": "b"},
                    "managedFields": [{"fieldsV1": {"f:metadata": {"f:labels": {}}}}]},
                "spec": {"securityContext": {}, "volumes": [{"name": "v", "emptyDir": {}}],
                    "affinity": {"podAffinity": {"x": [{"labelSelector": {"matchLabels": {}}}]}}, "containers": []},
            })
        );
        let mut object = json!({
            "spec": {
                "tolerations": [], "imagePullSecrets": [], "initContainers": [],
                "containers": [{"args": [], "command": ["a"], "env": [{"name": "A"}], "ports": []}],
                "volumes": [{"name": "v", "projected": {"sources": []}}, {"name": "w", "configMap": {"items": []}}],
            },
        });
        pod.normalize(&mut object);
        assert_eq!(
            object,
            json!({
                "spec": {
                    "containers": [{"command": ["a"], "env": [{"name": "A"}]}],
                    "volumes": [{"name": "v", "projected": {"sources": []}}, {"name": "w", "configMap": {}}],
                },
            })
        );
        for (group, kind, field) in KEPT_OF_OBJECTS {
            let mut object = json!({field: [], "metadata": {"finalizers": []}});
            Schema::builtin(group, "v1", kind).unwrap().normalize(&mut object);
            assert_eq!(object, json!({field: [], "metadata": {}}), "{kind}");
        }
        let lease = Schema::builtin("coordination.k8s.io", "v1", "Lease").unwrap();
        let mut object = json!({"spec": {"renewTime": "2026-01-01T00:00:00.1234567Z"}});
        lease.normalize(&mut object);
        assert_eq!(object, json!({"spec": {"renewTime": "2026-01-01T00:00:00.123456Z"}}));
    }
}
