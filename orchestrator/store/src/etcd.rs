//! The store on etcd (v3 API, 3.4 or later): for several API servers over one set of objects.
//!
//! All keys are under a prefix of ours: `PREFIX/registry/…` for what the store is asked to keep, `PREFIX/control/…` for
//! its own use.
//!
//! - `control/head` is put by each transaction that writes. Its revision is the store's revision, whatever else happens
//!   in that etcd, and its value names the transaction.
//! - `control/fence` is in the conditions of each transaction. When an answer is lost, because a member or its leader
//!   died, the fence is put anew: from then on the transaction in question cannot be committed any more. Whether it was
//!   is then read from the history of `control/head`. So a lost answer is neither taken for a failure nor is the
//!   transaction repeated in doubt.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::{Page, Range, Revision, Store, StoreError, Txn, TxnOutcome, Watch, backup, limits};

mod calls;
mod endpoints;
mod outcome;
mod restore;
mod said;
mod txn;
mod watch;

pub use endpoints::EtcdTls;
pub use restore::EtcdRestoreError;

use calls::{Reply, Trouble, get, range_of};
use endpoints::Endpoints;

/// The messages and clients of etcd's API.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::pedantic)]
mod proto {
    tonic::include_proto!("etcdserverpb");
}

/// How long one attempt may take; a leader is elected in about one second.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long a call is tried; reads together, since the first one failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where etcd is.
#[derive(Clone, Debug)]
pub struct EtcdOptions {
    /// The members' client URLs, such as `http://10.0.0.1:2379`. One that answers is enough.
    pub endpoints: Vec<String>,
    /// What our keys begin with, such as `/guideway`.
    pub prefix: String,
    /// For `https` URLs.
    pub tls: Option<EtcdTls>,
}

/// A store in etcd. Clones of one share its connections.
#[derive(Clone)]
pub struct EtcdStore(Arc<Inner>);

struct Inner {
    endpoints: Endpoints,
    /// Without a slash at its end.
    prefix: String,
    /// Tells our transactions from those of others.
    client: u64,
    counter: AtomicU64,
    /// The fence's revision.
    fence: AtomicI64,
    /// The newest revision of etcd that was seen.
    seen: AtomicI64,
    trouble: Trouble,
}

impl EtcdStore {
    /// Connects, and puts our control keys if they are not there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if no member answers in time or an option makes no sense; [`StoreError::Corrupt`] if a
    /// restore was broken off.
    pub async fn connect(options: &EtcdOptions) -> Result<Self, StoreError> {
        let store = Self::new(options)?;
        store.0.initialize().await?;
        Ok(store)
    }

    fn new(options: &EtcdOptions) -> Result<Self, StoreError> {
        let prefix = options.prefix.trim_end_matches('/').to_owned();
        if !prefix.starts_with('/') || prefix.len() > limits::KEY_BYTES || prefix.contains('\0') {
            let what = format!("{:?} is no prefix of keys in etcd; /guideway is one", options.prefix);
            return Err(StoreError::Unavailable { what, source: None });
        }
        Ok(Self(Arc::new(Inner {
            endpoints: Endpoints::new(options)?,
            prefix,
            client: rand::random(),
            counter: AtomicU64::new(0),
            fence: AtomicI64::new(0),
            seen: AtomicI64::new(1),
            trouble: Trouble::default(),
        })))
    }
}

impl Inner {
    fn control(&self, name: &str) -> Vec<u8> {
        format!("{}/control/{name}", self.prefix).into_bytes()
    }

    fn head(&self) -> Vec<u8> {
        self.control("head")
    }

    fn fence(&self) -> Vec<u8> {
        self.control("fence")
    }

    /// A key of ours as etcd has it.
    fn full(&self, key: &str) -> Vec<u8> {
        [self.prefix.as_bytes(), key.as_bytes()].concat()
    }

