//! What is wrong with a configuration.

use std::collections::{HashMap, HashSet};

use guideway_abi::{Capacities, VipRef};
use guideway_maglev::{MEMBERS_MAX, TableError, TableSize};
use guideway_packet::Address;

use super::regions::{Need, WAYS, buckets_for};
use super::{Limit, PlanError};
use crate::digest::identity;
use crate::index::tables_of;
use crate::key::Match;
use crate::lookup::counts;
use crate::resolved::VipPart;
use crate::sources::{self, BORDERS_MAX};
use crate::{BackendSet, Desired, Member, Protocol, Session, Vip};

mod known;

pub(crate) use known::Valid;

/// Everything that is wrong with `desired`, whatever is installed and whoever is healthy. When there is nothing, no
/// change of health can make [`plan`](crate::plan()) fail later.
#[must_use]
pub fn validate(desired: &Desired, capacities: &Capacities) -> Vec<PlanError> {
    check(desired, capacities, &VipPart::new(desired.seed, &desired.vips, &desired.pools), Vips::New)
}

/// What is known of the VIPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vips {
    /// Nothing.
    New,
    /// By themselves they are right.
    Checked,
}

pub(super) fn check(
    desired: &Desired,
    capacities: &Capacities,
    vips: &VipPart,
    known: Vips,
) -> Vec<PlanError> {
    let mut errors = Vec::new();
    let mut sets = HashMap::new();
    for set in &desired.sets {
        if sets.insert(set.name.as_str(), set).is_some() {
            errors.push(PlanError::DuplicateSet { name: set.name.clone() });
        }
        let upcoming = set.upcoming.iter().map(|upcoming| &upcoming.members);
        let earlier = set.earlier.iter().map(|earlier| &earlier.members);
        let lists = std::iter::once(&set.members).chain(upcoming).chain(earlier);
        let error = lists.into_iter().find_map(|members| members_error(set, members));
        errors.extend(error.map(|source| PlanError::Set { set: set.name.clone(), source }));
    }
    if known == Vips::New {
        errors.extend(duplicate_vips(vips));
        errors.extend(vips.vips.iter().zip(&vips.keys).filter_map(|(vip, key)| vip_error(vip, key)));
        errors.extend(vips.vips.iter().zip(&vips.sources).filter_map(|(vip, sources)| {
            let borders = sources.as_ref()?.len();
            let vip = || vip.name.clone();
            (borders > BORDERS_MAX as usize).then(|| PlanError::Sources {
                vip: vip(),
                borders,
                max: BORDERS_MAX,
            })
        }));
    }
    let used: Vec<&BackendSet> =
        vips.set_names.iter().filter_map(|name| sets.get(name.as_str()).copied()).collect();
    if used.len() < vips.set_names.len() {
        let lost = vips.vips.iter().filter(|vip| !sets.contains_key(vip.set.as_str()));
        errors.extend(lost.map(|vip| PlanError::UnknownSet { vip: vip.name.clone(), set: vip.set.clone() }));
    }
    let mut identities = HashMap::new();
    errors.extend(same_identity(members(&used), &mut identities));
    let backends = identities.len() as u64;
    // These are left out when they find no room.
    let earlier = used.iter().flat_map(|set| set.earlier.iter()).flat_map(|earlier| earlier.members.iter());
    errors.extend(same_identity(earlier, &mut identities));
    errors.extend(limits(&used, backends, vips, capacities));
    if errors.is_empty() && known == Vips::New {
        errors.extend(lookup_limits(vips, capacities));
    }
    errors
}

fn members_error(set: &BackendSet, members: &[Member]) -> Option<TableError> {
    let (count, slots) = (members.len(), set.table_size.get());
    let max = MEMBERS_MAX.min(slots as usize);
    if count > max {
        return Some(TableError::TooManyMembers { members: count, max, slots });
    }
    let mut names = HashSet::new();
    let twice = members.iter().find(|member| !names.insert(&member.name))?;
    Some(TableError::DuplicateName { name: twice.name.clone() })
}

