//! What is due for one set.

use std::sync::Arc;

use guideway_abi::{PREVIOUS_TABLES, SetRecord, UNSETTLED};

use super::{Inputs, record};
use crate::digest::table_digest;
use crate::installed::InstalledSet;
use crate::layers::{LayerKey, Layers, Push, Pushed, Room, RotateError, Slots};
use crate::memory::LastSet;
use crate::plan::PlanError;
use crate::plan::earlier::{Past, Told};
use crate::plan::sets::Part;
use crate::resolved::ResolvedSet;
use crate::{BackendIndex, SetIndex, TableElement, TableSize};

/// A part of a set, and what decides about its tables.
pub(super) struct Due<'a> {
    pub(super) index: SetIndex,
    pub(super) resolved: &'a Arc<ResolvedSet>,
    inputs: &'a Inputs<'a>,
    part: &'a Part<'a>,
    backends: &'a Arc<[BackendIndex]>,
    upcoming: &'a Arc<[BackendIndex]>,
    /// As it is installed.
    old: Option<&'a InstalledSet>,
    last: Option<&'a LastSet>,
    /// What it had before, as others know it.
    told: &'a Told,
    /// Backends in its layers that are no members, and whether they are alive.
    leaving: Vec<(BackendIndex, bool)>,
}

/// How the layers come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) room: Room,
    /// From what others know of the set's past.
    pub(super) is_told: bool,
    /// With what comes next.
    pub(super) announces: bool,
}

/// Layers as they shall be.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub(super) layers: Option<Layers>,
    pub(super) held: u32,
    pub(super) at_risk: u32,
    pub(super) way: Way,
    /// Digests of the tables that are not those of the installed set: present one, then earlier ones.
    pub(super) digests: [Option<[u64; 2]>; 1 + PREVIOUS_TABLES],
    /// The backends in the layers, sorted.
    pub(super) backends: Arc<[u16]>,
    /// Slots of each member in the present table.
    pub(super) slots: Arc<[u32]>,
    /// Slots in doubt.
    pub(super) unsettled: u32,
    /// The layers without what is announced, when something is.
    pub(super) unannounced: Option<Box<Layers>>,
}

impl<'a> Due<'a> {
    pub(super) fn new(inputs: &'a Inputs<'a>, place: usize) -> Self {
        let part = &inputs.sets.parts[place];
        let set = part.set;
        let mut due = Self {
            index: part.index,
            resolved: &inputs.resolved.sets[set],
            inputs,
            part,
            backends: &inputs.backends.of_sets[set],
            upcoming: &inputs.backends.upcoming[set],
            old: part.installed(inputs.installed),
            last: part.last(inputs.resolved),
            // It is the set's own past. Further parts brought theirs along.
            told: if place == set { &inputs.earlier[set] } else { &Told::Nothing },
            leaving: Vec::new(),
        };
        due.leaving = due.leaving();
        due
    }

    fn leaving(&self) -> Vec<(BackendIndex, bool)> {
        let Some(old) = self.old else { return Vec::new() };
        let alive = |index: BackendIndex| {
            let record = self.inputs.installed.backends.get(usize::from(index.0));
            (index, record.is_some_and(|record| self.inputs.leaving.is_alive(&record.address)))
        };
        match self.last.filter(|last| Arc::ptr_eq(&last.resolved, self.resolved)) {
            Some(last) => last.leaving.iter().map(|(index, _)| alive(*index)).collect(),
            None => old
                .backends
                .iter()
                .map(|&index| BackendIndex(index))
                .filter(|index| !self.backends.contains(index) && !self.upcoming.contains(index))
                .map(alive)
                .collect(),
        }
    }

