//! Where a flow goes, in the messages of the API.

use std::net::{IpAddr, SocketAddr};

use guideway_abi::Counter;
use guideway_dataplane_admin::v1;
use guideway_dataplane_plan::{
    BackendSet, Candidate, Desired, Encapsulation, Explanation, FiveTuple, Protocol, Reason,
    SetEncapsulation, Steering, explain as explain_flow,
};
use ipnet::IpNet;
use tonic::Status;

use crate::error::chain;
use crate::view::View;

pub(super) fn explain(view: &View, request: &v1::ExplainRequest) -> Result<v1::ExplainResponse, Status> {
    let flow = five_tuple(request)?;
    let Some((desired, installed)) = &view.installed else {
        return Err(Status::failed_precondition("the configuration is not installed yet"));
    };
    let explanation =
        explain_flow(desired, installed, &flow).map_err(|error| Status::invalid_argument(chain(&error)))?;
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
        Explanation::Source(vip) => {
            let vip = &desired.vips[vip];
            let reason = format!(
                "source {} is not in {}, the sources of VIP {}: counted as {}",
                flow.source.ip(),
                some_of(&vip.sources),
                vip.name,
                Counter::DropSource.name()
            );
            v1::ExplainResponse {
                vip: vip.name.clone(),
                backend_set: vip.set.clone(),
                ..told("drop", reason)
            }
        }
        Explanation::Vip(steering) => steered(view, desired, &steering, told),
    })
}

/// Sources that an explanation names.
const NAMED: usize = 3;

fn some_of(sources: &[IpNet]) -> String {
    let named: Vec<String> = sources.iter().take(NAMED).map(ToString::to_string).collect();
    match sources.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn steered(
    view: &View,
    desired: &Desired,
    steering: &Steering,
    told: impl Fn(&str, String) -> v1::ExplainResponse,
) -> v1::ExplainResponse {
    let (vip, set) = (&desired.vips[steering.vip], &desired.sets[steering.set]);
    let name = |member: Option<usize>, address: IpAddr| name(view, set, member, address);
    let flow_hash = format!("{:08x}", steering.flow_hash);
    let Some(first) = &steering.first_packet else {
        let reason = format!(
            "VIP {} has no healthy backend in set {}: counted as {}",
            vip.name,
            set.name,
            Counter::DropNoBackend.name()
        );
        return v1::ExplainResponse {
            vip: vip.name.clone(),
            backend_set: set.name.clone(),
            flow_hash,
            ..told("drop", reason)
        };
    };
    let preferred = steering.preferred.filter(|preferred| Some(*preferred) != first.member);
    let preferred = preferred.and_then(|preferred| set.members.get(preferred));
    let backend = name(first.member, first.outer_destination);
    let mut reason = format!("VIP {}, slot {} of {}: ", vip.name, steering.slot, set.table_size.get());
    reason += &match steering.reason {
        Reason::Settled => format!("backend {backend}"),
        Reason::UnsettledSecondHop => {
            format!("new flows go to backend {backend}; packets of others carry where else they may be for")
        }
        Reason::UnsettledEntries => match &steering.later_packet {
            Some(later) => format!(
                "new flows go to backend {backend}, flows without an entry to backend {}",
                name(later.member, later.outer_destination)
            ),
            None => format!("new flows go to backend {backend}"),
        },
        Reason::Unsettled => {
            format!("backend {backend}, which may be another than that of established flows")
        }
        Reason::Tracked => format!("backend {backend}, unless an entry of the flow table says another"),
    };
    if let Some(preferred) = preferred.filter(|preferred| !preferred.healthy) {
        reason = format!("{reason}; {} is unhealthy", preferred.name);
    }
    v1::ExplainResponse {
        vip: vip.name.clone(),
        flow_hash,
        table_size: set.table_size.get(),
        slot: steering.slot,
        backend,
        backend_address: first.outer_destination.to_string(),
        encapsulation: encapsulation(first.encapsulation).to_owned(),
        outer_source: outer(first, |first| first.outer_source),
        outer_destination: outer(first, |first| first.outer_destination),
        preferred_backend: preferred.map(|preferred| preferred.name.clone()).unwrap_or_default(),
        backend_set: set.name.clone(),
        candidates: steering
            .candidates
            .iter()
            .enumerate()
            .map(|(place, candidate)| v1::Candidate {
                backend: name(candidate.member, candidate.address),
                address: candidate.address.to_string(),
                state: state(view, set, candidate).to_owned(),
                reason: match place {
                    0 => "the slot's backend: new flows go there",
                    _ => "the slot had this backend within the drain window",
                }
                .to_owned(),
            })
            .collect(),
        ..told("forward", reason)
    }
}

/// Name of a backend of a set or of one that has left it; empty when nobody knows it any more.
fn name(view: &View, set: &BackendSet, member: Option<usize>, address: IpAddr) -> String {
    if let Some(member) = member.and_then(|member| set.members.get(member)) {
        return member.name.clone();
    }
    let leaving = view.sets.iter().flat_map(|set| set.leaving.iter().chain(&set.backends));
    let known = leaving.into_iter().find(|backend| backend.address == address);
    known.map(|backend| backend.name.clone()).unwrap_or_default()
}

fn state(view: &View, set: &BackendSet, candidate: &Candidate) -> &'static str {
    let backends = || view.sets.iter().flat_map(|set| set.leaving.iter().chain(&set.backends));
    match candidate.member.and_then(|member| set.members.get(member)) {
        Some(member) if !member.healthy => "dead",
        Some(member) if member.weight.0 == 0 => "draining",
        Some(_) => "serving",
        None => backends()
            .chain(&view.leaving)
            .find(|backend| backend.address == candidate.address)
            .map_or("draining", crate::view::BackendView::state),
    }
}

const fn encapsulation(kind: SetEncapsulation) -> &'static str {
    match kind {
        SetEncapsulation::IpIp => "ipip",
        SetEncapsulation::Gue => "gue",
        SetEncapsulation::Gre => "gre",
        SetEncapsulation::L2 => "l2",
    }
}

/// An address of the outer header; empty when there is none.
fn outer(packet: &Encapsulation, address: impl Fn(&Encapsulation) -> IpAddr) -> String {
    match packet.encapsulation {
        SetEncapsulation::L2 => String::new(),
        _ => address(packet).to_string(),
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
