//! What fits into a store. What a key and a value may have is the same for all of them: an object that one store takes can
//! be moved to another.

use crate::{StoreError, Txn, Write};

/// The longest key, in bytes.
pub const KEY_BYTES: usize = 1024;

/// The most that the keys and values of one transaction have together, in bytes.
///
/// etcd takes requests of 1.5 MiB; the difference is for what surrounds them on the wire.
pub const TXN_BYTES: usize = 1_500_000;

/// The most expectations of one transaction, and the most writes, that every store takes. etcd takes 128 of each, some of
/// which are ours.
pub const TXN_OPS: usize = 100;

/// The same for a store in this process: what a Service with as many node ports as there are may need.
pub const EMBEDDED_TXN_OPS: usize = 8192;

/// Every key begins with it.
pub const ROOT: &str = "/registry/";

/// Checks a transaction against the limits, of which that of expectations and writes is the store's own.
///
/// # Errors
/// [`StoreError::TooLarge`] with what is too large, [`StoreError::InvalidKey`], [`StoreError::DuplicateKey`].
pub fn check(txn: &Txn, ops: usize) -> Result<(), StoreError> {
    at_most("expectations of a transaction", txn.expect.len(), ops)?;
    at_most("writes of a transaction", txn.writes.len(), ops)?;
    let mut bytes = 0;
    for key in txn.expect.iter().map(|(key, _)| key).chain(txn.writes.iter().map(Write::key)) {
        check_key(key)?;
        bytes += key.len();
    }
    for write in &txn.writes {
        if let Write::Put { value, .. } = write {
            bytes += value.len();
        }
    }
    at_most("bytes of a transaction", bytes, TXN_BYTES)?;
    let mut keys: Vec<&str> = txn.writes.iter().map(|write| &**write.key()).collect();
    keys.sort_unstable();
    match keys.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(StoreError::DuplicateKey { key: pair[0].into() }),
        None => Ok(()),
    }
}

pub(crate) fn check_key(key: &str) -> Result<(), StoreError> {
    at_most("bytes of a key", key.len(), KEY_BYTES)?;
    if key.len() > ROOT.len() && key.starts_with(ROOT) && !key.contains('\0') {
        Ok(())
    } else {
        Err(StoreError::InvalidKey { key: key.into() })
    }
}

fn at_most(what: &'static str, size: usize, limit: usize) -> Result<(), StoreError> {
    if size <= limit { Ok(()) } else { Err(StoreError::TooLarge { what, size, limit }) }
}
