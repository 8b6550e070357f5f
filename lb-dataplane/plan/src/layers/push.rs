//! What follows from a table that is due.

use std::sync::Arc;
use std::time::Duration;

use guideway_abi::UNSETTLED;

use super::{Layer, LayerKey, Layers, Slots, deadline};
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

/// Which tables there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// All that are needed.
    Both,
    /// A new latest one; the oldest stays as it is.
    First,
    /// No new ones. What changes now is remembered by nobody.
    Neither,
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

/// A slot while it is decided about: its candidates by their places.
#[derive(Clone, Copy)]
struct Slot {
    current: u16,
    first: u16,
    second: u16,
}

/// What holds for all slots.
struct Rules {
    room: Room,
    /// A layer that counts otherwise takes this place in every slot.
    first_taken: bool,
    second_taken: bool,
}

#[derive(Default)]
struct Seen {
    held: u32,
    at_risk: u32,
    first_added: bool,
    second_added: bool,
    upcoming_added: bool,
    any_first: bool,
    any_second: bool,
}

impl Layers {
    /// The layers once `push` is done; also when only time has passed or a backend died.
    ///
    /// # Panics
    /// When the tables are not of the same length.
    #[must_use]
    pub fn push<F: Fn(u16) -> bool>(&self, push: &Push<'_, F>) -> Pushed {
        let pushed = self.pushed(push);
        let before = self.alive(push.now).into_iter().flatten().count();
        let has_ended = before > pushed.layers.previous.iter().flatten().count();
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
        let [first, second] = self.alive(push.now);
        let alike = |layer: Option<&Layer>| layer.filter(|layer| layer.counts_as(&self.current)).cloned();
        let other = |layer: Option<&Layer>| layer.filter(|layer| !layer.counts_as(&self.current)).cloned();
        let (old_first, old_second) = (alike(first), alike(second));
        let (other_first, other_second) = (other(first), other(second));
        // A latest layer that counts otherwise moves back one place if any slot needs its place.
        let makes_way = other_first.is_some() && second.is_none() && push.room != Room::Neither;
        let rules = Rules {
            room: push.room,
            first_taken: other_first.is_some() && !makes_way,
            second_taken: other_second.is_some() || makes_way,
        };
        let taken = other_first.is_some() || other_second.is_some();
        let upcoming = push.upcoming.filter(|_| push.room == Room::Both);

        let mut seen = Seen::default();
        let mut current = Vec::with_capacity(size);
        let mut firsts = vec![0_u16; size];
        let mut seconds = vec![0_u16; size];
        let mut moved = false;
        for at in 0..size {
            let old = self.current[at];
            let slot = if old & UNSETTLED == 0 {
                Slot { current: old, first: 0, second: 0 }
            } else {
                let of = |layer: &Option<Layer>| layer.as_ref().map_or(0, |layer| layer.slots[at]);
                Slot { current: old & !UNSETTLED, first: of(&old_first), second: of(&old_second) }
            };
            let mut slot =
                slot.without_dead(&push.is_alive).push(push.target[at], &rules, &push.is_alive, &mut seen);
            if let Some(upcoming) = upcoming {
                slot.announce(upcoming[at], &rules, &push.is_alive, &mut seen);
            }
            let doubt = if taken || slot.first != 0 || slot.second != 0 { UNSETTLED } else { 0 };
            seen.any_first |= slot.first != 0;
            seen.any_second |= slot.second != 0;
            current.push(slot.current | doubt);
            moved |= current[at] != old;
            firsts[at] = slot.first;
            seconds[at] = slot.second;
        }
        let current: Slots = if moved { current.into() } else { Arc::clone(&self.current) };
        let previous = self.previous_after(
            push,
            &seen,
            Parts {
                makes_way,
                old: [old_first, old_second],
                other: [other_first, other_second],
                firsts,
                seconds,
            },
        );
        Pushed { layers: Self { current, previous }, held: seen.held, at_risk: seen.at_risk }
    }

