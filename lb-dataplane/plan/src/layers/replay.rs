//! The layers of one that was told what came before.

use guideway_abi::UNSETTLED;

use super::{Layers, Push, Pushed, Slots};
use crate::BootTime;

/// A table that the slots had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Former {
    /// Its slots; none is zero.
    pub slots: Slots,
    /// When the next one took its place.
    pub replaced: BootTime,
}

impl Layers {
    /// The layers of a set whose slots had the tables of `past`, oldest first, and then that of `push`.
    ///
    /// Who was there pushed every table at its time, and again whenever a layer was over, and has the same layers, as long as
    /// nobody died whom a slot was held for: such a slot may have another backend there than here until its layers end.
    ///
    /// `own` is what the slots have had here until now, all of them settled. Flows that were opened by it must not be lost
    /// for the sake of those that others know of: where there is no place for both, all of `past` but the last one is
    /// forgotten, in these slots. What else of `past` finds no room is not at risk for that, as nobody here knew it before.
    ///
    /// # Panics
    /// When the tables are not of the same length.
    #[must_use]
    pub fn replayed<F: Fn(u16) -> bool>(past: &[Former], own: Option<&[u16]>, push: &Push<'_, F>) -> Pushed {
        let told = told(past, push);
        let Some(own) = own else { return told.push(push) };
        let at = |layers: &Self, target: &[u16]| layers.push(&simple(push, target, push.now));
        let mut before = told.backends();
        let live = own.iter().zip(&before).map(|(&own, &told)| if (push.is_alive)(own) { own } else { told });
        let own: Vec<u16> = live.collect();
        // For no time the slots have what they have had here; then they are given back.
        let mut visited = at(&told, &own);
        if visited.held > 0 {
            let told = self::told(&yielding(past, &visited.layers.backends(), &own), push);
            before = told.backends();
            visited = at(&told, &own);
        }
        let returned = at(&visited.layers, &before);
        let pushed = returned.layers.push(push);
        Pushed { at_risk: returned.at_risk + pushed.at_risk, ..pushed }
    }

    /// The present table without the mark of slots in doubt.
    fn backends(&self) -> Vec<u16> {
        self.current.iter().map(|slot| slot & !UNSETTLED).collect()
    }
}

/// As those have it who were told everything at its time.
fn told<F: Fn(u16) -> bool>(past: &[Former], push: &Push<'_, F>) -> Layers {
    let Some((oldest, rest)) = past.split_first() else { return Layers::settled(push.target.into()) };
    let mut layers = Layers::settled(oldest.slots.clone());
    let mut now = oldest.replaced;
    for former in rest {
        layers = lived(&layers, push, &former.slots, now, former.replaced);
        now = former.replaced;
    }
    lived(&layers, push, push.target, now, push.now)
}

/// The layers at `until`, when `target` took its place at `since`: they are looked at again whenever one of them is over.
fn lived<F: Fn(u16) -> bool>(
    layers: &Layers,
    push: &Push<'_, F>,
    target: &[u16],
    since: BootTime,
    until: BootTime,
) -> Layers {
    let mut layers = layers.push(&simple(push, target, since)).layers;
    let mut now = since;
    while let Some(over) = layers.next_deadline().filter(|over| now < *over && *over < until) {
        layers = layers.push(&simple(push, target, over)).layers;
        now = over;
    }
    layers
}

/// As `push`, but for another table or at another time.
fn simple<'a, F>(push: &'a Push<'_, F>, target: &'a [u16], now: BootTime) -> Push<'a, &'a F> {
    Push { target, upcoming: None, is_alive: &push.is_alive, now, window: push.window, room: push.room }
}

/// `past` with nothing but the last table in the slots that have another backend than `own`.
fn yielding(past: &[Former], visited: &[u16], own: &[u16]) -> Vec<Former> {
    let Some(last) = past.last() else { return Vec::new() };
    let slot = |at: usize, former: &Former| match visited[at] == own[at] {
        true => former.slots[at],
        false => last.slots[at],
    };
    past.iter()
        .map(|former| Former {
            slots: (0..own.len()).map(|at| slot(at, former)).collect(),
            replaced: former.replaced,
        })
        .collect()
}