fn duplicate_vips(vips: &VipPart) -> impl Iterator<Item = PlanError> {
    vips.order.windows(2).filter(|pair| vips.keys[pair[0]] == vips.keys[pair[1]]).map(|pair| {
        // In the order in which they were given.
        let (first, second) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
        PlanError::DuplicateVip {
            key: vips.vips[second].key,
            first: vips.vips[first].name.clone(),
            second: vips.vips[second].name.clone(),
        }
    })
}

fn vip_error(vip: &Vip, key: &Match) -> Option<PlanError> {
    if key.first > key.last {
        return Some(PlanError::NoPorts { vip: vip.name.clone(), first: key.first, last: key.last });
    }
    match (vip.session, vip.key.protocol) {
        (Session::Flow { .. }, Protocol::Tcp) => Some(PlanError::FlowSessionOfTcp { vip: vip.name.clone() }),
        _ => None,
    }
}

fn members<'a>(sets: &[&'a BackendSet]) -> impl Iterator<Item = &'a Member> {
    sets.iter().flat_map(|set| set.members.iter().chain(set.upcoming_members()))
}

/// Fills `identities` with one entry for each backend.
fn same_identity<'a>(
    members: impl Iterator<Item = &'a Member>,
    identities: &mut HashMap<u64, (&'a String, Address)>,
) -> Option<PlanError> {
    for member in members {
        let what = (&member.name, Address::from(member.address));
        match identities.insert(identity(&member.name, member.address), what) {
            Some(other) if other != what => {
                return Some(PlanError::SameIdentity { first: other.0.clone(), second: member.name.clone() });
            }
            _ => {}
        }
    }
    None
}

fn limits(used: &[&BackendSet], backends: u64, vips: &VipPart, capacities: &Capacities) -> Vec<PlanError> {
    let tables = |size| {
        let sets = used.iter().filter(|set| set.table_size == size).count() as u64;
        (Limit::Tables(size), 2 * sets, u64::from(tables_of(capacities, size)))
    };
    [
        (Limit::Vips, vips.vips.len() as u64, u64::from(capacities.vips)),
        (Limit::Sets, used.len() as u64, u64::from(capacities.sets().min(u16::MAX.into()))),
        (Limit::Backends, backends, u64::from(capacities.backends).saturating_sub(1)),
        tables(TableSize::Large),
        tables(TableSize::Small),
        (Limit::Flows, flows(used, vips), u64::from(capacities.flow_buckets) * u64::from(WAYS)),
    ]
    .into_iter()
    .filter(|(_, needed, capacity)| needed > capacity)
    .map(|(limit, needed, capacity)| PlanError::Limit { limit, needed, capacity })
    .collect()
}

/// Entries of the flow table that VIPs ask for.
fn flows(used: &[&BackendSet], vips: &VipPart) -> u64 {
    let second_hop: HashMap<&str, bool> =
        used.iter().map(|set| (set.name.as_str(), set.second_hop)).collect();
    let asking = vips.vips.iter().filter_map(|vip| Some((vip, vip.flow_entries?)));
    asking
        .filter(|(vip, _)| Need::of(vip, second_hop.get(vip.set.as_str()).copied().unwrap_or(true)).is_some())
        .map(|(_, entries)| u64::from(buckets_for(entries)) * u64::from(WAYS))
        .sum()
}

/// The intervals and borders that the VIPs are compiled to. Indexes do not matter for their number.
fn lookup_limits(vips: &VipPart, capacities: &Capacities) -> Vec<PlanError> {
    let values: Vec<(Match, VipRef)> = (0..)
        .zip(&vips.order)
        .map(|(index, &vip)| (vips.keys[vip], VipRef { vip: index, set: 0, flags: 0 }))
        .collect();
    let counts = counts(&values, &vips.pools);
    [
        (Limit::Intervals, counts.intervals, capacities.intervals()),
        (Limit::Prefixes4, counts.prefixes4, capacities.prefixes()),
        (Limit::Prefixes6, counts.prefixes6, capacities.prefixes()),
        (Limit::Sources, sources::count(vips.sources.iter().flatten()), capacities.sources()),
    ]
    .into_iter()
    .map(|(limit, needed, capacity)| (limit, needed as u64, u64::from(capacity)))
    .filter(|(_, needed, capacity)| needed > capacity)
    .map(|(limit, needed, capacity)| PlanError::Limit { limit, needed, capacity })
    .collect()
}
