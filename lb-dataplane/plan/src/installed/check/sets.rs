//! The backend sets, their tables and the backends in these.

use std::collections::BTreeMap;

use guideway_abi::{PREVIOUS_TABLES, TableMeta, TableRef, UNSETTLED, set_flags};

use super::InstalledError;
use crate::index::tables_of;
use crate::installed::InstalledSet;
use crate::layers::{Layer, LayerKey, Layers, Slots};
use crate::plan::backends_in;
use crate::{BootTime, MapContents, SetIndex, TableElement};

/// The sets that VIPs refer to, by place.
pub(super) fn check(
    maps: &MapContents,
    tables: &BTreeMap<TableElement, Vec<u16>>,
) -> Result<Vec<Option<InstalledSet>>, InstalledError> {
    let used = maps.vips.iter().filter(|record| record.identity != 0).map(|record| record.set);
    let mut sets = vec![None; used.clone().max().map_or(0, |last| usize::from(last) + 1)];
    let mut known = BTreeMap::new();
    for index in used {
        let place = &mut sets[usize::from(index)];
        if place.is_none() {
            *place = Some(set(maps, SetIndex(index), tables, &mut known)?);
        }
    }
    Ok(sets)
}

fn set(
    maps: &MapContents,
    index: SetIndex,
    tables: &BTreeMap<TableElement, Vec<u16>>,
    known: &mut BTreeMap<TableElement, Slots>,
) -> Result<InstalledSet, InstalledError> {
    let record = maps.sets[usize::from(index.0)];
    let Some(table) = TableElement::of(record.table) else {
        return Ok(InstalledSet { record, layers: None, backends: backends_in(None) });
    };
    let current = slots(maps, index, table, tables, known)?;
    if let Some(slot) = current.iter().position(|slot| slot & !UNSETTLED == 0) {
        return Err(InstalledError::SlotBackend { table, slot, backend: 0 });
    }
    let mut previous = [const { None }; PREVIOUS_TABLES];
    for ((layer, reference), flag) in previous.iter_mut().zip(record.previous).zip(set_flags::OLD_KEY) {
        *layer = earlier(maps, index, reference, tables, known)?.map(|(slots, until)| Layer {
            slots,
            until,
            key: if record.flags & flag == 0 { LayerKey::Present } else { LayerKey::Earlier },
        });
    }
    let layers = Layers { current, previous };
    let backends = backends_in(Some(&layers));
    Ok(InstalledSet { record, layers: Some(layers), backends })
}

fn earlier(
    maps: &MapContents,
    set: SetIndex,
    reference: TableRef,
    tables: &BTreeMap<TableElement, Vec<u16>>,
    known: &mut BTreeMap<TableElement, Slots>,
) -> Result<Option<(Slots, BootTime)>, InstalledError> {
    let Some(table) = TableElement::of(reference) else { return Ok(None) };
    let slots = slots(maps, set, table, tables, known)?;
    let until = maps.table_meta[table.meta_index(&maps.capacities) as usize].until;
    Ok(Some((slots, BootTime(until))))
}

fn slots(
    maps: &MapContents,
    set: SetIndex,
    table: TableElement,
    tables: &BTreeMap<TableElement, Vec<u16>>,
    known: &mut BTreeMap<TableElement, Slots>,
) -> Result<Slots, InstalledError> {
    if let Some(slots) = known.get(&table) {
        return Ok(Slots::clone(slots));
    }
    if table.index >= tables_of(&maps.capacities, table.size) {
        return Err(InstalledError::SetTable { set, table, what: "does not exist" });
    }
    if maps.table_meta[table.meta_index(&maps.capacities) as usize].digest == TableMeta::default().digest {
        return Err(InstalledError::SetTable { set, table, what: "is not whole" });
    }
    let slots = tables.get(&table).map(Vec::as_slice).unwrap_or_default();
    if slots.len() != table.size.get() as usize {
        return Err(InstalledError::Slots { table, found: slots.len() });
    }
    let exists = |backend: u16| {
        // An earlier table need not have one for each slot.
        let record = maps.backends.get(usize::from(backend));
        backend == 0 || record.is_some_and(|record| matches!(record.family, 4 | 6))
    };
    for (slot, &value) in slots.iter().enumerate() {
        let backend = value & !UNSETTLED;
        if !exists(backend) {
            return Err(InstalledError::SlotBackend { table, slot, backend });
        }
    }
    let slots: Slots = slots.into();
    known.insert(table, Slots::clone(&slots));
    Ok(slots)
}
