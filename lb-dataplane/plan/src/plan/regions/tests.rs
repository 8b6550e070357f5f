use proptest::prelude::*;

use super::*;

fn wish(need: Need, old: Option<(u32, u32)>) -> Wish {
    Wish { need, old: old.map(|(base, buckets)| Region { base, buckets }) }
}

fn granted(regions: &Regions) -> Vec<Option<(u32, u32)>> {
    regions.granted.iter().map(|region| region.map(|region| (region.base, region.buckets))).collect()
}

#[test]
fn entries_are_rounded_up() {
    let cases = [(0, 1), (1, 1), (4, 1), (5, 2), (1000, 256), (4096, 1024), (u32::MAX, 1 << 30)];
    for (entries, buckets) in cases {
        assert_eq!(buckets_for(entries), buckets, "{entries}");
    }
}

#[test]
fn shares_fit() {
    let shares = |count: usize, buckets| {
        let regions = grant(&vec![wish(Need::Share, None); count], &[], buckets);
        granted(&regions)
            .into_iter()
            .map(|region| region.map_or(0, |(_, buckets)| buckets))
            .collect::<Vec<_>>()
    };
    assert_eq!(shares(2, 65_536), [256, 256]);
    assert_eq!(shares(3, 100), [32, 32, 32]);
    assert_eq!(shares(3, 2), [1, 1, 0]);
    assert_eq!(shares(1, 0), [0]);
    let mixed = [wish(Need::Share, None), wish(Need::Buckets(64), None), wish(Need::Share, None)];
    assert_eq!(granted(&grant(&mixed, &[], 100)), [Some((64, 16)), Some((0, 64)), Some((80, 16))]);
}

#[test]
fn regions_stay_and_the_installed_ones_are_nobodys() {
    let old = [Region { base: 0, buckets: 16 }, Region { base: 16, buckets: 16 }];
    // The second one is gone, and a new one comes: its region is held for a generation.
    let wishes = [wish(Need::Share, Some((0, 16))), wish(Need::Buckets(16), None)];
    let waiting = grant(&wishes, &old, 32);
    assert_eq!((granted(&waiting), waiting.is_waiting), (vec![Some((0, 16)), None], true));
    let after = grant(&wishes, &old[..1], 32);
    assert_eq!((granted(&after), after.is_waiting), (vec![Some((0, 16)), Some((16, 16))], false));
    assert_eq!(after.new, [Region { base: 16, buckets: 16 }]);
}

#[test]
fn when_there_are_more_the_shares_of_all_get_smaller() {
    let old = Region { base: 0, buckets: 32 };
    let wishes = [wish(Need::Share, Some((0, 32))), wish(Need::Share, None)];
    let first = grant(&wishes, &[old], 32);
    assert_eq!((granted(&first), first.is_waiting), (vec![Some((0, 16)), None], true));
    let wishes = [wish(Need::Share, Some((0, 16))), wish(Need::Share, None)];
    let second = grant(&wishes, &[Region { base: 0, buckets: 16 }], 32);
    assert_eq!((granted(&second), second.is_waiting), (vec![Some((0, 16)), Some((16, 16))], false));
}

#[test]
fn more_than_there_are_buckets() {
    // Each of those that get nothing is asked whether it would after this generation: none of them by a search through all.
    let wishes = vec![wish(Need::Share, None); 100_000];
    let regions = grant(&wishes, &[], 65_536);
    assert_eq!(regions.granted.iter().flatten().count(), 65_536);
    assert!(!regions.is_waiting);
    let held: Vec<Region> = regions.granted.iter().flatten().copied().collect();
    let others: Vec<Wish> = (0..100_000).map(|vip| wish(Need::Buckets(1 << (vip % 3)), None)).collect();
    let waiting = grant(&others, &held, 65_536);
    assert!(waiting.granted.iter().all(Option::is_none) && waiting.is_waiting);
}

#[test]
fn one_that_stands_in_its_own_way_moves_in_two_steps() {
    let grown = |old| [wish(Need::Buckets(32), old)];
    let first = grant(&grown(Some((0, 16))), &[Region { base: 0, buckets: 16 }], 32);
    assert_eq!((granted(&first), first.is_waiting), (vec![None], true));
    assert_eq!(granted(&grant(&grown(None), &[], 32)), [Some((0, 32))]);
    let smaller = grant(&[wish(Need::Buckets(4), Some((8, 16)))], &[Region { base: 8, buckets: 16 }], 32);
    assert_eq!((granted(&smaller), smaller.new.len()), (vec![Some((8, 4))], 0));
}

proptest! {
    #[test]
    fn nothing_overlaps_and_waiting_ends(
        steps in proptest::collection::vec(
            proptest::collection::btree_map(0_u8..8, proptest::option::of(0_u32..6), 0..8), 1..8),
        buckets in 1_u32..100,
    ) {
        let mut old = std::collections::BTreeMap::<u8, Region>::new();
        for step in steps {
            let step: Vec<(u8, Need)> = step
                .into_iter()
                .map(|(vip, size)| (vip, size.map_or(Need::Share, |size| Need::Buckets(1 << size))))
                .collect();
            let asked: u32 = step.iter().map(|(_, need)| if let Need::Buckets(asked) = need { *asked } else { 0 }).sum();
            if asked > buckets {
                continue;
            }
            for round in 0..8 {
                let wishes: Vec<Wish> =
                    step.iter().map(|(vip, need)| Wish { need: *need, old: old.get(vip).copied() }).collect();
                let held: Vec<Region> = old.values().copied().collect();
                let regions = grant(&wishes, &held, buckets);
                let mut all: Vec<Region> = regions.granted.iter().flatten().copied().collect();
                all.sort_by_key(|region| region.base);
                for pair in all.windows(2) {
                    prop_assert!(pair[0].base + pair[0].buckets <= pair[1].base, "{:?}", pair);
                }
                for region in &all {
                    prop_assert!(region.buckets.is_power_of_two() && region.base + region.buckets <= buckets);
                }
                for new in &regions.new {
                    prop_assert!(held.iter().all(|held| {
                        new.base + new.buckets <= held.base || held.base + held.buckets <= new.base
                    }), "{:?} is held", new);
                }
                for ((wish, granted), (vip, _)) in wishes.iter().zip(&regions.granted).zip(&step) {
                    if let (Some(old), Some(granted), Need::Share) = (wish.old, granted, wish.need) {
                        prop_assert_eq!(old.base, granted.base, "{} moves", vip);
                    }
                }
                old = step.iter().zip(&regions.granted).filter_map(|((vip, _), region)| Some((*vip, (*region)?))).collect();
                prop_assert!(round < 7 || !regions.is_waiting, "for ever");
                if !regions.is_waiting {
                    let wishes: Vec<Wish> =
                        step.iter().map(|(vip, need)| Wish { need: *need, old: old.get(vip).copied() }).collect();
                    let held: Vec<Region> = old.values().copied().collect();
                    let again = grant(&wishes, &held, buckets);
                    prop_assert_eq!(&again.granted, &regions.granted, "done at once");
                    break;
                }
            }
        }
    }
}
