//! Sections 4 and 5.1: the flow hash and the flow tag.

use std::hash::Hasher;
use std::net::IpAddr;

use siphasher::sip::SipHasher13;

/// Key of the flow hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowKey {
    /// Added to the words of source and ports, pair by pair, and to the sum.
    pub add: [u64; 7],
    /// Factors of the last step.
    pub mix: [u32; 2],
}

/// What tells flows apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Both ports as they stand in the packet.
    pub ports: [u8; 4],
    /// IANA protocol number.
    pub protocol: u8,
}

impl Flow {
    /// All flows of this client to this address: without ports and protocol.
    #[must_use]
    pub const fn client(self) -> Self {
        Self { ports: [0; 4], protocol: 0, ..self }
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

fn words(bytes: &[u8]) -> Vec<u128> {
    bytes.chunks(4).map(|w| u128::from(u32::from_le_bytes([w[0], w[1], w[2], w[3]]))).collect()
}

/// The 32-bit flow hash.
#[must_use]
pub fn flow_hash(key: &FlowKey, flow: &Flow) -> u32 {
    let mut input = words(&octets(flow.source));
    input.extend(words(&flow.ports));
    // Plain numbers of 128 bits, of which the low 64 count.
    let modulus = 1_u128 << 64;
    let last = if flow.source.is_ipv4() { key.add[2] } else { key.add[6] };
    let mut sum = u128::from(last);
    for (at, words) in input.chunks(2).enumerate() {
        let left = (words[0] + u128::from(key.add[2 * at])) % modulus;
        let right = (words.get(1).copied().unwrap_or_default() + u128::from(key.add[2 * at + 1])) % modulus;
        sum = (sum + left.wrapping_mul(right) % modulus) % modulus;
    }
    let mut h = low32(sum >> 32);
    h ^= h >> 16;
    h = low32(u128::from(h) * u128::from(key.mix[0]));
    h ^= h >> 15;
    h = low32(u128::from(h) * u128::from(key.mix[1]));
    h ^ h >> 16
}

fn low32(number: u128) -> u32 {
    u32::try_from(number & 0xffff_ffff).expect("32 bits")
}

/// The slot of a flow hash in a table of this size.
pub(crate) fn slot(hash: u32, size: usize) -> usize {
    usize::try_from((u128::from(hash) * size as u128) >> 32).expect("a slot")
}

/// The flow tag: SipHash-1-3 over addresses, ports and protocol.
#[must_use]
pub fn tag(key: [u64; 2], flow: &Flow) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
    hasher.write(&octets(flow.source));
    hasher.write(&octets(flow.destination));
    hasher.write(&flow.ports);
    hasher.write(&[flow.protocol, 0, 0, 0]);
    hasher.finish()
}
