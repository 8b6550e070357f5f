//! Port ranges of one address that cross each other: neither is the narrower one, so that no order of them is right.

use std::cmp::Reverse;
use std::collections::HashMap;

use ipnet::IpNet;

use crate::sink::Position;
use crate::types::Protocol;

/// The ranges of all VIPs. Single ports and `any` cross nothing and are left out.
#[derive(Default)]
pub(crate) struct Ranges {
    by_address: HashMap<(IpNet, Protocol), Vec<Range>>,
}

/// The ports of a VIP and where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: u16,
    pub(crate) last: u16,
    pub(crate) at: Position,
    /// The VIP's place in the list.
    pub(crate) index: usize,
}

/// Two ranges that cross, the one that stands later in the file first.
pub(crate) struct Crossing {
    pub(crate) later: Range,
    pub(crate) earlier: Range,
}

impl Ranges {
    pub(crate) fn insert(&mut self, address: IpNet, protocol: Protocol, range: Range) {
        self.by_address.entry((address, protocol)).or_default().push(range);
    }

    /// None exactly if every two ranges of an address and protocol are disjoint or nested.
    pub(crate) fn crossings(self) -> Vec<Crossing> {
        self.by_address.into_values().flat_map(crossings).collect()
    }
}

/// Sweeps over the ranges by their first port, the widest first, with the ranges around it on a stack.
fn crossings(mut ranges: Vec<Range>) -> Vec<Crossing> {
    ranges.sort_unstable_by_key(|range| (range.first, Reverse(range.last), range.index));
    let mut crossings = Vec::new();
    let mut around: Vec<Range> = Vec::new();
    for range in ranges {
        while around.pop_if(|outer| outer.last < range.first).is_some() {}
        if let Some(outer) = around.last().filter(|outer| outer.last < range.last) {
            let (earlier, later) = if outer.index < range.index { (*outer, range) } else { (range, *outer) };
            crossings.push(Crossing { later, earlier });
        }
        around.push(range);
    }
    crossings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range((index, (first, last)): (usize, (u16, u16))) -> Range {
        Range { first, last, at: Position { line: index + 1, column: 1 }, index }
    }

    fn cross(a: &Range, b: &Range) -> bool {
        let (a, b) = if (a.first, b.last) <= (b.first, a.last) { (a, b) } else { (b, a) };
        a.first < b.first && b.first <= a.last && a.last < b.last
    }

    proptest! {
        #[test]
        fn finds_some_pair_exactly_if_there_is_one(
            bounds in proptest::collection::vec((1_u16..30, 1_u16..30), 0..8)
        ) {
            let ranges: Vec<Range> = bounds.iter().map(|&(a, b)| (a.min(b), a.max(b))).enumerate().map(range).collect();
            let found = crossings(ranges.clone());
            let any = ranges.iter().enumerate().any(|(i, a)| ranges.iter().skip(i + 1).any(|b| cross(a, b)));
            prop_assert_eq!(!found.is_empty(), any);
            for Crossing { later, earlier } in found {
                prop_assert!(cross(&later, &earlier) && earlier.index < later.index);
            }
        }
    }
}
