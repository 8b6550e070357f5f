//! From installed to desired.

use std::sync::Arc;

use guideway_abi::{ActiveWord, BackendStates, FlowKey, GenerationHeader, SetRecord};

use crate::cache::Unchanged;
use crate::memory::{LastPlan, LastUse, Memory, retire};
use crate::{BootTime, Desired, Installed, MapParts, Op, TableCache};

mod backends;
mod earlier;
mod error;
mod header;
mod keys;
mod outcome;
mod regions;
mod resolve;
mod sets;
mod states;
mod tables;
mod validate;
mod vips;

pub use error::{Limit, PlanError};
pub use outcome::{Changes, Layout, Leaving, Outcome, Plan, SetLayout, Usage};
pub use validate::validate;

pub(crate) use states::state_of;
pub(crate) use tables::backends_in;
pub(crate) use validate::Valid;
pub(crate) use vips::maps_digest;

use backends::Backends;
use keys::EarlierKey;
use outcome::Parts;
use resolve::Resolved;
use sets::Sets;
use tables::{Inputs, Tables};
use vips::Vips;

/// The writes that lead from `installed` to `desired`, or [`Outcome::Unchanged`] when there is nothing to do. `now` only
/// goes forward.
///
/// Deterministic: equal arguments give equal plans; `cache` only makes it faster.
///
/// # Errors
/// See [`PlanError`]. Nothing may be written then, and the installed generation stays.
pub fn plan(
    desired: &Desired,
    installed: &Installed,
    now: BootTime,
    cache: &mut TableCache,
) -> Result<Outcome, PlanError> {
    let resolved = resolve::resolve(desired, &installed.capacities, cache)?;
    let last_plan = last_plan(installed, cache);
    let last_plan = last_plan.as_deref();
    let last = sets::last_sets(&resolved, last_plan);
    let mut backends = backends::place(&resolved, &last, installed)?;
    let mut sets = sets::place(&resolved, last_plan, &last, &backends, installed);
    let leaving = states::Leaving::new(desired);
    let shared = header::shared(desired, installed, resolved.digest);
    let earlier_key = EarlierKey::new(desired, &sets, installed, now);
    let context = earlier::Context { seed: &desired.seed, earlier_key, sets: &sets, installed, now };
    let earlier = earlier::place(&resolved, &context, &mut backends, cache)?;
    let tables = tables::place(&Inputs {
        resolved: &resolved,
        sets: &sets,
        backends: &backends,
        earlier: &earlier,
        leaving: &leaving,
        installed,
        now,
        earlier_key,
    })?;
    sets.merge(&tables.is_over);
    let vips = vips::place(&resolved, &sets, last_plan, installed)?;
    backends.keep_found(&tables.sets);
    let leaving = tables.last.iter().flat_map(|last| last.leaving.iter().copied());
    let states = states::states(&resolved, &backends, leaving, installed);
    let is_key_needed =
        tables.sets.iter().flatten().any(|set| set.record.flags & guideway_abi::set_flags::ANY_OLD_KEY != 0);
    let shared = GenerationHeader {
        previous_flow_key: if is_key_needed { earlier_key.of(installed) } else { FlowKey::default() },
        ..shared
    };
    let is_same = installed.active != ActiveWord::NONE
        && header::same_forwarding(&shared, &installed.header)
        && vips.ops.is_empty()
        && backends.ops.is_empty()
        && tables.ops.is_empty()
        && *installed.states == states
        && set_records(&tables) == installed_records(installed);
    let parts = Parts {
        resolved: &resolved,
        sets: &sets,
        backends: &backends,
        tables: &tables,
        vips: &vips,
        now,
        is_same,
    };
    let last = Arc::new(summary(&resolved, &sets, &tables, &vips));
    if is_same {
        let layout = parts.layout(installed.active, desired);
        cache.unchanged = Some(Unchanged { sets: Arc::clone(&installed.sets), last });
        return Ok(Outcome::Unchanged(layout));
    }
    let active = next_word(installed);
    let capacities = installed.capacities;
    let header = header::placed(shared, active, &vips, &capacities);
    let layout = parts.layout(active, desired);
    let changes = parts.changes();
    let next = after(installed, active, header, last, &backends, &tables, &vips, &states);
    let ops = ops(active, header, backends, tables, vips, states, installed);
    Ok(Outcome::Plan(Box::new(Plan { ops, layout, changes, installed: next })))
}

/// The next generation, in the bank that the installed one does not use.
fn next_word(installed: &Installed) -> ActiveWord {
    match installed.active {
        ActiveWord::NONE => ActiveWord::new(installed.first_generation, 0),
        word => ActiveWord::new(word.generation() + 1, 1 - word.bank()),
    }
}

