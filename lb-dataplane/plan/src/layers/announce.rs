//! What comes next, as a candidate before it comes.

use guideway_abi::{PREVIOUS_TABLES, UNSETTLED};

use super::{Layer, LayerKey, Layers, Push, Slots, compact, deadline};

impl Layers {
    /// The layers in which what has been pushed by `push` has those of `next` as last candidates, a table of any size that
    /// will be counted by `key`. `None` when there is no place for it. Only for sets with a second hop: others send flows that
    /// they know nothing of to the last candidate.
    #[must_use]
    pub fn announce<F: Fn(u16) -> bool + Copy>(
        &self,
        next: &Slots,
        key: LayerKey,
        push: &Push<'_, F>,
    ) -> Option<Self> {
        let next = Layer { slots: Slots::clone(next), until: deadline(push.now, push.window), key };
        if next.counts_as(&self.current) {
            return Some(self.push(&Push { upcoming: Some(&next.slots), ..*push }).layers);
        }
        if self.alive(push.now).any(|layer| layer.key == key && layer.slots == next.slots) {
            return Some(self.clone());
        }
        if self.alive(push.now).count() == PREVIOUS_TABLES {
            return None;
        }
        let known = self.alive(push.now).map(|layer| Layer { slots: self.in_doubt(layer), ..layer.clone() });
        let previous = compact(known.chain([next]));
        Some(Self { current: self.current.iter().map(|slot| slot | UNSETTLED).collect(), previous })
    }
}
