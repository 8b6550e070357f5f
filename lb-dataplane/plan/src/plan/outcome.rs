//! What planning gives.

use std::collections::BTreeSet;
use std::net::IpAddr;

use guideway_abi::{ActiveWord, PREVIOUS_TABLES};

use super::backends::Backends;
use super::resolve::Resolved;
use super::sets::Sets;
use super::tables::Tables;
use super::vips::Vips;
use crate::installed::InstalledSet;
use crate::key::address;
use crate::memory::LastSet;
use crate::{BackendIndex, BootTime, Desired, Installed, Op, SetIndex, TableElement, VipIndex};

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
    /// Digest of the desired state; equal on every forwarder that is to do the same.
    pub digest: u64,
    /// Indexes of the VIPs, in the order of [`Desired::vips`](crate::Desired::vips).
    pub vips: Vec<VipIndex>,
    /// Entries of the flow table that each VIP has, in the same order; 0 for one that needs none or got none.
    pub flow_entries: Vec<u32>,
    /// The sets, in the order of [`Desired::sets`](crate::Desired::sets); `None` for one that no VIP uses.
    pub sets: Vec<Option<SetLayout>>,
    /// Backends that may have flows of a set that they are no member of any more, in the order of their indexes. They want to
    /// be probed on: [`Desired::leaving`](crate::Desired::leaving).
    pub leaving: Vec<Leaving>,
    /// When to plan again though nothing else has happened: a drain window ends, or, when the time has come already,
    /// what the installed generation held on to is free after the next grace period.
    pub next_deadline: Option<BootTime>,
    /// Elements in use.
    pub usage: Usage,
}

/// Where a backend set stands in the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLayout {
    /// Its place: that of its first part.
    pub index: SetIndex,
    /// Its lookup table, perhaps shared with other sets; `None` when no member can serve.
    pub table: Option<TableElement>,
    /// The earlier tables that flows may still follow, latest first.
    pub previous: [Option<TableElement>; PREVIOUS_TABLES],
    /// Indexes of the backends, in the order of [`BackendSet::members`](crate::BackendSet::members).
    pub backends: Vec<BackendIndex>,
    /// Slots of the lookup table that each of them has, in the same order.
    pub slots: Vec<u32>,
    /// Slots in doubt: a live flow may be at another backend than the slot's. Of several parts, those of the one that has
    /// the most.
    pub unsettled: u32,
    /// Slots that keep their backend for now although another one is due, because flows of three backends would have
    /// to be told apart otherwise. Of several parts, likewise.
    pub held: u32,
    /// Slots whose established flows this generation moves, because no element is free for a table that would remember
    /// them, or because the size of the table is another one; of all parts.
    pub at_risk: u32,
    /// When the last drain window ends.
    pub until: Option<BootTime>,
}

impl SetLayout {
    /// Takes in a further part.
    fn add(&mut self, part: &Self) {
        self.unsettled = self.unsettled.max(part.unsettled);
        self.held = self.held.max(part.held);
        self.at_risk = self.at_risk.saturating_add(part.at_risk);
        self.until = self.until.max(part.until);
    }
}

/// A backend that left a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// Its place.
    pub index: BackendIndex,
    /// Its address.
    pub address: IpAddr,
    /// Whether another set has it.
    pub is_member: bool,
}

/// Elements of the maps that a generation uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// VIPs.
    pub vips: u32,
    /// Backend sets, in all their parts.
    pub sets: u32,
    /// Backends, healthy or not, with those that leave.
    pub backends: u32,
    /// Tables of size 65537, with earlier ones.
    pub tables_large: u32,
    /// Tables of size 16381, with earlier ones.
    pub tables_small: u32,
    /// Port intervals.
    pub intervals: u32,
    /// Borders of sources.
    pub borders: u32,
    /// Buckets of the flow table.
    pub flow_buckets: u32,
}

/// How two generations differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Slots that are in doubt afterwards, over all sets.
    pub unsettled: u64,
    /// Slots whose established flows move, over all sets.
    pub at_risk: u64,
}

/// What a layout is made from.
pub(super) struct Parts<'a> {
    pub(super) resolved: &'a Resolved,
    pub(super) sets: &'a Sets<'a>,
    pub(super) backends: &'a Backends,
    pub(super) tables: &'a Tables,
    pub(super) vips: &'a Vips,
    pub(super) now: BootTime,
    /// Nothing is to be done.
    pub(super) is_same: bool,
}

