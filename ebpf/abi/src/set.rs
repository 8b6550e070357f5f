//! Backend sets.

/// Tables of [`SetRecord::previous`].
pub const PREVIOUS_TABLES: usize = 3;

/// How packets travel to the backends of a set: [`SetRecord::encapsulation`].
pub mod encapsulation {
    /// IP in IP, in all mixes of families (RFC 2003, RFC 2473, RFC 4213).
    pub const IPIP: u8 = 0;
    /// Generic UDP Encapsulation (draft-ietf-intarea-gue-09), variant 0.
    pub const GUE: u8 = 1;
    /// Generic Routing Encapsulation (RFC 2784, RFC 7676).
    pub const GRE: u8 = 2;
    /// No outer header: the frame goes to the backend's own MAC address.
    pub const L2: u8 = 3;
}

/// Bits of [`SetRecord::flags`].
pub mod set_flags {
    use super::PREVIOUS_TABLES;

    /// The backends run the decap agent: a packet of an unsettled slot carries the other backends that it may be for.
    pub const SECOND_HOP: u8 = 1;
    /// The slots of `previous` at this place are counted by
    /// [`previous_flow_key`](crate::GenerationHeader::previous_flow_key).
    pub const OLD_KEY: [u8; PREVIOUS_TABLES] = [2, 4, 8];
    /// Those of any are.
    pub const ANY_OLD_KEY: u8 = 2 | 4 | 8;
}

/// A lookup table: its index, with the highest bit set for [`TABLES_SMALL`](crate::TABLES_SMALL).
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableRef(pub u16);

impl TableRef {
    /// No table. As [`SetRecord::table`]: the set has no healthy backend.
    pub const NONE: Self = Self(u16::MAX);
    const SMALL: u16 = 0x8000;

    /// An element of [`TABLES_LARGE`](crate::TABLES_LARGE); `index` is below
    /// [`Capacities::MAX_TABLES`](crate::Capacities::MAX_TABLES).
    #[must_use]
    pub const fn large(index: u16) -> Self {
        Self(index)
    }

    /// An element of [`TABLES_SMALL`](crate::TABLES_SMALL), likewise.
    #[must_use]
    pub const fn small(index: u16) -> Self {
        Self(index | Self::SMALL)
    }

    /// Whether this is an element of [`TABLES_SMALL`](crate::TABLES_SMALL) (or none).
    #[inline(always)]
    #[must_use]
    pub const fn is_small(self) -> bool {
        self.0 & Self::SMALL != 0
    }

    /// The index in its map.
    #[inline(always)]
    #[must_use]
    pub const fn index(self) -> u32 {
        (self.0 & !Self::SMALL) as u32
    }
}

impl Default for TableRef {
    fn default() -> Self {
        Self::NONE
    }
}

/// An element of [`SETS`](crate::SETS).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetRecord {
    /// The backend of each slot, or none when no backend is healthy.
    pub table: TableRef,
    /// Where flows of unsettled slots may be besides: the backends of earlier tables, latest first. All tables of a set
    /// have the same size.
    pub previous: [TableRef; PREVIOUS_TABLES],
    /// One of [`encapsulation`].
    pub encapsulation: u8,
    /// [`set_flags`].
    pub flags: u8,
    /// Zero. Elements are read as words.
    pub reserved: [u8; 6],
}
