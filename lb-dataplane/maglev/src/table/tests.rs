use super::*;
use crate::Weight;
use proptest::prelude::*;
use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as Wide};
use std::collections::BTreeMap;
use std::hash::Hasher;

const SEED: Seed = Seed([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

fn members(weights: &[u16]) -> Vec<Member> {
    weights
        .iter()
        .enumerate()
        .map(|(index, &weight)| Member { name: format!("be{index:05}"), weight: Weight(weight) })
        .collect()
}

fn table(size: TableSize, weights: &[u16]) -> Table {
    Table::new(SEED, size, &members(weights)).unwrap()
}

/// A digest of the slots, for snapshots.
fn digest(slots: &[u16]) -> u64 {
    let mut hasher = SipHasher24::new();
    slots.iter().for_each(|slot| hasher.write(&slot.to_le_bytes()));
    hasher.finish()
}

/// The definition in the crate's documentation, done the slow way: whole permutations, exact fractions, and a sorted
/// list of claims in place of turns.
fn naive(seed: Seed, m: u64, members: &[(&str, u64)]) -> Vec<u16> {
    let sorted: BTreeMap<&str, u64> = members.iter().copied().collect();
    let total: u64 = sorted.values().sum();
    let largest = *sorted.values().max().unwrap();
    let mut quotas: Vec<u64> = sorted.values().map(|weight| weight * m / total).collect();
    let mut by_remainder: Vec<usize> = (0..quotas.len()).collect();
    by_remainder
        .sort_by_key(|&index| (std::cmp::Reverse(sorted.values().nth(index).unwrap() * m % total), index));
    let left = m - quotas.iter().sum::<u64>();
    for index in &by_remainder[..usize::try_from(left).unwrap()] {
        quotas[*index] += 1;
    }
    // The n-th slot of a member is claimed in the first turn t with t * weight >= n * largest.
    let mut claims = Vec::new();
    let mut permutations = Vec::new();
    for (position, (name, weight)) in sorted.iter().enumerate() {
        claims.extend((0..quotas[position]).map(|n| ((n * largest).div_ceil((*weight).max(1)), position)));
        let mut hasher = Wide::new_with_key(&seed.0);
        hasher.write(name.as_bytes());
        let hash = hasher.finish128();
        let (offset, skip) = (hash.h1 % m, hash.h2 % (m - 1) + 1);
        permutations.push((0..m).map(|j| (offset + j * skip) % m).collect::<Vec<u64>>());
    }
    claims.sort_unstable();
    let mut slots = vec![None; usize::try_from(m).unwrap()];
    let mut next = vec![0; sorted.len()];
    for (_, position) in claims {
        loop {
            let slot = usize::try_from(permutations[position][next[position]]).unwrap();
            next[position] += 1;
            if slots[slot].is_none() {
                slots[slot] = Some(u16::try_from(position).unwrap());
                break;
            }
        }
    }
    slots.into_iter().map(Option::unwrap).collect()
}

/// Table size, names with weights, digest of the slots.
type Case = (TableSize, &'static [(&'static str, u16)], u64);

/// Tables must not change with a version: every flow of every cluster would move.
#[test]
fn known_answers() {
    let cases: &[Case] = &[
        (TableSize::Large, &[("be1", 1), ("be2", 1), ("be3", 1)], KNOWN[0]),
        (TableSize::Small, &[("be1", 1), ("be2", 1), ("be3", 1)], KNOWN[1]),
        (TableSize::Large, &[("heavy", 10), ("light", 1)], KNOWN[2]),
        (TableSize::Small, &[("z", 3), ("y", 0), ("x", 7), ("größer", 2)], KNOWN[3]),
        (TableSize::Small, &[("only", 65_535)], KNOWN[4]),
    ];
    let mut digests = Vec::new();
    for (index, (size, list, known)) in cases.iter().enumerate() {
        let members: Vec<Member> =
            list.iter().map(|&(name, weight)| Member { name: name.into(), weight: Weight(weight) }).collect();
        let table = Table::new(SEED, *size, &members).unwrap();
        let wide: Vec<(&str, u64)> = list.iter().map(|&(name, weight)| (name, weight.into())).collect();
        assert!(table.slots() == naive(SEED, size.get().into(), &wide), "case {index} is not by definition");
        digests.push((known, digest(table.slots())));
    }
    assert!(digests.iter().all(|(known, digest)| *known == digest), "(known, built): {digests:#018x?}");
}

