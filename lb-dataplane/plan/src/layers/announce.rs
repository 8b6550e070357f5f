//! What comes next, as a candidate before it comes.

use guideway_abi::UNSETTLED;

use super::{Layer, LayerKey, Layers, Push, Slots, deadline};

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
        let alive = self.alive(push.now);
        if next.counts_as(&self.current) {
            return Some(self.push(&Push { upcoming: Some(&next.slots), ..*push }).layers);
        }
        if alive.into_iter().flatten().any(|layer| layer.key == key && layer.slots == next.slots) {
            return Some(self.clone());
        }
        // Candidates that are only asked: their order matters to nobody.
        let free = alive.iter().rposition(Option::is_none)?;
        let mut previous =
            alive.map(|layer| layer.map(|layer| Layer { slots: self.in_doubt(layer), ..layer.clone() }));
        previous[free] = Some(next);
        Some(Self { current: self.current.iter().map(|slot| slot | UNSETTLED).collect(), previous })
    }
}
