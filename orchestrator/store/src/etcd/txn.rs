//! Transactions, each committed once or not at all, whatever becomes of its answer.

use std::sync::atomic::Ordering;

use super::calls::{self, Failure, Pause, Reply};
use super::said::Said;
use super::{Inner, calls::get};
use crate::{StoreError, Txn, TxnOutcome, Write};

impl Inner {
    pub(super) async fn txn(&self, txn: &Txn) -> Result<TxnOutcome, StoreError> {
        let mut pause = Pause::new();
        loop {
            let fence = self.fence.load(Ordering::SeqCst);
            let since = self.seen.load(Ordering::SeqCst);
            let mark = format!("{:016x}-{}", self.client, self.counter.fetch_add(1, Ordering::Relaxed));
            match self.attempt(self.request(txn, fence, &mark)).await {
                Ok(reply) if reply.succeeded => return self.committed(txn, &reply),
                Ok(reply) => {
                    if let Some(refused) = self.refused(txn, &reply)? {
                        return Ok(refused);
                    }
                    // Nothing was written, for somebody has raised the fence.
                    let raised = reply.modified(txn.expect.len() + 1)?;
                    if raised == fence {
                        return Err(StoreError::Corrupt {
                            what: "etcd refused what it should have taken".into(),
                        });
                    }
                    self.fence.fetch_max(raised, Ordering::SeqCst);
                }
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Compacted | Failure::Future) => {
                    return Err(StoreError::Corrupt {
                        what: "etcd complains of a revision that was not given".into(),
                    });
                }
                Err(Failure::Lost(status)) => {
                    if !txn.writes.is_empty()
                        && let Some(revision) = self.settle(&mark, fence, since, &status).await?
                    {
                        return Ok(TxnOutcome::Committed(calls::revision(revision)));
                    }
                    // It was not committed, and never will be.
                    if !pause.rest().await {
                        return Err(StoreError::unavailable("writing to etcd", Said(status)));
                    }
                }
            }
        }
    }

    /// In both branches the head is read (or put) first; in the failure branch, then the expected keys, then the fence.
    fn request(&self, txn: &Txn, fence: i64, mark: &str) -> super::proto::TxnRequest {
        let expected = txn.expect.iter().map(|(key, expect)| calls::expected(self.full(key), *expect));
        let fenced = calls::unchanged(self.fence(), fence);
        let head = if txn.writes.is_empty() {
            get(self.head())
        } else {
            calls::put(self.head(), mark.as_bytes().to_vec())
        };
        let writes = txn.writes.iter().map(|write| match write {
            Write::Put { key, value } => calls::put(self.full(key), value.clone()),
            Write::Delete { key } => calls::delete(self.full(key)),
        });
        let current = txn.expect.iter().map(|(key, _)| get(self.full(key)));
        calls::txn(
            expected.chain([fenced]).collect(),
            [head].into_iter().chain(writes).collect(),
            [get(self.head())].into_iter().chain(current).chain([get(self.fence())]).collect(),
        )
    }

    fn committed(&self, txn: &Txn, reply: &Reply) -> Result<TxnOutcome, StoreError> {
        let revision = if txn.writes.is_empty() { reply.modified(0)? } else { reply.revision };
        Ok(TxnOutcome::Committed(calls::revision(revision)))
    }

    /// Which expectations did not hold; none if all did.
    fn refused(&self, txn: &Txn, reply: &Reply) -> Result<Option<TxnOutcome>, StoreError> {
        let (mut failed, mut current) = (Vec::new(), Vec::new());
        for (index, (_, expect)) in txn.expect.iter().enumerate() {
            let item = reply.items(index + 1)?.first();
            let item = item.map(|item| self.item(item)).transpose()?.flatten();
            if !expect.holds(item.as_ref().map(|item| item.modified)) {
                failed.push(index);
                current.push(item);
            }
        }
        let revision = calls::revision(reply.modified(0)?);
        Ok((!failed.is_empty()).then_some(TxnOutcome::Refused { failed, current, revision }))
    }
}
