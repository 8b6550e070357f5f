use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::claim::{Age, Allocation, Assigned, Claim, Family, RecordedBy, ServiceKey};
use crate::held::{Held, Terms};
use crate::pool::{AddressRange, Pool, PoolProblem};
use crate::ports::{Span, spans};
use crate::refusal::Refusal;

mod decide;
mod pools;
#[cfg(test)]
mod tests;

use pools::Pools;

/// A moment at which a content was made. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(u64);

/// How much of a pool is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// The pool.
    pub name: Arc<str>,
    /// The family.
    pub family: Family,
    /// How many addresses it gives; [`u128::MAX`] stands for that and one more.
    pub capacity: u128,
    /// How many of its addresses Services hold.
    pub assigned: u64,
    /// How many were given back and are still being withdrawn.
    pub leaving: u64,
}

/// What a Service holds: nothing, when it was refused.
#[derive(Clone, Debug)]
struct Holding {
    since: Age,
    addresses: Vec<IpAddr>,
    spans: Vec<Span>,
}

/// Whose an address is of which nothing else is known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReservedBy {
    /// It is served for this Service.
    Service(ServiceKey),
    /// Some Service of this cluster has it, and it is not served.
    Cluster(Arc<str>),
}

impl ReservedBy {
    /// The cluster.
    #[must_use]
    pub const fn cluster(&self) -> &Arc<str> {
        match self {
            Self::Service(service) => &service.cluster,
            Self::Cluster(cluster) => cluster,
        }
    }
}

/// An address that is kept for a cluster.
#[derive(Clone, Debug)]
struct Reserved {
    by: ReservedBy,
    /// The Services of its cluster are known by now: they claim it before the next content is made, or nobody does.
    ended: bool,
}

impl Reserved {
    const fn is_served(&self) -> bool {
        matches!(self.by, ReservedBy::Service(_))
    }
}

/// Who holds which address.
///
/// Costs: a claim costs what looking up in trees costs, times the addresses that it has and the pools that it has to be
/// refused by. New pools cost what is held.
#[derive(Clone, Debug, Default)]
pub struct Ipam {
    pools: Pools,
    held: BTreeMap<IpAddr, Held>,
    holdings: HashMap<ServiceKey, Holding>,
    /// Addresses that are shared on the same terms.
    shared: BTreeMap<Terms, BTreeSet<IpAddr>>,
    /// Given back, but perhaps served still: since when, and who had it.
    leaving: BTreeMap<IpAddr, (Mark, ServiceKey)>,
    reserved: BTreeMap<IpAddr, Reserved>,
    mark: Mark,
    /// Who lost an address to an older Service and was not told yet.
    displaced: BTreeSet<ServiceKey>,
}

impl Ipam {
    /// Without pools.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on there are these pools. Nobody loses an address by it.
    ///
    /// Returned is what of them is not used.
    pub fn set_pools(&mut self, pools: impl IntoIterator<Item = Pool>) -> Vec<PoolProblem> {
        let (pools, problems) = Pools::new(pools);
        self.pools = pools;
        for &address in self.held.keys().chain(self.leaving.keys()).chain(self.reserved.keys()) {
            self.pools.take(address);
        }
        problems
    }

    /// The pool that has an address.
    #[must_use]
    pub fn pool_of(&self, address: IpAddr) -> Option<&Pool> {
        self.pools.of(address.to_canonical())
    }

    /// Gives a Service what it wants, in place of what it held. With a refusal it holds nothing any more.
    ///
    /// Before the first claim that brings no record, those of all Services must have been given to
    /// [`claim_all`](Self::claim_all) or [`restore`](Self::restore).
    ///
    /// # Errors
    ///
    /// Why there is nothing for it.
    pub fn claim(&mut self, claim: &Claim) -> Result<Allocation, Refusal> {
        let before = self.take(&claim.owner);
        let spans = spans(&claim.ports);
        let decided = self.decide(claim, &before, &spans);
        let addresses: &[Assigned] = decided.as_ref().map_or(&[], |allocation| &allocation.addresses);
        let now: Vec<IpAddr> = addresses.iter().map(|assigned| assigned.address).collect();
        self.displace(claim, &now, &spans);
        for address in before {
            if !now.contains(&address) {
                self.leave(address, &claim.owner);
            }
        }
        self.hold(claim, now, spans);
        decided
    }

    /// Gives many Services what they want: the records of all of them first, then requested addresses, then the rest. The
    /// answers are in the order of the claims, of which each Service has one; what they say does not depend on it.
    pub fn claim_all(&mut self, claims: &[Claim]) -> Vec<Result<Allocation, Refusal>> {
        let mut order: Vec<usize> = (0..claims.len()).collect();
        // Who is older is in nobody's way, so that no record is taken and lost again.
        order.sort_by_key(|&at| (&claims[at].since, &claims[at].owner));
        for &at in &order {
            self.restore(&claims[at]);
        }
        order.sort_by_key(|&at| (claims[at].requested.is_empty(), &claims[at].owner));
        let mut answers: Vec<Option<Result<Allocation, Refusal>>> = vec![None; claims.len()];
        for at in order {
            answers[at] = Some(self.claim(&claims[at]));
        }
        answers.into_iter().flatten().collect()
    }

