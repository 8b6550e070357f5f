//! What a table is built from.

use std::fmt;

/// Key of the permutations, equal on every forwarder of a cluster.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed(pub [u8; 16]);

// The seed is a secret: who knows it can aim flows at one backend.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Lookup table size M, a prime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableSize {
    /// 65537 slots.
    #[default]
    Large,
    /// 16381 slots.
    Small,
}

impl TableSize {
    /// Slots of the table.
    #[must_use]
    pub const fn get(self) -> u32 {
        match self {
            Self::Large => 65_537,
            Self::Small => 16_381,
        }
    }
}

/// Share of a member in relation to the other members of its table; zero for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(pub u16);

impl Default for Weight {
    fn default() -> Self {
        Self(1)
    }
}

/// One backend of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Member {
    /// Stable name, unique in the table; the same on every forwarder.
    pub name: String,
    /// Its share.
    pub weight: Weight,
}
