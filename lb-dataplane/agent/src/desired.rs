//! From configuration and health to what the dataplane shall do. Pure.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use guideway_dataplane_config as config;
use guideway_dataplane_config::{BackendSet, Config};
use guideway_dataplane_plan as plan;
use guideway_dataplane_plan::Desired;

use crate::health::probe::{HttpProbe, Probe};
use crate::health::{Health, ProbeKey, Thresholds};

/// An interface as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Index.
    pub ifindex: u32,
    /// Its MAC address.
    pub mac: [u8; 6],
    /// The longest IP packet that it takes, in bytes.
    pub mtu: u32,
}

/// The probe of a backend at `address`; none when its set is not checked.
#[must_use]
pub fn probe_of(set: &BackendSet, address: IpAddr) -> Option<ProbeKey> {
    let check = set.health_check.as_ref()?;
    let probe = match &check.probe {
        config::Probe::Tcp => Probe::Tcp,
        config::Probe::Http { path, host, expect } => {
            Probe::Http(HttpProbe { path: path.clone(), host: host.clone(), expect: expect.clone() })
        }
    };
    Some(ProbeKey {
        address,
        port: check.port.get(),
        probe,
        interval: check.interval,
        timeout: check.timeout,
        thresholds: Thresholds { rise: check.rise.into(), fall: check.fall.into() },
    })
}

/// The sets that at least one VIP uses, in the order of the file. Others are neither probed nor installed.
pub fn used_sets(config: &Config) -> impl Iterator<Item = &BackendSet> {
    let used: HashSet<&str> = config.vips().iter().map(|vip| vip.backend_set.name.as_str()).collect();
    config.backend_sets().iter().map(AsRef::as_ref).filter(move |set| used.contains(set.name.as_str()))
}

/// Every probe that `config` asks for.
#[must_use]
pub fn probes(config: &Config) -> HashSet<ProbeKey> {
    used_sets(config)
        .flat_map(|set| set.backends.iter().filter_map(|backend| probe_of(set, backend.address)))
        .collect()
}

/// Addresses that encapsulated packets are sent to by way of the kernel's routes.
#[must_use]
pub fn routed_backends(config: &Config) -> BTreeSet<IpAddr> {
    match config.next_hop() {
        config::NextHop::Fixed { .. } => BTreeSet::new(),
        config::NextHop::Fib => {
            used_sets(config).flat_map(|set| set.backends.iter().map(|backend| backend.address)).collect()
        }
    }
}

/// What the dataplane shall do. `health` tells the verdict on a probe; without one a backend gets no traffic.
/// `next_hop` is the interface of a fixed next hop, and is asked for no other.
///
/// # Errors
///
/// What `next_hop` says when the interface cannot be looked up.
pub fn desired<E>(
    config: &Config,
    health: impl Fn(&ProbeKey) -> Option<Health>,
    next_hop: impl FnOnce(&str) -> Result<Link, E>,
) -> Result<Desired, E> {
    let next_hop = match config.next_hop() {
        config::NextHop::Fib => plan::NextHop::Fib,
        config::NextHop::Fixed { interface, mac } => {
            let link = next_hop(interface.as_str())?;
            plan::NextHop::Fixed {
                ifindex: link.ifindex,
                source_mac: link.mac,
                destination_mac: mac.bytes(),
                mtu: link.mtu,
            }
        }
    };
    let encapsulation = config.encapsulation();
    Ok(Desired {
        seed: plan::Seed(config.seed().bytes()),
        outer_sources: plan::OuterSources { v4: encapsulation.source_v4, v6: encapsulation.source_v6 },
        next_hop,
        sets: used_sets(config).map(|set| members(set, &health)).collect(),
        vips: config.vips().iter().map(vip).collect(),
    })
}

fn members(set: &BackendSet, health: impl Fn(&ProbeKey) -> Option<Health>) -> plan::BackendSet {
    let is_healthy = |address| match probe_of(set, address) {
        None => true,
        Some(key) => health(&key) == Some(Health::Healthy),
    };
    plan::BackendSet {
        name: set.name.clone(),
        table_size: match set.table_size {
            config::TableSize::Large => plan::TableSize::Large,
            config::TableSize::Small => plan::TableSize::Small,
        },
        members: set
            .backends
            .iter()
            .map(|backend| plan::Member {
                name: backend.name.clone(),
                address: backend.address,
                weight: plan::Weight(backend.weight),
                healthy: is_healthy(backend.address),
            })
            .collect(),
    }
}

fn vip(vip: &config::Vip) -> plan::Vip {
    plan::Vip { name: vip.name.clone(), key: vip_key(vip), set: vip.backend_set.name.clone() }
}

/// What clients dial.
#[must_use]
pub fn vip_key(vip: &config::Vip) -> plan::VipKey {
    plan::VipKey {
        address: vip.address,
        protocol: match vip.protocol {
            config::Protocol::Tcp => plan::Protocol::Tcp,
            config::Protocol::Udp => plan::Protocol::Udp,
        },
        port: vip.port.get(),
    }
}

#[cfg(test)]
mod tests;
