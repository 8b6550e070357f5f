//! What there is to see, as the API has it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{SystemTime, UNIX_EPOCH};

use guideway_controller_admin::v1;
use guideway_controller_core::{Content, Disruption, ForwarderName, ShardName, VipDisruption, VipName};
use guideway_controller_index::ClusterName;
use guideway_controller_ipam::Family;
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::coordinator::{Aborted, ForwarderState, Phase, Role, State};
use ipnet::IpNet;

use crate::forwarders::Refused;
use crate::sources::Contact;
use crate::state::{Committed, Projected, Sighting};

type Seen = BTreeMap<ForwarderName, Sighting>;

pub(super) fn services(
    projected: &Projected,
    contacts: &BTreeMap<ClusterName, Contact>,
    seen: &Seen,
) -> v1::ListServicesResponse {
    let announced: BTreeSet<&VipName> = seen.values().flat_map(Sighting::announced).collect();
    let mut of_owner: HashMap<&str, Owned> = HashMap::new();
    for vip in projected.content.vips().values() {
        let owned = of_owner.entry(&vip.owner).or_default();
        owned.announced += u32::from(announced.contains(&vip.name));
        owned.sets.insert(vip.set.as_str());
        if let Some(l2) = &vip.advertise.l2 {
            owned.link.insert(vip.address, l2.owner.as_ref());
        }
    }
    let mut of_cluster: HashMap<&str, u32> = HashMap::new();
    let services: Vec<v1::Service> = projected
        .services
        .iter()
        .map(|view| {
            let key = &view.service;
            *of_cluster.entry(&*key.cluster).or_default() += 1;
            let owned = of_owner.get(format!("{}/{}/{}", key.cluster, key.namespace, key.name).as_str());
            let sets = owned.into_iter().flat_map(|owned| &owned.sets);
            let backends = sets
                .filter_map(|set| projected.content.sets().get(*set))
                .map(|set| set.backends.iter().filter(|backend| backend.weight > 0).count());
            v1::Service {
                cluster: key.cluster.to_string(),
                namespace: key.namespace.to_string(),
                name: key.name.to_string(),
                endpoints: view.mode.as_str().to_owned(),
                addresses: view.addresses.iter().map(ToString::to_string).collect(),
                pool: view.pool.clone().unwrap_or_default(),
                shard: view.shard.clone().unwrap_or_default(),
                vips: count(view.vips),
                vips_announced: owned.map_or(0, |owned| owned.announced),
                backends: count(backends.sum()),
                problems: view.problems.clone(),
                link_addresses: owned.into_iter().flat_map(Owned::link_addresses).collect(),
            }
        })
        .collect();
    let clusters = contacts.iter().map(|(name, contact)| v1::Cluster {
        name: name.to_string(),
        reachable: contact.reachable,
        synced: contact.synced,
        last_contact_unix_ms: contact.last.map_or(0, unix_ms),
        version: contact.version.clone().unwrap_or_default(),
        error: contact.error().unwrap_or_default(),
        services: of_cluster.get(name.as_str()).copied().unwrap_or_default(),
    });
    let problems = projected.problems.iter().map(|problem| v1::Problem {
        kind: problem.kind.as_str().to_owned(),
        name: problem.name.clone(),
        problem: problem.problem.clone(),
    });
    v1::ListServicesResponse { clusters: clusters.collect(), problems: problems.collect(), services }
}

/// What of the content belongs to a Service.
#[derive(Default)]
struct Owned<'c> {
    announced: u32,
    sets: BTreeSet<&'c str>,
    link: BTreeMap<IpNet, Option<&'c ForwarderName>>,
}

impl Owned<'_> {
    fn link_addresses(&self) -> impl Iterator<Item = v1::LinkAddress> {
        self.link.iter().map(|(address, owner)| v1::LinkAddress {
            address: address.addr().to_string(),
            owner: owner.map(ToString::to_string).unwrap_or_default(),
        })
    }
}

pub(super) fn pools(projected: &Projected) -> v1::ListPoolsResponse {
    let pools = projected.pools.iter().map(|used| {
        let is_v4 = used.family == Family::V4;
        let prefixes = projected.content.pools().get(&*used.name).map(|pool| pool.prefixes.as_slice());
        let prefixes = prefixes.unwrap_or_default().iter().filter(|prefix| prefix.addr().is_ipv4() == is_v4);
        v1::Pool {
            name: used.name.to_string(),
            family: if is_v4 { 4 } else { 6 },
            prefixes: prefixes.map(ToString::to_string).collect(),
            capacity: u64::try_from(used.capacity).unwrap_or(u64::MAX),
            assigned: used.assigned,
            leaving: used.leaving,
        }
    });
    v1::ListPoolsResponse { pools: pools.collect() }
}

