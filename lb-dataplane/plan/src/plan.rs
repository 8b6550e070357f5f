//! From installed to desired.

use guideway_abi::{ActiveWord, GenerationHeader};

use crate::{Desired, Installed, Op, TableCache};

mod backends;
mod error;
mod header;
mod outcome;
mod resolve;
mod tables;
mod vips;

pub use error::{Limit, PlanError, validate};
pub use outcome::{Changes, Layout, Outcome, Plan, SetLayout, Usage};

pub(crate) use header::shared as shared_header;
pub(crate) use resolve::sorted;

use backends::Backends;
use tables::Tables;
use vips::Vips;

/// The writes that lead from `installed` to `desired`, or [`Outcome::Unchanged`] when there is nothing to do.
///
/// Deterministic: equal arguments give equal plans; `cache` only makes it faster.
///
/// # Errors
/// See [`PlanError`]. Nothing may be written then, and the installed generation stays.
pub fn plan(desired: &Desired, installed: &Installed, cache: &mut TableCache) -> Result<Outcome, PlanError> {
    if let Some(error) = validate(desired, installed.capacities()).into_iter().next() {
        return Err(error);
    }
    let resolved = resolve::resolve(desired, cache)?;
    cache.trim();
    let backends = backends::place(desired, &resolved, installed)?;
    let tables = tables::place(desired, &resolved, &backends, installed)?;
    let vips = vips::place(desired, installed)?;
    let layout = |active| outcome::layout(active, &resolved, &backends, &tables, &vips, installed);
    let shared = header::shared(desired, resolved.digest);
    if installed.active != ActiveWord::NONE
        && header::same_forwarding(&shared, &installed.header)
        && backends.ops.is_empty()
        && tables.ops.is_empty()
    {
        return Ok(Outcome::Unchanged(layout(installed.active)));
    }

    let active = next_word(installed.active);
    let lookup = vips::lookup(desired, &vips)?;
    let capacities = installed.capacities;
    let header = GenerationHeader {
        generation: active.generation(),
        lookup_key: lookup.key,
        bucket_base: active.bank() * capacities.buckets(),
        bucket_mask: lookup.mask,
        vip_base: active.bank() * capacities.vips,
        ..shared
    };
    let layout = layout(active);
    let changes = Changes {
        vips_added: vips.added(),
        vips_removed: installed.vips.len() + vips.added() - desired.vips.len(),
        backends_added: backends.added,
        tables_written: tables.written,
        tables_reused: tables.in_use.len() - tables.written,
    };
    let records = vips::records(&resolved, &vips, &tables);
    let next = after(installed, active, header, desired, &backends, &tables, &vips);

    let mut ops = backends.ops;
    ops.extend(vips.ops);
    ops.extend(tables.ops);
    if !records.is_empty() {
        ops.push(Op::WriteVips { first: header.vip_base, records });
    }
    ops.push(Op::WriteBuckets { first: header.bucket_base, buckets: lookup.buckets });
    ops.push(Op::WriteHeader { bank: active.bank(), header });
    ops.push(Op::Activate(active));
    Ok(Outcome::Plan(Box::new(Plan { ops, layout, changes, installed: next })))
}

/// The next generation, in the bank that the installed one does not use.
fn next_word(installed: ActiveWord) -> ActiveWord {
    match installed {
        ActiveWord::NONE => ActiveWord::new(1, 0),
        word => ActiveWord::new(word.generation() + 1, 1 - word.bank()),
    }
}

/// What is installed once the plan has been applied.
fn after(
    installed: &Installed,
    active: ActiveWord,
    header: GenerationHeader,
    desired: &Desired,
    backends: &Backends,
    tables: &Tables,
    vips: &Vips,
) -> Installed {
    let mut next = installed.clone();
    next.active = active;
    next.header = header;
    next.vips = desired.vips.iter().map(|vip| vip.key.into()).zip(vips.indexes.iter().copied()).collect();
    next.tables.clone_from(&tables.in_use);
    next.backends.clone_from(&backends.records);
    next.table_meta.clone_from(&tables.metas);
    next.backends_referenced = backends.referenced(tables, installed.capacities.backends);
    let generation = active.generation();
    for index in &vips.indexes {
        next.last_use.vips[index.0 as usize] = generation;
    }
    for index in backends.of_sets.iter().flatten() {
        next.last_use.backends[usize::from(index.0)] = generation;
    }
    for table in &tables.in_use {
        next.last_use.tables[table.meta_index(&installed.capacities) as usize] = generation;
    }
    next
}

#[cfg(test)]
mod tests;
