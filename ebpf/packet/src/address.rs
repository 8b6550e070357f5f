//! IP addresses as the programs keep them.

/// An IPv6 address, or an IPv4 address as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), in two words that hold the bytes in
/// the order of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Address {
    words: [u64; 2],
}

/// Bytes 8 to 11 of an IPv4-mapped address.
const V4_MAPPED: u64 = 0xffff_0000;

impl Address {
    /// An IPv4 address from its bytes in network order.
    #[inline(always)]
    #[must_use]
    pub const fn from_v4(bytes: [u8; 4]) -> Self {
        Self { words: [0, V4_MAPPED | (u32::from_le_bytes(bytes) as u64) << 32] }
    }

    /// An IPv6 address, or an IPv4-mapped one, from its bytes in network order.
    #[inline(always)]
    #[must_use]
    pub const fn from_bytes(b: [u8; 16]) -> Self {
        Self {
            words: [
                u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]),
                u64::from_le_bytes([b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]]),
            ],
        }
    }

    /// From the words that [`words`](Self::words) gives.
    #[inline(always)]
    #[must_use]
    pub const fn from_words(words: [u64; 2]) -> Self {
        Self { words }
    }

    /// The bytes in network order.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        let a = self.words[0].to_le_bytes();
        let b = self.words[1].to_le_bytes();
        [a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]
    }

    /// The words, as the hashes take them.
    #[inline(always)]
    #[must_use]
    pub const fn words(self) -> [u64; 2] {
        self.words
    }

    /// The IPv4 address in an IPv4-mapped one.
    #[inline(always)]
    #[must_use]
    pub const fn to_v4(self) -> Option<[u8; 4]> {
        if self.is_v4() { Some(self.v4_bits().to_le_bytes()) } else { None }
    }

    /// Whether this is an IPv4-mapped address.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // the lower half is meant
    pub const fn is_v4(self) -> bool {
        self.words[0] == 0 && self.words[1] as u32 as u64 == V4_MAPPED
    }

    /// The last four bytes, in the order of memory.
    #[inline(always)]
    #[must_use]
    pub const fn v4_bits(self) -> u32 {
        (self.words[1] >> 32) as u32
    }
}

impl From<core::net::IpAddr> for Address {
    fn from(address: core::net::IpAddr) -> Self {
        match address {
            core::net::IpAddr::V4(v4) => Self::from_v4(v4.octets()),
            core::net::IpAddr::V6(v6) => Self::from_bytes(v6.octets()),
        }
    }
}

impl From<Address> for core::net::IpAddr {
    fn from(address: Address) -> Self {
        match address.to_v4() {
            Some(v4) => Self::V4(v4.into()),
            None => Self::V6(address.to_bytes().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::*;

    #[test]
    fn addresses_come_back_as_they_went_in() {
        for text in ["0.0.0.0", "203.0.113.10", "255.255.255.255", "::", "2001:db8::10"] {
            let address: IpAddr = text.parse().expect("an address");
            assert_eq!(IpAddr::from(Address::from(address)), address);
        }
        assert!(!Address::from_bytes([0; 16]).is_v4());
        let mapped: IpAddr = "::ffff:1.2.3.4".parse().expect("an address");
        assert_eq!(Address::from(mapped), Address::from_v4([1, 2, 3, 4]));
        assert_eq!(Address::from_v4([1, 2, 3, 4]).to_bytes()[10..], [0xff, 0xff, 1, 2, 3, 4]);
    }
}
