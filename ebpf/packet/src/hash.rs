//! Keyed hashes. Their keys are secret, so that nobody outside can aim at a bucket or a slot.

use guideway_abi::FlowKey;

use crate::Addresses;

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

/// Pair-multiply-shift over words of 32 bits (Dietzfelbinger 1996; Thorup 2015, section 3.5): the upper half of the sum
/// is strongly universal.
#[inline(always)]
const fn pair(key: &[u64], at: usize, first: u32, second: u32) -> u64 {
    (key[at].wrapping_add(first as u64)).wrapping_mul(key[at + 1].wrapping_add(second as u64))
}

/// Port as in the packet and protocol, as the lookup hashes take them.
#[inline(always)]
#[must_use]
pub const fn port_and_protocol(port_be: u16, protocol: u8) -> u32 {
    port_be as u32 | (protocol as u32) << 16
}

/// Hash of an IPv4 VIP (address in the order of memory) for the lookup. Its low bits name the first bucket.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // the upper half is meant
pub const fn lookup_hash_v4(key: &[u64; 7], address: u32, port_and_protocol: u32) -> u32 {
    (pair(key, 0, address, port_and_protocol) >> 32) as u32
}

/// Hash of an IPv6 VIP, the [`words_v6`] of its address, for the lookup.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // halves are meant
pub const fn lookup_hash_v6(key: &[u64; 7], address: [u32; 4], port_and_protocol: u32) -> u32 {
    let [a, b, c, d] = address;
    let sum =
        pair(key, 0, a, b).wrapping_add(pair(key, 2, c, d)).wrapping_add(pair(key, 4, port_and_protocol, 0));
    (sum >> 32) as u32
}

/// What names the second bucket, from what names the first.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // the upper half is meant
pub const fn second_bucket(key: &[u64; 7], hash: u32) -> u32 {
    ((hash as u64).wrapping_mul(key[6]) >> 32) as u32
}

/// Hash of a flow: `ports` are the four bytes of both ports in the order of memory.
///
/// Pair-multiply-shift, then a permutation of the 32-bit numbers that hides its linearity. The destination address and the
/// protocol are not hashed: a flow's set is known by them.
#[inline(always)]
#[must_use]
pub const fn flow_hash(key: &FlowKey, addresses: &Addresses, ports: u32) -> u32 {
    match *addresses {
        Addresses::V4 { source, .. } => flow_hash_v4(key, source, ports),
        Addresses::V6 { source, .. } => flow_hash_v6(key, words_v6(source), ports),
    }
}

/// As [`flow_hash`], from an IPv4 source in the order of memory.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // the upper half is meant
pub(crate) const fn flow_hash_v4(key: &FlowKey, source: u32, ports: u32) -> u32 {
    let add = &key.add;
    let sum = pair(add, 0, source, ports).wrapping_add(add[2]);
    permute((sum >> 32) as u32, key.mix)
}

/// As [`flow_hash`], from the [`words_v6`] of the source.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // the upper half is meant
pub(crate) const fn flow_hash_v6(key: &FlowKey, source: [u32; 4], ports: u32) -> u32 {
    let add = &key.add;
    let [a, b, c, d] = source;
    let sum = pair(add, 0, a, b)
        .wrapping_add(pair(add, 2, c, d))
        .wrapping_add(pair(add, 4, ports, 0))
        .wrapping_add(add[6]);
    permute((sum >> 32) as u32, key.mix)
}

/// An IPv6 address of two words in words of 32 bits, in the order of memory.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // halves are meant
pub const fn words_v6(address: [u64; 2]) -> [u32; 4] {
    let [a, b] = address;
    [a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32]
}

/// A permutation of the 32-bit numbers, when both factors are odd.
#[inline(always)]
const fn permute(mut hash: u32, mix: [u32; 2]) -> u32 {
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(mix[0]);
    hash ^= hash >> 15;
    hash = hash.wrapping_mul(mix[1]);
    hash ^ hash >> 16
}

/// Tag of a flow in the flow table: 64 bits of SipHash-1-3, so that two flows of one bucket are told apart.
#[inline(always)]
#[must_use]
pub fn flow_tag(key: [u64; 2], addresses: &Addresses, ports: u32, protocol: u8) -> u64 {
    let last = u64::from(ports) | u64::from(protocol) << 32;
    match *addresses {
        Addresses::V4 { source, destination } => {
            siphash13(key, [u64::from(source) | u64::from(destination) << 32, last])
        }
        Addresses::V6 { source: [a, b], destination: [c, d] } => siphash13(key, [a, b, c, d, last]),
    }
}

