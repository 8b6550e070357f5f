//! What sets had before this forwarder came, for those of which it remembers nothing itself.
//!
//! Unlike everything else that is desired, it is never a reason to refuse a plan: what finds no room is left out.

use std::collections::HashMap;
use std::iter;
use std::sync::Arc;

use guideway_maglev::Seed;

use super::PlanError;
use super::backends::{Backends, Key, key};
use super::keys::EarlierKey;
use super::resolve::Resolved;
use super::sets::Sets;
use crate::cache::{Filled, TableCache, Wanted};
use crate::layers::{Former, LayerKey, Layers};
use crate::resolved::ResolvedSet;
use crate::{BackendIndex, BackendSet, BootTime, Earlier, Installed, Member};

/// Drain windows that an earlier table may have to do with the present layers.
const WINDOWS: u32 = 3;

/// What a set is told of its past.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// Nothing that counts.
    Nothing,
    /// Something that has to wait until what is remembered here is settled.
    Later,
    /// More than there is room for in the backends' map.
    NoRoom,
    Past(Past),
}

/// Tables that a set had.
#[derive(Clone, Debug)]
pub(super) struct Past {
    /// Oldest first.
    pub(super) tables: Vec<Former>,
    /// The backends in them.
    pub(super) backends: Vec<BackendIndex>,
}

/// What decides whether a past counts.
pub(super) struct Context<'a> {
    pub(super) seed: &'a Seed,
    pub(super) earlier_key: EarlierKey,
    pub(super) sets: &'a Sets<'a>,
    pub(super) installed: &'a Installed,
    pub(super) now: BootTime,
}

/// What there is to replay, in the order of the resolved sets. Its backends get places among `backends`.
pub(super) fn place(
    resolved: &Resolved,
    context: &Context<'_>,
    backends: &mut Backends,
    cache: &mut TableCache,
) -> Result<Vec<Told>, PlanError> {
    let mut told = vec![Told::Nothing; resolved.sets.len()];
    let mut asked: Vec<(usize, &ResolvedSet, &[Earlier])> = Vec::new();
    for (set, resolved) in resolved.sets.iter().enumerate() {
        let earlier = context.counting(resolved);
        if !earlier.is_empty() && context.is_in_doubt(set, &resolved.set) {
            told[set] = Told::Later;
        } else if !earlier.is_empty() {
            asked.push((set, resolved, earlier));
        }
    }
    if asked.is_empty() {
        return Ok(told);
    }
    let lists = asked.iter().map(|(_, _, earlier)| earlier.iter().flat_map(serving).collect());
    let places = backends.add(&lists.collect::<Vec<_>>(), context.installed);
    let wanted =
        asked.iter().flat_map(|(_, set, earlier)| earlier.iter().map(|earlier| wanted(set, earlier)));
    let filled = cache.filled(wanted.collect());
    let mut filled = filled.map_err(|(set, source)| PlanError::Set { set, source })?.into_iter();
    for ((set, _, earlier), places) in asked.into_iter().zip(places) {
        let filled: Vec<Arc<Filled>> = filled.by_ref().take(earlier.len()).collect();
        told[set] = match places {
            Some(places) => past(earlier, &filled, &places, context),
            None => Told::NoRoom,
        };
    }
    Ok(told)
}

fn wanted<'a>(set: &'a ResolvedSet, earlier: &'a Earlier) -> Wanted<'a> {
    Wanted { seed: &earlier.seed, set: &set.set.name, size: earlier.table_size, members: &earlier.members }
}

/// Those that have slots.
fn serving(earlier: &Earlier) -> impl Iterator<Item = &Member> {
    earlier.members.iter().filter(|member| member.healthy && member.weight.0 > 0)
}

fn past(
    earlier: &[Earlier],
    filled: &[Arc<Filled>],
    places: &HashMap<Key<'_>, BackendIndex>,
    context: &Context<'_>,
) -> Told {
    let table = |(earlier, filled): (&Earlier, &Arc<Filled>)| {
        // Those that have no slots need no place.
        let place = |member| places.get(&key(member)).copied().unwrap_or(BackendIndex(0));
        let indexes: Vec<BackendIndex> = earlier.members.iter().map(place).collect();
        let slots = filled.target(&indexes)?;
        let died =
            |(member, index): (&Member, &BackendIndex)| (!member.healthy && index.0 != 0).then_some(index.0);
        let dead = iter::zip(&earlier.members, &indexes).filter_map(died).collect();
        let key = if earlier.seed == *context.seed { LayerKey::Present } else { LayerKey::Earlier };
        Some(Former { slots, key, dead, replaced: earlier.replaced.min(context.now) })
    };
    // When nobody could serve, nobody has flows from then.
    let tables: Vec<Former> = earlier.iter().zip(filled).filter_map(table).collect();
    match tables.is_empty() {
        true => Told::Nothing,
        false => Told::Past(Past { tables, backends: places.values().copied().collect() }),
    }
}

impl Context<'_> {
    /// What of a set's past flows may still follow.
    fn counting<'s>(&self, resolved: &'s ResolvedSet) -> &'s [Earlier] {
        let set = &resolved.set;
        // Without a second hop, flows of unknown origin would go to the oldest of them; and when nobody can serve, nothing
        // is remembered.
        if !set.second_hop || set.earlier.is_empty() || resolved.filled.slots().is_none() {
            return &[];
        }
        // A slot that was held has moved when a window ended, and is looked after for another one.
        let window = set.drain_window.saturating_mul(WINDOWS);
        let is_over = |earlier: &&Earlier| earlier.replaced.min(self.now).after(window) <= self.now;
        let counting = &set.earlier[set.earlier.iter().take_while(is_over).count()..];
        // By other seeds than these two slots cannot be found.
        let present = counting.iter().rev().take_while(|earlier| earlier.seed == *self.seed).count();
        let former = counting.iter().rev().skip(present);
        let former = former.take_while(|earlier| Some(&earlier.seed) == self.earlier_key.told()).count();
        &counting[counting.len() - present - former..]
    }

    /// Whether something is remembered of the set already, or will be.
    fn is_in_doubt(&self, place: usize, set: &BackendSet) -> bool {
        let there = self.sets.parts[place].installed(self.installed);
        let is_resized = |layers: &Layers| layers.current.len() != set.table_size.get() as usize;
        there.and_then(|there| there.layers.as_ref()).is_some_and(|layers| {
            self.earlier_key.rotation().is_some() || is_resized(layers) || !layers.is_settled()
        })
    }
}