impl Parts<'_> {
    pub(super) fn layout(&self, active: ActiveWord, desired: &Desired) -> Layout {
        let mut sets = vec![None; desired.sets.len()];
        for (part, last) in self.sets.parts.iter().zip(&self.tables.last) {
            let set = &mut sets[self.resolved.places[part.set]];
            match set {
                None => *set = Some(self.set(last)),
                Some(set) => set.add(&self.set(last)),
            }
        }
        let deadlines = self.installed_sets().filter_map(|set| set.layers.as_ref()?.next_deadline());
        // Whatever a plan changes can make room for what it had none for; when it changes nothing, the next one will not either.
        let is_starved = !self.is_same && self.tables.last.iter().any(|last| last.is_starved);
        let waiting = (self.vips.is_waiting || is_starved).then_some(self.now);
        Layout {
            generation: active.generation(),
            bank: active.bank(),
            digest: self.resolved.digest,
            vips: self.vips.indexes.to_vec(),
            flow_entries: self.vips.flow_entries.to_vec(),
            sets,
            leaving: self.leaving(),
            next_deadline: deadlines.chain(waiting).min(),
            usage: self.usage(),
        }
    }

    fn installed_sets(&self) -> impl Iterator<Item = &InstalledSet> {
        self.tables.sets.iter().flatten()
    }

    fn set(&self, last: &LastSet) -> SetLayout {
        let installed = self.tables.sets[usize::from(last.index.0)].as_ref();
        let record = installed.map(|set| set.record).unwrap_or_default();
        SetLayout {
            index: last.index,
            table: TableElement::of(record.table),
            previous: record.previous.map(TableElement::of),
            backends: last.backends.to_vec(),
            slots: last.slots.to_vec(),
            unsettled: last.unsettled,
            held: last.held,
            at_risk: last.at_risk,
            until: installed.and_then(|set| set.layers.as_ref()?.until()),
        }
    }

    fn leaving(&self) -> Vec<Leaving> {
        let leaving: BTreeSet<BackendIndex> = self.leaving_indexes().collect();
        let mut is_member = vec![false; self.backends.records.len()];
        if !leaving.is_empty() {
            self.members().for_each(|index| is_member[usize::from(index.0)] = true);
        }
        let record = |index: BackendIndex| self.backends.records.get(usize::from(index.0));
        let of = |index: BackendIndex| Leaving {
            index,
            address: address(record(index).map(|record| record.address).unwrap_or_default()),
            is_member: is_member[usize::from(index.0)],
        };
        leaving.into_iter().map(of).collect()
    }

    /// With repetitions.
    fn leaving_indexes(&self) -> impl Iterator<Item = BackendIndex> {
        self.tables.last.iter().flat_map(|last| last.leaving.iter().map(|(index, _)| *index))
    }

    fn members(&self) -> impl Iterator<Item = BackendIndex> {
        self.backends.of_sets.iter().chain(&self.backends.upcoming).flat_map(|set| set.iter().copied())
    }

    fn usage(&self) -> Usage {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut seen = vec![false; self.backends.records.len()];
        self.members().chain(self.leaving_indexes()).for_each(|index| seen[usize::from(index.0)] = true);
        let [tables_large, tables_small] = self.tables.in_use;
        Usage {
            vips: number(self.vips.indexes.len()),
            sets: number(self.tables.last.len()),
            backends: number(seen.into_iter().filter(|seen| *seen).count()),
            tables_large,
            tables_small,
            intervals: self.vips.intervals,
            borders: self.vips.borders,
            flow_buckets: self.vips.flow_buckets,
        }
    }

    pub(super) fn changes(&self) -> Changes {
        let written = self.tables.written;
        let in_use: u32 = self.tables.in_use.iter().sum();
        let (added, removed) = (self.vips.zero.len(), self.vips.retired.len());
        let sum = |part: fn(&LastSet) -> u32| self.tables.last.iter().map(|set| u64::from(part(set))).sum();
        Changes {
            vips_added: added,
            vips_removed: removed,
            backends_added: self.backends.added,
            tables_written: written,
            tables_reused: in_use as usize - written,
            unsettled: sum(|set| set.unsettled),
            at_risk: sum(|set| set.at_risk),
        }
    }
}
