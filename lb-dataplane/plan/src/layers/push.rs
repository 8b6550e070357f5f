//! What follows from a table that is due.

use std::array;
use std::sync::Arc;
use std::time::Duration;

use guideway_abi::{PREVIOUS_TABLES, UNSETTLED};

use super::{Layer, LayerKey, Layers, Slots, compact, deadline};
use crate::BootTime;

/// A table that is due, and what counts besides.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a, F> {
    /// The backend that each slot is to have; none is zero.
    pub target: &'a [u16],
    /// Backends that the slots will be given next, to be candidates already. Only for sets with a second hop: others
    /// send flows that they know nothing of to the last candidate.
    pub upcoming: Option<&'a [u16]>,
    /// Whether a backend can have flows; for any index that is in the layers or the tables, not for zero.
    pub is_alive: F,
    /// The present time.
    pub now: BootTime,
    /// How long a backend that is no longer the first is remembered.
    pub window: Duration,
    /// Which layers may be new ones.
    pub room: Room,
}

/// How many layers, latest first, may be new ones. The others stay as they are, and what would have come to them is
/// remembered by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room(pub usize);

impl Room {
    /// For all that are needed.
    pub const ALL: Self = Self(PREVIOUS_TABLES);
    /// For no new ones.
    pub const NONE: Self = Self(0);
}

/// Layers as they shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The layers.
    pub layers: Layers,
    /// Slots that keep their backend though another one is due.
    pub held: u32,
    /// Slots with a live candidate that is forgotten, because there is no room to remember it.
    pub at_risk: u32,
}

/// The layers that are followed, each at the place that it has while slots are decided about.
struct Places<'a> {
    layers: [Option<&'a Layer>; PREVIOUS_TABLES],
    /// Of each, whether it counts otherwise than the present table: it takes its place in every slot.
    is_other: [bool; PREVIOUS_TABLES],
    /// Places before the first layer that counts otherwise. No candidate may come behind older ones, so that new ones
    /// come here.
    front: usize,
}

/// A slot while it is decided about: its candidates by their places.
#[derive(Clone, Copy)]
struct Slot {
    current: u16,
    previous: [u16; PREVIOUS_TABLES],
}

/// What has been decided so far; arrays are by place.
#[derive(Default)]
struct Seen {
    held: u32,
    at_risk: u32,
    /// Some slot's candidate came here from the place before, or was the present one.
    pushed: [bool; PREVIOUS_TABLES],
    announced: [bool; PREVIOUS_TABLES],
    /// Some slot has a candidate here.
    used: [bool; PREVIOUS_TABLES],
}

impl Layers {
    /// The layers once `push` is done; also when only time has passed or a backend died.
    ///
    /// # Panics
    /// When the tables are not of the same length.
    #[must_use]
    pub fn push<F: Fn(u16) -> bool>(&self, push: &Push<'_, F>) -> Pushed {
        let pushed = self.pushed(push);
        let has_ended = self.alive(push.now).count() > pushed.layers.previous.iter().flatten().count();
        if pushed.held == 0 || !has_ended {
            return pushed;
        }
        // The last candidates of a layer were dead, so that there is a place now for what was held.
        let again = pushed.layers.push(push);
        Pushed { at_risk: pushed.at_risk + again.at_risk, ..again }
    }

    fn pushed<F: Fn(u16) -> bool>(&self, push: &Push<'_, F>) -> Pushed {
        let size = self.current.len();
        assert_eq!(size, push.target.len(), "tables of a set are of the same size");
        let places = Places::new(self, push.now);
        let all_in_doubt = places.is_other.contains(&true);
        let upcoming = push.upcoming.filter(|_| push.room == Room::ALL);

        let mut seen = Seen::default();
        let mut current = Vec::with_capacity(size);
        let mut previous: [Vec<u16>; PREVIOUS_TABLES] = array::from_fn(|_| vec![0; size]);
        let mut moved = false;
        for (at, &old) in self.current.iter().enumerate() {
            let mut slot = Slot { current: old & !UNSETTLED, previous: [0; PREVIOUS_TABLES] };
            if old & UNSETTLED != 0 {
                slot.previous =
                    array::from_fn(|place| places.alike(place).map_or(0, |layer| layer.slots[at]));
                slot.leave_dead(&push.is_alive);
            }
            slot.push(push.target[at], push.room, places.front, &push.is_alive, &mut seen);
            if let Some(upcoming) = upcoming {
                slot.announce(upcoming[at], &places, &push.is_alive, &mut seen);
            }
            let mut is_settled = !all_in_doubt;
            for (place, backend) in slot.previous.into_iter().enumerate().filter(|(_, backend)| *backend != 0)
            {
                is_settled = false;
                seen.used[place] = true;
                previous[place][at] = backend;
            }
            current.push(slot.current | if is_settled { 0 } else { UNSETTLED });
            moved |= current[at] != old;
        }
        let current: Slots = if moved { current.into() } else { Arc::clone(&self.current) };
        let previous = self.previous_after(push, &places, &seen, previous);
        Pushed { layers: Self { current, previous }, held: seen.held, at_risk: seen.at_risk }
    }

