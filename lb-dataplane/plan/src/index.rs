//! Indexes into the maps.

use std::fmt;

use guideway_abi::{Capacities, TableRef};
use guideway_maglev::TableSize;

const _: () = assert!(TableSize::Large.get() == guideway_abi::TABLE_SIZE_LARGE);
const _: () = assert!(TableSize::Small.get() == guideway_abi::TABLE_SIZE_SMALL);

/// Index into [`BACKENDS`](guideway_abi::BACKENDS) and [`BACKEND_STATS`](guideway_abi::BACKEND_STATS); never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendIndex(pub u16);

/// Index into one bank of [`VIPS`](guideway_abi::VIPS) and into [`VIP_STATS`](guideway_abi::VIP_STATS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VipIndex(pub u32);

/// Index into one bank of [`SETS`](guideway_abi::SETS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetIndex(pub u16);

/// An element of [`TABLES_LARGE`](guideway_abi::TABLES_LARGE) or [`TABLES_SMALL`](guideway_abi::TABLES_SMALL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableElement {
    /// Which of the two maps.
    pub size: TableSize,
    /// Index into it.
    pub index: u32,
}

impl TableElement {
    /// Index into [`TABLE_META`](guideway_abi::TABLE_META).
    #[must_use]
    pub const fn meta_index(self, capacities: &Capacities) -> u32 {
        match self.size {
            TableSize::Large => self.index,
            TableSize::Small => capacities.tables_large + self.index,
        }
    }

    /// As a [`SetRecord`](guideway_abi::SetRecord) names it.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // below Capacities::MAX_TABLES
    pub const fn reference(self) -> TableRef {
        match self.size {
            TableSize::Large => TableRef::large(self.index as u16),
            TableSize::Small => TableRef::small(self.index as u16),
        }
    }

    /// What a [`SetRecord`](guideway_abi::SetRecord) names; `None` for no table.
    #[must_use]
    pub fn of(reference: TableRef) -> Option<Self> {
        let size = match reference {
            TableRef::NONE => return None,
            small if small.is_small() => TableSize::Small,
            _ => TableSize::Large,
        };
        Some(Self { size, index: reference.index() })
    }
}

/// Elements of the map for tables of `size`.
pub(crate) const fn tables_of(capacities: &Capacities, size: TableSize) -> u32 {
    match size {
        TableSize::Large => capacities.tables_large,
        TableSize::Small => capacities.tables_small,
    }
}

impl fmt::Display for TableElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {} of size {}", self.index, self.size.get())
    }
}
