use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use async_trait::async_trait;
use guideway_store::{Page, Range, Revision, Store, StoreError, Txn, TxnOutcome, Watch};

use super::*;

/// A store that answers, refuses or says nothing.
struct Moody {
    inner: MemoryStore,
    mood: Arc<AtomicU8>,
}

const ANSWERS: u8 = 0;
const REFUSES: u8 = 1;
const SILENT: u8 = 2;

#[async_trait]
impl Store for Moody {
    fn name(&self) -> &'static str {
        "etcd"
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome, StoreError> {
        self.inner.txn(txn).await
    }

    async fn range(&self, range: Range) -> Result<Page, StoreError> {
        self.inner.range(range).await
    }

    async fn revision(&self) -> Result<Revision, StoreError> {
        match self.mood.load(Ordering::SeqCst) {
            REFUSES => Err(StoreError::Unavailable { what: "nobody there".into(), source: None }),
            SILENT => std::future::pending().await,
            _ => self.inner.revision().await,
        }
    }

    async fn watch(&self, from: Revision) -> Result<Watch, StoreError> {
        self.inner.watch(from).await
    }

    async fn compact(&self, to: Revision) -> Result<(), StoreError> {
        self.inner.compact(to).await
    }

    async fn defragment(&self) -> Result<(), StoreError> {
        self.inner.defragment().await
    }

    async fn backup(&self, path: &Path) -> Result<Revision, StoreError> {
        self.inner.backup(path).await
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_is_that_of_the_store_too() {
    let mood = Arc::new(AtomicU8::new(ANSWERS));
    let store = Moody { inner: MemoryStore::new(), mood: Arc::clone(&mood) };
    let lab = Lab { server: ApiServer::start(Arc::new(store), config()).await.unwrap() };
    let text = async |path: &str| {
        let reply = lab.get(path).await;
        (reply.code.as_u16(), String::from_utf8(reply.bytes.to_vec()).unwrap())
    };
    // Time passes by itself while all wait.
    let until = async |code: u16| {
        let changed = async {
            while lab.get("/readyz").await.code != code {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, changed).await.unwrap();
    };
    until(200).await;
    let verbose = "[+]ping ok\n[+]shutdown ok\n[+]etcd ok\nreadyz check passed\n";
    assert_eq!(text("/readyz?verbose").await, (200, verbose.to_owned()));
    for (now, why) in [(REFUSES, "the store is not available: nobody there"), (SILENT, "no answer within 3s")]
    {
        mood.store(now, Ordering::SeqCst);
        until(500).await;
        assert_eq!(
            text("/readyz/etcd").await,
            (500, format!("[-]etcd failed: {why}\nreadyz check failed\n"))
        );
        assert_eq!(text("/readyz?exclude=etcd").await.0, 200);
        assert_eq!(text("/livez").await.0, 200, "to start anew does not mend it");
        mood.store(ANSWERS, Ordering::SeqCst);
        until(200).await;
    }
}
