//! Backend sets and VIPs.

use std::sync::Arc;

use guideway_controller_core::limits::{
    MAX_BACKENDS, MAX_INTERFACES, MAX_NAME_BYTES, MAX_SOURCES, MAX_TEXT_BYTES,
};
use guideway_controller_core::{Advertise, ForwarderName, L2, SetName, ShardName, Vip, VipName};
use guideway_dataplane_config::{
    Affinity, Backend, BackendSet, EncapsulationKind, HealthCheck, Ports, Probe, Protocol, TableSize,
};

use crate::error::{At, WireError};
use crate::{read, v1};

/// Bytes of a path or a host of a health check.
const MAX_HTTP_BYTES: usize = 4096;

/// `backends_of`: the place, from 1, of an earlier set of the same list whose backends are the same ones; 0: none is.
pub(crate) fn set_wire(set: &BackendSet, backends_of: u32) -> v1::BackendSet {
    let encapsulation = match set.encapsulation {
        EncapsulationKind::IpIp => v1::Encapsulation::Ipip,
        EncapsulationKind::Gue => v1::Encapsulation::Gue,
        EncapsulationKind::Gre => v1::Encapsulation::Gre,
        EncapsulationKind::L2 => v1::Encapsulation::L2,
    };
    let backend = |backend: &Backend| v1::Backend {
        name: backend.name.clone(),
        address: read::address_bytes(backend.address),
        weight: backend.weight.into(),
    };
    v1::BackendSet {
        name: set.name.clone(),
        table_size: set.table_size.slots(),
        encapsulation: encapsulation.into(),
        second_hop: set.second_hop,
        drain_window_ns: read::nanoseconds(set.drain_window),
        health_check: set.health_check.as_ref().map(check_wire),
        backends: set.backends.iter().filter(|_| backends_of == 0).map(backend).collect(),
        backends_of,
    }
}

/// Texts are taken as they are: a Service with many ports changes as many sets at once.
pub(crate) fn set(set: v1::BackendSet, earlier: &[Arc<BackendSet>]) -> Result<BackendSet, WireError> {
    Ok(BackendSet {
        name: read::name(set.name).at("name")?,
        table_size: table_size(set.table_size).at("table_size")?,
        encapsulation: encapsulation(set.encapsulation).at("encapsulation")?,
        second_hop: set.second_hop,
        drain_window: read::duration(set.drain_window_ns),
        health_check: set.health_check.as_ref().map(check).transpose().at("health_check")?,
        backends: backends(set.backends, set.backends_of, earlier)?,
    })
}

fn backends(
    all: Vec<v1::Backend>,
    place: u32,
    earlier: &[Arc<BackendSet>],
) -> Result<Arc<[Backend]>, WireError> {
    let Some(place) = place.checked_sub(1) else {
        let all = read::limited(all, MAX_BACKENDS).and_then(|all| read::list(all, backend));
        return all.map(Into::into).at("backends");
    };
    if !all.is_empty() {
        return Err(WireError::new("there are backends as well")).at("backends_of");
    }
    let other = usize::try_from(place).ok().and_then(|place| earlier.get(place));
    let missing = || {
        WireError::new(format_args!("there is no set {} among the {} before it", place + 1, earlier.len()))
    };
    other.map(|set| Arc::clone(&set.backends)).ok_or_else(missing).at("backends_of")
}

fn table_size(slots: u32) -> Result<TableSize, WireError> {
    [TableSize::Large, TableSize::Small]
        .into_iter()
        .find(|size| size.slots() == slots)
        .ok_or_else(|| read::unknown(slots))
}

fn encapsulation(number: i32) -> Result<EncapsulationKind, WireError> {
    match v1::Encapsulation::try_from(number) {
        Ok(v1::Encapsulation::Ipip) => Ok(EncapsulationKind::IpIp),
        Ok(v1::Encapsulation::Gue) => Ok(EncapsulationKind::Gue),
        Ok(v1::Encapsulation::Gre) => Ok(EncapsulationKind::Gre),
        Ok(v1::Encapsulation::L2) => Ok(EncapsulationKind::L2),
        Ok(v1::Encapsulation::Unspecified) => Err(WireError::new("is missing")),
        Err(_) => Err(read::unknown(number)),
    }
}

fn backend(backend: v1::Backend) -> Result<Backend, WireError> {
    Ok(Backend {
        name: read::name(backend.name).at("name")?,
        address: read::address(&backend.address).at("address")?,
        weight: read::narrow(backend.weight).at("weight")?,
    })
}

fn check_wire(check: &HealthCheck) -> v1::HealthCheck {
    let http = match &check.probe {
        Probe::Tcp => None,
        Probe::Http { path, host, expect } => Some(v1::Http {
            path: path.clone(),
            host: host.clone(),
            expect_first: (*expect.start()).into(),
            expect_last: (*expect.end()).into(),
        }),
    };
    v1::HealthCheck {
        port: check.port.get().into(),
        interval_ns: read::nanoseconds(check.interval),
        timeout_ns: read::nanoseconds(check.timeout),
        rise: check.rise.get().into(),
        fall: check.fall.get().into(),
        http,
    }
}

