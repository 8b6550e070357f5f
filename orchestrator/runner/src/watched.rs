//! What an informer takes from the wire.

use std::borrow::Cow;

use kube::Resource;
use kube::core::{ApiResource, DynamicResourceScope, ObjectMeta};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An object as it came; with `METADATA` its metadata only.
///
/// Of the metadata of `kube` it has the resource version, which is all that its watcher wants: whoever reads and writes
/// every field of every event, as [`DynamicObject`](kube::core::DynamicObject) does, is busy with that under load.
#[derive(Clone, Debug)]
pub(crate) struct Watched<const METADATA: bool> {
    pub(crate) body: Value,
    metadata: ObjectMeta,
}

impl<'de, const METADATA: bool> Deserialize<'de> for Watched<METADATA> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Value::deserialize(deserializer)?;
        let version = body.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let metadata =
            ObjectMeta { resource_version: version.map(ToOwned::to_owned), ..ObjectMeta::default() };
        Ok(Self { body, metadata })
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
    fn an_object_stays_as_it_came() {
        for (body, version) in [
            (
                json!({"kind": "A", "metadata": {"name": "a", "resourceVersion": "7", "x": null}, "y": [1]}),
                Some("7"),
            ),
            (json!({"metadata": {"name": "a"}}), None),
            (json!("no object"), None),
        ] {
            let watched: Watched<true> = serde_json::from_value(body.clone()).unwrap();
            assert_eq!((&watched.body, watched.meta().resource_version.as_deref()), (&body, version));
        }
    }
}
