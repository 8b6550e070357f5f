//! What a claim gets. Nothing is changed here.

use std::net::IpAddr;
use std::sync::Arc;

use super::Ipam;
use crate::claim::{Allocation, Assigned, Claim, Families, Family, MAX_REQUESTED, RecordedBy, Standing};
use crate::held::Terms;
use crate::pool::{AutoAssign, Pool};
use crate::ports::Span;
use crate::refusal::Refusal;
use crate::steps;

/// Addresses of the same sharing key that are looked at for one with free ports. More are passed over for a free address.
const MAX_SHARED_LOOKS: usize = 64;

impl Ipam {
    /// For a Service that holds nothing at this moment but held `before`.
    pub(super) fn decide(
        &self,
        claim: &Claim,
        before: &[IpAddr],
        spans: &[Span],
    ) -> Result<Allocation, Refusal> {
        if !claim.requested.is_empty() {
            return self.requested(claim, before, spans);
        }
        let kept = self.keep(claim, before, spans);
        if let Some(addresses) = self.complete(claim, kept, spans) {
            return Ok(Allocation { addresses });
        }
        self.fresh(claim, spans)
    }

    /// What of the record, or of what was held, stays: the first of each family. Of requested addresses, those of them that
    /// are in the record.
    pub(super) fn keep(&self, claim: &Claim, before: &[IpAddr], spans: &[Span]) -> Vec<Assigned> {
        let terms = Terms::of(claim);
        let mut kept: Vec<Assigned> = Vec::new();
        let recorded = claim.recorded.iter().map(|address| (address.to_canonical(), claim.recorded_by));
        let held = before.iter().map(|&address| (address, RecordedBy::Us));
        for (address, by) in recorded.chain(held).take(2 * MAX_REQUESTED) {
            let family = Family::of(address);
            let wanted = if claim.requested.is_empty() {
                claim.families.allow(family) && !kept.iter().any(|one| Family::of(one.address) == family)
            } else {
                requested(claim).contains(&address) && !kept.iter().any(|one| one.address == address)
            };
            let assigned = self.assigned(claim, address);
            let allowed = match (&claim.requested_pool, &assigned.pool) {
                (Some(wanted), Some(pool)) => wanted == pool,
                _ => true,
            };
            let ours = by == RecordedBy::Us || assigned.standing == Standing::InPool;
            let record = by == RecordedBy::Us && claim.records(address);
            if wanted
                && allowed
                && ours
                && self.has_room(claim, terms.as_ref(), address, spans, record).is_ok()
            {
                kept.push(assigned);
            }
        }
        kept
    }

    fn assigned(&self, claim: &Claim, address: IpAddr) -> Assigned {
        match self.pools.of(address) {
            None => Assigned { address, pool: None, standing: Standing::OutsideOfPools },
            Some(pool) => {
                let standing = if pool.admits(claim) { Standing::InPool } else { Standing::NotAdmitted };
                Assigned { address, pool: Some(pool.name.clone()), standing }
            }
        }
    }

    /// What is kept, with the family that is missing from the same pool; `None`: it is not enough.
    fn complete(&self, claim: &Claim, mut kept: Vec<Assigned>, spans: &[Span]) -> Option<Vec<Assigned>> {
        let first = kept.first()?;
        if kept.len() == 1 && !matches!(claim.families, Families::Single(_)) {
            let missing = Family::of(first.address).other();
            let pool = first.pool.as_ref().and_then(|pool| self.pools.named(pool));
            let pool = pool.filter(|pool| pool.admits(claim));
            match pool.and_then(|pool| self.candidate(claim, pool, missing, spans)) {
                Some(address) => kept.push(self.assigned(claim, address)),
                None if matches!(claim.families, Families::Require(_)) => return None,
                None => {}
            }
        }
        kept.sort_by_key(|one| Family::of(one.address) != claim.families.first());
        Some(kept)
    }

    fn requested(&self, claim: &Claim, before: &[IpAddr], spans: &[Span]) -> Result<Allocation, Refusal> {
        let wanted = requested(claim);
        if wanted.len() > MAX_REQUESTED {
            return Err(Refusal::TooMany { count: wanted.len() });
        }
        if let Some(&address) = wanted.iter().find(|address| !claim.families.allow(Family::of(**address))) {
            return Err(Refusal::Family { address });
        }
        if matches!(claim.families, Families::Require(_)) {
            for family in [Family::V4, Family::V6] {
                if !wanted.iter().any(|address| Family::of(*address) == family) {
                    return Err(Refusal::FamilyMissing { family });
                }
            }
        }
        let terms = Terms::of(claim);
        let mut addresses = Vec::with_capacity(wanted.len());
        for address in wanted {
            let ours =
                before.contains(&address) || claim.recorded_by == RecordedBy::Us && claim.records(address);
            let assigned = self.assigned(claim, address);
            self.may_request(claim, &assigned, ours)?;
            self.has_room(claim, terms.as_ref(), address, spans, ours && claim.records(address))?;
            addresses.push(assigned);
        }
        Ok(Allocation { addresses })
    }

