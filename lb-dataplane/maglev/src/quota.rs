//! How many slots each member gets.

/// Divides `slots` in proportion to `weights` by largest remainder; ties go to the one that stands first. Whoever has
/// a weight gets at least one, at the cost of those that get the most.
///
/// The sum is `slots`, provided that at least one weight is not zero and no more than `slots` are.
pub(crate) fn quotas(weights: &[u32], slots: u32) -> Vec<u32> {
    let total: u64 = weights.iter().copied().map(u64::from).sum();
    if total == 0 {
        return vec![0; weights.len()];
    }
    let mut remainders = Vec::with_capacity(weights.len());
    let mut quotas = Vec::with_capacity(weights.len());
    for (index, &weight) in weights.iter().enumerate() {
        let part = u64::from(weight) * u64::from(slots);
        let whole = u32::try_from(part / total).unwrap_or(slots);
        if whole == 0 && weight > 0 {
            quotas.push(1);
        } else {
            quotas.push(whole);
            remainders.push((part % total, index));
        }
    }
    let given: u64 = quotas.iter().copied().map(u64::from).sum();
    if given <= u64::from(slots) {
        remainders.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let left = usize::try_from(u64::from(slots) - given).unwrap_or(usize::MAX);
        for &(_, index) in remainders.iter().take(left) {
            quotas[index] += 1;
        }
    } else {
        take_back(&mut quotas, given - u64::from(slots));
    }
    quotas
}

/// Takes `surplus` slots from those that have more than one, round by round, the largest first.
fn take_back(quotas: &mut [u32], mut surplus: u64) {
    let mut order: Vec<usize> = (0..quotas.len()).filter(|&index| quotas[index] > 1).collect();
    order.sort_by(|&a, &b| quotas[b].cmp(&quotas[a]).then(a.cmp(&b)));
    while surplus > 0 && !order.is_empty() {
        for &index in &order {
            if surplus == 0 {
                break;
            }
            quotas[index] -= 1;
            surplus -= 1;
        }
        order.retain(|&index| quotas[index] > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cases() {
        let cases: &[(&[u32], u32, &[u32])] = &[
            (&[1, 1, 1], 10, &[4, 3, 3]),
            (&[1, 10], 65_537, &[5_958, 59_579]),
            (&[0, 5, 0], 7, &[0, 7, 0]),
            (&[1, 65_535], 101, &[1, 100]),
            (&[1, 1, 1, 65_535], 6, &[1, 1, 1, 3]),
            (&[0, 0], 6, &[0, 0]),
            (&[], 6, &[]),
        ];
        for (weights, slots, expected) in cases {
            assert_eq!(quotas(weights, *slots), *expected, "{weights:?} of {slots}");
        }
    }

    proptest! {
        #[test]
        fn all_slots_are_given_in_proportion(weights in proptest::collection::vec(0_u32..=65_535, 1..80)) {
            let slots = 16_381_u32;
            let total: u64 = weights.iter().copied().map(u64::from).sum();
            prop_assume!(total > 0);
            let quotas = quotas(&weights, slots);
            prop_assert_eq!(quotas.iter().sum::<u32>(), slots);
            let raised = weights.iter().any(|&w| w > 0 && u64::from(w) * u64::from(slots) < total);
            for (&weight, &quota) in weights.iter().zip(&quotas) {
                prop_assert_eq!(weight > 0, quota > 0);
                if !raised {
                    let exact = u64::from(weight) * u64::from(slots);
                    prop_assert!((u64::from(quota) * total).abs_diff(exact) < total);
                }
            }
        }
    }
}
