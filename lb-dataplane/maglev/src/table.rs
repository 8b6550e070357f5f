//! The table.

use thiserror::Error;

use crate::fill::fill;
use crate::refill::refill;
use crate::{Member, Seed, TableSize};

/// Members of a table at most: a slot is a `u16`, and one value of it stands for a free slot while the table is filled.
pub const MEMBERS_MAX: usize = 65_535;

/// A lookup table: for each slot the member that owns it.
///
/// ```
/// use guideway_maglev::{Member, Seed, Table, TableSize, Weight, slot_counts};
///
/// let member = |name: &str, weight| Member { name: name.into(), weight: Weight(weight) };
/// let table = Table::new(Seed([0; 16]), TableSize::Large, &[member("b", 10), member("a", 1)])?;
/// assert_eq!(table.members()[0].name, "a");
/// assert_eq!(slot_counts(table.slots(), 2), [5_958, 59_579]); // 9.091 % and 90.909 %
/// # Ok::<(), guideway_maglev::TableError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    seed: Seed,
    size: TableSize,
    members: Vec<Member>,
    slots: Vec<u16>,
}

/// Why no table can be built of these members.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TableError {
    /// Two members have the same name, so that their permutations would be the same.
    #[error("two backends are named {name:?}; names must be unique in a backend set")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// More members than slots, or than a slot can tell apart.
    #[error("{members} backends are more than the {max} that a table of {slots} slots can hold")]
    TooManyMembers {
        /// Members given.
        members: usize,
        /// Members at most.
        max: usize,
        /// Table size M.
        slots: u32,
    },
    /// There is no member, or all weights are zero.
    #[error("no backend has a weight above 0")]
    NoWeight,
}

impl Table {
    /// Builds the table of `members`, in whatever order they come.
    ///
    /// # Errors
    /// See [`TableError`].
    pub fn new(seed: Seed, size: TableSize, members: &[Member]) -> Result<Self, TableError> {
        let max = MEMBERS_MAX.min(size.get() as usize);
        if members.len() > max {
            return Err(TableError::TooManyMembers { members: members.len(), max, slots: size.get() });
        }
        let mut members = members.to_vec();
        members.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = members.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(TableError::DuplicateName { name: pair[0].name.clone() });
        }
        if members.iter().all(|member| member.weight.0 == 0) {
            return Err(TableError::NoWeight);
        }
        let slots = fill(&seed, size, &members);
        Ok(Self { seed, size, members, slots })
    }

    /// For each slot, the position of its owner in [`members`](Self::members).
    #[must_use]
    pub fn slots(&self) -> &[u16] {
        &self.slots
    }

    /// The members, sorted by name.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Table size M.
    #[must_use]
    pub fn size(&self) -> TableSize {
        self.size
    }

    /// The slots when only the members serve whose element of `healthy` (in the order of [`members`](Self::members);
    /// missing ones count as unhealthy) is true; `None` when none with a weight does.
    ///
    /// A slot with a healthy owner keeps it. Any other slot `s` is given to the owner of the first slot
    /// `s + k * step (mod M)`, k = 1, 2, …, that has a healthy one, where `step` is SipHash-2-4 over the slot's number
    /// (`u32`, little endian), keyed with the seed, modulo M - 1, plus one. So the result depends on the seed, the
    /// members and their present health only and not on the order of failures, a failure moves no flow of another
    /// backend, and the slots of a failed backend spread over the others in proportion to their weights.
    #[must_use]
    pub fn with_health(&self, healthy: &[bool]) -> Option<Vec<u16>> {
        refill(&self.seed, &self.slots, |owner| healthy.get(usize::from(owner)).copied().unwrap_or(false))
    }
}

/// How many of `slots` each of `members` members owns.
#[must_use]
pub fn slot_counts(slots: &[u16], members: usize) -> Vec<u32> {
    let mut counts = vec![0; members];
    for &owner in slots {
        if let Some(count) = counts.get_mut(usize::from(owner)) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests;