fn check(check: &v1::HealthCheck) -> Result<HealthCheck, WireError> {
    Ok(HealthCheck {
        probe: check.http.as_ref().map_or(Ok(Probe::Tcp), http).at("http")?,
        port: read::narrow_some::<u16, _>(check.port).at("port")?,
        interval: read::duration(check.interval_ns),
        timeout: read::duration(check.timeout_ns),
        rise: read::narrow_some::<u8, _>(check.rise).at("rise")?,
        fall: read::narrow_some::<u8, _>(check.fall).at("fall")?,
    })
}

fn http(http: &v1::Http) -> Result<Probe, WireError> {
    let first = read::narrow(http.expect_first).at("expect_first")?;
    let last = read::narrow(http.expect_last).at("expect_last")?;
    Ok(Probe::Http {
        path: read::text(&http.path, MAX_HTTP_BYTES).at("path")?,
        host: http.host.as_deref().map(|host| read::text(host, MAX_HTTP_BYTES)).transpose().at("host")?,
        expect: first..=last,
    })
}

pub(crate) fn vip_wire(vip: &Vip) -> v1::Vip {
    let (first, last) = match vip.ports {
        Ports::Any => (0, 0),
        ports => ports.bounds(),
    };
    let affinity = |kind: v1::affinity::Kind, timeout| v1::Affinity {
        kind: kind.into(),
        timeout_ns: read::nanoseconds(timeout),
    };
    v1::Vip {
        name: vip.name.to_string(),
        address: Some(read::prefix_wire(vip.address)),
        first_port: first.into(),
        last_port: last.into(),
        protocol: vip.protocol.number().into(),
        set: vip.set.to_string(),
        affinity: match vip.affinity {
            Affinity::None => None,
            Affinity::Flow { timeout } => Some(affinity(v1::affinity::Kind::Flow, timeout)),
            Affinity::ClientIp { timeout } => Some(affinity(v1::affinity::Kind::ClientIp, timeout)),
        },
        flow_entries: vip.flow_entries,
        sources: vip.sources.iter().copied().map(read::prefix_wire).collect(),
        shard: vip.shard.to_string(),
        bgp: vip.advertise.bgp,
        l2: vip.advertise.l2.as_ref().map(|l2| v1::L2 {
            owner: l2.owner.as_ref().map(ToString::to_string),
            interfaces: l2.interfaces.clone(),
        }),
        owner: vip.owner.clone(),
    }
}

pub(crate) fn vip(vip: &v1::Vip) -> Result<Vip, WireError> {
    Ok(Vip {
        name: VipName::new(&vip.name).at("name")?,
        address: read::required(vip.address.as_ref()).and_then(read::prefix).at("address")?,
        ports: ports(vip.first_port, vip.last_port).at("first_port")?,
        protocol: protocol(vip.protocol).at("protocol")?,
        set: SetName::new(&vip.set).at("set")?,
        affinity: vip.affinity.as_ref().map_or(Ok(Affinity::None), affinity).at("affinity")?,
        flow_entries: vip.flow_entries,
        sources: read::limited(&vip.sources, MAX_SOURCES)
            .and_then(|all| read::list(all, read::prefix))
            .at("sources")?,
        shard: ShardName::new(&vip.shard).at("shard")?,
        advertise: Advertise { bgp: vip.bgp, l2: vip.l2.as_ref().map(l2).transpose().at("l2")? },
        owner: read::text(&vip.owner, MAX_TEXT_BYTES).at("owner")?,
    })
}

fn ports(first: u32, last: u32) -> Result<Ports, WireError> {
    let (first, last) = (read::narrow::<u16>(first)?, read::narrow::<u16>(last)?);
    match (first, last) {
        (0, 0) => Ok(Ports::Any),
        (0, _) => Err(WireError::new("0 is no port")),
        _ if first == last => Ok(Ports::One(first)),
        _ if first < last => Ok(Ports::Range(first, last)),
        _ => Err(WireError::new(format_args!("{first} is above the last port, {last}"))),
    }
}

fn protocol(number: u32) -> Result<Protocol, WireError> {
    [Protocol::Tcp, Protocol::Udp]
        .into_iter()
        .find(|protocol| u32::from(protocol.number()) == number)
        .ok_or_else(|| read::unknown(number))
}

fn affinity(affinity: &v1::Affinity) -> Result<Affinity, WireError> {
    let timeout = read::duration(affinity.timeout_ns);
    match v1::affinity::Kind::try_from(affinity.kind) {
        Ok(v1::affinity::Kind::Flow) => Ok(Affinity::Flow { timeout }),
        Ok(v1::affinity::Kind::ClientIp) => Ok(Affinity::ClientIp { timeout }),
        Ok(v1::affinity::Kind::Unspecified) => Err(WireError::new("is missing")).at("kind"),
        Err(_) => Err(read::unknown(affinity.kind)).at("kind"),
    }
}

fn l2(l2: &v1::L2) -> Result<L2, WireError> {
    Ok(L2 {
        owner: l2.owner.as_deref().map(ForwarderName::new).transpose().at("owner")?,
        interfaces: read::limited(&l2.interfaces, MAX_INTERFACES)
            .and_then(|all| read::list(all, |name| read::text(name, MAX_NAME_BYTES)))
            .at("interfaces")?,
    })
}
