//! Bucketised cuckoo hash tables that are never more than half full.
//!
//! An entry stands in its first bucket if there is room when it comes, so that most lookups touch one cache line.

use guideway_abi::{VIP4_WAYS, VIP6_WAYS, Vip4Bucket, Vip4Entry, Vip6Bucket, Vip6Entry};
use guideway_packet::{lookup_hash_v4, lookup_hash_v6, second_bucket, words_v6};

/// Entries put elsewhere for one new entry, before another key is tried.
const KICKS_MAX: usize = 256;

/// The bits of an entry's key that are hashed: port and protocol.
const HASHED: u32 = 0x00ff_ffff;

/// The two buckets in which an IPv4 entry can stand.
pub(crate) const fn home4(key: &[u64; 7], mask: u32, address: u32, entry_key: u32) -> [u32; 2] {
    let hash = lookup_hash_v4(key, address, entry_key & HASHED);
    [hash & mask, second_bucket(key, hash) & mask]
}

/// The two buckets in which an IPv6 entry can stand.
pub(crate) const fn home6(key: &[u64; 7], mask: u32, address: [u64; 2], entry_key: u32) -> [u32; 2] {
    let hash = lookup_hash_v6(key, words_v6(address), entry_key & HASHED);
    [hash & mask, second_bucket(key, hash) & mask]
}

/// Buckets, and how many of the entries stand in their second one.
pub(super) struct Built<B> {
    pub(super) buckets: Vec<B>,
    pub(super) seconds: usize,
}

impl<B> Built<B> {
    /// Whether at most a fifth of `entries` stand in their second bucket. A key that does not scatter the addresses of
    /// a VIP network needs more.
    pub(super) const fn is_good(&self, entries: usize) -> bool {
        self.seconds <= entries / 5 + 4
    }
}

pub(super) fn build4(entries: &[Vip4Entry], key: &[u64; 7]) -> Option<Built<Vip4Bucket>> {
    let homes = |entry: &Vip4Entry, mask| home4(key, mask, entry.address, entry.key);
    let Built { buckets, seconds } = build::<_, VIP4_WAYS>(entries, homes)?;
    Some(Built { buckets: buckets.into_iter().map(|entries| Vip4Bucket { entries }).collect(), seconds })
}

pub(super) fn build6(entries: &[Vip6Entry], key: &[u64; 7]) -> Option<Built<Vip6Bucket>> {
    let homes = |entry: &Vip6Entry, mask| home6(key, mask, entry.address, entry.key);
    let Built { buckets, seconds } = build::<_, VIP6_WAYS>(entries, homes)?;
    Some(Built { buckets: buckets.into_iter().map(|entries| Vip6Bucket { entries }).collect(), seconds })
}

/// As many buckets as leave at least half of their places free.
fn buckets_for(entries: usize, ways: usize) -> usize {
    (2 * entries).div_ceil(ways).next_power_of_two()
}

/// Buckets that hold `entries`, whose keys differ; `None` when one finds no place.
fn build<E: Copy + Default, const WAYS: usize>(
    entries: &[E],
    homes: impl Fn(&E, u32) -> [u32; 2],
) -> Option<Built<[E; WAYS]>> {
    let mut buckets = vec![[E::default(); WAYS]; buckets_for(entries.len(), WAYS)];
    let mut counts = vec![0_u8; buckets.len()];
    let mask = u32::try_from(buckets.len() - 1).ok()?;
    'entries: for entry in entries {
        let mut homeless = *entry;
        let mut from = None;
        for kick in 0..KICKS_MAX {
            let homes = homes(&homeless, mask);
            for home in homes.map(|home| home as usize) {
                let count = usize::from(counts[home]);
                if count < WAYS {
                    buckets[home][count] = homeless;
                    counts[home] += 1;
                    continue 'entries;
                }
            }
            // Not back to where it was put out of, and in each bucket by turns.
            let home = if from == Some(homes[0]) { homes[1] } else { homes[0] };
            std::mem::swap(&mut buckets[home as usize][kick % WAYS], &mut homeless);
            from = Some(home);
        }
        return None;
    }
    let of_bucket = |(index, bucket): (usize, &[E; WAYS])| {
        let entries = bucket.iter().take(usize::from(counts[index]));
        entries.filter(|entry| homes(entry, mask)[0] as usize != index).count()
    };
    let seconds = buckets.iter().enumerate().map(of_bucket).sum();
    Some(Built { buckets, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use guideway_abi::VipRef;
    use proptest::prelude::*;

    fn entries(count: u32) -> Vec<Vip4Entry> {
        (0..count)
            .map(|vip| Vip4Entry {
                address: vip.to_be(),
                key: 1 << 24,
                value: VipRef { vip, set: 0, flags: 0 },
            })
            .collect()
    }

    #[test]
    fn half_of_the_places_stay_free() {
        for (entries, buckets) in [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (8_192, 4_096)] {
            assert_eq!(buckets_for(entries, 4), buckets, "{entries}");
        }
        assert_eq!(buckets_for(5, 2), 8);
    }

    #[test]
    fn ten_colliding_entries_find_no_place() {
        assert!(build4(&[entries(1)[0]; 10], &[1, 2, 3, 4, 5, 6, 7]).is_none());
    }

    proptest! {
        #[test]
        fn entries_stand_in_their_buckets(count in 0_u32..3_000, seed: [u8; 16]) {
            let entries = entries(count);
            let built = (0..16).find_map(|attempt| {
                let key = crate::digest::lookup_key(&crate::Seed(seed), attempt);
                let built = build4(&entries, &key)?;
                built.is_good(entries.len()).then_some((key, built))
            });
            // Not every key scatters addresses that follow each other.
            let (key, built) = built.expect("one of so many keys is good");
            let mask = u32::try_from(built.buckets.len() - 1).unwrap();
            let mut seconds = 0;
            for entry in &entries {
                let homes = home4(&key, mask, entry.address, entry.key);
                let at = homes.iter().position(|home| built.buckets[*home as usize].entries.contains(entry));
                seconds += at.expect("it stands in one of both");
            }
            prop_assert_eq!(seconds, built.seconds);
        }
    }
}
