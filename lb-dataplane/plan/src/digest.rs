//! Digests and the keys that are derived from the seed.
//!
//! All but the identities of backends and VIPs are keyed with the seed, so that they may be shown without telling anything
//! about it.

use std::hash::Hasher;
use std::net::IpAddr;

use guideway_abi::FlowKey;
use guideway_maglev::{Seed, TableSize};
use guideway_packet::Address;
use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher13, SipHasher24 as SipHasher24x128};

use crate::key::Match;

/// Changes when the same input would give another table or another way of forwarding, so that what an older agent left
/// in the maps is not taken for ours.
const FORMAT: u64 = 2;

/// SipHash-2-4 with 128 bits of output over fields that are told apart by their lengths.
pub(crate) struct Digest(SipHasher24x128);

impl Digest {
    pub(crate) fn new(seed: &Seed, purpose: &str) -> Self {
        let mut digest = Self(SipHasher24x128::new_with_key(&seed.0));
        digest.bytes(purpose.as_bytes());
        digest.number(FORMAT);
        digest
    }

    pub(crate) fn number(&mut self, number: impl Into<u64>) {
        self.0.write(&number.into().to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.write(bytes);
    }

    pub(crate) fn size(&mut self, size: TableSize) {
        self.number(size.get());
    }

    pub(crate) fn finish(&self) -> [u64; 2] {
        let hash = self.0.finish128();
        [hash.h1, hash.h2]
    }
}

/// Digest of the slots of a table as they stand in the map. They are backend indexes, so that an element with the same
/// slots does as well, whatever it was built from. Never zero.
pub(crate) fn table_digest(slots: &[u16]) -> [u64; 2] {
    let mut hasher = SipHasher13::new_with_keys(FORMAT, 0);
    let mut bytes = [0; 1024];
    for slots in slots.chunks(bytes.len() / 2) {
        for (bytes, slot) in bytes.chunks_exact_mut(2).zip(slots) {
            bytes.copy_from_slice(&slot.to_le_bytes());
        }
        hasher.write(&bytes[..2 * slots.len()]);
    }
    let hash = hasher.finish128();
    [hash.h1 | 1, hash.h2]
}

/// A digest of words of 64 bits: of what was compiled.
pub(crate) fn words_digest(words: impl Iterator<Item = u64>) -> [u64; 2] {
    let bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    let mut hasher = SipHasher13::new_with_keys(FORMAT, 1);
    hasher.write(&bytes);
    let hash = hasher.finish128();
    [hash.h1, hash.h2]
}

/// Numbers that follow from the seed.
struct Numbers<'a> {
    seed: &'a Seed,
    purpose: &'static str,
    attempt: u32,
}

impl Numbers<'_> {
    fn pair(&self, index: u32) -> [u64; 2] {
        let mut digest = Digest::new(self.seed, self.purpose);
        digest.number(self.attempt);
        digest.number(index);
        digest.finish()
    }
}

/// Key of the flow hash.
#[allow(clippy::cast_possible_truncation)] // halves are meant
pub(crate) fn flow_key(seed: &Seed) -> FlowKey {
    let numbers = Numbers { seed, purpose: "flow key", attempt: 0 };
    let mut key = FlowKey::default();
    for (index, pair) in (0..).zip(key.add.chunks_mut(2)) {
        let numbers = numbers.pair(index);
        pair.copy_from_slice(&numbers[..pair.len()]);
    }
    let [mix, _] = numbers.pair(5);
    key.mix = [mix as u32 | 1, (mix >> 32) as u32 | 1];
    key
}

/// Key of the flow tags.
pub(crate) fn tag_key(seed: &Seed) -> [u64; 2] {
    Numbers { seed, purpose: "tag key", attempt: 0 }.pair(0)
}

/// Key of the VIP lookup at the `attempt`-th try to build it.
pub(crate) fn lookup_key(seed: &Seed, attempt: u32) -> [u64; 7] {
    let numbers = Numbers { seed, purpose: "lookup key", attempt };
    let [[a, b], [c, d], [e, f], [g, _]] = [0, 1, 2, 3].map(|index| numbers.pair(index));
    [a, b, c, d, e, f, g | 1]
}

/// Identity of a backend in [`BackendRecord`](guideway_abi::BackendRecord). It does not depend on the seed, so that
/// a backend keeps its counters through a change of seed.
pub(crate) fn identity(name: &str, address: IpAddr) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(&Address::from(address).to_bytes());
    hasher.write(name.as_bytes());
    hasher.finish()
}

/// Identity of a VIP in [`VipRecord`](guideway_abi::VipRecord), likewise; never zero.
pub(crate) fn vip_identity(key: &Match) -> u64 {
    let mut hasher = SipHasher24::new_with_keys(FORMAT, 0);
    hasher.write(&key.net.start.to_be_bytes());
    hasher.write(&[u8::from(key.net.is_v6), key.net.length, key.protocol]);
    hasher.write(&key.first.to_be_bytes());
    hasher.write(&key.last.to_be_bytes());
    hasher.finish().max(1)
}
