//! One of each.

use std::sync::Arc;

use guideway_store::{MemoryStore, RedbOptions, RedbStore, Store};
use tempfile::TempDir;

use crate::etcd::Cluster;

/// A store and what it lives on.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) folder: TempDir,
    _etcd: Option<Cluster>,
}

pub(crate) async fn memory() -> Fixture {
    Fixture { store: Arc::new(MemoryStore::new()), folder: TempDir::new().unwrap(), _etcd: None }
}

pub(crate) async fn redb() -> Fixture {
    let folder = TempDir::new().unwrap();
    let store = RedbStore::open(&folder.path().join("store.redb"), RedbOptions::default()).unwrap();
    Fixture { store: Arc::new(store), folder, _etcd: None }
}

pub(crate) async fn etcd() -> Fixture {
    let etcd = Cluster::start(1);
    let store = etcd.connect().await;
    Fixture { store: Arc::new(store), folder: TempDir::new().unwrap(), _etcd: Some(etcd) }
}
