//! Keyed hashes. Their keys are secret, so that nobody outside can aim at a bucket or a slot.

use crate::{Address, Family, Flow};

struct State([u64; 4]);

impl State {
    #[inline(always)]
    const fn new(key: [u64; 2]) -> Self {
        Self([
            key[0] ^ 0x736f_6d65_7073_6575,
            key[1] ^ 0x646f_7261_6e64_6f6d,
            key[0] ^ 0x6c79_6765_6e65_7261,
            key[1] ^ 0x7465_6462_7974_6573,
        ])
    }

    #[inline(always)]
    fn round(&mut self) {
        let [mut a, mut b, mut c, mut d] = self.0;
        a = a.wrapping_add(b);
        b = b.rotate_left(13) ^ a;
        a = a.rotate_left(32);
        c = c.wrapping_add(d);
        d = d.rotate_left(16) ^ c;
        a = a.wrapping_add(d);
        d = d.rotate_left(21) ^ a;
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        self.0 = [a, b, c, d];
    }

    #[inline(always)]
    fn word(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.0[0] ^= word;
    }
}

/// SipHash-1-3 (Aumasson and Bernstein, 2012, with one and three rounds) over the little-endian bytes of `words`.
///
/// Written out here because the programs need it without a byte buffer; the tests hold it against the `siphasher` crate.
#[inline(always)]
#[must_use]
pub fn siphash13<const N: usize>(key: [u64; 2], words: [u64; N]) -> u64 {
    let mut state = State::new(key);
    let mut i = 0;
    while i < N {
        state.word(words[i]);
        i += 1;
    }
    state.word((N as u64 * 8) << 56);
    state.0[2] ^= 0xff;
    state.round();
    state.round();
    state.round();
    state.0[0] ^ state.0[1] ^ state.0[2] ^ state.0[3]
}

/// Hash of a VIP for the lookup: address (16 bytes), port as in the packet (2), protocol (1) and five zeros.
///
/// The low half names the first bucket, the high half the second.
#[inline(always)]
#[must_use]
pub fn lookup_hash(key: [u64; 2], address: Address, port_be: u16, protocol: u8) -> u64 {
    let [a, b] = address.words();
    siphash13(key, [a, b, u64::from(port_be) | u64::from(protocol) << 16])
}

/// Hash of a flow: source, destination (4 or 16 bytes each), source port, destination port, protocol and three zeros.
///
/// The high half chooses the slot, the low half fills the outer source.
#[inline(always)]
#[must_use]
pub fn flow_hash(key: [u64; 2], flow: &Flow) -> u64 {
    let ports = u64::from(flow.source_port_be)
        | u64::from(flow.destination_port_be) << 16
        | u64::from(flow.protocol) << 32;
    match flow.family {
        Family::V4 => {
            let addresses = u64::from(flow.source.v4_bits()) | u64::from(flow.destination.v4_bits()) << 32;
            siphash13(key, [addresses, ports])
        }
        Family::V6 => {
            let ([a, b], [c, d]) = (flow.source.words(), flow.destination.words());
            siphash13(key, [a, b, c, d, ports])
        }
    }
}

/// The slot of a lookup table of size `m` that a flow hash falls into.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // less than m
pub const fn slot(hash: u64, m: u32) -> u32 {
    (((hash >> 32) * m as u64) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use core::hash::Hasher;

    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;

    use super::*;

    fn reference(key: [u64; 2], bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
        hasher.write(bytes);
        hasher.finish()
    }

    proptest! {
        #[test]
        fn siphash_is_the_published_one(key: [u64; 2], words: [u64; 5]) {
            let mut bytes = [0; 40];
            for (chunk, word) in bytes.chunks_mut(8).zip(words) {
                chunk.copy_from_slice(&word.to_le_bytes());
            }
            prop_assert_eq!(siphash13(key, words), reference(key, &bytes));
        }

        #[test]
        fn flow_and_lookup_hash_take_the_documented_bytes(
            key: [u64; 2], source: [u8; 16], destination: [u8; 16], sport: [u8; 2], dport: [u8; 2], protocol: u8,
        ) {
            let v6 = Flow {
                family: Family::V6,
                source: Address::from_bytes(source),
                destination: Address::from_bytes(destination),
                source_port_be: u16::from_le_bytes(sport),
                destination_port_be: u16::from_le_bytes(dport),
                protocol,
            };
            let tail = [&sport[..], &dport[..], &[protocol, 0, 0, 0]].concat();
            prop_assert_eq!(flow_hash(key, &v6), reference(key, &[&source[..], &destination[..], &tail[..]].concat()));

            let (s4, d4) = ([source[0], source[1], source[2], source[3]], [destination[0], 1, 2, 3]);
            let v4 = Flow { family: Family::V4, source: Address::from_v4(s4), destination: Address::from_v4(d4), ..v6 };
            prop_assert_eq!(flow_hash(key, &v4), reference(key, &[&s4[..], &d4[..], &tail[..]].concat()));

            let bytes = [&destination[..], &dport[..], &[protocol, 0, 0, 0, 0, 0]].concat();
            prop_assert_eq!(
                lookup_hash(key, v6.destination, v6.destination_port_be, protocol),
                reference(key, &bytes)
            );
        }

        #[test]
        fn slots_are_in_range(hash: u64, m in 1_u32..=65_537) {
            prop_assert!(slot(hash, m) < m);
        }
    }
}
