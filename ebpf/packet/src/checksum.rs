//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624).

/// A running one's complement sum of 16-bit words, kept in the order of memory: RFC 1071, section 2 (B), shows that the
/// order does not matter as long as it is the same throughout.
#[derive(Clone, Copy, Debug)]
pub struct Checksum(u32);

impl Checksum {
    /// The sum of nothing.
    #[inline(always)]
    #[must_use]
    pub const fn zero() -> Self {
        Self(0)
    }

    /// A sum that [`to_sum`](Self::to_sum) gave.
    #[inline(always)]
    #[must_use]
    pub const fn from_sum(sum: u32) -> Self {
        Self(sum)
    }

    /// The sum so far, not folded.
    #[inline(always)]
    #[must_use]
    pub const fn to_sum(self) -> u32 {
        self.0
    }

    /// Adds a word of the header. At most 65,535 words may be added.
    #[inline(always)]
    #[must_use]
    pub const fn add(self, word: u16) -> Self {
        Self(self.0 + word as u32)
    }

    /// Adds the two words of `word`.
    #[inline(always)]
    #[must_use]
    pub const fn add_u32(self, word: u32) -> Self {
        Self(self.0 + (word & 0xffff) + (word >> 16))
    }

    /// Adds the four words of `word`.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // halves are meant
    pub const fn add_u64(self, word: u64) -> Self {
        self.add_u32(word as u32).add_u32((word >> 32) as u32)
    }

    /// The sum of both.
    #[inline(always)]
    #[must_use]
    pub const fn merge(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// The checksum field.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // folded
    pub const fn finish(self) -> u16 {
        let once = (self.0 & 0xffff) + (self.0 >> 16);
        !(((once & 0xffff) + (once >> 16)) as u16)
    }
}

/// The checksum field (as in memory) of an IPv4 header whose TTL is lowered by one: RFC 1624, equation 3.
///
/// A wrong checksum stays wrong, so that the backend still sees that the header was damaged on its way.
#[inline(always)]
#[must_use]
pub const fn decrement_ttl_v4(checksum: u16, ttl: u8, protocol: u8) -> u16 {
    let old = u16::from_le_bytes([ttl, protocol]);
    let new = u16::from_le_bytes([ttl.wrapping_sub(1), protocol]);
    Checksum(0).add(!checksum).add(!old).add(new).finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(header: &[u8]) -> u16 {
        header.chunks(2).fold(Checksum::zero(), |sum, w| sum.add(u16::from_le_bytes([w[0], w[1]]))).finish()
    }

    #[test]
    fn sum_of_a_known_header() {
        // An IPv4 header with its checksum, 0xb861, set to zero.
        let header = [
            0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0x00, 0x01, 0xc0,
            0xa8, 0x00, 0xc7,
        ];
        assert_eq!(of(&header).to_le_bytes(), [0xb8, 0x61]);
    }

    proptest! {
        #[test]
        fn lowering_the_ttl_equals_a_fresh_sum(mut header: [u8; 20]) {
            header[8] = header[8].max(1);
            header[10..12].fill(0);
            let old = of(&header);
            let updated = decrement_ttl_v4(old, header[8], header[9]);
            header[8] -= 1;
            let fresh = of(&header);
            // 0x0000 and 0xffff are the same number; a header that has a byte set never sums to 0xffff itself.
            prop_assert!(updated == fresh || (updated ^ fresh) == 0xffff && (updated == 0 || fresh == 0));
        }

        #[test]
        fn a_header_with_its_checksum_sums_to_zero(mut header: [u8; 20]) {
            header[10..12].fill(0);
            let sum = of(&header);
            header[10..12].copy_from_slice(&sum.to_le_bytes());
            prop_assert_eq!(of(&header), 0);
        }
    }
}