    /// A key of etcd's as ours; none if it is one of our own use.
    fn own<'a>(&self, key: &'a [u8]) -> Result<Option<&'a str>, StoreError> {
        let key = std::str::from_utf8(key).ok().and_then(|key| key.strip_prefix(&self.prefix));
        let key =
            key.ok_or_else(|| StoreError::Corrupt { what: "etcd answered with a key of others".into() })?;
        Ok(key.starts_with(limits::ROOT).then_some(key))
    }

    async fn initialize(&self) -> Result<(), StoreError> {
        let reply = self
            .retry("connecting to etcd", || {
                calls::txn(
                    vec![calls::absent(self.fence())],
                    vec![calls::put(self.head(), Vec::new()), calls::put(self.fence(), Vec::new())],
                    vec![get(self.fence()), get(self.control(restore::MARK))],
                )
            })
            .await?;
        let fence = if reply.succeeded { reply.revision } else { reply.modified(0)? };
        self.fence.fetch_max(fence, Ordering::SeqCst);
        if !reply.succeeded && !reply.items(1)?.is_empty() {
            return Err(restore::broken_off());
        }
        Ok(())
    }

    /// The head, and some more in the same read.
    async fn read(&self, what: &'static str, more: Vec<calls::Op>) -> Result<(Revision, Reply), StoreError> {
        let reply = self
            .retry_with(self.trouble.pause(Instant::now()), what, || {
                let reads = [get(self.head())].into_iter().chain(more.iter().cloned()).collect();
                calls::txn(Vec::new(), reads, Vec::new())
            })
            .await?;
        Ok((calls::revision(reply.modified(0)?), reply))
    }

    async fn head_revision(&self) -> Result<Revision, StoreError> {
        Ok(self.read("reading the revision from etcd", Vec::new()).await?.0)
    }

    async fn range(&self, range: &Range) -> Result<Page, StoreError> {
        let Some((first, end)) = self.bounds(range) else {
            let revision = self.head_revision().await?;
            return Ok(Page { items: Vec::new(), revision, more: false, count: 0 });
        };
        let op = range_of(first, end, range.limit, range.at);
        let (head, reply) = self.read("reading from etcd", vec![op]).await?;
        let revision = range.at.unwrap_or(head);
        if revision > head {
            return Err(StoreError::Future { current: head });
        }
        let answer = reply.range(1)?;
        let mut items = Vec::with_capacity(answer.kvs.len());
        for item in &answer.kvs {
            items.extend(self.item(item)?);
        }
        let count = u64::try_from(answer.count).unwrap_or_default();
        Ok(Page { items, revision, more: answer.more, count })
    }

    /// A range's first key and the end of its prefix, as etcd has them; none if it is empty.
    fn bounds(&self, range: &Range) -> Option<(Vec<u8>, Vec<u8>)> {
        let prefix = if range.prefix.is_empty() { limits::ROOT } else { &range.prefix };
        let first = self.full(range.first().max(prefix));
        let end = crate::types::after_prefix(prefix).map(|end| [self.prefix.as_bytes(), &end].concat())?;
        (first < end).then_some((first, end))
    }
}

#[async_trait]
impl Store for EtcdStore {
    fn name(&self) -> &'static str {
        "etcd"
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome, StoreError> {
        limits::check(&txn, self.txn_ops())?;
        self.0.txn(&txn).await
    }

    async fn range(&self, range: Range) -> Result<Page, StoreError> {
        self.0.range(&range).await
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        self.0.head_revision().await
    }

    async fn watch(&self, from: Revision) -> Result<Watch, StoreError> {
        watch::watch(self.0.clone(), from).await
    }

    async fn compact(&self, to: Revision) -> Result<(), StoreError> {
        self.0.compact(to).await
    }

    async fn defragment(&self) -> Result<(), StoreError> {
        self.0.defragment().await
    }

    async fn backup(&self, path: &Path) -> Result<Revision, StoreError> {
        backup::write_pages(self, path).await
    }
}
