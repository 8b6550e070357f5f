//! Digests and the keys that are derived from the seed.
//!
//! All but a backend's identity are keyed with the seed, so that they may be shown without telling anything about it.

use std::hash::Hasher;
use std::net::IpAddr;

use guideway_maglev::{Seed, TableSize};
use guideway_packet::Address;
use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher24x128};

/// Changes when the same input would give another table or another way of forwarding, so that what an older agent left
/// in the maps is not taken for ours.
const FORMAT: u64 = 1;

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

/// Key of the flow hash.
pub(crate) fn flow_key(seed: &Seed) -> [u64; 2] {
    Digest::new(seed, "flow key").finish()
}

/// Key of the VIP lookup at the `attempt`-th try to build it.
pub(crate) fn lookup_key(seed: &Seed, attempt: u32) -> [u64; 2] {
    let mut digest = Digest::new(seed, "lookup key");
    digest.number(attempt);
    digest.finish()
}

/// Identity of a backend in [`BackendRecord`](guideway_abi::BackendRecord). It does not depend on the seed, so that
/// a backend keeps its counters through a change of seed.
pub(crate) fn identity(name: &str, address: IpAddr) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(&Address::from(address).to_bytes());
    hasher.write(name.as_bytes());
    hasher.finish()
}
