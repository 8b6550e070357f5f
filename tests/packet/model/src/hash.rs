//! Sections 4 and 5.1: the flow hash and the flow tag.

use std::hash::Hasher;
use std::net::IpAddr;

use siphasher::sip::SipHasher13;

/// Key of the flow hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowKey {
    /// Added to the words of the flow, pair by pair.
    pub add: [u64; 10],
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
    let destination = words(&octets(flow.destination));
    // IPv4: source and destination are a pair. IPv6: the words of each are two pairs. So their order is the same.
    input.extend(destination);
    input.extend(words(&flow.ports));
    input.push(u128::from(flow.protocol));
    // Plain numbers of 128 bits, of which the low 64 count.
    let modulus = 1_u128 << 64;
    let mut sum = 0_u128;
    for (pair, keys) in input.chunks(2).zip(key.add.chunks(2)) {
        let left = (pair[0] + u128::from(keys[0])) % modulus;
        let right = (pair[1] + u128::from(keys[1])) % modulus;
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
