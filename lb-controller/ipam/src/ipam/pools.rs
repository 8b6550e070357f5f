//! The pools with what of them is free.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::PoolUse;
use crate::claim::Family;
use crate::free::{Free, capacity};
use crate::pool::{AddressRange, Pool, PoolProblem, address, number};
use crate::steps;

/// A pool and its free addresses.
#[derive(Clone, Debug)]
struct Stock {
    pool: Pool,
    free: BTreeMap<Family, Free>,
}

/// All pools. An address is in one at most.
#[derive(Clone, Debug, Default)]
pub(super) struct Pools {
    stocks: BTreeMap<Arc<str>, Stock>,
    /// By family and first address: the last one, and the pool.
    ranges: BTreeMap<(Family, u128), (u128, Arc<str>)>,
    /// In the order in which they are asked.
    order: Vec<Arc<str>>,
}

impl Pools {
    /// Everything is free.
    pub(super) fn new(pools: impl IntoIterator<Item = Pool>) -> (Self, Vec<PoolProblem>) {
        let mut sorted: Vec<Pool> = pools.into_iter().collect();
        // Who makes a pool takes nothing from those that are there.
        sorted.sort_by(|a, b| (&a.made, &a.name).cmp(&(&b.made, &b.name)));
        let (mut all, mut problems) = (Self::default(), Vec::new());
        for pool in sorted {
            if all.stocks.contains_key(&pool.name) {
                problems.push(PoolProblem::Twice { pool: pool.name });
                continue;
            }
            let mut free = BTreeMap::new();
            for range in &pool.ranges {
                let (family, first) = number(range.first());
                let (_, last) = number(range.last());
                for (first, last) in all.room(&pool.name, family, first, last, &mut problems) {
                    all.ranges.insert((family, first), (last, pool.name.clone()));
                    let buggy = match family {
                        Family::V4 => pool.buggy,
                        Family::V6 => crate::BuggyAddresses::Give,
                    };
                    free.entry(family).or_insert_with(|| Free::new(buggy)).insert(first, last);
                }
            }
            all.stocks.insert(pool.name.clone(), Stock { pool, free });
        }
        let mut ranks: Vec<_> = all.stocks.values().map(|stock| stock.pool.rank()).collect();
        ranks.sort();
        all.order = ranks.into_iter().map(|(.., name)| name).collect();
        (all, problems)
    }

    /// What of a range no pool has yet. What the pool has itself is no problem.
    fn room(
        &self,
        pool: &Arc<str>,
        family: Family,
        first: u128,
        last: u128,
        problems: &mut Vec<PoolProblem>,
    ) -> Vec<(u128, u128)> {
        let before = self.ranges.range(..(family, first)).next_back();
        let before = before.filter(|((other, _), (end, _))| *other == family && *end >= first);
        let within = self.ranges.range((family, first)..=(family, last));
        let (mut room, mut next) = (Vec::new(), Some(first));
        for ((_, start), (end, other)) in before.into_iter().chain(within) {
            if other != pool {
                let (start, end) = (address(family, first.max(*start)), address(family, last.min(*end)));
                if let Ok(range) = AddressRange::new(start, end) {
                    problems.push(PoolProblem::Overlap { pool: pool.clone(), range, other: other.clone() });
                }
            }
            if let Some(next) = next
                && next < *start
            {
                room.push((next, start - 1));
            }
            next = end.checked_add(1);
        }
        if let Some(next) = next
            && next <= last
        {
            room.push((next, last));
        }
        room
    }

    pub(super) fn of(&self, address: IpAddr) -> Option<&Pool> {
        self.stock_of(address).and_then(|name| self.stocks.get(name)).map(|stock| &stock.pool)
    }

    fn stock_of(&self, address: IpAddr) -> Option<&Arc<str>> {
        steps::count();
        let (family, number) = number(address);
        let ((found, _), (last, name)) = self.ranges.range(..=(family, number)).next_back()?;
        (*found == family && number <= *last).then_some(name)
    }

    pub(super) fn named(&self, name: &str) -> Option<&Pool> {
        self.stocks.get(name).map(|stock| &stock.pool)
    }

    /// In the order in which they are asked.
    pub(super) fn asked(&self) -> impl Iterator<Item = &Pool> {
        self.order.iter().filter_map(|name| self.named(name)).inspect(|_| steps::count())
    }

    /// Whether a pool has addresses of a family at all.
    pub(super) fn has(&self, pool: &Pool, family: Family) -> bool {
        self.stocks.get(&pool.name).is_some_and(|stock| stock.free.contains_key(&family))
    }

    /// The lowest free address.
    pub(super) fn first_free(&self, pool: &Pool, family: Family) -> Option<IpAddr> {
        let free = self.stocks.get(&pool.name)?.free.get(&family)?;
        free.first().map(|number| address(family, number))
    }

    /// Whether the pool avoids the address.
    pub(super) fn avoids(&self, pool: &Pool, address: IpAddr) -> bool {
        let (family, number) = number(address);
        let free = self.stocks.get(&pool.name).and_then(|stock| stock.free.get(&family));
        free.is_some_and(|free| !free.gives(number))
    }

    pub(super) fn take(&mut self, address: IpAddr) {
        let (family, number) = number(address);
        if let Some(free) = self.free_of(address, family) {
            free.take(number);
        }
    }

    /// The address, which was taken, is free again.
    pub(super) fn free(&mut self, address: IpAddr) {
        let (family, number) = number(address);
        if let Some(free) = self.free_of(address, family) {
            free.insert(number, number);
        }
    }

    fn free_of(&mut self, address: IpAddr, family: Family) -> Option<&mut Free> {
        let name = self.stock_of(address)?.clone();
        self.stocks.get_mut(&name)?.free.get_mut(&family)
    }

    /// Nothing in use, by name and family.
    pub(super) fn capacities(&self) -> Vec<PoolUse> {
        let mut sizes: BTreeMap<(&Arc<str>, Family), u128> = BTreeMap::new();
        for ((family, first), (last, name)) in &self.ranges {
            let Some(stock) = self.stocks.get(name) else { continue };
            let buggy = match family {
                Family::V4 => stock.pool.buggy,
                Family::V6 => crate::BuggyAddresses::Give,
            };
            let size = sizes.entry((name, *family)).or_default();
            *size = size.saturating_add(capacity(buggy, *first, *last));
        }
        let unused = |((name, family), capacity): ((&Arc<str>, Family), u128)| PoolUse {
            name: name.clone(),
            family,
            capacity,
            assigned: 0,
            leaving: 0,
        };
        sizes.into_iter().map(unused).collect()
    }
}
