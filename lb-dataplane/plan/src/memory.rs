//! What a plan knows of the one before, and nobody can read from the maps.

use std::sync::Arc;
use std::time::Duration;

use guideway_maglev::Seed;

use crate::layers::Layers;
use crate::resolved::{ResolvedSet, VipPart};
use crate::{BackendIndex, SetIndex, VipIndex};

/// Only makes things faster or the choice among free elements better, so that it has no part in equality.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// Of the last plan.
    pub(crate) last: Option<Arc<LastPlan>>,
    pub(crate) last_use: LastUse,
}

/// What the last plan was made from.
#[derive(Debug)]
pub(crate) struct LastPlan {
    pub(crate) vips: Arc<VipPart>,
    /// In the order of [`VipPart::vips`].
    pub(crate) indexes: Arc<[VipIndex]>,
    /// In the order of [`VipPart::vips`]: entries of the flow table.
    pub(crate) flow_entries: Arc<[u32]>,
    pub(crate) vip_inputs: VipInputs,
    /// A part of the flow table becomes free when the generation before is gone.
    pub(crate) is_waiting: bool,
    pub(crate) intervals: u32,
    pub(crate) borders: u32,
    pub(crate) flow_buckets: u32,
    /// The parts of the sets: the first ones in the order of [`VipPart::set_names`], then those of VIPs that came from other
    /// sets.
    pub(crate) sets: Vec<LastSet>,
    /// For each of them, its set's place in [`VipPart::set_names`].
    pub(crate) part_sets: Vec<usize>,
    /// The part of each VIP, in the order of [`VipPart::vips`]; `None` when there are first ones only.
    pub(crate) of_vips: Option<Arc<[usize]>>,
}

/// What the VIPs' maps follow from besides the VIPs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VipInputs {
    pub(crate) seed: Seed,
    /// In the order of [`LastPlan::sets`]: place, second hop, drain window.
    pub(crate) sets: Vec<(SetIndex, bool, Duration)>,
    /// See [`LastPlan::of_vips`].
    pub(crate) of_vips: Option<Arc<[usize]>>,
}

/// A part of a backend set as the last plan left it.
#[derive(Clone, Debug)]
pub(crate) struct LastSet {
    pub(crate) index: SetIndex,
    pub(crate) resolved: Arc<ResolvedSet>,
    /// In the order of the members.
    pub(crate) backends: Arc<[BackendIndex]>,
    /// In the order of the upcoming members.
    pub(crate) upcoming: Arc<[BackendIndex]>,
    /// Backends in the layers that are no members, and whether they are alive.
    pub(crate) leaving: Vec<(BackendIndex, bool)>,
    /// Slots of each member in the present table.
    pub(crate) slots: Arc<[u32]>,
    pub(crate) unsettled: u32,
    pub(crate) held: u32,
    pub(crate) at_risk: u32,
    /// The layers without what was announced, when something was.
    pub(crate) unannounced: Option<Box<Layers>>,
    /// What comes next could not be announced for want of room, or what was before not be learned yet.
    pub(crate) is_starved: bool,
}

/// The generation that last used an element, by index, of those that went out of use; zero when not known.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastUse {
    pub(crate) vips: Arc<Vec<u64>>,
    pub(crate) backends: Arc<Vec<u64>>,
    /// Indexed as [`TABLE_META`](guideway_abi::TABLE_META).
    pub(crate) tables: Arc<Vec<u64>>,
}

/// Notes that elements went out of use.
pub(crate) fn retire(last_use: &mut Arc<Vec<u64>>, indexes: impl Iterator<Item = usize>, generation: u64) {
    for index in indexes {
        let last_use = Arc::make_mut(last_use);
        if last_use.len() <= index {
            last_use.resize(index + 1, 0);
        }
        last_use[index] = generation;
    }
}

/// See [`retire`].
pub(crate) fn last_use(last_use: &[u64], index: usize) -> u64 {
    last_use.get(index).copied().unwrap_or(0)
}

impl PartialEq for Memory {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memory {}