/// The slot of a lookup table of size `m` that a flow hash falls into.
#[inline(always)]
#[must_use]
#[allow(clippy::cast_possible_truncation)] // less than m
pub const fn slot(hash: u32, m: u32) -> u32 {
    ((hash as u64 * m as u64) >> 32) as u32
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation)] // parts of words are meant
mod tests {
    extern crate std;

    use core::hash::Hasher;

    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;

    use super::*;

    fn reference(key: [u64; 2], bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
        hasher.write(bytes);
        hasher.finish()
    }

    fn word(bytes: &[u8]) -> u64 {
        bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }

    /// The hash of the documentation, over the words of source and ports.
    fn documented(key: &FlowKey, words: &[u64]) -> u32 {
        let last = if words.len() == 2 { 2 } else { 6 };
        let padded: std::vec::Vec<u64> = words.iter().copied().chain([0]).collect();
        let pairs = padded.chunks_exact(2).zip(key.add.chunks(2));
        let sum = pairs.fold(key.add[last], |sum, (word, key)| {
            sum.wrapping_add(key[0].wrapping_add(word[0]).wrapping_mul(key[1].wrapping_add(word[1])))
        });
        let mut h = (sum >> 32) as u32;
        h ^= h >> 16;
        h = h.wrapping_mul(key.mix[0]);
        h ^= h >> 15;
        h = h.wrapping_mul(key.mix[1]);
        h ^ h >> 16
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
        fn flow_hash_and_tag_take_the_documented_bytes(
            add: [u64; 7], mix: [u32; 2], key: [u64; 2], bytes: [u8; 36], protocol: u8,
        ) {
            let flow_key = FlowKey { add, mix };
            let words = |bytes: &[u8]| bytes.chunks(4).map(word).collect::<std::vec::Vec<u64>>();
            let (source, destination) = (word(&bytes[..4]) as u32, word(&bytes[4..8]) as u32);
            let v4 = Addresses::V4 { source, destination };
            let ports = word(&bytes[8..12]) as u32;
            let hashed = [&bytes[..4], &bytes[8..12]].concat();
            prop_assert_eq!(flow_hash(&flow_key, &v4, ports), documented(&flow_key, &words(&hashed)));
            let tail = [protocol, 0, 0, 0];
            prop_assert_eq!(flow_tag(key, &v4, ports, protocol), reference(key, &[&bytes[..12], &tail].concat()));

            let v6 = Addresses::V6 {
                source: [word(&bytes[..8]), word(&bytes[8..16])],
                destination: [word(&bytes[16..24]), word(&bytes[24..32])],
            };
            let ports = word(&bytes[32..]) as u32;
            let hashed = [&bytes[..16], &bytes[32..]].concat();
            prop_assert_eq!(flow_hash(&flow_key, &v6, ports), documented(&flow_key, &words(&hashed)));
            prop_assert_eq!(flow_tag(key, &v6, ports, protocol), reference(key, &[&bytes[..], &tail].concat()));
        }

        #[test]
        fn slots_are_in_range(hash: u32, m in 1_u32..=65_537) {
            prop_assert!(slot(hash, m) < m);
        }

        #[test]
        fn no_two_hashes_are_permuted_into_one(a: u32, b: u32, mix: [u32; 2]) {
            let mix = [mix[0] | 1, mix[1] | 1];
            prop_assert_eq!(permute(a, mix) == permute(b, mix), a == b);
        }
    }

    /// Flows that differ in nothing but consecutive ports, as real clients make them, spread as chance would.
    #[test]
    fn consecutive_ports_spread() {
        let add = core::array::from_fn(|i| siphash13([1, 2], [i as u64]));
        let key = FlowKey { add, mix: [0x9e37_79b1, 0x85eb_ca77] };
        let mut slots = [0_u32; 97];
        for port in 0..32_768_u16 {
            let v4 = Addresses::V4 { source: 0x0109_010a, destination: 0x0a71_00cb };
            let ports = u32::from(port.to_be()) | 0x5000_0000;
            slots[slot(flow_hash(&key, &v4, ports), 97) as usize] += 1;
        }
        let mean = 32_768.0 / 97.0;
        let chi2: f64 = slots.iter().map(|&n| (f64::from(n) - mean).powi(2) / mean).sum();
        // 96 degrees of freedom: beyond 180 once in 10^6 times.
        assert!(chi2 < 180.0, "{chi2}");
    }
}
