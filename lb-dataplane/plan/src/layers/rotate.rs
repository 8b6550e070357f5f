//! A change of the seed.

use std::sync::Arc;
use std::time::Duration;

use guideway_abi::UNSETTLED;
use thiserror::Error;

use super::{Layer, LayerKey, Layers, Slots, deadline};
use crate::BootTime;

/// Why the seed cannot change now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RotateError {
    /// What is remembered of earlier changes has no place beside what this one has to remember.
    #[error("flows of two earlier changes are still looked after")]
    InDoubt {
        /// When the seed can change.
        until: BootTime,
    },
}

impl Layers {
    /// The layers after a change of the seed, which gives every flow another slot: `target` is the table by the new one,
    /// and everything that is there is remembered by the earlier flow key.
    ///
    /// # Errors
    /// See [`RotateError`].
    pub fn rotate(&self, target: &[u16], now: BootTime, window: Duration) -> Result<Self, RotateError> {
        let [first, second] = self.alive(now);
        let by_earlier = first.filter(|layer| layer.key == LayerKey::Earlier);
        if let Some(until) = [by_earlier, second].into_iter().flatten().map(|layer| layer.until).max() {
            return Err(RotateError::InDoubt { until });
        }
        let was_settled = self.is_settled();
        let former: Slots = if was_settled {
            Arc::clone(&self.current)
        } else {
            self.current.iter().map(|slot| slot & !UNSETTLED).collect()
        };
        let second = first.filter(|_| !was_settled).map(|layer| Layer {
            // Without what stands in settled slots, which means nothing.
            slots: std::iter::zip(&*self.current, &*layer.slots)
                .map(|(current, &slot)| if current & UNSETTLED == 0 { 0 } else { slot })
                .collect(),
            until: layer.until,
            key: LayerKey::Earlier,
        });
        let first = Layer { slots: former, until: deadline(now, window), key: LayerKey::Earlier };
        Ok(Self {
            current: target.iter().map(|slot| slot | UNSETTLED).collect(),
            previous: [Some(first), second],
        })
    }
}