    fn previous_after<F>(
        &self,
        push: &Push<'_, F>,
        places: &Places<'_>,
        seen: &Seen,
        slots: [Vec<u16>; PREVIOUS_TABLES],
    ) -> [Option<Layer>; PREVIOUS_TABLES] {
        let fresh = deadline(push.now, push.window);
        // Whatever stands in a slot that is settled does not matter, so the former table does as it is.
        let was_settled = places.layers.iter().all(Option::is_none) && self.is_settled();
        let until = |place: usize| places.layers[place].map(|layer| layer.until);
        let layer = |(place, slots): (usize, Vec<u16>)| {
            let old = places.layers[place];
            let (pushed, announced) = (seen.pushed[place], seen.announced[place]);
            if places.is_other[place] || seen.used[place] && !pushed && !announced {
                return old.cloned();
            }
            let before = if place == 0 { Some(fresh) } else { until(place - 1) };
            let ends = [until(place), before.filter(|_| pushed), Some(fresh).filter(|_| announced)];
            let is_former = place == 0 && was_settled && !announced;
            seen.used[place].then(|| Layer {
                slots: if is_former { Arc::clone(&self.current) } else { slots.into() },
                until: ends.into_iter().flatten().max().unwrap_or(fresh),
                key: LayerKey::Present,
            })
        };
        compact(slots.into_iter().enumerate().filter_map(layer))
    }
}

impl<'a> Places<'a> {
    fn new(layers: &'a Layers, now: BootTime) -> Self {
        let alive: Vec<&Layer> = layers.alive(now).collect();
        let is_other = |layer: &&Layer| !layer.counts_as(&layers.current);
        let first_other = alive.iter().position(is_other).unwrap_or(alive.len());
        // The one that counts otherwise, and all behind it, stand last, whatever is free comes before them.
        let front = PREVIOUS_TABLES - (alive.len() - first_other);
        let mut places = [None; PREVIOUS_TABLES];
        for (at, layer) in alive.into_iter().enumerate() {
            places[if at < first_other { at } else { front + at - first_other }] = Some(layer);
        }
        Self { layers: places, is_other: places.map(|layer| layer.as_ref().is_some_and(is_other)), front }
    }

    /// The layer at a place, if it counts as the present table does.
    fn alike(&self, place: usize) -> Option<&'a Layer> {
        self.layers[place].filter(|_| !self.is_other[place])
    }
}

impl Slot {
    /// Without candidates that are dead or stand there twice; the current one stays.
    fn leave_dead(&mut self, is_alive: &impl Fn(u16) -> bool) {
        for place in 0..PREVIOUS_TABLES {
            let (before, [backend, ..]) = self.previous.split_at_mut(place) else { return };
            let is_known = *backend == self.current || before.contains(backend);
            if *backend != 0 && (is_known || !is_alive(*backend)) {
                *backend = 0;
            }
        }
    }

    fn leave(&mut self, backend: u16) {
        for previous in self.previous.iter_mut().filter(|previous| **previous == backend) {
            *previous = 0;
        }
    }

    fn push(
        &mut self,
        target: u16,
        room: Room,
        front: usize,
        is_alive: &impl Fn(u16) -> bool,
        seen: &mut Seen,
    ) {
        if self.current == target {
            return;
        }
        if self.current != 0 && is_alive(self.current) {
            let is_free = |backend: &u16| *backend == 0 || *backend == target;
            let free = self.previous[..front].iter().position(is_free);
            if free.is_none() && room != Room::NONE {
                seen.held += 1;
                return;
            }
            // Each candidate up to the free place goes one further; the last for which there is room is forgotten.
            let moved = free.map_or(0, |free| room.0.min(free + 1));
            if free.is_none_or(|free| free >= moved) {
                seen.at_risk += 1;
            }
            if let Some(last) = moved.checked_sub(1) {
                self.previous.copy_within(..last, 1);
                self.previous[0] = self.current;
                seen.pushed[..moved].fill(true);
            }
        }
        self.leave(target);
        self.current = target;
    }

    fn announce(
        &mut self,
        upcoming: u16,
        places: &Places<'_>,
        is_alive: &impl Fn(u16) -> bool,
        seen: &mut Seen,
    ) {
        let is_known = upcoming == self.current || self.previous.contains(&upcoming);
        if is_known || upcoming == 0 || !is_alive(upcoming) {
            return;
        }
        // The order of candidates that are only asked matters to nobody.
        let is_free = |place: &usize| self.previous[*place] == 0 && !places.is_other[*place];
        if let Some(place) = (0..PREVIOUS_TABLES).rev().find(is_free) {
            self.previous[place] = upcoming;
            seen.announced[place] = true;
        }
    }
}
