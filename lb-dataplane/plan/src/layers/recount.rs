//! A change of the seed or of the tables' size.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use guideway_abi::{PREVIOUS_TABLES, UNSETTLED};
use thiserror::Error;

use super::{Layer, LayerKey, Layers, Push, Pushed, Slots, compact, deadline};
use crate::BootTime;

/// Why the seed cannot change now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RotateError {
    /// What is remembered of earlier changes has no place beside what this one has to remember.
    #[error("flows of earlier changes are still looked after")]
    InDoubt {
        /// When the seed can change.
        until: BootTime,
    },
}

/// To which flow key a change of the seed leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// To one by which nothing is counted yet.
    New,
    /// To the one by which earlier tables are counted: what they have was announced, or it was the present one before.
    Back,
}

impl Layers {
    /// The layers after a change of the seed: the target is the table by the new one, of any size, and everything that is
    /// there is remembered by the key that was the present one.
    ///
    /// # Errors
    /// See [`RotateError`].
    pub fn rotate<F: Fn(u16) -> bool>(
        &self,
        rotation: Rotation,
        push: &Push<'_, F>,
    ) -> Result<Self, RotateError> {
        let &Push { target, now, window, .. } = push;
        let alive: Vec<&Layer> = self.alive(now).collect();
        // One place is for what is the present table yet.
        let full = |layers: &[&Layer]| {
            layers.iter().map(|layer| layer.until).min().filter(|_| layers.len() == PREVIOUS_TABLES)
        };
        match rotation {
            Rotation::New => {
                let by_earlier = alive.iter().filter(|layer| layer.key == LayerKey::Earlier);
                if let Some(until) = by_earlier.map(|layer| layer.until).chain(full(&alive)).max() {
                    return Err(RotateError::InDoubt { until });
                }
                Ok(self.recounted(target, now, window, &alive, |_| LayerKey::Earlier))
            }
            Rotation::Back => {
                // What was announced says nothing that the target does not say.
                let is_target = |layer: &Layer| {
                    let says =
                        |(&slot, &due): (&u16, &u16)| slot == 0 || slot == due || !(push.is_alive)(slot);
                    layer.key == LayerKey::Earlier
                        && layer.slots.len() == target.len()
                        && iter::zip(&*layer.slots, target).all(says)
                };
                let kept: Vec<&Layer> = alive.into_iter().filter(|layer| !is_target(layer)).collect();
                if let Some(until) = full(&kept) {
                    return Err(RotateError::InDoubt { until });
                }
                let exchanged = |key| match key {
                    LayerKey::Present => LayerKey::Earlier,
                    LayerKey::Earlier => LayerKey::Present,
                };
                // A layer that counts as the present one again may have backends that are dead.
                Ok(self.recounted(target, now, window, &kept, exchanged).push(push).layers)
            }
        }
    }

    /// The layers after a change of the tables' size alone. Unlike a change of the seed it does not wait for a place: what
    /// finds none is forgotten, and the slots whose flows may depend on it are at risk.
    #[must_use]
    pub fn resize<F: Fn(u16) -> bool>(&self, push: &Push<'_, F>) -> Pushed {
        let &Push { target, now, window, room, .. } = push;
        let Some(others) = room.0.checked_sub(1) else {
            let (layers, at_risk) = (Self::settled(target.into()), self.slots_with_flows(None));
            return Pushed { layers, held: 0, at_risk };
        };
        let alive: Vec<&Layer> = self.alive(now).collect();
        let (kept, forgotten) = alive.split_at(others.min(alive.len()));
        let layers = self.recounted(target, now, window, kept, |key| key);
        let at_risk = forgotten.iter().map(|layer| self.slots_with_flows(Some(layer))).max();
        // Those that are kept may count as the present one does, and have backends that are dead.
        let pushed = layers.push(push);
        Pushed { at_risk: pushed.at_risk + at_risk.unwrap_or(0), ..pushed }
    }

    /// Slots whose flows can be on a backend of an earlier table, or on any.
    fn slots_with_flows(&self, layer: Option<&Layer>) -> u32 {
        let slots = match layer.filter(|layer| layer.counts_as(&self.current)) {
            Some(layer) => self.in_doubt(layer).iter().filter(|slot| **slot != 0).count(),
            None => self.current.len(),
        };
        u32::try_from(slots).unwrap_or(u32::MAX)
    }

    /// `target` in the place of the present table, with every slot in doubt. `before`: the earlier tables that stay, fewer than places.
    /// `key`: by what an earlier table is counted from now on.
    fn recounted(
        &self,
        target: &[u16],
        now: BootTime,
        window: Duration,
        before: &[&Layer],
        key: impl Fn(LayerKey) -> LayerKey,
    ) -> Self {
        let was_settled = self.is_settled();
        let former: Slots = if was_settled {
            Arc::clone(&self.current)
        } else {
            self.current.iter().map(|slot| slot & !UNSETTLED).collect()
        };
        let first = Layer { slots: former, until: deadline(now, window), key: key(LayerKey::Present) };
        let before = before.iter().filter(|_| !was_settled).map(|layer| Layer {
            slots: self.in_doubt(layer),
            until: layer.until,
            key: key(layer.key),
        });
        Self {
            current: target.iter().map(|slot| slot | UNSETTLED).collect(),
            previous: compact([first].into_iter().chain(before)),
        }
    }

    /// The slots of an earlier table without those that mean nothing, because the present one's is settled.
    pub(super) fn in_doubt(&self, layer: &Layer) -> Slots {
        if !layer.counts_as(&self.current) {
            // All of the present table's are in doubt.
            return Arc::clone(&layer.slots);
        }
        iter::zip(&*self.current, &*layer.slots)
            .map(|(current, &slot)| if current & UNSETTLED == 0 { 0 } else { slot })
            .collect()
    }
}