    fn previous_after<F>(&self, push: &Push<'_, F>, seen: &Seen, parts: Parts) -> [Option<Layer>; 2] {
        let Parts {
            makes_way,
            old: [old_first, old_second],
            other: [other_first, other_second],
            firsts,
            seconds,
        } = parts;
        let fresh = deadline(push.now, push.window);
        let moves_back = makes_way && seen.first_added;
        // Whatever stands in a slot that is settled does not matter, so the former table does as it is.
        let was_settled = old_first.is_none() && old_second.is_none() && self.is_settled();
        let first_until = old_first.as_ref().map(|layer| layer.until);
        let first = match (&other_first, seen.any_first) {
            (Some(layer), _) if !moves_back => Some(layer.clone()),
            (_, false) => None,
            (_, true) if !seen.first_added => old_first.clone(),
            (_, true) => Some(Layer {
                slots: if was_settled && !seen.upcoming_added {
                    Arc::clone(&self.current)
                } else {
                    firsts.into()
                },
                until: first_until.map_or(fresh, |until| until.max(fresh)),
                key: LayerKey::Present,
            }),
        };
        let second_until = old_second.as_ref().map(|layer| layer.until);
        let second = match (other_second, seen.any_second) {
            (Some(layer), _) => Some(layer),
            (None, _) if moves_back => other_first,
            (None, false) => None,
            (None, true) if !seen.second_added => old_second,
            (None, true) => {
                let moved = first_until.unwrap_or(fresh);
                let until = if seen.upcoming_added { fresh.max(moved) } else { moved };
                Some(Layer {
                    slots: seconds.into(),
                    until: second_until.map_or(until, |second| second.max(until)),
                    key: LayerKey::Present,
                })
            }
        };
        [first, second]
    }
}

struct Parts {
    makes_way: bool,
    old: [Option<Layer>; 2],
    /// Those that count otherwise.
    other: [Option<Layer>; 2],
    firsts: Vec<u16>,
    seconds: Vec<u16>,
}

impl Slot {
    /// Without candidates that are dead or stand there twice; the current one stays.
    fn without_dead(mut self, is_alive: &impl Fn(u16) -> bool) -> Self {
        if self.second != 0
            && (self.second == self.current || self.second == self.first || !is_alive(self.second))
        {
            self.second = 0;
        }
        if self.first != 0 && (self.first == self.current || !is_alive(self.first)) {
            self.first = 0;
        }
        self
    }

    fn without(mut self, backend: u16) -> Self {
        if self.first == backend {
            self.first = 0;
        }
        if self.second == backend {
            self.second = 0;
        }
        self
    }

    fn push(self, target: u16, rules: &Rules, is_alive: &impl Fn(u16) -> bool, seen: &mut Seen) -> Self {
        let Self { current, first, second } = self;
        if current == target {
            return self;
        }
        if current == 0 || !is_alive(current) {
            return Self { current: target, ..self.without(target) };
        }
        let candidate = target == first || target == second;
        let first_free = !rules.first_taken && (first == 0 || first == target);
        let second_free = !rules.second_taken && (second == 0 || second == target);
        if rules.room == Room::Neither {
            seen.at_risk += 1;
            return Self { current: target, ..self.without(target) };
        }
        if !candidate && !first_free && !second_free || rules.first_taken {
            seen.held += 1;
            return self;
        }
        seen.first_added = true;
        if first_free {
            return Self {
                current: target,
                first: current,
                second: if second == target { 0 } else { second },
            };
        }
        if rules.room == Room::First {
            seen.at_risk += 1;
            return Self {
                current: target,
                first: current,
                second: if second == target { 0 } else { second },
            };
        }
        seen.second_added = true;
        Self { current: target, first: current, second: first }
    }

    fn announce(&mut self, upcoming: u16, rules: &Rules, is_alive: &impl Fn(u16) -> bool, seen: &mut Seen) {
        let known = upcoming == self.current || upcoming == self.first || upcoming == self.second;
        if known || upcoming == 0 || !is_alive(upcoming) {
            return;
        }
        if self.second == 0 && !rules.second_taken {
            self.second = upcoming;
            seen.second_added = true;
            seen.upcoming_added = true;
        } else if self.first == 0 && !rules.first_taken {
            // The order of candidates that are only asked matters to nobody.
            self.first = upcoming;
            seen.first_added = true;
            seen.upcoming_added = true;
        }
    }
}
