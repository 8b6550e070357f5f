//! How the router in front of the forwarders spreads flows over them.

use crate::random::mix;

/// Buckets of a resilient next-hop group.
const BUCKETS: usize = 512;

/// What a router does when a next hop comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcmpKind {
    /// The flow's hash modulo the number of next hops: most flows change theirs.
    Modulo,
    /// A table of buckets, of which a change touches as few as it can.
    Resilient,
}

/// The router's next hops.
#[derive(Clone, Debug)]
pub struct Ecmp {
    kind: EcmpKind,
    hops: Vec<usize>,
    buckets: Vec<usize>,
}

impl Ecmp {
    /// A router with these next hops.
    #[must_use]
    pub fn new(kind: EcmpKind, hops: &[usize]) -> Self {
        let mut ecmp = Self { kind, hops: Vec::new(), buckets: Vec::new() };
        ecmp.change(hops);
        ecmp
    }

    /// The next hops, in order.
    #[must_use]
    pub fn hops(&self) -> &[usize] {
        &self.hops
    }

    /// The forwarder that a flow with this hash is sent to; none without next hops.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // less than a length
    pub fn hop(&self, hash: u32) -> Option<usize> {
        let spread = mix(u64::from(hash));
        let list = match self.kind {
            EcmpKind::Modulo => &self.hops,
            EcmpKind::Resilient => &self.buckets,
        };
        (!list.is_empty()).then(|| list[(spread % list.len() as u64) as usize])
    }

    /// Other next hops.
    pub fn change(&mut self, hops: &[usize]) {
        self.hops = hops.to_vec();
        self.hops.sort_unstable();
        if self.hops.is_empty() {
            self.buckets.clear();
            return;
        }
        self.buckets.resize(BUCKETS, usize::MAX);
        self.rebalance();
    }

    /// Buckets of hops that are gone, and those that others have too many of, go to whoever has the fewest.
    fn rebalance(&mut self) {
        let share = BUCKETS.div_ceil(self.hops.len());
        let mut counts = vec![0_usize; self.hops.len()];
        let mut free = Vec::new();
        for (bucket, &owner) in self.buckets.iter().enumerate() {
            match self.hops.binary_search(&owner) {
                Ok(hop) if counts[hop] < share => counts[hop] += 1,
                _ => free.push(bucket),
            }
        }
        for bucket in free {
            let poorest = (0..counts.len()).min_by_key(|&hop| counts[hop]).unwrap_or(0);
            counts[poorest] += 1;
            self.buckets[bucket] = self.hops[poorest];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(kind: EcmpKind, before: &[usize], after: &[usize]) -> usize {
        let mut ecmp = Ecmp::new(kind, before);
        let old: Vec<_> = (0..10_000).map(|hash| ecmp.hop(hash)).collect();
        ecmp.change(after);
        (0..10_000).zip(old).filter(|&(hash, old)| ecmp.hop(hash) != old).count()
    }

    #[test]
    fn a_resilient_group_moves_little_and_a_modulo_much() {
        assert!((2_000..3_000).contains(&moved(EcmpKind::Resilient, &[0, 1, 2, 3], &[0, 1, 3])));
        assert!((1_500..2_500).contains(&moved(EcmpKind::Resilient, &[0, 1, 2, 3], &[0, 1, 2, 3, 9])));
        assert!(moved(EcmpKind::Modulo, &[0, 1, 2, 3], &[0, 1, 3]) > 6_000);
        assert_eq!(moved(EcmpKind::Resilient, &[0, 1], &[1, 0]), 0);
    }

    #[test]
    fn without_next_hops_a_flow_goes_nowhere() {
        let mut ecmp = Ecmp::new(EcmpKind::Resilient, &[]);
        assert_eq!(ecmp.hop(1), None);
        ecmp.change(&[3]);
        assert_eq!(ecmp.hop(1), Some(3));
    }
}
