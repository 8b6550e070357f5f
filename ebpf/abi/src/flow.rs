//! The flow table, written by the forwarder program itself.
//!
//! An entry is two words that are stored one after the other without a lock, as lookup tables of chess programs are: the
//! first is the second's lasting bits xor the flow's tag, so that a reader who meets half of an old and half of a new
//! entry finds no entry.

/// Places of a bucket.
pub const FLOW_WAYS: usize = 4;

/// The second word of an entry. From the lowest bit: last use in [ticks](crate::GenerationHeader::tick_shift) (32),
/// backend (16), its epoch (15), half-open (1).
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowWord(pub u64);

impl FlowWord {
    const LASTING: u64 = 0x7fff_ffff_0000_0000;
    const HALF_OPEN: u64 = 1 << 63;
    /// Epochs are counted modulo this.
    pub const EPOCHS: u16 = 1 << 15;

    /// An entry's word. `epoch` is below [`FlowWord::EPOCHS`].
    #[inline(always)]
    #[must_use]
    pub const fn new(backend: u16, epoch: u16, now: u32, half_open: bool) -> Self {
        let flag = if half_open { Self::HALF_OPEN } else { 0 };
        Self(now as u64 | (backend as u64) << 32 | ((epoch & 0x7fff) as u64) << 48 | flag)
    }

    /// When the entry was last used.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // the low half is meant
    pub const fn last_use(self) -> u32 {
        self.0 as u32
    }

    /// Index of the backend; 0 in an empty place.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // these bits are meant
    pub const fn backend(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// The backend's epoch when the entry was made.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // these bits are meant
    pub const fn epoch(self) -> u16 {
        (self.0 >> 48) as u16 & 0x7fff
    }

    /// Whether nothing but SYNs have come so far.
    #[inline(always)]
    #[must_use]
    pub const fn is_half_open(self) -> bool {
        self.0 & Self::HALF_OPEN != 0
    }

    /// The first word of the entry of the flow with this tag.
    #[inline(always)]
    #[must_use]
    pub const fn check(self, tag: u64) -> u64 {
        self.0 & Self::LASTING ^ tag
    }
}

/// One place of the flow table.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowEntry {
    /// [`FlowWord::check`] of the second word and the flow's tag.
    pub check: u64,
    /// The second word.
    pub word: FlowWord,
}

/// An element of [`FLOWS`](crate::FLOWS): a cache line.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowBucket {
    /// The places.
    pub entries: [FlowEntry; FLOW_WAYS],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_and_use_does_not_change_the_check() {
        let word = FlowWord::new(0x7fff, 0x7fff, u32::MAX, true);
        assert_eq!((word.backend(), word.epoch(), word.last_use()), (0x7fff, 0x7fff, u32::MAX));
        assert!(word.is_half_open());
        let later = FlowWord::new(0x7fff, 0x7fff, 7, false);
        assert!(!later.is_half_open());
        assert_eq!(word.check(42), later.check(42));
        assert_ne!(FlowWord::new(1, 0, 7, false).check(42), FlowWord::new(2, 0, 7, false).check(42));
    }
}