/// `wanted`: those that may connect, whether or not they ever did.
pub(super) fn forwarders(
    state: &State,
    content: Option<&Content>,
    seen: &Seen,
    wanted: &BTreeSet<ForwarderName>,
) -> v1::ListForwardersResponse {
    let of_shard = vips_of_shards(content);
    let shards = || content.into_iter().flat_map(|content| content.shards().values());
    let members = shards().flat_map(|shard| shard.members.iter().chain(&shard.leaving));
    let there = members.chain(state.forwarders.keys()).chain(seen.keys());
    let names: BTreeSet<&ForwarderName> = there.chain(wanted).collect();
    let unknown = ForwarderState::default();
    let forwarders = names.into_iter().map(|name| {
        let known = state.forwarders.get(name).unwrap_or(&unknown);
        let sighting = seen.get(name);
        let wanted = shards().filter(|shard| shard.announces(name.as_str()));
        let wanted = wanted.filter_map(|shard| of_shard.get(&shard.name)).sum();
        let reports = || sighting.into_iter().flat_map(|sighting| sighting.vips.values());
        let counters = sighting.map(|sighting| sighting.counters).unwrap_or_default();
        let hello = sighting.map(|sighting| &sighting.hello);
        let committed = known.standing.committed;
        v1::Forwarder {
            name: name.to_string(),
            connected: known.connected,
            current: known.connected && known.current,
            fenced: known.standing.fenced,
            generation: committed.map_or(0, |(generation, _)| generation.0),
            digest: committed.map(|(_, digest)| digest.to_string()).unwrap_or_default(),
            prepared: known.standing.prepared.map_or(0, |(generation, _)| generation.0),
            version: hello.map(|hello| hello.version.clone()).unwrap_or_default(),
            zone: hello.and_then(|hello| hello.zone.clone()).unwrap_or_default(),
            addresses: hello
                .into_iter()
                .flat_map(|hello| &hello.addresses)
                .map(ToString::to_string)
                .collect(),
            vips: wanted,
            vips_announced: sighting.map_or(0, |sighting| count(sighting.announced().count())),
            backends_healthy: reports().map(|vip| vip.healthy).fold(0, u32::saturating_add),
            backends: reports().map(|vip| vip.backends).fold(0, u32::saturating_add),
            packets: counters.packets,
            bytes: counters.octets,
            dropped: counters.dropped,
            flows: counters.flows,
            last_contact_unix_ms: sighting.map_or(0, |sighting| unix_ms(sighting.last)),
            problems: known.incapable.clone(),
        }
    });
    v1::ListForwardersResponse { forwarders: forwarders.collect(), refused: Vec::new() }
}

pub(super) fn refused(refusals: &[Refused]) -> Vec<v1::Refused> {
    let refused = |refused: &Refused| v1::Refused {
        forwarder: refused.forwarder.clone(),
        address: refused.address.to_string(),
        reason: refused.reason.clone(),
        last_unix_ms: unix_ms(refused.last),
        times: refused.times,
    };
    refusals.iter().map(refused).collect()
}

pub(super) fn shards(state: &State, content: Option<&Content>) -> v1::ListShardsResponse {
    let of_shard = vips_of_shards(content);
    let serves = |name: &&ForwarderName| {
        state.forwarders.get(*name).is_some_and(|forwarder| forwarder.connected && forwarder.current)
    };
    let shards = content.into_iter().flat_map(|content| content.shards().values()).map(|shard| v1::Shard {
        name: shard.name.to_string(),
        zone: shard.zone.clone().unwrap_or_default(),
        members: shard.members.iter().map(ToString::to_string).collect(),
        leaving: shard.leaving.iter().map(ToString::to_string).collect(),
        vips: of_shard.get(&shard.name).copied().unwrap_or_default(),
        members_current: count(shard.members.iter().filter(serves).count()),
    });
    v1::ListShardsResponse { shards: shards.collect() }
}

fn vips_of_shards(content: Option<&Content>) -> HashMap<&ShardName, u32> {
    let mut counts = HashMap::new();
    for vip in content.into_iter().flat_map(|content| content.vips().values()) {
        *counts.entry(&vip.shard).or_default() += 1;
    }
    counts
}