    /// Whether a Service can have an address beside those that hold it, or in their place, when it has the older `record` of it.
    fn has_room(
        &self,
        claim: &Claim,
        terms: Option<&Terms>,
        address: IpAddr,
        spans: &[Span],
        record: bool,
    ) -> Result<(), Refusal> {
        match self.fits(claim, terms, address, spans) {
            Err(_) if record && self.is_held_by_younger(claim, address, spans) => Ok(()),
            answer => answer,
        }
    }

    /// Whether the pools let a Service request the address. One that it has is kept whatever becomes of the pools.
    fn may_request(&self, claim: &Claim, assigned: &Assigned, ours: bool) -> Result<(), Refusal> {
        let address = assigned.address;
        let pool = assigned.pool.as_ref().and_then(|pool| self.pools.named(pool));
        if let Some(wanted) = &claim.requested_pool
            && pool.map(|pool| &pool.name) != Some(wanted)
            && !(ours && pool.is_none())
        {
            return Err(Refusal::OtherPool { address, pool: assigned.pool.clone(), wanted: wanted.clone() });
        }
        if ours {
            return Ok(());
        }
        let Some(pool) = pool else { return Err(Refusal::NotInAnyPool { address }) };
        if assigned.standing != Standing::InPool {
            return Err(Refusal::NotAdmitted { pool: pool.name.clone() });
        }
        // What another load balancer gave is kept, as it is without a request: who uses it gets through to it.
        if self.pools.avoids(pool, address) && !claim.records(address) {
            return Err(Refusal::Buggy { address, pool: pool.name.clone() });
        }
        Ok(())
    }

    /// New addresses.
    fn fresh(&self, claim: &Claim, spans: &[Span]) -> Result<Allocation, Refusal> {
        let first = claim.families.first();
        let both = [first, first.other()];
        let attempts: &[&[Family]] = match claim.families {
            Families::Single(_) => &[&both[..1]],
            Families::Require(_) => &[&both],
            Families::Prefer(_) => &[&both, &both[..1], &both[1..]],
        };
        let pools = self.eligible(claim)?;
        for families in attempts {
            for pool in &pools {
                let found: Option<Vec<IpAddr>> =
                    families.iter().map(|family| self.candidate(claim, pool, *family, spans)).collect();
                if let Some(found) = found {
                    let addresses = found.into_iter().map(|address| self.assigned(claim, address)).collect();
                    return Ok(Allocation { addresses });
                }
            }
        }
        let families = match claim.families {
            Families::Require(_) => both.to_vec(),
            Families::Single(_) | Families::Prefer(_) => vec![first],
        };
        let asked: Vec<Arc<str>> = pools
            .into_iter()
            .filter(|pool| families.iter().all(|family| self.pools.has(pool, *family)))
            .map(|pool| pool.name.clone())
            .collect();
        if asked.is_empty() {
            Err(Refusal::NoPool { families })
        } else {
            Err(Refusal::Exhausted { families, pools: asked })
        }
    }

    /// The pools that a Service may have an address of, in the order in which they are asked.
    fn eligible(&self, claim: &Claim) -> Result<Vec<&Pool>, Refusal> {
        let Some(name) = &claim.requested_pool else {
            let eligible = |pool: &&Pool| pool.auto_assign == AutoAssign::Yes && pool.admits(claim);
            return Ok(self.pools.asked().filter(eligible).collect());
        };
        let pool = self.pools.named(name).ok_or_else(|| Refusal::UnknownPool { pool: name.clone() })?;
        if pool.admits(claim) { Ok(vec![pool]) } else { Err(Refusal::NotAdmitted { pool: name.clone() }) }
    }

    /// An address of a pool: one that can be shared, else the lowest free one.
    fn candidate(&self, claim: &Claim, pool: &Pool, family: Family, spans: &[Span]) -> Option<IpAddr> {
        let terms = Terms::of(claim);
        let shared = terms.as_ref().and_then(|terms| self.shared.get(terms));
        let shared = shared.into_iter().flatten().take(MAX_SHARED_LOOKS).inspect(|_| steps::count());
        shared
            .copied()
            .filter(|address| Family::of(*address) == family)
            .filter(|address| self.pools.of(*address).is_some_and(|found| found.name == pool.name))
            .find(|address| self.fits(claim, terms.as_ref(), *address, spans).is_ok())
            .or_else(|| self.pools.first_free(pool, family))
    }
}

/// The requested addresses, each once.
fn requested(claim: &Claim) -> Vec<IpAddr> {
    let mut once: Vec<IpAddr> = Vec::new();
    // One more than may be is enough to refuse it.
    for address in claim.requested.iter().map(IpAddr::to_canonical) {
        if !once.contains(&address) && once.len() <= MAX_REQUESTED {
            once.push(address);
        }
    }
    once
}
