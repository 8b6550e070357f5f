//! Where the orchestrator keeps a cluster's objects: revisions, transactions, watches.
//!
//! A [`Store`] maps keys to values. Every transaction that writes takes the next [`Revision`]; a watch tells each of them
//! once and in order, from any revision that has not been compacted away. What was acknowledged is durable.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod backup;
mod error;
#[cfg(feature = "etcd")]
pub mod etcd;
mod feed;
pub mod limits;
mod memory;
pub mod redb;
mod revision;
mod store;
mod types;

#[cfg(feature = "etcd")]
pub use crate::etcd::{EtcdOptions, EtcdStore};
pub use crate::redb::{RedbOptions, RedbStore};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use revision::Revision;
pub use store::{Store, Watch};
pub use types::{Change, Event, Expect, Key, KeyValue, Page, Range, Txn, TxnOutcome, Write};