fn set_records(tables: &Tables) -> Vec<SetRecord> {
    tables.sets.iter().map(|set| set.as_ref().map(|set| set.record).unwrap_or_default()).collect()
}

/// Up to the last one in use.
fn installed_records(installed: &Installed) -> Vec<SetRecord> {
    installed.sets.iter().map(|set| set.as_ref().map(|set| set.record).unwrap_or_default()).collect()
}

fn ops(
    active: ActiveWord,
    header: GenerationHeader,
    backends: Backends,
    tables: Tables,
    vips: Vips,
    states: Vec<BackendStates>,
    installed: &Installed,
) -> Vec<Op> {
    let mut records = set_records(&tables);
    // The whole bank, so that what stood there is nobody's.
    records.resize(installed.capacities.sets() as usize, SetRecord::default());
    let [.., sets, state_base] = MapParts::bases(&installed.capacities, vips.bank, active.bank());
    let mut ops = backends.ops;
    ops.extend(vips.zero);
    ops.extend(tables.ops);
    ops.extend(vips.ops);
    ops.push(Op::WriteSets { first: sets, records });
    ops.push(Op::WriteBackendStates { first: state_base, states });
    ops.push(Op::WriteHeader { bank: active.bank(), header });
    ops.push(Op::Activate(active));
    ops
}

/// What is installed once the plan has been applied.
#[allow(clippy::too_many_arguments)] // the parts of a generation
fn after(
    installed: &Installed,
    active: ActiveWord,
    header: GenerationHeader,
    last: Arc<LastPlan>,
    backends: &Backends,
    tables: &Tables,
    vips: &Vips,
    states: &[BackendStates],
) -> Installed {
    let mut last_use = installed.memory.last_use.clone();
    retire_all(&mut last_use, installed, tables, vips, states);
    Installed {
        capacities: installed.capacities,
        active,
        first_generation: installed.first_generation,
        header,
        vips: Arc::clone(&vips.installed),
        sets: Arc::new(tables.sets.clone()),
        states: Arc::new(states.to_vec()),
        backends: Arc::clone(&backends.records),
        table_meta: Arc::clone(&tables.metas),
        memory: Memory { last: Some(last), last_use },
    }
}

/// What the plan before this one was made from, if it is known.
fn last_plan(installed: &Installed, cache: &TableCache) -> Option<Arc<LastPlan>> {
    let unchanged =
        cache.unchanged.as_ref().filter(|unchanged| Arc::ptr_eq(&unchanged.sets, &installed.sets));
    unchanged.map(|unchanged| Arc::clone(&unchanged.last)).or_else(|| installed.memory.last.clone())
}

/// For the next plan.
fn summary(resolved: &Resolved, sets: &Sets<'_>, tables: &Tables, vips: &Vips) -> LastPlan {
    LastPlan {
        vips: Arc::clone(&resolved.vips),
        indexes: Arc::clone(&vips.indexes),
        flow_entries: Arc::clone(&vips.flow_entries),
        vip_inputs: vips.inputs.clone(),
        is_waiting: vips.is_waiting,
        intervals: vips.intervals,
        borders: vips.borders,
        flow_buckets: vips.flow_buckets,
        sets: tables.last.clone(),
        part_sets: sets.parts.iter().map(|part| part.set).collect(),
        of_vips: sets.of_vips().cloned(),
    }
}

/// Notes which elements only the generation before used.
fn retire_all(
    last_use: &mut LastUse,
    installed: &Installed,
    tables: &Tables,
    vips: &Vips,
    states: &[BackendStates],
) {
    let generation = installed.active.generation();
    retire(&mut last_use.vips, vips.retired.iter().map(|index| index.0 as usize), generation);
    let metas = tables.retired.iter().map(|table| table.meta_index(&installed.capacities) as usize);
    retire(&mut last_use.tables, metas, generation);
    let is_used = |states: &[BackendStates], sets: &[bool], index: u16| {
        sets[usize::from(index)] || state_of(states, index) != guideway_abi::backend_state::DEAD
    };
    let count = installed.backends.len();
    let before = referenced(installed.sets.iter().flatten().map(|set| &*set.backends), count);
    let after = referenced(tables.sets.iter().flatten().map(|set| &*set.backends), count);
    let retired = (0..=u16::MAX)
        .take(count)
        .filter(|&index| is_used(&installed.states, &before, index) && !is_used(states, &after, index));
    retire(&mut last_use.backends, retired.map(usize::from), generation);
}

fn referenced<'a>(sets: impl Iterator<Item = &'a [u16]>, count: usize) -> Vec<bool> {
    let mut referenced = vec![false; count];
    for index in sets.flatten() {
        referenced[usize::from(*index)] = true;
    }
    referenced
}

#[cfg(test)]
mod tests;