    /// Holds what the record of a Service says, and nothing else, if the Service was not seen yet: others cannot get it any
    /// more. Who was refused since has lost it, also while the record still says it.
    pub fn restore(&mut self, claim: &Claim) {
        if self.holdings.contains_key(&claim.owner) {
            return;
        }
        let spans = spans(&claim.ports);
        let kept = self.keep(claim, &[], &spans);
        let kept: Vec<IpAddr> = kept.into_iter().map(|assigned| assigned.address).collect();
        self.displace(claim, &kept, &spans);
        if !kept.is_empty() {
            self.hold(claim, kept, spans);
        }
    }

    /// Services that have lost an address that an older one records, since this was asked last: they have to claim again.
    pub fn displaced(&mut self) -> BTreeSet<ServiceKey> {
        std::mem::take(&mut self.displaced)
    }

    /// Takes from those that are younger what was [decided](Self::decide) for a claim.
    fn displace(&mut self, claim: &Claim, now: &[IpAddr], spans: &[Span]) {
        let blockers = now.iter().filter_map(|address| self.blockers(claim, *address, spans)).flatten();
        for owner in blockers.collect::<BTreeSet<_>>() {
            self.release(&owner);
            self.displaced.insert(owner);
        }
    }

    /// Whether all that holds an address against a claim is younger: what a record says is taken from it then. Which of two
    /// came first would count otherwise, and after a restart the other one would have it.
    fn is_held_by_younger(&self, claim: &Claim, address: IpAddr, spans: &[Span]) -> bool {
        let is_younger = |owner: &ServiceKey| {
            let holding = self.holdings.get(owner);
            holding.is_some_and(|holding| (&holding.since, owner) > (&claim.since, &claim.owner))
        };
        self.blockers(claim, address, spans).is_some_and(|blockers| blockers.iter().all(is_younger))
    }

    /// Who holds an address so that a claim cannot have it; `None`: it is being withdrawn.
    fn blockers(&self, claim: &Claim, address: IpAddr, spans: &[Span]) -> Option<BTreeSet<ServiceKey>> {
        if self.leaving.contains_key(&address) {
            return None;
        }
        let terms = Terms::of(claim);
        Some(self.held.get(&address).map(|held| held.blockers(terms.as_ref(), spans)).unwrap_or_default())
    }

    /// Takes back what a Service holds, and says what it was. It is not free before it is [withdrawn](Self::withdrawn).
    pub fn release(&mut self, owner: &ServiceKey) -> Vec<IpAddr> {
        let addresses = self.take(owner);
        for &address in &addresses {
            self.leave(address, owner);
        }
        addresses
    }

    /// The address is in use in a cluster whose Services are not known yet: no Service of another one gets it, but one that
    /// has it, or records that it had it from us. That it is served counts more than that it is not.
    pub fn reserve(&mut self, address: IpAddr, by: ReservedBy) {
        let address = address.to_canonical();
        let is_known = self.reserved.contains_key(&address) && matches!(by, ReservedBy::Cluster(_));
        if !is_known && !self.held.contains_key(&address) {
            self.pools.take(address);
            self.reserved.insert(address, Reserved { by, ended: false });
        }
    }

    /// The Services of its cluster are known: if none of them claims the address before the next [mark](Self::mark), it is
    /// being withdrawn from then on, or free if it was not served.
    pub fn end_reservation(&mut self, address: IpAddr) {
        if let Some(reserved) = self.reserved.get_mut(&address.to_canonical()) {
            reserved.ended = true;
        }
    }

    /// A content is being made out of what is held now.
    pub fn mark(&mut self) -> Mark {
        let is_leaving = |reserved: &Reserved| reserved.ended && reserved.is_served();
        for (address, reserved) in self.reserved.extract_if(.., |_, reserved| is_leaving(reserved)) {
            if let ReservedBy::Service(service) = reserved.by
                && !self.held.contains_key(&address)
            {
                self.leaving.entry(address).or_insert((self.mark, service));
            }
        }
        let mark = self.mark;
        self.mark.0 += 1;
        mark
    }

    /// The content of a mark is committed on all forwarders: what was given back before is served no more, and free. It is
    /// returned, with what is reserved no more: who was refused may ask again.
    pub fn withdrawn(&mut self, mark: Mark) -> Vec<IpAddr> {
        let left = self.leaving.extract_if(.., |_, (since, _)| *since <= mark).map(|(address, _)| address);
        let is_over = |reserved: &Reserved| reserved.ended && !reserved.is_served();
        let over = self.reserved.extract_if(.., |_, reserved| is_over(reserved)).map(|(address, _)| address);
        let mut freed: BTreeSet<IpAddr> = left.chain(over).collect();
        freed.retain(|address| {
            let is_held = self.held.contains_key(address);
            !is_held && !self.leaving.contains_key(address) && !self.reserved.contains_key(address)
        });
        freed.iter().for_each(|&address| self.pools.free(address));
        freed.into_iter().collect()
    }

