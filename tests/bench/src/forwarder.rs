//! The forwarder program with its maps, filled as the agent fills them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result, bail};
use aya::programs::ProgramInfo;
use guideway_abi::{Capacities, Counter};
use guideway_bpf::Dataplane;
use guideway_dataplane::apply::{MapStore, apply};
use guideway_dataplane_plan::{
    BackendSet, Desired, Member, NextHop, Outcome, OuterSources, Protocol, Seed, TableCache, TableSize, Vip,
    VipKey, Weight, plan,
};

use crate::driver::Driver;
use crate::world::{FORWARDER_MAC, ROUTER_MAC, World};

/// Backends of each set.
pub(crate) const BACKENDS: u8 = 100;

/// A forwarder and the driver in front of it.
pub(crate) struct Forwarder {
    pub(crate) dataplane: Dataplane,
    pub(crate) driver: Driver,
}

impl Forwarder {
    /// Loads the program with maps of these capacities. The pins are gone when this returns.
    pub(crate) fn new(world: &World, capacities: Capacities) -> Result<Self> {
        let pins = world.pins("forwarder");
        let dataplane = Dataplane::open(&pins, capacities).context("load the forwarder")?;
        let program = ProgramInfo::from_pin(pins.join("forwarder"))?;
        std::fs::remove_dir_all(&pins).with_context(|| format!("remove {}", pins.display()))?;
        let driver = Driver::new(&program.fd()?, &world.pins("driver"), world.ifindex)?;
        Ok(Self { dataplane, driver })
    }

    /// Installs a generation.
    pub(crate) fn install(&self, desired: &Desired) -> Result<()> {
        let installed = MapStore::read(&self.dataplane)?;
        let Outcome::Plan(plan) = plan(desired, &installed, &mut TableCache::default())? else {
            bail!("there is nothing to plan");
        };
        apply(&self.dataplane, &plan.ops).context("apply the plan")
    }

    /// Packets counted so far for one reason, and for all others.
    pub(crate) fn counted(&self, counter: Counter) -> Result<(u64, u64)> {
        let counters = self.dataplane.counters()?;
        let (this, others): (Vec<_>, Vec<_>) = counters.into_iter().partition(|(c, _)| *c == counter);
        let sum = |counters: Vec<(Counter, u64)>| counters.into_iter().map(|(_, n)| n).sum();
        Ok((sum(this), sum(others)))
    }
}

/// The next hop that sends packets back by the interface that they came in by.
pub(crate) fn fixed_next_hop(world: &World) -> NextHop {
    NextHop::Fixed {
        ifindex: world.ifindex,
        source_mac: FORWARDER_MAC,
        destination_mac: ROUTER_MAC,
        mtu: 1500,
    }
}

/// A desired state with the sets `v4` and `v6`, 100 backends each, and these VIPs: address, protocol, port, set.
pub(crate) fn desired(
    next_hop: NextHop,
    vips: impl Iterator<Item = (IpAddr, Protocol, u16, &'static str)>,
) -> Desired {
    Desired {
        seed: Seed(*b"seed for benches"),
        outer_sources: OuterSources {
            v4: ipnet::Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 16),
            v6: ipnet::Ipv6Net::new_assert(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64),
        },
        next_hop,
        sets: vec![
            set("v4", |n| Ipv4Addr::new(10, 1, 11, n).into()),
            set("v6", |n| Ipv6Addr::new(0xfd00, 0x11, 0, 0, 0, 0, 0, n.into()).into()),
        ],
        vips: vips
            .map(|(address, protocol, port, set)| Vip {
                name: format!("{address}-{protocol}-{port}"),
                key: VipKey { address, protocol, port },
                set: set.to_owned(),
            })
            .collect(),
    }
}

fn set(name: &str, address: impl Fn(u8) -> IpAddr) -> BackendSet {
    let member =
        |n| Member { name: format!("{name}-{n}"), address: address(n), weight: Weight(1), healthy: true };
    BackendSet {
        name: name.to_owned(),
        table_size: TableSize::Large,
        members: (1..=BACKENDS).map(member).collect(),
    }
}
