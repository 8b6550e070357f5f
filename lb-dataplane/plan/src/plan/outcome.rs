//! What planning gives.

use guideway_abi::ActiveWord;

use super::backends::Backends;
use super::resolve::Resolved;
use super::tables::Tables;
use super::vips::Vips;
use crate::{BackendIndex, Installed, Op, TableElement, TableSize, VipIndex};

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The installed generation does what is desired.
    Unchanged(Layout),
    /// A new generation is needed.
    Plan(Box<Plan>),
}

impl Outcome {
    /// Where everything stands, or will stand once the plan has been applied.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        match self {
            Self::Unchanged(layout) => layout,
            Self::Plan(plan) => &plan.layout,
        }
    }
}

/// A new generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The writes, in order. The last one is [`Op::Activate`].
    pub ops: Vec<Op>,
    /// Where everything stands afterwards, with generation, bank and digest.
    pub layout: Layout,
    /// What changes, for people.
    pub changes: Changes,
    /// What is installed afterwards, for the next plan. If one of the writes fails, read the maps instead.
    pub installed: Installed,
}

/// Where everything stands in the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Number of the generation, counted by this forwarder.
    pub generation: u64,
    /// Its bank.
    pub bank: u32,
    /// Digest of all that decides where packets go; equal on every forwarder that does the same.
    pub digest: u64,
    /// Indexes of the VIPs, in the order of [`Desired::vips`](crate::Desired::vips).
    pub vips: Vec<VipIndex>,
    /// The sets, in the order of [`Desired::sets`](crate::Desired::sets); `None` for one that no VIP uses.
    pub sets: Vec<Option<SetLayout>>,
    /// Elements in use.
    pub usage: Usage,
}

/// Where a backend set stands in the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLayout {
    /// Its lookup table, perhaps shared with other sets; `None` when no member can serve.
    pub table: Option<TableElement>,
    /// Indexes of the backends, in the order of [`BackendSet::members`](crate::BackendSet::members).
    pub backends: Vec<BackendIndex>,
    /// Slots of the lookup table that each of them owns, in the same order.
    pub slots: Vec<u32>,
}

/// Elements of the maps that a generation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// VIPs.
    pub vips: u32,
    /// Backends, healthy or not.
    pub backends: u32,
    /// Tables of size 65537.
    pub tables_large: u32,
    /// Tables of size 16381.
    pub tables_small: u32,
}

/// How two generations differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changes {
    /// VIPs that were not there before.
    pub vips_added: usize,
    /// VIPs that are no longer there.
    pub vips_removed: usize,
    /// Backends that were not in the maps before.
    pub backends_added: usize,
    /// Lookup tables written.
    pub tables_written: usize,
    /// Lookup tables that stood in the maps already.
    pub tables_reused: usize,
}

pub(super) fn layout(
    active: ActiveWord,
    resolved: &Resolved,
    backends: &Backends,
    tables: &Tables,
    vips: &Vips,
    installed: &Installed,
) -> Layout {
    let sets = resolved.sets.iter().enumerate().map(|(index, set)| {
        set.as_ref().map(|_| SetLayout {
            table: tables.of_sets[index],
            backends: backends.of_sets[index].clone(),
            slots: tables.slots_of_sets[index].clone(),
        })
    });
    Layout {
        generation: active.generation(),
        bank: active.bank(),
        digest: resolved.digest,
        vips: vips.indexes.clone(),
        sets: sets.collect(),
        usage: usage(backends, tables, vips, installed),
    }
}

fn usage(backends: &Backends, tables: &Tables, vips: &Vips, installed: &Installed) -> Usage {
    let tables_of = |size: TableSize| {
        let used = installed.tables_of(size).filter(|table| tables.in_use.contains(table));
        u32::try_from(used.count()).unwrap_or(u32::MAX)
    };
    Usage {
        vips: u32::try_from(vips.indexes.len()).unwrap_or(u32::MAX),
        backends: backends.count,
        tables_large: tables_of(TableSize::Large),
        tables_small: tables_of(TableSize::Small),
    }
}
