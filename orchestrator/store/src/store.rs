//! The trait.

use std::path::Path;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::{Event, KeyValue, Page, Range, Revision, StoreError, Txn, TxnOutcome, limits};

/// Events in the order of their revisions, without gap or duplicate. An error is its last item.
pub type Watch = BoxStream<'static, Result<Event, StoreError>>;

/// A store of keys with history.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What kind of store it is, for logs: `redb`, `etcd`, `memory`.
    fn name(&self) -> &'static str;

    /// The most expectations of one transaction, and the most writes; [`limits::TXN_OPS`] at least.
    fn txn_ops(&self) -> usize {
        limits::TXN_OPS
    }

    /// Checks and writes; returns once the writes are durable.
    ///
    /// To drop the future does not take the transaction back.
    ///
    /// # Errors
    /// Those of [`limits::check`]; [`StoreError::Unavailable`] when nothing was written;
    /// [`StoreError::OutcomeUnknown`] when that cannot be said.
    async fn txn(&self, txn: Txn) -> Result<TxnOutcome, StoreError>;

    /// Reads the keys of a range, all at one revision.
    ///
    /// # Errors
    /// [`StoreError::Compacted`] and [`StoreError::Future`] for [`Range::at`].
    async fn range(&self, range: Range) -> Result<Page, StoreError>;

    /// Reads one key as it is now.
    ///
    /// # Errors
    /// As [`Store::range`].
    async fn get(&self, key: &str) -> Result<Option<KeyValue>, StoreError> {
        // A key is the first of those that it is a prefix of.
        let page = self.range(Range { limit: 1, ..Range::prefix(key) }).await?;
        Ok(page.items.into_iter().next().filter(|item| *item.key == *key))
    }

    /// The revision of the last transaction; every write that was acknowledged before this call is in it,
    /// and everything that a read before it has shown.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn revision(&self) -> Result<Revision, StoreError>;

    /// The events after `from`, those of the past first.
    ///
    /// # Errors
    /// [`StoreError::Compacted`] (also later, as the watch's last item, when it is slower than compaction) and
    /// [`StoreError::Future`].
    async fn watch(&self, from: Revision) -> Result<Watch, StoreError>;

    /// Forgets the history before `to`: reads at and watches from an older revision fail from then on.
    ///
    /// # Errors
    /// [`StoreError::Future`]. To compact to what is forgotten already does nothing.
    async fn compact(&self, to: Revision) -> Result<(), StoreError>;

    /// Gives space that compaction and deletion have freed back to the file system. Writes wait meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn defragment(&self) -> Result<(), StoreError>;

    /// Writes all keys, as they are at one revision, to a new file (see [`crate::backup`]). Reads and writes go on.
    ///
    /// # Errors
    /// [`StoreError::File`], also when the file exists.
    async fn backup(&self, path: &Path) -> Result<Revision, StoreError>;
}