pub(super) fn generations(state: &State, leader: Option<String>) -> v1::GenerationsResponse {
    let (role, term) = match state.role {
        Role::Standby => ("standby", 0),
        Role::Claiming => ("claiming", 0),
        Role::Leading(term) => ("leading", term.0),
    };
    let rollout = state.rollout.as_ref().map(|rollout| v1::Rollout {
        stamp: Some(stamp(rollout.stamp)),
        phase: match rollout.phase {
            Phase::Preparing => "preparing",
            Phase::Held => "held",
            Phase::Deciding => "deciding",
            Phase::Installing => "installing",
        }
        .to_owned(),
        disruption: Some(disruption(&rollout.disruption)),
        waiting: rollout.waiting.iter().map(ToString::to_string).collect(),
        flows_at_risk: rollout.cost.flows_at_risk,
    });
    let forwarders = state.forwarders.iter().map(|(name, forwarder)| v1::ForwarderGeneration {
        name: name.to_string(),
        connected: forwarder.connected,
        current: forwarder.connected && forwarder.current,
        fenced: forwarder.standing.fenced,
        generation: forwarder.standing.committed.map_or(0, |(generation, _)| generation.0),
        prepared: forwarder.standing.prepared.map_or(0, |(generation, _)| generation.0),
    });
    v1::GenerationsResponse {
        role: role.to_owned(),
        term,
        leader: leader.unwrap_or_default(),
        committed: state.committed.map(stamp),
        desired: state.desired.map(|digest| digest.to_string()).unwrap_or_default(),
        rolled_back_to: state.rolled_back_to.map_or(0, |generation| generation.0),
        rollout,
        aborted: state
            .aborted
            .as_ref()
            .map(|(which, why)| v1::Aborted { stamp: Some(stamp(*which)), reason: aborted(why) }),
        forwarders: forwarders.collect(),
    }
}

/// What this controller saw, what the record remembers, and what forwarders keep from before.
pub(super) fn history(state: &State, past: &[Committed], seen: &Seen) -> v1::HistoryResponse {
    let mut all: BTreeMap<u64, v1::PastGeneration> = BTreeMap::new();
    for (which, at) in seen.values().flat_map(Sighting::kept) {
        let entry = all.entry(which.generation.0).or_default();
        entry.stamp = Some(stamp(which));
        entry.at_unix_ms = unix_ms(at);
        entry.at_hand = true;
    }
    for entry in past {
        let (_, live) = entry.disruption.as_ref().map(Disruption::slots).unwrap_or_default();
        let disturbed = entry.disruption.iter().flat_map(|disruption| &disruption.sets);
        let (vips, sets) = entry.size.unwrap_or_default();
        let is_kept = all.get(&entry.stamp.generation.0).is_some_and(|kept| kept.at_hand);
        let at_hand = is_kept || entry.aborted.is_none() && !entry.is_recorded;
        all.insert(
            entry.stamp.generation.0,
            v1::PastGeneration {
                stamp: Some(stamp(entry.stamp)),
                at_unix_ms: unix_ms(entry.at),
                in_force: false,
                at_hand,
                aborted: entry.aborted.as_ref().map(aborted).unwrap_or_default(),
                slots_moved_live: live,
                sets_disturbed: count(disturbed.filter(|set| set.moved.live > 0).count()),
                vips: count(vips),
                sets: count(sets),
            },
        );
    }
    if let Some(committed) = state.committed {
        let entry = all.entry(committed.generation.0).or_default();
        entry.stamp = Some(stamp(committed));
        entry.in_force = true;
        entry.at_hand = true;
    }
    v1::HistoryResponse { generations: all.into_values().rev().collect() }
}

pub(super) fn disruption(disruption: &Disruption) -> v1::Disruption {
    let mut result = v1::Disruption {
        sets: disruption
            .sets
            .iter()
            .map(|set| v1::SetDisruption {
                set: set.set.to_string(),
                slots: set.moved.slots,
                moved_live: set.moved.live,
                moved_dead: set.moved.dead,
                exact: set.exact,
            })
            .collect(),
        ..v1::Disruption::default()
    };
    for vip in &disruption.vips {
        match vip {
            VipDisruption::Moved { vip, from, to, moved } => result.vips_moved.push(v1::VipMoved {
                vip: vip.to_string(),
                from: from.to_string(),
                to: to.to_string(),
                slots: moved.slots,
                moved_live: moved.live,
                moved_dead: moved.dead,
            }),
            VipDisruption::Removed { vip } => result.vips_removed.push(vip.to_string()),
        }
    }
    result
}

pub(super) fn stamp(stamp: Stamp) -> v1::Stamp {
    v1::Stamp { generation: stamp.generation.0, digest: stamp.digest.to_string() }
}

/// Why a generation is not committed, for people.
pub(super) fn aborted(why: &Aborted) -> String {
    match why {
        Aborted::Refused(forwarder, errors) => format!("{forwarder} refused it: {}", errors.join("; ")),
        Aborted::TooFew(prepared, of) => {
            format!("only {prepared} of {of} forwarders could prepare it in time")
        }
        Aborted::Superseded => "something else was wanted before it was committed".to_owned(),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Milliseconds of Unix time.
fn unix_ms(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
