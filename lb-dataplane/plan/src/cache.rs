//! Lookup tables that need not be built again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use guideway_maglev::{Member, Seed, Table, TableError, slot_counts};

use crate::BackendSet;
use crate::digest::Digest;

/// Tables of the last plan, so that a change of one set or of its health does not rebuild the others. A new one is
/// only slower. It holds 128 KiB for each large table, twice that while not all of its backends are healthy.
#[derive(Debug, Default)]
pub struct TableCache {
    full: HashMap<[u64; 2], Arc<Table>>,
    filled: HashMap<[u64; 2], Arc<Filled>>,
    used: HashSet<[u64; 2]>,
}

/// A table with the slots of unhealthy members refilled.
#[derive(Debug)]
pub(crate) struct Filled {
    /// Positions in the list of members sorted by name; `None` when no member can serve.
    pub(crate) slots: Option<Vec<u16>>,
    /// Slots of each member, in the same order.
    pub(crate) counts: Vec<u32>,
}

impl TableCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The table of `set`; `order` gives its members sorted by name.
    pub(crate) fn filled(
        &mut self,
        seed: &Seed,
        set: &BackendSet,
        order: &[usize],
    ) -> Result<Arc<Filled>, TableError> {
        let mut digest = Digest::new(seed, "cache");
        digest.size(set.table_size);
        for &index in order {
            digest.bytes(set.members[index].name.as_bytes());
            digest.number(set.members[index].weight.0);
        }
        let full_key = digest.finish();
        for &index in order {
            digest.number(set.members[index].healthy);
        }
        let filled_key = digest.finish();
        self.used.extend([full_key, filled_key]);
        if let Some(filled) = self.filled.get(&filled_key) {
            return Ok(Arc::clone(filled));
        }
        let full = match self.full.get(&full_key) {
            Some(table) => Some(Arc::clone(table)),
            None => build(seed, set)?.map(Arc::new),
        };
        if let Some(full) = &full {
            self.full.insert(full_key, Arc::clone(full));
        }
        let healthy: Vec<bool> = order.iter().map(|&index| set.members[index].healthy).collect();
        let slots = full.as_ref().and_then(|table| table.with_health(&healthy));
        let counts = slot_counts(slots.as_deref().unwrap_or_default(), order.len());
        let filled = Arc::new(Filled { slots, counts });
        self.filled.insert(filled_key, Arc::clone(&filled));
        Ok(filled)
    }

    /// Forgets what was not asked for since the last time.
    pub(crate) fn trim(&mut self) {
        self.full.retain(|key, _| self.used.contains(key));
        self.filled.retain(|key, _| self.used.contains(key));
        self.used.clear();
    }
}

/// The table of all members with a weight; `None` when there is none.
fn build(seed: &Seed, set: &BackendSet) -> Result<Option<Table>, TableError> {
    let members: Vec<Member> = set
        .members
        .iter()
        .map(|member| Member { name: member.name.clone(), weight: member.weight })
        .collect();
    match Table::new(*seed, set.table_size, &members) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::NoWeight) => Ok(None),
        Err(error) => Err(error),
    }
}