    /// What a Service holds: nothing, when it was refused.
    #[must_use]
    pub fn held_by(&self, owner: &ServiceKey) -> &[IpAddr] {
        self.holdings.get(owner).map_or(&[], |holding| &holding.addresses)
    }

    /// Who holds an address.
    pub fn owners(&self, address: IpAddr) -> impl Iterator<Item = &ServiceKey> {
        self.held.get(&address.to_canonical()).into_iter().flat_map(Held::owners)
    }

    /// What the Services of each cluster hold.
    #[must_use]
    pub fn of_clusters(&self) -> BTreeMap<Arc<str>, Vec<AddressRange>> {
        let mut all: BTreeMap<Arc<str>, Vec<AddressRange>> = BTreeMap::new();
        for (&address, held) in &self.held {
            // Services of several clusters share no address.
            let Some(owner) = held.owners().first() else { continue };
            let ranges = match all.get_mut(&owner.cluster) {
                Some(ranges) => ranges,
                None => all.entry(Arc::clone(&owner.cluster)).or_default(),
            };
            if ranges.last_mut().is_none_or(|range| !range.extend(address)) {
                ranges.push(address.into());
            }
        }
        all
    }

    /// How much of each pool is in use, by name and family. Costs what is held.
    #[must_use]
    pub fn usage(&self) -> Vec<PoolUse> {
        let mut usage = self.pools.capacities();
        let mut add = |address: IpAddr, count: fn(&mut PoolUse)| {
            let Some(pool) = self.pools.of(address) else { return };
            let family = Family::of(address);
            if let Ok(at) =
                usage.binary_search_by(|used| (&*used.name, used.family).cmp(&(&*pool.name, family)))
            {
                count(&mut usage[at]);
            }
        };
        self.held.keys().for_each(|&address| add(address, |used| used.assigned += 1));
        let is_free =
            |address: &&IpAddr| !self.held.contains_key(*address) && !self.leaving.contains_key(*address);
        self.reserved.keys().filter(is_free).for_each(|&address| add(address, |used| used.assigned += 1));
        self.leaving.keys().for_each(|&address| add(address, |used| used.leaving += 1));
        usage
    }

    /// The owner no longer has its addresses, but nobody else may have them yet.
    fn take(&mut self, owner: &ServiceKey) -> Vec<IpAddr> {
        let Some(holding) = self.holdings.remove(owner) else { return Vec::new() };
        for address in &holding.addresses {
            let Some(held) = self.held.get_mut(address) else { continue };
            if !held.remove(owner, &holding.spans) {
                continue;
            }
            if let Some(terms) = &held.terms
                && let Some(shared) = self.shared.get_mut(terms)
            {
                shared.remove(address);
                if shared.is_empty() {
                    self.shared.remove(terms);
                }
            }
            self.held.remove(address);
        }
        holding.addresses
    }

    /// What [`take`](Self::take) has left to nobody is served until the next content is committed.
    fn leave(&mut self, address: IpAddr, owner: &ServiceKey) {
        if !self.held.contains_key(&address) {
            self.leaving.insert(address, (self.mark, owner.clone()));
        }
    }

    fn hold(&mut self, claim: &Claim, addresses: Vec<IpAddr>, spans: Vec<Span>) {
        let terms = Terms::of(claim);
        for &address in &addresses {
            self.leaving.remove(&address);
            self.pools.take(address);
            if let Some(terms) = &terms {
                self.shared.entry(terms.clone()).or_default().insert(address);
            }
            let held = self.held.entry(address).or_insert_with(|| Held::new(terms.clone()));
            held.add(&claim.owner, &spans);
        }
        let since = claim.since.clone();
        self.holdings.insert(claim.owner.clone(), Holding { since, addresses, spans });
    }

    /// Whether a Service that holds nothing may have the address.
    fn fits(
        &self,
        claim: &Claim,
        terms: Option<&Terms>,
        address: IpAddr,
        spans: &[Span],
    ) -> Result<(), Refusal> {
        if let Some((_, by)) = self.leaving.get(&address)
            && *by != claim.owner
        {
            return Err(Refusal::Leaving { address, by: by.clone() });
        }
        if let Some(Reserved { by, .. }) = self.reserved.get(&address)
            && *by.cluster() != claim.owner.cluster
            && !(claim.recorded_by == RecordedBy::Us && claim.records(address))
        {
            return Err(Refusal::Reserved { address, cluster: Arc::clone(by.cluster()) });
        }
        self.held.get(&address).map_or(Ok(()), |held| held.admits(address, terms, spans))
    }
}
