//! Paths of a route over the legs of a backend. Pure.

use guideway_abi::LEGS;

const COUNT: u64 = LEGS as u64;

/// For each leg the path that it takes; none when no path is usable.
///
/// The legs are first laid over all paths in proportion to their weights, evenly spaced: a path with at least an eighth
/// of the weight gets a leg, and none is more than one leg away from its share. Then the legs of paths that are not usable
/// are laid over those that are, so that a path that fails moves no other path's flows. `phase` (0 to 7) shifts the first
/// spacing.
pub(super) fn spread(weights: &[u32], usable: &[bool], phase: u8) -> [Option<usize>; LEGS] {
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    let left: Vec<u64> = weights
        .iter()
        .zip(usable)
        .map(|(weight, usable)| if *usable { u64::from(*weight) } else { 0 })
        .collect();
    let rest: u64 = left.iter().sum();
    if rest == 0 {
        return [None; LEGS];
    }
    let all: Vec<u64> = weights.iter().map(|weight| u64::from(*weight)).collect();
    let mut legs = [None; LEGS];
    for (point, leg) in (0..).zip(&mut legs) {
        *leg = at(&all, (COUNT * point + u64::from(phase & 7)) * total / (COUNT * COUNT));
    }
    let is_usable = |path: Option<usize>| path.is_some_and(|path| usable.get(path) == Some(&true));
    let orphans = legs.iter().filter(|path| !is_usable(**path)).count() as u64;
    for (moved, leg) in (0..).zip(legs.iter_mut().filter(|path| !is_usable(**path))) {
        *leg = at(&left, (2 * moved + 1) * rest / (2 * orphans));
    }
    legs
}

/// The path that `point` falls into when the paths lie side by side, each as long as its weight.
fn at(lengths: &[u64], point: u64) -> Option<usize> {
    let mut end = 0;
    lengths.iter().position(|length| {
        end += length;
        point < end
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counts(legs: [Option<usize>; LEGS], paths: usize) -> Vec<usize> {
        (0..paths).map(|path| legs.iter().filter(|leg| **leg == Some(path)).count()).collect()
    }

    #[test]
    fn table() {
        for (weights, usable, expected) in [
            (vec![1], vec![true], vec![8]),
            (vec![1, 1], vec![true, true], vec![4, 4]),
            (vec![3, 1], vec![true, true], vec![6, 2]),
            (vec![1, 1], vec![false, true], vec![0, 8]),
            (vec![1, 1, 1, 1], vec![true, false, true, true], vec![3, 0, 2, 3]),
            (vec![1, 1], vec![false, false], vec![0, 0]),
            (vec![], vec![], vec![]),
            (vec![256, 1], vec![true, true], vec![8, 0]),
            (vec![256, 1], vec![false, true], vec![0, 8]),
        ] {
            assert_eq!(
                counts(spread(&weights, &usable, 0), weights.len()),
                expected,
                "{weights:?} {usable:?}"
            );
        }
    }

    #[test]
    fn more_paths_than_legs_are_all_used_by_some_backend() {
        let (weights, usable) = (vec![1; 16], vec![true; 16]);
        let mut used = [false; 16];
        for phase in 0..8 {
            for path in spread(&weights, &usable, phase).into_iter().flatten() {
                used[path] = true;
            }
        }
        assert_eq!(used, [true; 16]);
    }

    proptest! {
        #[test]
        fn shares_and_stability(
            paths in proptest::collection::vec((1_u32..=256, any::<bool>()), 1..20),
            phase in 0_u8..8,
        ) {
            let (weights, usable): (Vec<u32>, Vec<bool>) = paths.into_iter().unzip();
            let total: u32 = weights.iter().sum();
            let whole = spread(&weights, &vec![true; weights.len()], phase);
            for (path, count) in counts(whole, weights.len()).into_iter().enumerate() {
                let share = 8.0 * f64::from(weights[path]) / f64::from(total);
                prop_assert!((count as f64 - share).abs() <= 1.0, "{count} of {share}");
                prop_assert!(share < 1.0 || count >= 1);
            }
            let now = spread(&weights, &usable, phase);
            for (before, after) in whole.into_iter().zip(now) {
                let was = before.unwrap();
                match after {
                    None => prop_assert!(usable.iter().all(|usable| !usable)),
                    Some(path) => {
                        prop_assert!(usable[path]);
                        prop_assert!(path == was || !usable[was]);
                    }
                }
            }
        }
    }
}
