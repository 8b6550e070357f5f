//! From configuration and health to what the dataplane shall do. Pure.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use guideway_dataplane_config as config;
use guideway_dataplane_config::{BackendSet, Config};
use guideway_dataplane_plan as plan;
use guideway_dataplane_plan::{Desired, Shared};

use crate::health::probe::{HttpProbe, Probe};
use crate::health::{Health, ProbeKey, Thresholds};
use crate::route::{Fixed, Need, Wanted};

mod base;

pub use base::Base;

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
    used(config).map(AsRef::as_ref)
}

pub(crate) fn used(config: &Config) -> impl Iterator<Item = &Arc<BackendSet>> {
    let used: HashSet<&str> = config.vips().iter().map(|vip| vip.backend_set.name.as_str()).collect();
    config.backend_sets().iter().filter(move |set| used.contains(set.name.as_str()))
}

/// Every probe that `config` asks for.
#[must_use]
pub fn probes(config: &Config) -> HashSet<ProbeKey> {
    used_sets(config)
        .flat_map(|set| set.backends.iter().filter_map(|backend| probe_of(set, backend.address)))
        .collect()
}

/// The backends of `config` and what ways they need.
#[must_use]
pub fn wanted(config: &Config) -> Wanted {
    wanted_by(std::iter::once(config))
}

/// The backends of several configurations and what ways they need; the first one says where everything goes. A set that
/// they share costs what it costs once.
#[must_use]
pub fn wanted_by<'c>(configs: impl Iterator<Item = &'c Config>) -> Wanted {
    let mut configs = configs.peekable();
    let fixed = configs.peek().and_then(|config| fixed(config));
    let mut seen: HashSet<*const BackendSet> = HashSet::new();
    let backends = needs(configs.flat_map(used_sets).filter(|set| seen.insert(std::ptr::from_ref(*set))));
    Wanted { backends, fixed, is_whole: false }
}

/// What ways the backends of `sets` need.
#[must_use]
pub fn needs<'s>(sets: impl Iterator<Item = &'s BackendSet>) -> BTreeMap<IpAddr, Need> {
    let mut backends = BTreeMap::new();
    for set in sets {
        let need = match set.encapsulation {
            config::EncapsulationKind::L2 => Need::OnLink,
            config::EncapsulationKind::IpIp
            | config::EncapsulationKind::Gue
            | config::EncapsulationKind::Gre => Need::Any,
        };
        for backend in &*set.backends {
            let known = backends.entry(backend.address).or_insert(need);
            *known = need.max(*known);
        }
    }
    backends
}

fn fixed(config: &Config) -> Option<Fixed> {
    match config.next_hop() {
        config::NextHop::Fib => None,
        config::NextHop::Fixed { interface, mac } => {
            Some(Fixed { interface: interface.to_string(), mac: mac.bytes() })
        }
    }
}

/// Backends about whose packets the kernel may be asked: all that no fixed next hop is for.
#[must_use]
pub fn asked_of_the_kernel(config: &Config) -> Vec<IpAddr> {
    let Wanted { backends, fixed, .. } = wanted(config);
    let asked = backends.into_iter().filter(|(_, need)| fixed.is_none() || *need == Need::OnLink);
    asked.map(|(address, _)| address).collect()
}

/// What the dataplane shall do. `health` tells the verdict on a probe; without one a backend gets no new flows.
/// `leaving` are backends of earlier configurations that are still looked after. Who asks again and again keeps a [`Base`].
#[must_use]
pub fn desired(
    config: &Config,
    tick_shift: u32,
    health: impl Fn(&ProbeKey) -> Option<Health>,
    leaving: Vec<plan::Member>,
) -> Desired {
    Base::new(config).desired(config, tick_shift, &health, &health, leaving)
}

/// The members of `set`. `health` tells the verdict on a probe; without one a backend gets no new flows.
pub(crate) fn members(
    set: &BackendSet,
    health: impl Fn(&ProbeKey) -> Option<Health>,
) -> Shared<plan::Member> {
    let members = set.backends.iter().map(|backend| plan::Member {
        name: backend.name.clone(),
        address: backend.address,
        weight: plan::Weight(backend.weight),
        healthy: probe_of(set, backend.address).is_none_or(|key| health(&key) == Some(Health::Healthy)),
    });
    members.collect()
}

pub(crate) const fn table_size(size: config::TableSize) -> plan::TableSize {
    match size {
        config::TableSize::Large => plan::TableSize::Large,
        config::TableSize::Small => plan::TableSize::Small,
    }
}

/// As if all were healthy.
fn backend_set(set: &BackendSet) -> plan::BackendSet {
    plan::BackendSet {
        name: set.name.clone(),
        table_size: table_size(set.table_size),
        members: members(set, |_| Some(Health::Healthy)),
        encapsulation: match set.encapsulation {
            config::EncapsulationKind::IpIp => plan::SetEncapsulation::IpIp,
            config::EncapsulationKind::Gue => plan::SetEncapsulation::Gue,
            config::EncapsulationKind::Gre => plan::SetEncapsulation::Gre,
            config::EncapsulationKind::L2 => plan::SetEncapsulation::L2,
        },
        second_hop: set.second_hop,
        drain_window: set.drain_window,
        upcoming: None,
        earlier: Shared::default(),
    }
}

fn vip(vip: &config::Vip) -> plan::Vip {
    plan::Vip {
        name: vip.name.clone(),
        key: vip_key(vip),
        set: vip.backend_set.name.clone(),
        session: match vip.affinity {
            config::Affinity::None => plan::Session::Stateless,
            config::Affinity::Flow { timeout } => plan::Session::Flow { timeout },
            config::Affinity::ClientIp { timeout } => plan::Session::ClientIp { timeout },
        },
        flow_entries: vip.flow_entries,
        sources: vip.sources.clone(),
    }
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
        ports: match vip.ports {
            config::Ports::One(port) => plan::Ports::One(port),
            config::Ports::Range(first, last) => plan::Ports::Range(first, last),
            config::Ports::Any => plan::Ports::Any,
        },
    }
}

#[cfg(test)]
mod tests;
