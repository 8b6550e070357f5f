//! VIP prefixes, as sorted and disjoint intervals of addresses.

use guideway_abi::{AddressRef, Prefix4, Prefix6};

use super::intervals::{Pool, Rule};
use crate::key::Net;

/// Prefixes that have VIPs, each with the one around it.
pub(super) struct Nets {
    nets: Vec<Nested>,
    /// First address and innermost prefix of each interval.
    segments4: Vec<(u128, Option<usize>)>,
    segments6: Vec<(u128, Option<usize>)>,
}

struct Nested {
    rules: Vec<Rule>,
    around: Option<usize>,
    ports: AddressRef,
}

impl Nets {
    /// Of prefixes that are sorted, so that each comes before those in it. One without rules is a pool: its addresses are
    /// ours, also those that no VIP has.
    pub(super) fn new(prefixes: Vec<(Net, Vec<Rule>)>, pool: &mut Pool) -> Self {
        let mut nets = Self { nets: Vec::new(), segments4: Vec::new(), segments6: Vec::new() };
        let mut open: Vec<(Net, usize)> = Vec::new();
        for (net, rules) in prefixes {
            while let Some((last, _)) = open.last().copied().filter(|(last, _)| !last.contains(&net)) {
                open.pop();
                nets.close(&last, open.last().map(|(_, index)| *index));
            }
            let around = open.last().map(|(_, index)| *index);
            let index = nets.nets.len();
            let chain = nets.chain(&rules, around);
            let ports = if chain.is_empty() { pool.nobody() } else { pool.add(&chain) };
            nets.nets.push(Nested { rules, around, ports });
            nets.segment(net.is_v6, net.start, Some(index));
            open.push((net, index));
        }
        while let Some((last, _)) = open.pop() {
            nets.close(&last, open.last().map(|(_, index)| *index));
        }
        nets
    }

    /// Behind the end of `net`, `around` goes on.
    fn close(&mut self, net: &Net, around: Option<usize>) {
        let last = if net.is_v6 { u128::MAX } else { u32::MAX.into() };
        if net.end() < last {
            self.segment(net.is_v6, net.end() + 1, around);
        }
    }

    fn segment(&mut self, is_v6: bool, start: u128, net: Option<usize>) {
        let segments = if is_v6 { &mut self.segments6 } else { &mut self.segments4 };
        // A prefix that begins where another one does, or ends where it ends, leaves no addresses between.
        if segments.last().is_some_and(|(at, _)| *at == start) {
            segments.pop();
        }
        if segments.is_empty() && start > 0 {
            segments.push((0, None));
        }
        segments.push((start, net));
    }

    /// The innermost prefix around an address.
    pub(super) fn innermost(&self, host: &Net) -> Option<usize> {
        let segments = if host.is_v6 { &self.segments6 } else { &self.segments4 };
        let behind = segments.partition_point(|(start, _)| *start <= host.start);
        segments[..behind].last().and_then(|(_, net)| *net)
    }

    pub(super) fn ports(&self, net: Option<usize>) -> AddressRef {
        net.map_or_else(AddressRef::default, |net| self.nets[net].ports)
    }

    /// The ports of an address with rules of its own.
    pub(super) fn ports_with(
        &mut self,
        own: Vec<Rule>,
        around: Option<usize>,
        pool: &mut Pool,
    ) -> AddressRef {
        pool.add(&self.chain(&own, around))
    }

    /// Rules from the most specific ones outwards.
    fn chain(&self, own: &[Rule], mut around: Option<usize>) -> Vec<Rule> {
        let mut rules = own.to_vec();
        while let Some(net) = around {
            rules.extend_from_slice(&self.nets[net].rules);
            around = self.nets[net].around;
        }
        rules
    }

    /// Intervals with the ports of their addresses; side by side, they differ.
    fn intervals<'a>(
        &'a self,
        segments: &'a [(u128, Option<usize>)],
    ) -> impl Iterator<Item = (u128, AddressRef)> + 'a {
        let mut last = None;
        let intervals = segments.iter().map(|(start, net)| (*start, self.ports(*net)));
        intervals.filter(move |(_, ports)| last.replace(*ports) != Some(*ports))
    }

    #[allow(clippy::cast_possible_truncation)] // IPv4 addresses
    pub(super) fn prefixes4(&self) -> Vec<Prefix4> {
        let intervals = self.intervals(&self.segments4);
        intervals.map(|(start, value)| Prefix4 { start: start as u32, reserved: 0, value }).collect()
    }

    #[allow(clippy::cast_possible_truncation)] // halves are meant
    pub(super) fn prefixes6(&self) -> Vec<Prefix6> {
        let intervals = self.intervals(&self.segments6);
        intervals
            .map(|(start, value)| Prefix6 { start: [(start >> 64) as u64, start as u64], value })
            .collect()
    }
}
