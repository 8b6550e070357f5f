//! The layers of one that was told what came before.

use guideway_abi::{PREVIOUS_TABLES, UNSETTLED};

use super::{LayerKey, Layers, Push, Pushed, Rotation, Slots, compact};
use crate::BootTime;

/// A table that the slots had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Former {
    /// Its slots; none is zero.
    pub slots: Slots,
    /// How they were counted.
    pub key: LayerKey,
    /// Backends that were dead meanwhile, whether or not they are now.
    pub dead: Vec<u16>,
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
    /// forgotten, in these slots; and everywhere what came before the last change of how slots are counted. What else of
    /// `past` finds no room is not at risk for that, as nobody here knew it before.
    ///
    /// # Panics
    /// When `own` and the table of `push` are not of the same length.
    #[must_use]
    pub fn replayed<F: Fn(u16) -> bool>(past: &[Former], own: Option<&[u16]>, push: &Push<'_, F>) -> Pushed {
        let Some(own) = own else { return told(past, push).push(push) };
        let counts_as_own =
            |former: &Former| former.key == LayerKey::Present && former.slots.len() == own.len();
        let by_another = past.iter().rposition(|former| !counts_as_own(former));
        let past = &past[by_another.map_or(0, |last| last + 1)..];
        let told = told(past, push);
        let at = |layers: &Self, target: &[u16]| layers.push(&simple(push, target, &push.is_alive));
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
    let mut before = oldest;
    for former in rest {
        let is_alive = |backend| !former.dead.contains(&backend);
        let now = before.replaced;
        let push = simple(push, &former.slots, is_alive);
        layers = lived(&turned(layers, before, former.key, &push, now), &push, now, former.replaced);
        before = former;
    }
    let now = before.replaced;
    let push = simple(push, push.target, &push.is_alive);
    lived(&turned(layers, before, LayerKey::Present, &push, now), &push, now, push.now)
}

/// The layers once slots are counted as in the table of `push`, by this key, and no longer as in the one `before` it.
fn turned<F: Fn(u16) -> bool>(
    layers: Layers,
    before: &Former,
    key: LayerKey,
    push: &Push<'_, F>,
    now: BootTime,
) -> Layers {
    let target = push.target;
    let at = Push { now, ..simple(push, target, &push.is_alive) };
    if before.key == key {
        let is_as_large = before.slots.len() == target.len();
        return if is_as_large { layers } else { layers.resize(&at).layers };
    }
    // Those that were there had a place left, or the seed would not have changed; here it may come within the same second.
    let latest = |count: usize| Layers {
        current: layers.current.clone(),
        previous: compact(layers.previous.iter().flatten().take(count).cloned()),
    };
    let mut fewer = (0..=PREVIOUS_TABLES).rev().map(latest);
    fewer
        .find_map(|layers| layers.rotate(Rotation::New, &at).ok())
        .unwrap_or_else(|| Layers::settled(target.into()))
}

/// The layers at `until`, when what `push` says took its place at `since`: they are looked at again whenever one of them is
/// over.
fn lived<F: Fn(u16) -> bool>(
    layers: &Layers,
    push: &Push<'_, F>,
    since: BootTime,
    until: BootTime,
) -> Layers {
    let at =
        |layers: &Layers, now| layers.push(&Push { now, ..simple(push, push.target, &push.is_alive) }).layers;
    let mut layers = at(layers, since);
    let mut now = since;
    while let Some(over) = layers.next_deadline().filter(|over| now < *over && *over < until) {
        layers = at(&layers, over);
        now = over;
    }
    layers
}

/// As `push`, but for another table and other backends that live, and with nothing to come.
fn simple<'a, F, G>(push: &Push<'_, F>, target: &'a [u16], is_alive: G) -> Push<'a, G> {
    Push { target, upcoming: None, is_alive, now: push.now, window: push.window, room: push.room }
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
            key: former.key,
            dead: former.dead.clone(),
            replaced: former.replaced,
        })
        .collect()
}
