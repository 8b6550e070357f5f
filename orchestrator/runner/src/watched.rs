//! What an informer takes from the wire.

use std::borrow::Cow;
use std::fmt;

use kube::Resource;
use kube::core::{ApiResource, DynamicResourceScope, ObjectMeta};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// An object as it came, but for its `managedFields`; with `METADATA` its metadata only.
///
/// Of the metadata of `kube` it has the resource version, which is all that its watcher wants: whoever reads and writes
/// every field of every event, as [`DynamicObject`](kube::core::DynamicObject) does, is busy with that under load.
/// `managedFields`, which no controller reads, are half of a small object.
#[derive(Clone, Debug)]
pub(crate) struct Watched<const METADATA: bool> {
    pub(crate) body: Value,
    metadata: ObjectMeta,
}

impl<'de, const METADATA: bool> Deserialize<'de> for Watched<METADATA> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Value::Object(deserializer.deserialize_map(Body)?);
        let version = body.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let metadata =
            ObjectMeta { resource_version: version.map(ToOwned::to_owned), ..ObjectMeta::default() };
        Ok(Self { body, metadata })
    }
}

/// Reads an object.
struct Body;

impl<'de> Visitor<'de> for Body {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = if name == "metadata" {
                map.next_value::<Option<Metadata>>()?
                    .map_or(Value::Null, |metadata| Value::Object(metadata.0))
            } else {
                map.next_value()?
            };
            fields.insert(name, value);
        }
        Ok(fields)
    }
}

/// The metadata of an object.
struct Metadata(Map<String, Value>);

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields).map(Self)
    }
}

/// Reads its fields.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the metadata of an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "managedFields" {
                map.next_value::<IgnoredAny>()?;
            } else {
                fields.insert(name, map.next_value()?);
            }
        }
        Ok(fields)
    }
}

impl<const METADATA: bool> Resource for Watched<METADATA> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(dt: &ApiResource) -> Cow<'_, str> {
        dt.kind.as_str().into()
    }

    fn group(dt: &ApiResource) -> Cow<'_, str> {
        dt.group.as_str().into()
    }

    fn version(dt: &ApiResource) -> Cow<'_, str> {
        dt.version.as_str().into()
    }

    fn api_version(dt: &ApiResource) -> Cow<'_, str> {
        dt.api_version.as_str().into()
    }

    fn plural(dt: &ApiResource) -> Cow<'_, str> {
        dt.plural.as_str().into()
    }

    fn metadata_api() -> bool {
        METADATA
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_stays_as_it_came_but_for_its_managed_fields() {
        for (body, version) in [
            (
                json!({"kind": "A", "metadata": {"name": "a", "resourceVersion": "7", "x": null}, "y": [1]}),
                Some("7"),
            ),
            (json!({"metadata": {"name": "a"}, "managedFields": [1]}), None),
            (json!({"metadata": null}), None),
            (json!({}), None),
        ] {
            let mut sent = body.clone();
            if let Some(metadata) = sent.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.insert("managedFields".into(), json!([{"fieldsV1": {"f:data": {}}}]));
            }
            for sent in [sent, body.clone()] {
                let watched: Watched<true> = serde_json::from_value(sent).unwrap();
                assert_eq!((&watched.body, watched.meta().resource_version.as_deref()), (&body, version));
            }
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in
            [r#""no object""#, "[]", "null", r#"{"metadata": 7}"#, r#"{"metadata": {"managedFields": "#]
        {
            assert!(serde_json::from_str::<Watched<false>>(text).is_err(), "{text}");
        }
    }
}
