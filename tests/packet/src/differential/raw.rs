//! Worlds that are written into the maps without the planner: slots, layers, states, epochs, regions and flow entries at
//! random, as they would be in histories that nobody thought of.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result};
use guideway_abi::{TABLE_SIZE_LARGE, TABLE_SIZE_SMALL};
use guideway_dataplane_plan::{Ports, Protocol, VipKey};
use guideway_packet_model::{
    Backend, Encapsulation, FlowKey, FlowTable, Place, PreviousTable, Region, SecondHop, Session, Set, State,
    UNSETTLED, Vip, World,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::case_file::{WorldSpec, parse_key, standard_world};
use crate::fixture::{CAPACITIES, Fixture, Headroom, Ways};

use super::random::Random;
use super::worlds::{key, sources};
use super::{Report, frames};

/// Packets that one world is sent.
const PACKETS: u64 = 1_000;
const VIPS: u32 = 16;
const SETS: usize = 6;
const BACKENDS: u16 = 14;

/// Sends so many packets.
///
/// # Errors
///
/// Program and model differ: the text has the seed.
pub fn run(seed: u64, packets: u64) -> Result<Report> {
    let mut report = Report::default();
    let mut fixture = Fixture::new()?;
    let names = standard_world()?;
    let mut worlds = 0;
    while report.packets < packets {
        let mut random = Random::new(seed ^ (worlds + 1_u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        one_world(&mut random, &mut fixture, &names, &mut report)
            .with_context(|| format!("seed {seed}, world {worlds}"))?;
        worlds += 1;
    }
    report.changes = worlds;
    Ok(report)
}

fn one_world(
    random: &mut Random,
    fixture: &mut Fixture,
    names: &WorldSpec,
    report: &mut Report,
) -> Result<()> {
    let world = world(random, fixture, names);
    let keys: Vec<VipKey> = world.vips.iter().map(vip_key).collect();
    fixture.set_ways(ways(random, names))?;
    let empty = FlowTable { buckets: vec![<_>::default(); CAPACITIES.flow_buckets as usize] };
    fixture.put(world, empty)?;
    for n in 0..PACKETS {
        if random.one_in(10) {
            fixture.change_flows(|flows| disturb(random, flows))?;
        }
        if random.one_in(100) {
            fixture.set_ways(ways(random, names))?;
        }
        let frame = frames::frame(random, &keys);
        let headroom = if random.one_in(50) { Headroom::None } else { Headroom::Usual };
        let outcome = fixture.check(&frame, headroom).with_context(|| format!("packet {n}, {frame:02x?}"))?;
        report.packets += 1;
        for (name, n) in outcome.counters {
            *report.counters.entry(name).or_default() += n;
        }
    }
    Ok(())
}

fn vip_key(vip: &Vip) -> VipKey {
    VipKey {
        address: vip.address,
        protocol: if vip.protocol == 6 { Protocol::Tcp } else { Protocol::Udp },
        ports: Ports::Range(*vip.ports.start(), *vip.ports.end()),
    }
}

fn flow_key(random: &mut Random) -> FlowKey {
    let mut number = || random.next();
    let add = std::array::from_fn(|_| number());
    FlowKey { add, mix: [odd(random), odd(random)] }
}

fn odd(random: &mut Random) -> u32 {
    u32::try_from(random.next() >> 32).expect("32 bits") | 1
}

fn world(random: &mut Random, fixture: &Fixture, names: &WorldSpec) -> World {
    let addresses: Vec<IpAddr> = names.backends.values().copied().collect();
    let backends: BTreeMap<u16, Backend> = (1..=BACKENDS)
        .map(|index| {
            let state = *random.of(&[State::Dead, State::Draining, State::Serving, State::Serving]);
            let epoch = if random.one_in(2) { 0x7fff } else { random.short() & 0x7fff };
            (index, Backend { address: *random.of(&addresses), epoch, state })
        })
        .collect();
    let sets = (0..SETS).map(|_| set(random)).collect();
    let v4_len = 8 + random.byte(24);
    let v6_len = 64 + random.byte(64);
    World {
        vips: vips(random),
        pools: Vec::new(),
        sets,
        backends,
        flow_key: flow_key(random),
        previous_flow_key: flow_key(random),
        tag_key: [random.next(), random.next()],
        tick_shift: fixture.dataplane().tick_shift(),
        outer_source_v4: Ipv4Net::new([172, 16, 0, 0].into(), v4_len).expect("a prefix").trunc(),
        outer_source_v6: Ipv6Net::new("100::".parse().expect("an address"), v6_len)
            .expect("a prefix")
            .trunc(),
        ingress: fixture.network.ingress,
        legs: BTreeMap::new(),
        legs_valid_until: 0,
        fib: fixture.network.fib.clone(),
    }
}

fn vips(random: &mut Random) -> Vec<Vip> {
    let mut free = 0;
    let mut vips: Vec<Vip> = Vec::new();
    for index in 0..VIPS {
        let key = parse_key(&key(random)).expect("a key");
        let ports = match key.ports {
            Ports::One(port) => port..=port,
            Ports::Range(first, last) => first..=last,
            Ports::Any => 0..=u16::MAX,
        };
        let protocol = key.protocol.number();
        if vips.iter().any(|v| (v.address, v.protocol, &v.ports) == (key.address, protocol, &ports)) {
            continue;
        }
        let session = match random.below(4) {
            0 if protocol == 17 => Session::Sticky,
            1 => Session::ClientIp,
            _ => Session::Plain,
        };
        let buckets = 1 << random.below(3);
        let region = (!random.one_in(5)).then_some(Region { first: free, buckets });
        free += buckets + u32::from(random.byte(2));
        let timeout = *random.of(&[1, 10, 16, 17, 600]);
        let set = random.index(SETS);
        let address = key.address;
        let sources = sources(random, matches!(address, IpNet::V6(_)));
        vips.push(Vip { address, protocol, ports, set, session, region, timeout, sources, index });
    }
    vips
}

fn table_size(random: &mut Random) -> u32 {
    if random.one_in(4) { TABLE_SIZE_LARGE } else { TABLE_SIZE_SMALL }
}

fn set(random: &mut Random) -> Set {
    use Encapsulation::{Gre, Gue, IpIp, L2};
    let size = table_size(random);
    let unsettled = random.below(4);
    let backends: Vec<u16> = (0..1 + random.below(5)).map(|_| 1 + random.short() % BACKENDS).collect();
    let mut earlier = backends.clone();
    earlier.extend([0, 1 + random.short() % BACKENDS]);
    let table = (0..size).map(|_| {
        let slot = *random.of(&backends);
        if random.below(4) < unsettled { slot | UNSETTLED } else { slot }
    });
    let table: Vec<u16> = table.collect();
    let previous = |random: &mut Random| {
        (!random.one_in(4)).then(|| PreviousTable {
            slots: (0..table_size(random)).map(|_| *random.of(&earlier)).collect(),
            old_key: random.one_in(3),
        })
    };
    Set {
        table: (!random.one_in(12)).then_some(table),
        previous: (0..3).map(|_| previous(random)).collect(),
        encapsulation: *random.of(&[IpIp, Gue, Gre, L2]),
        second_hop: if random.one_in(2) { SecondHop::Yes } else { SecondHop::No },
    }
}

fn ways(random: &mut Random, names: &WorldSpec) -> Ways {
    let mut legs = || -> Vec<String> {
        (0..random.below(9)).map(|_| (*random.of(&["up0", "up0", "other0", "unknown"])).to_owned()).collect()
    };
    let by_address = names.backends.values().map(|address| (*address, legs())).collect();
    Ways { by_address, others: Vec::new(), valid_until: if random.one_in(5) { 0 } else { u64::MAX } }
}

/// Changes a few entries: older or younger, another backend, another epoch, half-open or not, garbage.
fn disturb(random: &mut Random, flows: &mut FlowTable) {
    let used: Vec<&mut Place> = flows.buckets.iter_mut().flatten().filter(|place| place.check != 0).collect();
    for place in used {
        if !random.one_in(4) {
            continue;
        }
        if random.one_in(8) {
            *place = Place::default();
            continue;
        }
        let tag = place.tag();
        match random.below(6) {
            0 | 1 => place.last_use = place.last_use.wrapping_sub(u32::from(random.byte(20))),
            2 => place.last_use = place.last_use.wrapping_add(1),
            3 => place.backend = 1 + random.short() % BACKENDS,
            4 => place.half_open = !place.half_open,
            _ => place.epoch = random.short() & 0x7fff,
        }
        if random.one_in(20) {
            place.check ^= 1 << random.below(64); // half of another entry
        } else {
            let other = place.tag();
            place.check ^= other ^ tag;
        }
    }
}