    /// The set as it is, when nothing about it has changed since the last plan and nothing is over.
    pub(super) fn same(&self) -> Option<(InstalledSet, LastSet)> {
        let (old, last) = (self.old?, self.last?);
        let is_over = |layers: &Layers| layers.next_deadline().is_some_and(|until| until <= self.inputs.now);
        let same = Arc::ptr_eq(&last.resolved, self.resolved)
            && last.leaving == self.leaving
            && !last.is_starved
            && !self.part.has_lost()
            && self.past().is_none()
            && self.inputs.earlier_key.rotation().is_none()
            && !self.lacks_key()
            && !old.layers.as_ref().is_some_and(is_over);
        same.then(|| (old.clone(), LastSet { at_risk: 0, ..last.clone() }))
    }

    pub(super) fn size(&self) -> TableSize {
        self.resolved.set.table_size
    }

    pub(super) fn record(&self) -> SetRecord {
        record(&self.resolved.set)
    }

    /// The tables that the installed set refers to.
    pub(super) fn old_tables(&self) -> impl Iterator<Item = (TableElement, &Slots)> {
        self.old.into_iter().flat_map(InstalledSet::tables)
    }

    fn past(&self) -> Option<&'a Past> {
        match self.told {
            Told::Past(past) => Some(past),
            Told::Nothing | Told::Later | Told::NoRoom => None,
        }
    }

    /// The ways to settle, best ones first. What is remembered here comes before what others know when there is no room
    /// for both.
    pub(super) fn ways(&self) -> impl Iterator<Item = Way> + use<> {
        let told = (1..=Room::ALL.0).rev().map(|new| (Room(new), true));
        let own = (0..=Room::ALL.0).rev().map(|new| (Room(new), false));
        let best = self.best_way();
        let ways = told.filter(move |_| best.is_told).chain(own);
        ways.flat_map(move |(room, is_told)| {
            // A slot has its last candidates by what is announced only while it has all of its own.
            let announces = best.announces && room == Room::ALL;
            let with = announces.then_some(Way { room, is_told, announces });
            with.into_iter().chain([Way { room, is_told, announces: false }])
        })
    }

    fn best_way(&self) -> Way {
        let announces = self.resolved.upcoming.is_some() && !self.lacks_key();
        Way { room: Room::ALL, is_told: self.past().is_some(), announces }
    }

    /// Whether what comes next cannot be said, as earlier tables are counted by another key than that of its seed.
    fn lacks_key(&self) -> bool {
        let seed = self.resolved.set.upcoming.as_ref().map(|upcoming| &upcoming.seed);
        seed.is_some_and(|seed| {
            *seed != self.resolved.seed && self.inputs.earlier_key.announced() != Some(seed)
        })
    }

    /// Whether what comes next counts slots otherwise, so that the present table will be an earlier one.
    pub(super) fn will_be_recounted(&self) -> bool {
        let set = &self.resolved.set;
        let is_another = set.upcoming.as_ref().is_some_and(|upcoming| {
            upcoming.seed != self.resolved.seed || upcoming.table_size != set.table_size
        });
        is_another && self.best_way().announces
    }

    /// The layers that are due if there is room for all.
    pub(super) fn best(&self) -> Result<Settled, PlanError> {
        self.settle(self.best_way())
    }

    fn alive(&self) -> Vec<bool> {
        let mut alive = vec![false; self.inputs.installed.backends.len()];
        for index in self.past().iter().flat_map(|past| &past.backends) {
            alive[usize::from(index.0)] = self.is_alive_outside(*index);
        }
        for index in self.part.lost(self.inputs.installed).flat_map(|lost| lost.backends.iter()) {
            alive[usize::from(*index)] = self.is_alive_outside(BackendIndex(*index));
        }
        let upcoming = self.resolved.set.upcoming_members().iter().zip(&**self.upcoming);
        let members = self.resolved.set.members.iter().zip(&**self.backends);
        for (member, index) in upcoming.clone().chain(members) {
            alive[usize::from(index.0)] = member.healthy;
        }
        // Who will serve next can have flows by others already, also one that is not said to be healthy here yet.
        for (_, index) in upcoming.filter(|(member, _)| member.healthy) {
            alive[usize::from(index.0)] = true;
        }
        for (index, is_alive) in &self.leaving {
            alive[usize::from(index.0)] = *is_alive;
        }
        alive
    }

    /// Whether a backend lives that is no member.
    fn is_alive_outside(&self, index: BackendIndex) -> bool {
        let record = self.inputs.backends.records.get(usize::from(index.0));
        record.is_some_and(|record| self.inputs.leaving.is_alive(&record.address))
    }

    /// The layers that are due in this way.
    pub(super) fn settle(&self, way: Way) -> Result<Settled, PlanError> {
        let Way { room, is_told, announces } = way;
        let old = self.old.and_then(|old| old.layers.as_ref());
        let alive = self.alive();
        let is_alive = |backend: u16| alive.get(usize::from(backend)).copied().unwrap_or(false);
        let Some(target) = self.resolved.filled.target(self.backends) else {
            let at_risk = old.map_or(0, |old| moved(old, None, is_alive));
            return Ok(Settled {
                layers: None,
                held: 0,
                at_risk,
                way,
                digests: [None; 1 + PREVIOUS_TABLES],
                backends: Arc::default(),
                slots: self.backends.iter().map(|_| 0).collect(),
                unsettled: 0,
                unannounced: None,
            });
        };
        let (now, window) = (self.inputs.now, self.resolved.set.drain_window);
        let push = Push { target: &target, upcoming: None, is_alive: &is_alive, now, window, room };
        let old = self.unannounced().or(old);
        if let (Some(old), Some(rotation)) = (old, self.inputs.earlier_key.rotation()) {
            let rotated = old.rotate(rotation, &push).map_err(|error| {
                let RotateError::InDoubt { until } = error;
                PlanError::SeedInDoubt { set: self.resolved.set.name.clone(), until, now }
            })?;
            return Ok(self.settled(rotated, 0, 0, way));
        }
        let pushed = match (old, self.past().filter(|_| is_told)) {
            (Some(old), None) if old.current.len() == target.len() => old.push(&push),
            (Some(old), None) => old.resize(&push),
            (old, Some(past)) => Layers::replayed(&past.tables, old.map(|old| &*old.current), &push),
            (None, None) => Layers::settled(Arc::clone(&target)).push(&push),
        };
        let pushed =
            Pushed { at_risk: pushed.at_risk.saturating_add(self.lost(&target, is_alive)), ..pushed };
        let Some(announced) = self.announced(&pushed.layers, &push).filter(|_| announces) else {
            return Ok(self.settled(pushed.layers, pushed.held, pushed.at_risk, way));
        };
        let settled = self.settled(announced, pushed.held, pushed.at_risk, way);
        Ok(Settled { unannounced: Some(Box::new(pushed.layers)), ..settled })
    }

    /// `layers` with what comes next; `None` when there is nothing to say or no place for it.
    fn announced<F: Fn(u16) -> bool + Copy>(&self, layers: &Layers, push: &Push<'_, F>) -> Option<Layers> {
        let upcoming = self.resolved.upcoming.as_ref()?.target(self.upcoming)?;
        let is_present = self.resolved.set.upcoming.as_ref()?.seed == self.resolved.seed;
        let key = if is_present { LayerKey::Present } else { LayerKey::Earlier };
        layers.announce(&upcoming, key, push)
    }

    /// The layers without what the last plan announced: it leaves nothing behind, whether it comes or is given up.
    fn unannounced(&self) -> Option<&Layers> {
        self.old.and(self.part.before)?.unannounced.as_deref()
    }

    /// Slots of other sets whose flows come to this part without what was remembered of them.
    fn lost(&self, target: &[u16], is_alive: impl Fn(u16) -> bool) -> u32 {
        let lost = self.part.lost(self.inputs.installed).filter_map(|lost| lost.layers.as_ref());
        lost.map(|lost| moved(lost, Some(target), &is_alive)).fold(0, u32::saturating_add)
    }

    /// Layers that remember nothing.
    pub(super) fn forget(&self) -> Option<Settled> {
        let target = self.resolved.filled.target(self.backends)?;
        let alive = self.alive();
        let is_alive = |backend: u16| alive.get(usize::from(backend)).copied().unwrap_or(false);
        let old = self.old.and_then(|old| old.layers.as_ref());
        let at_risk = old.map_or(0, |old| moved(old, Some(&target), is_alive)) + self.lost(&target, is_alive);
        let way = Way { room: Room::NONE, is_told: false, announces: false };
        Some(self.settled(Layers::settled(target), 0, at_risk, way))
    }

    fn settled(&self, layers: Layers, held: u32, at_risk: u32, way: Way) -> Settled {
        let digest = |slots: Option<&Slots>| {
            let slots = slots?;
            let is_known = self.old_tables().any(|(_, known)| Arc::ptr_eq(known, slots));
            (!is_known).then(|| table_digest(slots))
        };
        let mut digests = [None; 1 + PREVIOUS_TABLES];
        for (place, slots) in digests.iter_mut().zip(layers.tables()) {
            *place = digest(slots);
        }
        let mut counts = vec![0_u32; self.inputs.installed.backends.len()];
        for slot in &*layers.current {
            counts[usize::from(slot & !UNSETTLED)] += 1;
        }
        let slots = self.backends.iter().map(|index| counts[usize::from(index.0)]).collect();
        // An earlier table's count for no more than that they are there.
        for slot in layers.previous.iter().flatten().flat_map(|layer| layer.slots.iter()) {
            counts[usize::from(slot & !UNSETTLED)] |= 1;
        }
        let backends = (0..UNSETTLED).zip(counts).skip(1).filter(|(_, count)| *count > 0);
        Settled {
            backends: backends.map(|(backend, _)| backend).collect(),
            slots,
            unsettled: layers.unsettled(),
            layers: Some(layers),
            held,
            at_risk,
            way,
            digests,
            unannounced: None,
        }
    }

    /// What the next plan is to know of the set.
    fn last(&self, settled: &Settled) -> LastSet {
        let leaving = settled.backends.iter().map(|&index| BackendIndex(index));
        let leaving =
            leaving.filter(|index| !self.backends.contains(index) && !self.upcoming.contains(index));
        let is_told = settled.way.is_told;
        let lacks_upcoming = settled.unannounced.is_none() && self.resolved.upcoming.is_some();
        let lacks_past = match self.told {
            Told::Nothing => false,
            // Now is the time.
            Told::Later => settled.layers.is_some() && settled.unsettled == 0,
            Told::NoRoom | Told::Past(_) => settled.layers.is_some() && !is_told,
        };
        LastSet {
            index: self.index,
            resolved: Arc::clone(self.resolved),
            backends: Arc::clone(self.backends),
            upcoming: Arc::clone(self.upcoming),
            leaving: leaving.map(|index| (index, self.is_alive_outside(index))).collect(),
            slots: Arc::clone(&settled.slots),
            unsettled: settled.unsettled,
            held: settled.held,
            at_risk: settled.at_risk,
            unannounced: settled.unannounced.clone(),
            is_starved: lacks_upcoming || lacks_past,
        }
    }

    pub(super) fn installed(&self, settled: Settled, record: SetRecord) -> (InstalledSet, LastSet) {
        let last = self.last(&settled);
        (InstalledSet { record, layers: settled.layers, backends: settled.backends }, last)
    }

    /// A change of the seed has to be remembered as a whole, or it does not happen.
    pub(super) fn rotates(&self) -> bool {
        self.inputs.earlier_key.rotation().is_some() && self.old.is_some_and(|old| old.layers.is_some())
    }
}

/// Slots with flows that `target` moves when nothing is remembered.
fn moved(old: &Layers, target: Option<&[u16]>, is_alive: impl Fn(u16) -> bool) -> u32 {
    // In a table of another size flows have other slots.
    let target = target.filter(|target| target.len() == old.current.len());
    let moves = old.current.iter().enumerate().filter(|(slot, current)| {
        let backend = *current & !UNSETTLED;
        let stays = target.is_some_and(|target| target[*slot] == backend);
        *current & UNSETTLED != 0 || !stays && is_alive(backend)
    });
    u32::try_from(moves.count()).unwrap_or(u32::MAX)
}
