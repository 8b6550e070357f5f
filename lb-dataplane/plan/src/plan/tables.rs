//! Lookup tables: what they shall hold, and their places.

use std::sync::Arc;

use guideway_abi::{PREVIOUS_TABLES, SetRecord, TableMeta, TableRef, UNSETTLED, encapsulation, set_flags};

use rayon::prelude::*;

use super::PlanError;
use super::backends::Backends;
use super::earlier::Told;
use super::keys::EarlierKey;
use super::resolve::Resolved;
use super::sets::{Part, Sets};
use super::states::Leaving;
use crate::installed::InstalledSet;
use crate::layers::{LayerKey, Layers};
use crate::memory::LastSet;
use crate::{BackendSet, BootTime, Installed, Op, SetEncapsulation, TableElement};

mod due;
mod elements;

use due::{Due, Settled};
use elements::Elements;

pub(super) struct Tables {
    /// By place.
    pub(super) sets: Vec<Option<InstalledSet>>,
    /// The parts that are not over.
    pub(super) last: Vec<LastSet>,
    /// Of each part, whether it is the same as the first one of its set by now.
    pub(super) is_over: Vec<bool>,
    /// [`TABLE_META`](guideway_abi::TABLE_META) after the plan.
    pub(super) metas: Arc<Vec<TableMeta>>,
    pub(super) ops: Vec<Op>,
    pub(super) written: usize,
    /// Elements in use, large ones and small ones.
    pub(super) in_use: [u32; 2],
    /// Elements that went out of use.
    pub(super) retired: Vec<TableElement>,
}

/// What all sets share.
pub(super) struct Inputs<'a> {
    pub(super) resolved: &'a Resolved,
    pub(super) sets: &'a Sets<'a>,
    pub(super) backends: &'a Backends,
    /// In the order of the resolved sets.
    pub(super) earlier: &'a [Told],
    pub(super) leaving: &'a Leaving,
    pub(super) installed: &'a Installed,
    pub(super) now: BootTime,
    pub(super) earlier_key: EarlierKey,
}

/// How one part of a set comes out.
enum Next {
    /// As it is.
    Same(InstalledSet, LastSet),
    New(Settled),
}

pub(super) fn place(inputs: &Inputs<'_>) -> Result<Tables, PlanError> {
    let mut dues: Vec<Due<'_>> = (0..inputs.sets.parts.len()).map(|part| Due::new(inputs, part)).collect();
    let changed: Vec<&Due<'_>> = dues.iter().filter(|due| due.same().is_none()).collect();
    let results: Vec<_> = changed.par_iter().map(|due| due.best()).collect();
    let mut results = results.into_iter();
    let mut nexts = Vec::with_capacity(dues.len());
    for due in &dues {
        nexts.push(match due.same() {
            Some((set, last)) => Next::Same(set, last),
            None => match results.next() {
                Some(settled) => Next::New(settled?),
                None => continue,
            },
        });
    }
    let is_over = over(inputs.sets, &nexts);
    let keeps = |part: &mut std::slice::Iter<'_, bool>| part.next() == Some(&false);
    let mut parts = is_over.iter();
    dues.retain(|_| keeps(&mut parts));
    let mut parts = is_over.iter();
    nexts.retain(|_| keeps(&mut parts));

    let mut elements = Elements::new(inputs, &dues, &nexts);
    for next in &nexts {
        if let Next::Same(set, _) = next {
            elements.keep(set);
        }
    }
    // Earlier tables first, for as long as there is room for them beside a present table for each set. Those that stand
    // come before new ones, as they do for the sets that stay as they are: a planner that remembers nothing decides alike.
    // What only others know comes last, and what is not so yet.
    let mut earlier: Vec<_> = dues
        .iter()
        .zip(&mut nexts)
        .filter_map(|(due, next)| match next {
            Next::Same(..) => None,
            Next::New(settled) => {
                let is_new = elements.needs(due, settled) > 0;
                let is_extra = settled.way.is_told || settled.way.announces;
                Some(((is_new, is_new && is_extra), due, settled))
            }
        })
        .collect();
    earlier.sort_by_key(|(order, ..)| *order);
    for (_, due, settled) in earlier {
        elements.previous(due, settled)?;
    }
    let mut tables = Tables {
        sets: vec![None; usize::from(dues.iter().map(|due| due.index.0 + 1).max().unwrap_or(0))],
        last: Vec::with_capacity(dues.len()),
        is_over,
        metas: Arc::default(),
        ops: Vec::new(),
        written: 0,
        in_use: [0; 2],
        retired: Vec::new(),
    };
    for (due, next) in dues.iter().zip(nexts) {
        let (set, last) = match next {
            Next::Same(set, last) => (set, last),
            Next::New(settled) => elements.finish(due, settled)?,
        };
        tables.sets[usize::from(due.index.0)] = Some(set);
        tables.last.push(last);
    }
    elements.close(&mut tables);
    Ok(tables)
}

/// Which parts have the table of their set's first one, while neither remembers anything.
fn over(sets: &Sets<'_>, nexts: &[Next]) -> Vec<bool> {
    fn layers(next: &Next) -> Option<&Layers> {
        match next {
            Next::Same(set, _) => set.layers.as_ref(),
            Next::New(settled) => settled.layers.as_ref(),
        }
    }
    let is_over = |(place, part): (usize, &Part<'_>)| {
        place != part.set
            && match (layers(&nexts[place]), layers(&nexts[part.set])) {
                (None, None) => true,
                (Some(own), Some(first)) => own == first && own.until().is_none(),
                _ => false,
            }
    };
    sets.parts.iter().enumerate().map(is_over).collect()
}

/// The record of a set, without its tables.
fn record(set: &BackendSet) -> SetRecord {
    SetRecord {
        table: TableRef::NONE,
        previous: [TableRef::NONE; PREVIOUS_TABLES],
        encapsulation: match set.encapsulation {
            SetEncapsulation::IpIp => encapsulation::IPIP,
            SetEncapsulation::Gue => encapsulation::GUE,
            SetEncapsulation::Gre => encapsulation::GRE,
            SetEncapsulation::L2 => encapsulation::L2,
        },
        flags: if set.second_hop { set_flags::SECOND_HOP } else { 0 },
        reserved: [0; 6],
    }
}

/// The flags that tell by which key the earlier tables of `layers` are counted.
fn key_flags(layers: &Layers) -> u8 {
    let old = |layer: &Option<crate::layers::Layer>| {
        layer.as_ref().is_some_and(|layer| layer.key == LayerKey::Earlier)
    };
    layers
        .previous
        .iter()
        .zip(set_flags::OLD_KEY)
        .filter(|(layer, _)| old(layer))
        .fold(0, |flags, (_, flag)| flags | flag)
}

/// The backends in the tables of `layers`, sorted.
pub(crate) fn backends_in(layers: Option<&Layers>) -> Arc<[u16]> {
    let mut seen = vec![false; usize::from(UNSETTLED)];
    if let Some(layers) = layers {
        for slot in layers.tables().flatten().flat_map(|slots| slots.iter()) {
            seen[usize::from(slot & !UNSETTLED)] = true;
        }
    }
    (0..UNSETTLED).zip(seen).skip(1).filter(|(_, seen)| *seen).map(|(backend, _)| backend).collect()
}
