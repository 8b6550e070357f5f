//! From the view to the messages of the API.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use guideway_abi::{Counter, TrafficStats};
use guideway_dataplane_admin::v1;
use tonic::Status;

use crate::route::{Found, Hop, Way};
use crate::view::{BackendView, ControllerView, PastView, Reload, SetView, View, VipView, address_text};

pub(super) fn status(view: &View, uptime: Duration) -> v1::StatusResponse {
    let (backends, backends_healthy) = view.backend_totals();
    v1::StatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: uptime.as_secs(),
        config_path: view.config_path.clone(),
        pin_root: view.pin_root.clone(),
        generation: view.generation,
        digest: format!("{:016x}", view.digest),
        program_tag: view.program_tag.clone(),
        interfaces: view
            .interfaces
            .iter()
            .map(|interface| v1::Interface {
                name: interface.name.clone(),
                index: interface.ifindex,
                mode: interface.mode.to_owned(),
                attached: interface.attached,
                reason: interface.problem.clone().unwrap_or_default(),
            })
            .collect(),
        last_reload: view.last_reload.as_ref().map(last_reload),
        vips: number(view.vips.len()),
        vips_served: number(view.vips.iter().filter(|vip| vip.served).count()),
        backends: number(backends),
        backends_healthy: number(backends_healthy),
        limits: view
            .limits
            .iter()
            .map(|limit| v1::Limit {
                name: limit.name.to_owned(),
                used: limit.used,
                capacity: limit.capacity,
            })
            .collect(),
        apply_error: view.apply_error.clone().unwrap_or_default(),
        sets: number(view.sets.len()),
        sets_unsettled: number(view.unsettled_sets().count()),
        settles_unix_ms: view.unsettled_sets().filter_map(|set| set.settles_at).max().map_or(0, unix_ms),
        rolled_back_to: view.rolled_back_to.unwrap_or_default(),
        controller: view.controller().map(|view| controller(&view)),
        link_problems: Vec::new(),
    }
}

fn controller(view: &ControllerView) -> v1::Controller {
    let (generation, digest) = view.committed.clone().unwrap_or_default();
    v1::Controller {
        name: view.name.clone(),
        leader: view.leader.clone().unwrap_or_default(),
        problem: view.problem.clone(),
        term: view.term,
        generation,
        digest,
        prepared: view.prepared.as_ref().map_or(0, |(generation, _)| *generation),
        fence: view.fence.clone().unwrap_or_default(),
        faults: view.faults.clone(),
    }
}

fn last_reload(reload: &Reload) -> v1::LastReload {
    v1::LastReload {
        at_unix_ms: unix_ms(reload.at),
        accepted: reload.accepted(),
        errors: reload.errors.clone(),
    }
}

pub(super) fn vips(view: &View, stats: &[TrafficStats]) -> Vec<v1::Vip> {
    let of = |vip: &VipView| {
        let set = &view.sets[vip.set];
        let traffic = traffic(stats, vip.index);
        v1::Vip {
            name: vip.name.clone(),
            address: address_text(&vip.address),
            ports: vip.ports.to_string(),
            protocol: vip.protocol.to_owned(),
            backend_set: set.name.clone(),
            affinity: vip.affinity.to_owned(),
            affinity_timeout_seconds: vip.affinity_timeout.map_or(0, |timeout| timeout.as_secs()),
            flow_entries: vip.flow_entries,
            sources: vip.sources.iter().map(ToString::to_string).collect(),
            encapsulation: set.encapsulation.to_owned(),
            table_size: set.table_size,
            backends: number(set.backends.len()),
            backends_healthy: number(set.healthy()),
            served: vip.served,
            announced: vip.announced,
            packets: traffic.packets,
            bytes: traffic.bytes,
            reason: vip.reason(set),
        }
    };
    view.vips.iter().map(of).collect()
}

