//! Executes a plan, without judgement of its own: writes in order, the store of the active word last.

mod kernel;
#[cfg(test)]
pub(crate) mod memory;

use std::io;

use guideway_abi::Capacities;
use guideway_dataplane_plan::{Installed, InstalledError, Op};

pub use kernel::Kernel;

/// The forwarder's maps.
pub trait MapStore: Send + Sync + 'static {
    /// How many elements they have.
    fn capacities(&self) -> Capacities;

    /// A tick of the flow table is this power of two of the kernel's jiffies.
    fn tick_shift(&self) -> u32;

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

/// A plan was not carried out: a write failed before the activation, and the installed generation forwards on.
#[derive(Debug, thiserror::Error)]
#[error("write {number} of {of} failed, the installed generation stays")]
pub struct ApplyError {
    /// Which, counted from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// Why.
    #[source]
    pub source: StoreError,
}

/// Carries `ops` out. From the last one on, packets follow the new generation; before anything is written again, a grace
/// period has to pass.
///
/// # Errors
///
/// See [`ApplyError`]. What is installed has to be read back then (after a grace period) before planning again.
pub fn apply(store: &dyn MapStore, ops: &[Op]) -> Result<(), ApplyError> {
    for (index, op) in ops.iter().enumerate() {
        store.perform(op).map_err(|source| ApplyError { number: index + 1, of: ops.len(), source })?;
    }
    Ok(())
}

/// What an operation writes, for errors.
fn describe(op: &Op) -> String {
    let run = |map: &str, first: &u32, count: usize| format!("{count} elements of {map} from {first} on");
    match op {
        Op::ZeroBackendStats { index } => format!("BACKEND_STATS[{}]", index.0),
        Op::WriteBackend { index, .. } => format!("BACKENDS[{}]", index.0),
        Op::ZeroVipStats { index } => format!("VIP_STATS[{}]", index.0),
        Op::InvalidateTable { table } | Op::WriteTableMeta { table, .. } => format!("TABLE_META of {table}"),
        Op::WriteTable { table, .. } => table.to_string(),
        Op::WriteVips { first, records } => run("VIPS", first, records.len()),
        Op::WriteVip4Buckets { first, buckets } => run("VIP4_BUCKETS", first, buckets.len()),
        Op::WriteVip6Buckets { first, buckets } => run("VIP6_BUCKETS", first, buckets.len()),
        Op::WriteIntervals { first, intervals } => run("INTERVALS", first, intervals.len()),
        Op::WriteSources { first, borders } => run("SOURCES", first, borders.len()),
        Op::WritePrefixes4 { first, prefixes } => run("PREFIXES4", first, prefixes.len()),
        Op::WritePrefixes6 { first, prefixes } => run("PREFIXES6", first, prefixes.len()),
        Op::WriteSets { first, records } => run("SETS", first, records.len()),
        Op::WriteBackendStates { first, states } => run("BACKEND_STATES", first, states.len()),
        Op::ZeroFlows { first, count } => run("FLOWS", first, *count as usize),
        Op::WriteHeader { bank, .. } => format!("HEADERS[{bank}]"),
        Op::Activate(_) => "ACTIVE".to_owned(),
    }
}

#[cfg(test)]
mod tests;
