use proptest::collection::btree_set;
use proptest::prelude::*;

use super::*;

fn names(numbers: &BTreeSet<u8>) -> BTreeSet<ForwarderName> {
    numbers.iter().map(|number| format!("lb{number}").parse().unwrap()).collect()
}

proptest! {
    /// Adding a forwarder moves only the tenants that get it, and takes one other from those that were full.
    #[test]
    fn a_new_forwarder_moves_only_whom_it_serves(
        seed: [u8; 16], tenant in "[a-z]{1,8}", numbers in btree_set(any::<u8>(), 1..20), size in 1..6_usize,
    ) {
        let seed = Seed::new(seed);
        let all = names(&numbers);
        let mut fewer = all.clone();
        let new = fewer.pop_last().unwrap();
        let before = shuffle(&seed, &tenant, &fewer, size);
        let after = shuffle(&seed, &tenant, &all, size);
        prop_assert_eq!(after.len(), size.min(all.len()));
        if after.contains(&new) {
            let lost: Vec<_> = before.difference(&after).collect();
            prop_assert_eq!(lost.len(), usize::from(before.len() == size));
            prop_assert_eq!(after.difference(&before).collect::<Vec<_>>(), [&new]);
        } else {
            prop_assert_eq!(before, after);
        }
    }
}

#[test]
fn tenants_are_spread_and_seldom_meet() {
    let forwarders = names(&(0..16).collect());
    let seed = Seed::new([5; 16]);
    let of = |tenant: usize| shuffle(&seed, &format!("tenant{tenant}"), &forwarders, 4);
    let mut counts = std::collections::BTreeMap::<_, usize>::new();
    for tenant in 0..2000 {
        of(tenant).into_iter().for_each(|forwarder| *counts.entry(forwarder).or_default() += 1);
    }
    // 500 each on average.
    assert!(counts.len() == 16 && counts.values().all(|count| (400..600).contains(count)), "{counts:?}");
    let victim = of(0);
    let same = (1..2000).filter(|tenant| of(*tenant) == victim).count();
    // There are 1,820 ways to take 4 of 16.
    assert!(same < 10, "{same} of 2000 tenants have exactly the forwarders of the first");
}