const KNOWN: [u64; 5] = [
    0xddaa_3430_9a91_0f07,
    0x21b2_5d36_a2a2_0811,
    0xca2f_3f23_f541_1683,
    0xaca7_8e7f_20c1_67cb,
    0x306f_9dbb_2bb4_0e39,
];

#[test]
fn known_start_of_a_table() {
    insta::assert_compact_debug_snapshot!(&table(TableSize::Small, &[1, 2, 3]).slots()[..24], @"[0, 1, 1, 2, 0, 1, 2, 2, 2, 0, 2, 2, 2, 2, 1, 2, 2, 2, 0, 2, 0, 1, 1, 2]");
}

#[test]
fn known_refill() {
    let refilled = table(TableSize::Large, &[1, 2, 3, 4]).with_health(&[true, false, true, false]).unwrap();
    assert_eq!(digest(&refilled), 0x34ff_b67d_7d5d_8d9a, "{:#018x}", digest(&refilled));
}

#[test]
fn equal_weights_get_equal_shares() {
    for size in [TableSize::Large, TableSize::Small] {
        let counts = slot_counts(table(size, &[1; 100]).slots(), 100);
        assert_eq!(counts.iter().sum::<u32>(), size.get());
        assert!(counts.iter().all(|&count| count.abs_diff(size.get() / 100) <= 1), "{counts:?}");
    }
}

#[test]
fn one_to_ten_is_exact() {
    let counts = slot_counts(table(TableSize::Large, &[1, 10]).slots(), 2);
    assert_eq!(counts, [5_958, 59_579]); // 65537 / 11 = 5957.9
    let share = f64::from(counts[1]) / f64::from(TableSize::Large.get());
    assert!((share - 10.0 / 11.0).abs() < 1.0 / 65_537.0, "{share}");
}

#[test]
fn extreme_weights_leave_everyone_a_slot() {
    let mut weights = vec![1_u16; 200];
    weights.push(u16::MAX);
    let counts = slot_counts(table(TableSize::Small, &weights).slots(), 201);
    assert!(counts[..200].iter().all(|&count| count == 1), "{counts:?}");
    assert_eq!(counts[200], 16_381 - 200);
}

#[test]
fn scaled_weights_are_the_same_weights() {
    assert!(
        table(TableSize::Small, &[1, 2, 3]).slots()
            == table(TableSize::Small, &[1_000, 2_000, 3_000]).slots()
    );
}

#[test]
fn bad_members_are_refused() {
    let same = [members(&[1]), members(&[2])].concat();
    let cases = [
        (same, TableError::DuplicateName { name: "be00000".into() }),
        (vec![], TableError::NoWeight),
        (members(&[0, 0]), TableError::NoWeight),
        (
            members(&[1; 16_382]),
            TableError::TooManyMembers { members: 16_382, max: 16_381, slots: TableSize::Small.get() },
        ),
    ];
    for (members, error) in cases {
        assert_eq!(Table::new(SEED, TableSize::Small, &members), Err(error));
    }
    let error = Table::new(SEED, TableSize::Large, &members(&vec![1; 65_536])).unwrap_err();
    assert_eq!(
        error,
        TableError::TooManyMembers { members: 65_536, max: MEMBERS_MAX, slots: TableSize::Large.get() }
    );
}

#[test]
fn a_full_table_has_one_slot_for_each() {
    let counts = slot_counts(table(TableSize::Small, &[1; 16_381]).slots(), 16_381);
    assert!(counts.iter().all(|&count| count == 1));
}

#[test]
fn another_seed_is_another_table() {
    let other = Table::new(Seed([9; 16]), TableSize::Small, &members(&[1; 10])).unwrap();
    let same =
        table(TableSize::Small, &[1; 10]).slots().iter().zip(other.slots()).filter(|(a, b)| a == b).count();
    assert!(same < 16_381 / 5, "{same}");
}

