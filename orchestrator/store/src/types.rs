//! Keys, values, transactions and what watches tell.

use std::sync::Arc;

use bytes::Bytes;

use crate::Revision;

/// A key: `/registry/` and more. See [`crate::limits`].
pub type Key = Arc<str>;

/// A key with its value and the revisions that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    /// The key.
    pub key: Key,
    /// The value, as it was put.
    pub value: Bytes,
    /// The revision that put the key when it was absent.
    pub created: Revision,
    /// The revision that put this value.
    pub modified: Revision,
}

/// What a transaction expects of a key; else it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// There is no such key.
    Absent,
    /// The key's value is that of this revision ([`KeyValue::modified`]).
    At(Revision),
    /// There is such a key.
    Present,
}

impl Expect {
    /// Whether the key is as expected; `modified` is absent with the key.
    #[must_use]
    pub fn holds(self, modified: Option<Revision>) -> bool {
        match self {
            Self::Absent => modified.is_none(),
            Self::At(revision) => modified == Some(revision),
            Self::Present => modified.is_some(),
        }
    }
}

/// One write of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Sets a key's value, absent or not.
    Put {
        /// The key.
        key: Key,
        /// Its new value.
        value: Bytes,
    },
    /// Deletes a key. To delete an absent one changes nothing.
    Delete {
        /// The key.
        key: Key,
    },
}

impl Write {
    /// The key that is written.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// All writes, at one revision, if all expectations hold; else none.
///
/// A transaction that has writes takes a revision, even when they change nothing; one without only checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Txn {
    /// What must hold.
    pub expect: Vec<(Key, Expect)>,
    /// What is written then. No key twice.
    pub writes: Vec<Write>,
}

impl Txn {
    /// Puts a key that must be absent.
    pub fn create(key: impl Into<Key>, value: impl Into<Bytes>) -> Self {
        let key = key.into();
        Self {
            expect: vec![(key.clone(), Expect::Absent)],
            writes: vec![Write::Put { key, value: value.into() }],
        }
    }

    /// Puts a key that must be at a revision.
    pub fn update(key: impl Into<Key>, at: Revision, value: impl Into<Bytes>) -> Self {
        let key = key.into();
        Self {
            expect: vec![(key.clone(), Expect::At(at))],
            writes: vec![Write::Put { key, value: value.into() }],
        }
    }

    /// Deletes a key that must be at a revision.
    pub fn delete(key: impl Into<Key>, at: Revision) -> Self {
        let key = key.into();
        Self { expect: vec![(key.clone(), Expect::At(at))], writes: vec![Write::Delete { key }] }
    }
}

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxnOutcome {
    /// All expectations held, and the writes are durable.
    Committed(Revision),
    /// An expectation did not hold; nothing was written.
    Refused {
        /// Which of [`Txn::expect`], by index.
        failed: Vec<usize>,
        /// What their keys have, in the same order.
        current: Vec<Option<KeyValue>>,
        /// The revision of which all this is true.
        revision: Revision,
    },
}

/// A question for the keys with a prefix, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The keys begin with it.
    pub prefix: String,
    /// The first key, inclusive. All from the first one with the prefix, if absent or before it.
    pub start: Option<String>,
    /// No more items than this; 0 means all.
    pub limit: usize,
    /// As it was at this revision; else as it is now.
    pub at: Option<Revision>,
}

impl Range {
    /// All keys with a prefix, as they are now.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into(), ..Self::default() }
    }

    /// Where the range begins.
    #[must_use]
    pub fn first(&self) -> &str {
        match &self.start {
            Some(start) if **start > *self.prefix => start,
            _ => &self.prefix,
        }
    }
}

/// The answer to a [`Range`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In order of their keys.
    pub items: Vec<KeyValue>,
    /// The revision of which this is true. A watch from it continues this page without gap.
    pub revision: Revision,
    /// Whether the limit kept some away.
    pub more: bool,
    /// How many there are from the start of the range on, those beyond the limit included.
    pub count: u64,
}

/// One key's part in an [`Event`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The key has a new value; `modified` is the event's revision.
    Put(KeyValue),
    /// The key is no more.
    Delete {
        /// The key that was deleted.
        key: Key,
    },
}

impl Change {
    /// The key that changed.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put(item) => &item.key,
            Self::Delete { key } => key,
        }
    }
}

/// What one committed transaction changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The transaction's revision.
    pub revision: Revision,
    /// In order of the keys. Empty for a transaction that changed nothing.
    pub changes: Vec<Change>,
}

/// Where the keys with a prefix end: the first that is behind them all; none if there is none.
pub(crate) fn after_prefix(prefix: &str) -> Option<Vec<u8>> {
    let mut end = prefix.as_bytes().to_vec();
    // No byte of UTF-8 is 255.
    *end.last_mut()? += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(after_prefix("/a/").as_deref(), Some(&b"/a0"[..]));
        assert_eq!(after_prefix("/\u{10ffff}").as_deref(), Some(&b"/\xf4\x8f\xbf\xc0"[..]));
        assert_eq!(after_prefix(""), None);
    }
}
