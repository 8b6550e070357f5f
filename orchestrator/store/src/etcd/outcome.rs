//! What became of a transaction whose answer was lost.

use std::sync::atomic::Ordering;

use tonic::Status;

use super::calls::{self, get};
use super::proto::event::EventType;
use super::said::Said;
use super::watch::{Next, RawWatch};
use super::{Inner, PATIENCE};
use crate::{Revision, StoreError};

impl Inner {
    /// Makes sure that a transaction is not committed from now on; says at which revision it was, if it was.
    ///
    /// `since` is a revision that was there before the transaction was sent, and `fence` the fence that it was sent with.
    pub(super) async fn settle(
        &self,
        mark: &str,
        fence: i64,
        since: i64,
        lost: &Status,
    ) -> Result<Option<i64>, StoreError> {
        let unknown = |source: StoreError| StoreError::OutcomeUnknown {
            what: format!(
                "etcd did not answer ({}), and what became of it cannot be found out",
                lost.message()
            ),
            source: Some(source.into()),
        };
        let raised = self.raise(fence).await.map_err(unknown)?;
        let search = self.search(mark, since, raised);
        match tokio::time::timeout(PATIENCE, search).await {
            Ok(found) => found.map_err(unknown),
            Err(elapsed) => Err(unknown(StoreError::unavailable("reading etcd's history", elapsed))),
        }
    }

    /// Puts the fence anew, unless somebody has since it was at `fence`; says at which revision it is then.
    async fn raise(&self, fence: i64) -> Result<i64, StoreError> {
        let reply = self
            .retry("raising the fence in etcd", || {
                calls::txn(
                    vec![calls::unchanged(self.fence(), fence)],
                    vec![calls::put(self.fence(), Vec::new())],
                    vec![get(self.fence())],
                )
            })
            .await?;
        let raised = if reply.succeeded { reply.revision } else { reply.modified(0)? };
        self.fence.fetch_max(raised, Ordering::SeqCst);
        Ok(raised)
    }

    /// Looks for the transaction in the history of the control keys, up to where the fence was raised.
    async fn search(&self, mark: &str, since: i64, raised: i64) -> Result<Option<i64>, StoreError> {
        let head = self.head();
        let mut at = since;
        let mut pause = calls::Pause::new();
        loop {
            let mut watch = RawWatch::open(self, &self.control(""), at + 1).await;
            loop {
                match watch.next().await {
                    Next::Events(events) => {
                        for item in events.into_iter().filter(|event| event.r#type() == EventType::Put) {
                            let Some(item) = item.kv else { continue };
                            if *item.key == *head && *item.value == *mark.as_bytes() {
                                return Ok(Some(item.mod_revision));
                            }
                            at = at.max(item.mod_revision);
                        }
                        // The fence itself is in the history, so that we always come here.
                        if at >= raised {
                            return Ok(None);
                        }
                    }
                    Next::Compacted(oldest) => return Err(StoreError::Compacted { oldest }),
                    Next::Lost(status) => {
                        if !pause.rest().await {
                            return Err(StoreError::unavailable("reading etcd's history", Said(status)));
                        }
                        break;
                    }
                }
            }
        }
    }

    /// The oldest revision that can be read: a watch from the beginning is told.
    pub(super) async fn oldest(&self) -> Result<Revision, StoreError> {
        let mut pause = calls::Pause::new();
        loop {
            let mut watch = RawWatch::open(self, &self.control(""), 1).await;
            match tokio::time::timeout(super::ATTEMPT, watch.next()).await {
                Ok(Next::Compacted(oldest)) => return Ok(oldest),
                Ok(Next::Events(_)) => return Ok(Revision::FIRST),
                Ok(Next::Lost(_)) | Err(_) => {
                    if !pause.rest().await {
                        let what = "asking etcd for its oldest revision".into();
                        return Err(StoreError::Unavailable { what, source: None });
                    }
                }
            }
        }
    }
}
