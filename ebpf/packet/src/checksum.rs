//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624).

/// A running one's complement sum of 16-bit words, kept in the order of memory: RFC 1071, section 2 (B), shows that the
/// order does not matter as long as it is the same throughout. Wider words are added as they are (2 (C)), and the carries
/// at the end.
#[derive(Clone, Copy, Debug)]
pub struct Checksum(u64);

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
    pub const fn from_sum(sum: u64) -> Self {
        Self(sum)
    }

    /// The sum so far, not folded.
    #[inline(always)]
    #[must_use]
    pub const fn to_sum(self) -> u64 {
        self.0
    }

    /// Adds a word. Fewer than 2^15 words of up to 32 bits may be added.
    #[inline(always)]
    #[must_use]
    pub const fn add(self, word: u16) -> Self {
        Self(self.0 + word as u64)
    }

    /// Adds the two words of `word`.
    #[inline(always)]
    #[must_use]
    pub const fn add_u32(self, word: u32) -> Self {
        Self(self.0 + word as u64)
    }

    /// Adds the four words of `word`.
    #[inline(always)]
    #[must_use]
    pub const fn add_u64(self, word: u64) -> Self {
        Self(self.0 + (word & 0xffff_ffff) + (word >> 32))
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
        // Below 2^32 + 2^15 after the first step; so the second gives less than 2^16 + 2^15, or 2^17 - 2 at most.
        let sum = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        !((sum + (sum >> 16)) as u16)
    }
}

/// The four bytes of an IPv4 header from the TTL on (TTL, protocol, checksum; in the order of memory) with the TTL, which is
/// not zero, lowered by one: RFC 1624, equation 3.
///
/// A wrong checksum stays wrong, so that the backend still sees that the header was damaged on its way.
#[inline(always)]
#[must_use]
pub const fn lowered_ttl_v4(word: u32) -> u32 {
    // The sum of the words is one less, and so its complement one more, with the carry of 16 bits brought round. The
    // equation takes the two checksums that are no sums of a header, 0xfffe and 0xffff, to 0 and 1.
    let carry = (word >> 16).wrapping_add(2) & 0x1_0000;
    word.wrapping_add(0xffff).wrapping_add(carry)
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
            let word = u32::from_le_bytes([header[8], header[9], 0, 0]) | u32::from(old) << 16;
            let lowered = lowered_ttl_v4(word).to_le_bytes();
            header[8] -= 1;
            prop_assert_eq!(&lowered[..2], &header[8..10]);
            let updated = u16::from_le_bytes([lowered[2], lowered[3]]);
            let fresh = of(&header);
            // 0x0000 and 0xffff are the same number; a header that has a byte set never sums to 0xffff itself.
            prop_assert!(updated == fresh || (updated ^ fresh) == 0xffff && (updated == 0 || fresh == 0));
        }

        /// Equation 3 as it is written, also of checksums that are wrong.
        #[test]
        fn lowering_the_ttl_follows_the_equation(
            checksum in prop_oneof![any::<u16>(), Just(0xffff), Just(0xfffe), Just(0)],
            ttl in 1_u8..,
            protocol: u8,
        ) {
            let pair = |ttl| u16::from_le_bytes([ttl, protocol]);
            let expected = Checksum::zero().add(!checksum).add(!pair(ttl)).add(pair(ttl - 1)).finish();
            let lowered = lowered_ttl_v4(u32::from(pair(ttl)) | u32::from(checksum) << 16);
            prop_assert_eq!(lowered, u32::from(pair(ttl - 1)) | u32::from(expected) << 16);
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