#[test]
fn adding_a_backend_moves_little_more_than_its_share() {
    let (before, after) = (table(TableSize::Large, &[1; 50]), table(TableSize::Large, &[1; 51]));
    let moved = before.slots().iter().zip(after.slots()).filter(|(a, b)| a != b).count();
    assert!(moved < 65_537 / 51 * 2, "{moved}"); // the paper's section 5.3: a few more than the minimum
}

#[test]
fn failed_slots_spread_by_weight() {
    let table = table(TableSize::Large, &[10, 20, 30, 40]);
    let counts = slot_counts(&table.with_health(&[true, true, true, false]).unwrap(), 4);
    for (count, share) in counts.iter().zip([1.0 / 6.0, 2.0 / 6.0, 3.0 / 6.0, 0.0]) {
        assert!((f64::from(*count) / 65_537.0 - share).abs() < 0.01, "{counts:?}");
    }
}

#[test]
fn no_healthy_member_is_no_table() {
    let table = table(TableSize::Small, &[1, 1, 0]);
    assert_eq!(table.with_health(&[false, false, false]), None);
    assert_eq!(table.with_health(&[false, false, true]), None); // healthy, but with no weight
    assert_eq!(table.with_health(&[]), None);
    assert_eq!(table.with_health(&[true, true, false]).unwrap(), table.slots());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn by_definition_in_any_order(
        weights in proptest::collection::vec((0_u16..20, "[a-z]{1,4}"), 1..12),
        seed: [u8; 16],
        rotate in 0_usize..12,
    ) {
        let unique: BTreeMap<String, u16> = weights.into_iter().map(|(weight, name)| (name, weight)).collect();
        prop_assume!(unique.values().any(|&weight| weight > 0));
        let mut members: Vec<Member> =
            unique.iter().map(|(name, &weight)| Member { name: name.clone(), weight: Weight(weight) }).collect();
        let table = Table::new(Seed(seed), TableSize::Small, &members).unwrap();
        let count = members.len();
        members.rotate_left(rotate % count);
        members.swap(0, count / 2);
        prop_assert_eq!(&Table::new(Seed(seed), TableSize::Small, &members).unwrap(), &table);
        let wide: Vec<(&str, u64)> = unique.iter().map(|(name, &weight)| (name.as_str(), weight.into())).collect();
        prop_assert!(table.slots() == naive(Seed(seed), 16_381, &wide));
        let total: u64 = wide.iter().map(|(_, weight)| weight).sum();
        for ((_, weight), slots) in wide.iter().zip(slot_counts(table.slots(), count)) {
            prop_assert!((u64::from(slots) * total).abs_diff(weight * 16_381) < total);
        }
    }

    #[test]
    fn failures_move_only_the_slots_of_the_failed(
        weights in proptest::collection::vec(1_u16..50, 2..40),
        failures in proptest::collection::vec(any::<proptest::sample::Index>(), 1..60),
    ) {
        let table = table(TableSize::Small, &weights);
        let mut healthy = vec![true; weights.len()];
        let mut before = table.slots().to_vec();
        for failure in failures {
            let failed = failure.index(weights.len());
            if !healthy[failed] || healthy.iter().filter(|&&healthy| healthy).count() == 1 {
                continue;
            }
            healthy[failed] = false;
            let after = table.with_health(&healthy).unwrap();
            for (slot, (old, new)) in before.iter().zip(&after).enumerate() {
                prop_assert!(healthy[usize::from(*new)]);
                // Not even slots that were refilled before move again, unless their stand-in failed.
                prop_assert!(old == new || usize::from(*old) == failed, "slot {}", slot);
            }
            // Failing and recovering leaves no trace, for the present health alone decides.
            healthy[failed] = true;
            prop_assert!(table.with_health(&healthy).unwrap() == before);
            healthy[failed] = false;
            before = after;
        }
        prop_assert!(table.with_health(&vec![true; weights.len()]).unwrap() == table.slots());
    }
}
