//! Rendezvous hashing (highest random weight): each pair of a key and a candidate has a score, and the highest scores win,
//! so that a candidate that comes or goes changes nothing between the others.

use std::cmp::Reverse;
use std::hash::Hasher;

use guideway_dataplane_config::Seed;
use siphasher::sip::SipHasher24;

use crate::ForwarderName;

/// The `count` best of `candidates` for `key`, the best first. The seed keeps others from choosing keys that meet.
pub(crate) fn best<'a>(
    seed: &Seed,
    purpose: &str,
    key: &str,
    candidates: impl Iterator<Item = &'a ForwarderName>,
    count: usize,
) -> Vec<&'a ForwarderName> {
    let mut scored: Vec<_> =
        candidates.map(|name| (Reverse(score(seed, purpose, key, name.as_str())), name)).collect();
    scored.sort_unstable();
    scored.truncate(count);
    scored.into_iter().map(|(_, name)| name).collect()
}

/// SipHash-2-4 over texts that are told apart by their lengths.
fn score(seed: &Seed, purpose: &str, key: &str, candidate: &str) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&seed.bytes());
    for text in [purpose, key, candidate] {
        hasher.write(&(text.len() as u64).to_le_bytes());
        hasher.write(text.as_bytes());
    }
    hasher.finish()
}
