//! Where flows of a slot can be: the present table of a backend set and up to [`PREVIOUS_TABLES`] earlier ones.
//!
//! A slot is *settled* when the backend in it is the only one that any live flow of it can belong to. A change that moves
//! a slot from one live backend to another leaves it *unsettled* for the set's drain window: its *candidates* are then the
//! present backend and the earlier ones, latest first, at most four. [`Layers::push`] is the whole of it: from the
//! layers as they are, and the table that is due, it gives the layers as they shall be. It decides slot by slot:
//!
//! 1. Candidates that are dead, and those in a layer whose time is over, are candidates no more.
//! 2. A dead present backend gives way to the one that is due; nothing of it is left to remember.
//! 3. A slot that has the backend that is due stays as it is.
//! 4. Otherwise the one that is due comes first and the others follow in their order. The former first one is
//!    remembered for a drain window from now on; each of the others at least as long as before.
//! 5. Unless that would make five: then the slot is *held*. It keeps its backend until a candidate is gone.
//!
//! When nothing is in doubt, the present table is the one that is due, bit for bit, whatever came before.
//!
//! A change of the seed or of the tables' size gives every flow another slot: then all slots are in doubt, and earlier tables
//! are looked at where a flow was by their own count ([`Layers::rotate`], [`Layers::resize`]).
//!
//! What comes next can be a candidate before it comes ([`Layers::announce`]).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use std::{array, iter};

use guideway_abi::{PREVIOUS_TABLES, UNSETTLED};

use crate::BootTime;

mod announce;
mod push;
mod recount;
mod replay;

pub use push::{Push, Pushed, Room};
pub use recount::{RotateError, Rotation};
pub use replay::Former;

/// Slots of a table: backend indexes, zero for none.
pub type Slots = Arc<[u16]>;

/// The layers of a backend set.
#[derive(Clone, PartialEq, Eq)]
pub struct Layers {
    /// The present table. Unsettled slots have [`UNSETTLED`].
    pub current: Slots,
    /// Earlier tables, latest first, without gaps. Their slots matter where `current` is unsettled only.
    pub previous: [Option<Layer>; PREVIOUS_TABLES],
}

/// An earlier table.
#[derive(Clone, PartialEq, Eq)]
pub struct Layer {
    /// Backend of each slot, zero where there is none. Not always as many as the present table has.
    pub slots: Slots,
    /// When nobody follows it any more.
    pub until: BootTime,
    /// How its slots are counted.
    pub key: LayerKey,
}

/// The key of the flow hash by which the slots of a [`Layer`] are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKey {
    /// The present one.
    Present,
    /// Another one: that before the last change of the seed, or that of the next one.
    Earlier,
}

impl Layers {
    /// A table without a past.
    #[must_use]
    pub fn settled(table: Slots) -> Self {
        Self { current: table, previous: [const { None }; PREVIOUS_TABLES] }
    }

    /// Whether any slot is in doubt.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.current.iter().any(|slot| slot & UNSETTLED != 0)
    }

    /// Slots in doubt.
    #[must_use]
    pub fn unsettled(&self) -> u32 {
        self.current.iter().map(|slot| u32::from(slot >> 15)).sum()
    }

    /// The backends at which a flow of a slot can be, present one first; zeros behind the last. `slot_in` gives the flow's
    /// slot in an earlier table. This is what the forwarder sees.
    #[must_use]
    pub fn candidates(
        &self,
        slot: usize,
        slot_in: impl Fn(&Layer) -> usize,
        is_alive: impl Fn(u16) -> bool,
    ) -> [u16; 1 + PREVIOUS_TABLES] {
        let current = self.current[slot];
        let mut candidates = [0; 1 + PREVIOUS_TABLES];
        candidates[0] = current & !UNSETTLED;
        if current & UNSETTLED == 0 {
            return candidates;
        }
        let mut count = 1;
        for layer in self.previous.iter().flatten() {
            let backend = layer.slots[slot_in(layer)];
            if backend != 0 && is_alive(backend) && !candidates.contains(&backend) {
                candidates[count] = backend;
                count += 1;
            }
        }
        candidates
    }

    /// The present table, then the earlier ones by their places.
    pub(crate) fn tables(&self) -> impl Iterator<Item = Option<&Slots>> {
        let previous = self.previous.iter().map(|layer| layer.as_ref().map(|layer| &layer.slots));
        iter::once(Some(&self.current)).chain(previous)
    }

    /// When the next layer's time is over.
    #[must_use]
    pub fn next_deadline(&self) -> Option<BootTime> {
        self.previous.iter().flatten().map(|layer| layer.until).min()
    }

    /// When nothing is in doubt any more if nothing else changes.
    #[must_use]
    pub fn until(&self) -> Option<BootTime> {
        self.previous.iter().flatten().map(|layer| layer.until).max()
    }

    /// The earlier tables that are still to be followed at `now`, latest first.
    pub(crate) fn alive(&self, now: BootTime) -> impl Iterator<Item = &Layer> {
        self.previous.iter().flatten().filter(move |layer| layer.until > now)
    }
}

impl Layer {
    /// Whether a flow has the same slot in it as in a present table of this size. If not, any flow can be in any slot of the
    /// present one.
    pub(crate) fn counts_as(&self, present: &[u16]) -> bool {
        self.key == LayerKey::Present && self.slots.len() == present.len()
    }
}

// Tables have up to 65,537 slots, which nobody can read.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.current[..self.current.len().min(SHOWN)];
        let (unsettled, previous) = (self.unsettled(), &self.previous);
        f.debug_struct("Layers")
            .field("start", &start)
            .field("unsettled", &unsettled)
            .field("previous", previous)
            .finish()
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.slots[..self.slots.len().min(SHOWN)];
        f.debug_struct("Layer")
            .field("start", &start)
            .field("until", &self.until)
            .field("key", &self.key)
            .finish()
    }
}

/// Slots that are shown in debug output.
const SHOWN: usize = 16;

/// At their places, without gaps; there are no more than places.
fn compact(layers: impl IntoIterator<Item = Layer>) -> [Option<Layer>; PREVIOUS_TABLES] {
    let mut layers = layers.into_iter();
    array::from_fn(|_| layers.next())
}

/// Until when something is remembered that is put away now.
fn deadline(now: BootTime, window: Duration) -> BootTime {
    now.after(window)
}

#[cfg(test)]
mod tests;
