//! An object as clients get it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use guideway_store::{Key, KeyValue, Revision};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

mod field;

/// An object, as it is at one revision.
///
/// It is its bytes and little more: what is asked of many objects at a time is at hand, the rest is parsed when asked for.
#[derive(Debug)]
pub struct Object {
    /// Its key in the store.
    pub key: Key,
    /// Its resourceVersion: the revision that wrote it, or that deleted it in an event of its deletion.
    pub revision: Revision,
    /// The revision that created it.
    pub created: Revision,
    /// Its JSON, with `metadata.resourceVersion`.
    pub json: Bytes,
    /// Where in the JSON the revision is: begin and end of its digits.
    stamp: Option<(usize, usize)>,
    /// Where in the JSON the words for `apiVersion` and `kind` are, each with a comma after it, the first one first. Both are
    /// before the revision. Begin and end are equal where there is none.
    type_words: [Span; 2],
    uid: Option<Box<str>>,
    labels: Box<[(Box<str>, Box<str>)]>,
    /// See [`Object::kept_value`].
    value: OnceLock<Arc<Value>>,
}

/// Begin and end of bytes. An object is shorter than 4 GiB.
pub type Span = (u32, u32);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outer<'a> {
    #[serde(borrow)]
    api_version: Option<&'a RawValue>,
    #[serde(borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    uid: Option<Cow<'a, str>>,
    labels: Option<BTreeMap<Box<str>, Box<str>>>,
    resource_version: Option<IgnoredAny>,
}

const STAMP: &str = "\"resourceVersion\":\"";

impl Object {
    /// Puts the resourceVersion into the stored bytes. What has no metadata, such as a claim, stays as it is.
    #[must_use]
    pub fn new(item: &KeyValue) -> Self {
        let mut object = Self {
            key: item.key.clone(),
            revision: item.modified,
            created: item.created,
            json: item.value.clone(),
            stamp: None,
            type_words: [(0, 0); 2],
            uid: None,
            labels: Box::default(),
            value: OnceLock::new(),
        };
        let Ok(Outer { api_version, kind, metadata }) = serde_json::from_slice(&item.value) else {
            return object;
        };
        let metadata = metadata.get();
        if let Ok(Metadata { uid, labels, resource_version: None }) = serde_json::from_str(metadata) {
            object.uid = uid.map(Into::into);
            object.labels = labels.into_iter().flatten().collect();
            // The text borrows from the value: its place is the difference of their addresses.
            let start = metadata.as_ptr().addr() - item.value.as_ptr().addr() + 1;
            let word = |name, value| word(&item.value[..start], name, value).unwrap_or_default();
            object.type_words = [word("\"apiVersion\":", api_version), word("\"kind\":", kind)];
            object.type_words.sort_unstable();
            let comma = if metadata[1..].trim_start().starts_with('}') { "" } else { "," };
            object.splice(&item.value, start, comma);
        }
        object
    }

    fn splice(&mut self, stored: &Bytes, start: usize, comma: &str) {
        let digits = self.revision.to_string();
        let mut json = Vec::with_capacity(stored.len() + STAMP.len() + digits.len() + 2);
        json.extend_from_slice(&stored[..start]);
        json.extend_from_slice(STAMP.as_bytes());
        self.stamp = Some((json.len(), json.len() + digits.len()));
        json.extend_from_slice(digits.as_bytes());
        json.push(b'"');
        json.extend_from_slice(comma.as_bytes());
        json.extend_from_slice(&stored[start..]);
        self.json = json.into();
    }

    /// The same object with another revision: that of its deletion.
    #[must_use]
    pub fn at(&self, revision: Revision) -> Self {
        let mut object = Self {
            key: self.key.clone(),
            revision,
            created: self.created,
            json: self.json.clone(),
            stamp: None,
            type_words: self.type_words,
            uid: self.uid.clone(),
            labels: self.labels.clone(),
            value: OnceLock::new(),
        };
        if let Some((start, end)) = self.stamp {
            let digits = revision.to_string();
            let json = [&self.json[..start], digits.as_bytes(), &self.json[end..]].concat();
            object.json = json.into();
            object.stamp = Some((start, start + digits.len()));
        }
        object
    }

    /// Its name: the last part of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }

    /// Its namespace, if it has one: keys are `/registry/GROUP/RESOURCE/[NAMESPACE/]NAME`.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        let mut parts = self.key.split('/').skip(4);
        let namespace = parts.next()?;
        parts.next().map(|_| namespace)
    }

    /// `metadata.uid`.
    #[must_use]
    pub fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }

    /// A label's value.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let at = self.labels.binary_search_by(|(label, _)| (**label).cmp(name)).ok()?;
        Some(&self.labels[at].1)
    }

    /// All labels, in order of their names.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Parses the JSON; null if it is none. The value is not kept: it would take several times the memory.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.json).unwrap_or_default()
    }

    /// As [`Object::value`], and kept as long as the object: for the few that are looked at with every request, such as
    /// namespaces.
    #[must_use]
    pub fn kept_value(&self) -> Arc<Value> {
        Arc::clone(self.value.get_or_init(|| Arc::new(self.value())))
    }

    /// Where in the JSON `apiVersion` and `kind` are, each with the comma after it, the first one first: what is left of
    /// the JSON without these bytes is the object as it is in a list of objects of one known kind. Spans are empty where a
    /// word is missing, or at a place where it is not looked for.
    #[must_use]
    pub fn type_words(&self) -> [Span; 2] {
        self.type_words
    }

    /// The string, number or boolean at a path of names, as text: for field selectors. Nothing else is parsed into
    /// memory.
    #[must_use]
    pub fn field(&self, path: &[&str]) -> Option<String> {
        field::find(&self.json, path)
    }

    /// What it takes of memory, about.
    pub(crate) fn size(&self) -> usize {
        let labels: usize = self.labels().map(|(name, value)| name.len() + value.len() + 32).sum();
        self.json.len() + self.key.len() + labels + 200
    }
}

