//! All objects in order of their keys, of which a part can be taken without keeping writers waiting.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use guideway_store::Key;

use crate::Object;

/// The most objects of a chunk. A list copies one pointer per chunk while it holds the lock; a write copies a chunk
/// that a list still reads.
const CHUNK: usize = 256;

type Chunk = Arc<Vec<Arc<Object>>>;

/// A sorted map of two levels: chunks by a key that is not behind their first object and not before the last one of the
/// chunk in front. The first chunk's is the empty key, and it is always there.
pub(crate) struct Objects {
    chunks: BTreeMap<Key, Chunk>,
}

impl Default for Objects {
    fn default() -> Self {
        Self { chunks: BTreeMap::from([("".into(), Chunk::default())]) }
    }
}

impl Objects {
    pub(crate) fn get(&self, key: &str) -> Option<Arc<Object>> {
        let (_, chunk) = self.chunks.range::<str, _>(up_to(key)).next_back()?;
        let at = position(chunk, key).ok()?;
        Some(chunk[at].clone())
    }

    /// Puts an object and returns the one that it replaces.
    pub(crate) fn insert(&mut self, object: Arc<Object>) -> Option<Arc<Object>> {
        let (_, chunk) = self.chunks.range_mut::<str, _>(up_to(&object.key)).next_back()?;
        let objects = Arc::make_mut(chunk);
        match position(objects, &object.key) {
            Ok(at) => return Some(std::mem::replace(&mut objects[at], object)),
            Err(at) => objects.insert(at, object),
        }
        if objects.len() > CHUNK {
            // Keys often come in their order: a full chunk then stays nearly full.
            let tail = objects.split_off(CHUNK - CHUNK / 4);
            if let Some(first) = tail.first() {
                self.chunks.insert(first.key.clone(), Arc::new(tail));
            }
        }
        None
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Arc<Object>> {
        let (from, chunk) = self.chunks.range_mut::<str, _>(up_to(key)).next_back()?;
        let at = position(chunk, key).ok()?;
        let object = Arc::make_mut(chunk).remove(at);
        if chunk.len() < CHUNK / 4 && !from.is_empty() {
            let from = from.clone();
            self.merge(&from);
        }
        Some(object)
    }

    /// Adds a small chunk to the one in front, if that has room.
    fn merge(&mut self, from: &str) {
        let Some(small) = self.chunks.get(from).cloned() else { return };
        let before = (Bound::Unbounded, Bound::Excluded(from));
        let Some((_, front)) = self.chunks.range_mut::<str, _>(before).next_back() else { return };
        if front.len() + small.len() <= CHUNK / 2 || small.is_empty() {
            Arc::make_mut(front).extend(small.iter().cloned());
            self.chunks.remove(from);
        }
    }

    /// The chunks that have the keys from `from` on with a prefix.
    pub(crate) fn part(&self, prefix: &str, from: &str) -> Part {
        let from = if from > prefix { from } else { prefix };
        let first = self.chunks.range::<str, _>(up_to(from)).next_back().map(|(_, chunk)| chunk);
        let others = self
            .chunks
            .range::<str, _>((Bound::Excluded(from), Bound::Unbounded))
            .take_while(|(first, _)| first.starts_with(prefix))
            .map(|(_, chunk)| chunk);
        let chunks = first.into_iter().chain(others).cloned().collect();
        Part { chunks, prefix: prefix.into(), from: from.into() }
    }
}

/// Some objects as they were at one moment.
pub(crate) struct Part {
    chunks: Vec<Chunk>,
    prefix: Box<str>,
    from: Box<str>,
}

impl Part {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.chunks.iter().flat_map(|chunk| {
            let start = chunk.partition_point(|object| *object.key < *self.from);
            // They are in order: those with the prefix come first.
            let end = start + chunk[start..].partition_point(|object| object.key.starts_with(&*self.prefix));
            &chunk[start..end]
        })
    }
}

fn up_to(key: &str) -> (Bound<&str>, Bound<&str>) {
    (Bound::Unbounded, Bound::Included(key))
}

fn position(objects: &[Arc<Object>], key: &str) -> Result<usize, usize> {
    objects.binary_search_by(|object| (*object.key).cmp(key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use guideway_store::{KeyValue, Revision};
    use proptest::prelude::*;

    use super::*;

    fn object(key: &str, revision: u64) -> Arc<Object> {
        let (created, modified) = (Revision(1), Revision(revision));
        Arc::new(Object::new(&KeyValue { key: key.into(), value: Bytes::new(), created, modified }))
    }

    fn seen<'a>(objects: impl Iterator<Item = &'a Arc<Object>>) -> Vec<(Key, u64)> {
        objects.map(|object| (object.key.clone(), object.revision.0)).collect()
    }

    #[test]
    fn thousands_in_any_order() {
        let mut objects = Objects::default();
        for step in [7919, 1] {
            for n in 0..5000_u64 {
                let key = format!("/registry/x/{:05}", n * step % 5000);
                objects.insert(object(&key, step));
            }
            let part = objects.part("/registry/x/", "");
            assert_eq!(part.iter().count(), 5000);
            assert!(part.iter().is_sorted_by_key(|object| &object.key));
            assert!(part.iter().all(|object| object.revision.0 == step));
            assert!(part.chunks.len() <= 5000 / (CHUNK / 4));
        }
        for n in (0..5000).filter(|n| n % 50 != 0) {
            assert!(objects.remove(&format!("/registry/x/{n:05}")).is_some());
        }
        let part = objects.part("/registry/x/", "/registry/x/02500");
        assert_eq!(part.iter().count(), 50);
        assert!(objects.chunks.len() <= 10, "{} chunks of 100 objects", objects.chunks.len());
    }

    proptest! {
        #[test]
        fn as_a_plain_map(
            operations in proptest::collection::vec((0..3_u8, "[abc/]{1,4}"), 0..300),
            prefix in "[abc/]{0,2}", from in "[abc/]{0,3}",
        ) {
            let (mut objects, mut model) = (Objects::default(), BTreeMap::<Key, u64>::new());
            let mut revision = 0;
            for (operation, key) in operations {
                revision += 1;
                let was = if operation == 0 {
                    prop_assert_eq!(objects.get(&key).map(|object| object.revision.0), model.get(&*key).copied());
                    (objects.remove(&key), model.remove(&*key))
                } else {
                    (objects.insert(object(&key, revision)), model.insert(key.into(), revision))
                };
                prop_assert_eq!(was.0.map(|object| object.revision.0), was.1);
            }
            let expected: Vec<_> = model.into_iter()
                .filter(|(key, _)| key.starts_with(&prefix) && **key >= *from)
                .collect();
            prop_assert_eq!(seen(objects.part(&prefix, &from).iter()), expected);
        }
    }
}
