//! From the view to the messages of the API.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use guideway_abi::{Counter, TrafficStats};
use guideway_dataplane_admin::v1;
use guideway_dataplane_plan::{Desired, Explanation, FiveTuple, Protocol, Steering, explain as explain_flow};
use tonic::Status;

use crate::error::chain;
use crate::view::{BackendView, Reload, View, VipView};

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
            address: vip.address.to_string(),
            port: vip.port.into(),
            protocol: vip.protocol.to_owned(),
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
    let of = |vip: &VipView, backend: &BackendView| {
        let status = backend.status().unwrap_or_default();
        let traffic = traffic(stats, backend.index);
        v1::Backend {
            vip: vip.name.clone(),
            name: backend.name.clone(),
            address: backend.address.to_string(),
            weight: backend.weight.into(),
            health: backend.health().to_owned(),
            detail: status.detail,
            since_unix_ms: status.since.map_or(0, unix_ms),
            slots: backend.slots,
            packets: traffic.packets,
            bytes: traffic.bytes,
        }
    };
    let wanted = view.vips.iter().filter(|known| vip.is_empty() || known.name == vip);
    Ok(wanted
        .flat_map(|vip| view.sets[vip.set].backends.iter().map(move |backend| of(vip, backend)))
        .collect())
}

pub(super) fn counters(packets: &[(Counter, u64)]) -> Vec<v1::Counter> {
    let of = |(counter, packets): &(Counter, u64)| v1::Counter {
        name: counter.name().to_owned(),
        description: counter.description().to_owned(),
        packets: *packets,
    };
    packets.iter().map(of).collect()
}

pub(super) fn explain(view: &View, request: &v1::ExplainRequest) -> Result<v1::ExplainResponse, Status> {
    let flow = five_tuple(request)?;
    let Some(desired) = &view.desired else {
        return Err(Status::failed_precondition("the configuration is not installed yet"));
    };
    let explanation =
        explain_flow(desired, &flow).map_err(|error| Status::invalid_argument(chain(&error)))?;
    let generation = view.generation;
    let told = |verdict: &str, reason: String| v1::ExplainResponse {
        verdict: verdict.to_owned(),
        reason,
        generation,
        ..v1::ExplainResponse::default()
    };
    let address = flow.destination.ip();
    Ok(match explanation {
        Explanation::NotAVip => {
            told("pass", format!("no VIP has the address {address}: the packet is left to the kernel"))
        }
        Explanation::UnknownPort => told(
            "drop",
            format!(
                "{address} is the address of a VIP, but none has port {}/{}: counted as {}",
                flow.destination.port(),
                flow.protocol,
                Counter::DropUnknownPort.name()
            ),
        ),
        Explanation::Vip(steering) => steered(desired, &steering, told),
    })
}

fn steered(
    desired: &Desired,
    steering: &Steering,
    told: impl Fn(&str, String) -> v1::ExplainResponse,
) -> v1::ExplainResponse {
    let (vip, set) = (&desired.vips[steering.vip], &desired.sets[steering.set]);
    let name = |member: usize| set.members[member].name.clone();
    let Some(encapsulation) = steering.encapsulation else {
        let reason = format!(
            "VIP {} has no healthy backend in set {}: counted as {}",
            vip.name,
            set.name,
            Counter::DropNoBackend.name()
        );
        let flow_hash = format!("{:016x}", steering.flow_hash);
        return v1::ExplainResponse { vip: vip.name.clone(), flow_hash, ..told("drop", reason) };
    };
    let preferred = steering.preferred.filter(|preferred| *preferred != encapsulation.member).map(name);
    let mut reason = format!(
        "VIP {}, slot {} of {}, belongs to backend {}",
        vip.name,
        steering.slot,
        set.table_size.get(),
        name(encapsulation.member)
    );
    if let Some(preferred) = &preferred {
        reason = format!("{reason}, because {preferred} is unhealthy");
    }
    v1::ExplainResponse {
        vip: vip.name.clone(),
        flow_hash: format!("{:016x}", steering.flow_hash),
        table_size: set.table_size.get(),
        slot: steering.slot,
        backend: name(encapsulation.member),
        backend_address: set.members[encapsulation.member].address.to_string(),
        encapsulation: "ipip".to_owned(),
        outer_source: encapsulation.outer_source.to_string(),
        outer_destination: encapsulation.outer_destination.to_string(),
        preferred_backend: preferred.unwrap_or_default(),
        ..told("forward", reason)
    }
}

fn five_tuple(request: &v1::ExplainRequest) -> Result<FiveTuple, Status> {
    let end = |what: &str, address: &str, port: u32| {
        let address: IpAddr = address
            .parse()
            .map_err(|_| Status::invalid_argument(format!("{what}_address: {address:?} is no IP address")))?;
        let port = u16::try_from(port)
            .map_err(|_| Status::invalid_argument(format!("{what}_port: {port} is above 65535")))?;
        Ok::<_, Status>(SocketAddr::new(address, port))
    };
    Ok(FiveTuple {
        source: end("source", &request.source_address, request.source_port)?,
        destination: end("destination", &request.destination_address, request.destination_port)?,
        protocol: match request.protocol.to_ascii_lowercase().as_str() {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            other => {
                return Err(Status::invalid_argument(format!("protocol: {other:?} is neither tcp nor udp")));
            }
        },
    })
}

fn traffic(stats: &[TrafficStats], index: Option<u32>) -> TrafficStats {
    index.and_then(|index| stats.get(index as usize)).copied().unwrap_or_default()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn unix_ms(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
