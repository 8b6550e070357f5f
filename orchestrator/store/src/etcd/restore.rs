//! Puts a backup into etcd.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::calls::{self, get};
use super::{EtcdOptions, EtcdStore};
use crate::backup::{self, BackupError, Summary};
use crate::{KeyValue, Range, Store, StoreError, Txn, TxnOutcome, Write, limits};

/// The control key that is there while a restore is under way.
pub(super) const MARK: &str = "restoring";

/// Why a backup was not restored into etcd.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EtcdRestoreError {
    /// The backup cannot be used. Nothing was written.
    #[error("the backup cannot be used")]
    Backup(#[source] BackupError),
    /// There are objects already. Nothing was written.
    #[error("etcd has objects under this prefix already; choose another prefix, or delete them first")]
    Exists,
    /// Etcd failed. What was written is not used: servers refuse to start on it until a restore has come to its end.
    #[error("the restore was broken off; run it again")]
    Store(#[source] StoreError),
}

pub(super) fn broken_off() -> StoreError {
    StoreError::Corrupt { what: "a restore into this etcd was broken off; run it again".into() }
}

impl EtcdStore {
    /// Puts a backup under a prefix of etcd that has no objects, and connects. Objects get new revisions.
    ///
    /// The backup is read to its end before anything is written.
    ///
    /// # Errors
    /// See [`EtcdRestoreError`].
    pub async fn restore(options: &EtcdOptions, from: &Path) -> Result<(Self, Summary), EtcdRestoreError> {
        let path = from.to_owned();
        let verified = tokio::task::spawn_blocking(move || backup::verify(&path)).await;
        let verified = verified
            .map_err(|error| EtcdRestoreError::Store(StoreError::unavailable("reading the backup", error)))?;
        let summary = verified.map_err(EtcdRestoreError::Backup)?;
        let store = Self::new(options).map_err(EtcdRestoreError::Store)?;
        store.begin().await?;
        store.fill(from).await?;
        let end = || calls::txn(Vec::new(), vec![calls::delete(store.0.control(MARK))], Vec::new());
        store.0.retry("ending a restore", end).await.map_err(EtcdRestoreError::Store)?;
        Ok((store, summary))
    }

    /// Sets the mark. Objects without it are somebody's; with it they are what an earlier restore left.
    async fn begin(&self) -> Result<(), EtcdRestoreError> {
        let failed = EtcdRestoreError::Store;
        let marked = match self.0.initialize().await {
            Ok(()) => false,
            Err(StoreError::Corrupt { .. }) => true,
            Err(error) => return Err(failed(error)),
        };
        let fence = self.0.fence.load(Ordering::SeqCst);
        if fence == 0 {
            return Err(failed(StoreError::Corrupt { what: "our control keys are gone from etcd".into() }));
        }
        let left = Range { limit: limits::TXN_OPS, ..Range::prefix(limits::ROOT) };
        loop {
            let page = self.range(left.clone()).await.map_err(failed)?;
            if page.items.is_empty() {
                break;
            }
            if !marked {
                return Err(EtcdRestoreError::Exists);
            }
            let writes = page.items.into_iter().map(|item| Write::Delete { key: item.key }).collect();
            self.txn(Txn { expect: Vec::new(), writes }).await.map_err(failed)?;
        }
        let mark = || {
            calls::txn(
                Vec::new(),
                vec![calls::put(self.0.control(MARK), Vec::new())],
                vec![get(self.0.head())],
            )
        };
        self.0.retry("beginning a restore", mark).await.map_err(failed)?;
        Ok(())
    }

    async fn fill(&self, from: &Path) -> Result<(), EtcdRestoreError> {
        let mut reader = backup::open(from).map_err(EtcdRestoreError::Backup)?;
        let (mut writes, mut bytes) = (Vec::new(), 0);
        while let Some(KeyValue { key, value, .. }) = reader.next_item().map_err(EtcdRestoreError::Backup)? {
            let size = key.len() + value.len();
            if writes.len() == limits::TXN_OPS || bytes + size > limits::TXN_BYTES {
                self.commit(std::mem::take(&mut writes)).await?;
                bytes = 0;
            }
            bytes += size;
            writes.push(Write::Put { key, value });
        }
        self.commit(writes).await
    }

    async fn commit(&self, writes: Vec<Write>) -> Result<(), EtcdRestoreError> {
        match self.txn(Txn { expect: Vec::new(), writes }).await.map_err(EtcdRestoreError::Store)? {
            TxnOutcome::Committed(_) => Ok(()),
            TxnOutcome::Refused { .. } => Err(EtcdRestoreError::Exists),
        }
    }
}