pub(super) fn backends(view: &View, vip: &str, stats: &[TrafficStats]) -> Result<Vec<v1::Backend>, Status> {
    if !vip.is_empty() && view.vips.iter().all(|known| known.name != vip) {
        return Err(Status::not_found(format!("no VIP is named {vip:?}")));
    }
    let of = |vip: &str, backend: &BackendView| {
        let status = backend.status().unwrap_or_default();
        let traffic = traffic(stats, backend.index);
        v1::Backend {
            vip: vip.to_owned(),
            name: backend.name.clone(),
            address: backend.address.to_string(),
            weight: backend.weight.into(),
            health: backend.health().to_owned(),
            detail: status.detail,
            since_unix_ms: status.since.map_or(0, unix_ms),
            slots: backend.slots,
            packets: traffic.packets,
            bytes: traffic.bytes,
            state: backend.state().to_owned(),
            leaving: backend.leaving,
        }
    };
    let wanted = view.vips.iter().filter(|known| vip.is_empty() || known.name == vip);
    let of_vips = wanted.flat_map(|vip| {
        let set = &view.sets[vip.set];
        set.backends.iter().chain(&set.leaving).map(move |backend| of(&vip.name, backend))
    });
    // Of no VIP that anybody knows of.
    let rest = view.leaving.iter().filter(|_| vip.is_empty()).map(|backend| of("", backend));
    Ok(of_vips.chain(rest).collect())
}

pub(super) fn sets(view: &View) -> Vec<v1::BackendSet> {
    let of = |(place, set): (usize, &SetView)| v1::BackendSet {
        name: set.name.clone(),
        table_size: set.table_size,
        encapsulation: set.encapsulation.to_owned(),
        second_hop: set.second_hop,
        drain_window_seconds: set.drain_window.as_secs(),
        vips: number(view.vips.iter().filter(|vip| vip.set == place).count()),
        backends: number(set.backends.len()),
        backends_healthy: number(set.healthy()),
        unsettled_slots: set.unsettled,
        held_slots: set.held,
        settles_unix_ms: set.settles_at.map_or(0, unix_ms),
        at_risk_slots: set.at_risk,
    };
    view.sets.iter().enumerate().map(of).collect()
}

pub(super) fn routes(view: &View, found: &Found) -> Vec<v1::Route> {
    // Sets may call one address by several names: the first counts.
    let mut names: BTreeMap<IpAddr, &str> = BTreeMap::new();
    let in_sets = view.sets.iter().flat_map(|set| set.backends.iter().chain(&set.leaving));
    for backend in in_sets.chain(&view.leaving) {
        names.entry(backend.address).or_insert(&backend.name);
    }
    let of = |(address, way): (&IpAddr, &Way)| v1::Route {
        backend: names.get(address).copied().unwrap_or_default().to_owned(),
        address: address.to_string(),
        legs: legs(way, found),
        source: if found.is_current && way.is_known() { "agent" } else { "kernel" }.to_owned(),
        problem: way.problem.map(|problem| problem.to_string()).unwrap_or_default(),
    };
    found.ways.iter().map(of).collect()
}

/// Each next hop once.
fn legs(way: &Way, found: &Found) -> Vec<v1::Leg> {
    let mut hops: Vec<(Hop, u32)> = Vec::new();
    for hop in way.legs.into_iter().flatten() {
        match hops.iter_mut().find(|(known, _)| *known == hop) {
            Some((_, weight)) => *weight += 1,
            None => hops.push((hop, 1)),
        }
    }
    let of = |(Hop { link, mac }, weight): (Hop, u32)| v1::Leg {
        interface: found.interfaces.get(&link.ifindex).cloned().unwrap_or_default(),
        neighbour: mac.map(|byte| format!("{byte:02x}")).join(":"),
        mtu: link.mtu,
        weight,
    };
    hops.into_iter().map(of).collect()
}

pub(super) fn history(view: &View) -> Vec<v1::PastGeneration> {
    let of = |past: &PastView| v1::PastGeneration {
        generation: past.generation,
        digest: format!("{:016x}", past.digest),
        at_unix_ms: past.at_unix_ms,
        summary: past.summary.clone(),
        in_force: past.in_force,
    };
    view.history.iter().map(of).collect()
}

pub(super) fn counters(packets: &[(Counter, u64)]) -> Vec<v1::Counter> {
    let of = |(counter, packets): &(Counter, u64)| v1::Counter {
        name: counter.name().to_owned(),
        description: counter.description().to_owned(),
        packets: *packets,
    };
    packets.iter().map(of).collect()
}

fn traffic(stats: &[TrafficStats], index: Option<u32>) -> TrafficStats {
    index.and_then(|index| stats.get(index as usize)).copied().unwrap_or_default()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(super) fn unix_ms(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
