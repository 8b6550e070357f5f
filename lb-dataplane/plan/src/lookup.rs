//! The VIP lookup: a bucketised cuckoo hash table that is never more than half full.

use guideway_abi::{BUCKET_WAYS, VipBucket, VipEntry, entry_kind};
use guideway_packet::{Address, lookup_hash};

/// Entries put elsewhere for one new entry, before another key is tried.
const KICKS_MAX: usize = 256;

/// The two buckets in which an entry can stand.
#[allow(clippy::cast_possible_truncation)] // the halves of the hash
pub(crate) const fn home_buckets(hash: u64, bucket_mask: u32) -> [u32; 2] {
    [hash as u32 & bucket_mask, (hash >> 32) as u32 & bucket_mask]
}

/// As many buckets as leave at least half of their places free.
pub(crate) fn buckets_for(entries: usize) -> usize {
    const _: () = assert!(BUCKET_WAYS == 4);
    entries.div_ceil(BUCKET_WAYS / 2).next_power_of_two()
}

/// Buckets that hold `entries`, whose keys differ, under `key`; `None` when an entry finds no place.
pub(crate) fn build(entries: &[VipEntry], key: [u64; 2]) -> Option<Vec<VipBucket>> {
    let mut buckets = vec![VipBucket::default(); buckets_for(entries.len())];
    let mask = u32::try_from(buckets.len() - 1).ok()?;
    for entry in entries {
        insert(&mut buckets, key, mask, *entry)?;
    }
    Some(buckets)
}

fn insert(buckets: &mut [VipBucket], key: [u64; 2], mask: u32, entry: VipEntry) -> Option<()> {
    let mut homeless = entry;
    let mut from = None;
    for kick in 0..KICKS_MAX {
        let hash =
            lookup_hash(key, Address::from_bytes(homeless.address), homeless.port_be, homeless.protocol);
        let homes = home_buckets(hash, mask);
        for home in homes {
            let place =
                buckets[home as usize].entries.iter_mut().find(|place| place.kind == entry_kind::EMPTY);
            if let Some(place) = place {
                *place = homeless;
                return Some(());
            }
        }
        // Not back to where it was put out of, and in each bucket by turns.
        let home = if from == Some(homes[0]) { homes[1] } else { homes[0] };
        std::mem::swap(&mut buckets[home as usize].entries[kick % BUCKET_WAYS], &mut homeless);
        from = Some(home);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(count: u32) -> Vec<VipEntry> {
        (0..count)
            .map(|vip| VipEntry {
                address: Address::from_v4(vip.to_be_bytes()).to_bytes(),
                kind: entry_kind::VIP,
                vip,
                ..VipEntry::default()
            })
            .collect()
    }

    #[test]
    fn half_of_the_places_stay_free() {
        for (entries, buckets) in [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (8_192, 4_096)] {
            assert_eq!(buckets_for(entries), buckets, "{entries}");
        }
    }

    #[test]
    fn ten_colliding_entries_find_no_place() {
        assert_eq!(build(&[entries(1)[0]; 10], [1, 2]), None);
    }

    proptest! {
        #[test]
        fn entries_stand_in_their_buckets(count in 0_u32..3_000, key: [u64; 2]) {
            // Small tables can fail when all entries fall into one bucket; the planner tries another key.
            if let Some(buckets) = build(&entries(count), key) {
                for entry in entries(count) {
                    let hash = lookup_hash(key, Address::from_bytes(entry.address), 0, 0);
                    let mask = u32::try_from(buckets.len() - 1).unwrap();
                    let homes = home_buckets(hash, mask);
                    prop_assert!(homes.iter().any(|home| buckets[*home as usize].entries.contains(&entry)));
                }
            } else {
                prop_assert!(count < 64, "{}", count);
            }
        }
    }
}
