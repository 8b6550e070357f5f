//! Executes a plan, without judgement of its own: writes in order, the store of the active word last, a grace period.

mod kernel;
#[cfg(test)]
pub(crate) mod memory;

use std::io;

use guideway_abi::{Capacities, TableMeta};
use guideway_dataplane_plan::{Installed, InstalledError, Op};

/// The forwarder's maps.
pub trait MapStore: Send + Sync + 'static {
    /// How many elements they have.
    fn capacities(&self) -> Capacities;

    /// Performs one write.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it. It may have been done in part.
    fn perform(&self, op: &Op) -> Result<(), StoreError>;

    /// Blocks until no packet can still see what was replaced before the call.
    ///
    /// # Errors
    ///
    /// The kernel's; nothing that was in use may be overwritten then.
    fn grace_period(&self) -> io::Result<()>;

    /// Reads back what is installed. To be called after a grace period.
    ///
    /// # Errors
    ///
    /// When a map cannot be read or its content contradicts itself.
    fn read(&self) -> Result<Installed, ReadError>;
}

/// A write failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {what}")]
pub struct StoreError {
    /// To which map, and where.
    pub what: String,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// What is installed cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A map cannot be read.
    #[error("cannot read the maps")]
    Map(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The content makes no sense.
    #[error("the maps contradict each other")]
    Contradiction(#[source] InstalledError),
}

/// A plan was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A write failed before the activation: the installed generation forwards on.
    #[error("write {number} of {of} failed, the installed generation stays")]
    Write {
        /// Which, counted from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The grace period could not be waited for. The new generation forwards; nothing may be written until one passed.
    #[error("the kernel gave no grace period")]
    GracePeriod(#[source] io::Error),
}

/// Carries `ops` out and waits until the generation that they replace is out of use.
///
/// # Errors
///
/// See [`ApplyError`]. Whichever it is, packets see one whole generation, and what is installed has to be read back
/// (after a grace period) before planning again.
pub fn apply(store: &dyn MapStore, ops: &[Op]) -> Result<(), ApplyError> {
    for (index, op) in ops.iter().enumerate() {
        store.perform(op).map_err(|source| ApplyError::Write { number: index + 1, of: ops.len(), source })?;
    }
    store.grace_period().map_err(ApplyError::GracePeriod)
}

/// The value of an element of [`TABLE_META`](guideway_abi::TABLE_META) whose table is not whole.
const INVALID: TableMeta = TableMeta { digest: [0; 2] };

/// What an operation writes, for errors.
fn describe(op: &Op) -> String {
    match op {
        Op::ZeroBackendStats { index } => format!("BACKEND_STATS[{}]", index.0),
        Op::WriteBackend { index, .. } => format!("BACKENDS[{}]", index.0),
        Op::ZeroVipStats { index } => format!("VIP_STATS[{}]", index.0),
        Op::InvalidateTable { table } | Op::WriteTableMeta { table, .. } => format!("TABLE_META of {table}"),
        Op::WriteTable { table, .. } => table.to_string(),
        Op::WriteVips { first, records } => format!("{} elements of VIPS from {first} on", records.len()),
        Op::WriteBuckets { first, buckets } => {
            format!("{} elements of VIP_BUCKETS from {first} on", buckets.len())
        }
        Op::WriteHeader { bank, .. } => format!("HEADERS[{bank}]"),
        Op::Activate(_) => "ACTIVE".to_owned(),
    }
}

#[cfg(test)]
mod tests;
