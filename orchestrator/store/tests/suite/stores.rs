//! One of each.

use std::sync::Arc;

use guideway_store::{MemoryStore, RedbOptions, RedbStore, Store};
use tempfile::TempDir;

/// A store and where it lives.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) folder: TempDir,
}

pub(crate) fn memory() -> Fixture {
    Fixture { store: Arc::new(MemoryStore::new()), folder: TempDir::new().unwrap() }
}

pub(crate) fn redb() -> Fixture {
    let folder = TempDir::new().unwrap();
    let store = RedbStore::open(&folder.path().join("store.redb"), RedbOptions::default()).unwrap();
    Fixture { store: Arc::new(store), folder }
}
