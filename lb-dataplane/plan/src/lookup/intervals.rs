//! Ports of an address, as sorted and disjoint intervals.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use guideway_abi::{AddressRef, IPPROTO_TCP, IPPROTO_UDP, PortInterval, VIP_NONE, VipRef};

use crate::key::Match;

/// Elements that a lookup needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) intervals: usize,
    pub(crate) prefixes4: usize,
    pub(crate) prefixes6: usize,
}

/// Ports of one protocol and whose they are. TCP and UDP ports are counted through, for no packet has another protocol.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    first: u32,
    last: u32,
    value: VipRef,
}

const PORTS: u32 = 1 << 16;

impl Rule {
    pub(super) fn new(key: &Match, value: VipRef) -> Self {
        let base = if key.protocol == IPPROTO_UDP { PORTS } else { 0 };
        Self { first: base + u32::from(key.first), last: base + u32::from(key.last), value }
    }
}

/// The map's content, in which equal lists of intervals stand once.
#[derive(Debug, Default)]
pub(super) struct Pool {
    intervals: Vec<PortInterval>,
    /// By start and VIP.
    known: HashMap<Vec<(u32, u32)>, AddressRef>,
}

impl Pool {
    /// Where the intervals of `rules` stand, of which an earlier one comes before a later one.
    pub(super) fn add(&mut self, rules: &[Rule]) -> AddressRef {
        let intervals = flatten(rules);
        if intervals.is_empty() {
            return AddressRef::default();
        }
        let key = intervals.iter().map(|interval| (interval.start, interval.value.vip)).collect();
        let first = u32::try_from(self.intervals.len()).unwrap_or(u32::MAX);
        let count = u32::try_from(intervals.len()).unwrap_or(u32::MAX);
        *self.known.entry(key).or_insert_with(|| {
            self.intervals.extend(intervals);
            AddressRef { first, count }
        })
    }

    /// Where the one interval stands that has all ports and no VIP.
    pub(super) fn nobody(&mut self) -> AddressRef {
        let value = VipRef { vip: VIP_NONE, set: 0, flags: 0 };
        self.add(&[Rule { first: 0, last: 2 * PORTS - 1, value }])
    }

    pub(super) fn into_intervals(self) -> Vec<PortInterval> {
        self.intervals
    }
}

fn flatten(rules: &[Rule]) -> Vec<PortInterval> {
    let mut order: Vec<usize> = (0..rules.len()).collect();
    order.sort_by_key(|&rule| rules[rule].first);
    let mut starts = order.iter().copied().peekable();
    let mut bounds: Vec<u32> = rules.iter().flat_map(|rule| [rule.first, rule.last + 1]).collect();
    bounds.push(0);
    bounds.sort_unstable();
    bounds.dedup();
    bounds.retain(|&bound| bound < 2 * PORTS);

    let mut intervals: Vec<PortInterval> = Vec::new();
    let mut active = BinaryHeap::new();
    for bound in bounds {
        if rules.is_empty() {
            break;
        }
        while let Some(rule) = starts.next_if(|&rule| rules[rule].first <= bound) {
            active.push(Reverse(rule));
        }
        while active.peek().is_some_and(|Reverse(rule)| rules[*rule].last < bound) {
            active.pop();
        }
        let value = match active.peek() {
            Some(Reverse(rule)) => rules[*rule].value,
            None => VipRef { vip: VIP_NONE, set: 0, flags: 0 },
        };
        if intervals.last().is_none_or(|last| last.value != value) {
            intervals.push(PortInterval { start: start(bound), reserved: 0, value });
        }
    }
    intervals
}

/// As it stands in the map.
fn start(bound: u32) -> u32 {
    match bound {
        0 => 0,
        tcp if tcp < PORTS => u32::from(IPPROTO_TCP) << 16 | tcp,
        udp => u32::from(IPPROTO_UDP) << 16 | (udp - PORTS),
    }
}