/// Where in the beginning of an object's JSON a value with its name before and a comma after it is.
fn word(before: &[u8], name: &str, value: Option<&RawValue>) -> Option<Span> {
    let value = value?.get();
    let start = value.as_ptr().addr() - before.as_ptr().addr();
    let end = start + value.len() + 1;
    let is_between = before.get(..start)?.ends_with(name.as_bytes()) && before.get(end - 1) == Some(&b',');
    let span = (u32::try_from(start - name.len()).ok()?, u32::try_from(end).ok()?);
    is_between.then_some(span)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(key: &str, value: &str) -> Object {
        let value = Bytes::copy_from_slice(value.as_bytes());
        Object::new(&KeyValue { key: key.into(), value, created: Revision(3), modified: Revision(42) })
    }

    #[test]
    fn the_revision_is_put_into_the_metadata() {
        let table = [
            (r#"{"metadata":{"name":"a"}}"#, r#"{"metadata":{"resourceVersion":"42","name":"a"}}"#),
            (r#"{"metadata":{}}"#, r#"{"metadata":{"resourceVersion":"42"}}"#),
            (r#"{"metadata": { } }"#, r#"{"metadata": {"resourceVersion":"42" } }"#),
            // Another `metadata`, further in and before.
            (
                r#"{"data":{"metadata":{"x":"{\"metadata\":{"}},"metadata":{"uid":"u"},"z":1}"#,
                r#"{"data":{"metadata":{"x":"{\"metadata\":{"}},"metadata":{"resourceVersion":"42","uid":"u"},"z":1}"#,
            ),
            // None of ours: left alone.
            (r#"{"owner":"/registry/core/services/a/b"}"#, r#"{"owner":"/registry/core/services/a/b"}"#),
            (r#"{"metadata":null}"#, r#"{"metadata":null}"#),
            (r#"{"metadata":{"resourceVersion":"7"}}"#, r#"{"metadata":{"resourceVersion":"7"}}"#),
            ("not JSON", "not JSON"),
            ("", ""),
        ];
        for (stored, served) in table {
            assert_eq!(object("/registry/core/x/y/z", stored).json, served, "{stored}");
        }
    }

    #[test]
    fn the_words_for_the_type_can_be_left_out() {
        let table = [
            (
                r#"{"apiVersion":"v1","data":{"kind":"x"},"kind":"ConfigMap","metadata":{"name":"a"}}"#,
                r#"{"data":{"kind":"x"},"metadata":{"resourceVersion":"42","name":"a"}}"#,
            ),
            (r#"{"kind":"B","apiVersion":"v1","metadata":{}}"#, r#"{"metadata":{"resourceVersion":"42"}}"#),
            (r#"{"apiVersion":"v1","metadata":{}}"#, r#"{"metadata":{"resourceVersion":"42"}}"#),
            (r#"{"metadata":{}}"#, r#"{"metadata":{"resourceVersion":"42"}}"#),
            // As nobody writes it into the store: left alone.
            (
                r#"{"apiVersion": "v1", "metadata":{},"kind":"B"}"#,
                r#"{"apiVersion": "v1", "metadata":{"resourceVersion":"42"},"kind":"B"}"#,
            ),
            ("not JSON", "not JSON"),
        ];
        for (stored, listed) in table {
            let object = object("/registry/core/x/y/z", stored);
            for object in [object.at(Revision(42)), object] {
                let mut json = object.json.to_vec();
                for (start, end) in object.type_words().into_iter().rev() {
                    json.drain(start as usize..end as usize);
                }
                assert_eq!(String::from_utf8_lossy(&json), listed, "{stored}");
            }
        }
    }

    #[test]
    fn a_deleted_object_has_the_deletions_revision() {
        let object = object("/registry/core/x/y/z", r#"{"metadata":{"labels":{"a":"b"}},"spec":1}"#);
        let gone = object.at(Revision(1000));
        assert_eq!(gone.json, r#"{"metadata":{"resourceVersion":"1000","labels":{"a":"b"}},"spec":1}"#);
        assert_eq!((gone.revision, gone.created, gone.label("a")), (Revision(1000), Revision(3), Some("b")));
        assert_eq!(gone.at(Revision(7)).value()["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn what_is_at_hand() {
        let json =
            json!({"metadata": {"name": "web", "uid": "u-1", "labels": {"b": "2", "a": "1", "c\"": "3"}}});
        let object = object("/registry/apps/deployments/shop/web", &json.to_string());
        assert_eq!((object.name(), object.namespace(), object.uid()), ("web", Some("shop"), Some("u-1")));
        assert_eq!(object.labels().collect::<Vec<_>>(), [("a", "1"), ("b", "2"), ("c\"", "3")]);
        assert_eq!((object.label("b"), object.label("d")), (Some("2"), None));
        let node = self::object("/registry/core/nodes/n1", "{}");
        assert_eq!((node.name(), node.namespace()), ("n1", None));
    }
}
