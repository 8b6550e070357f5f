//! Plans over random histories, applied write by write, with crashes in between.

use std::collections::BTreeMap;
use std::net::IpAddr;

use guideway_abi::backend_state;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::model::Packet;
use crate::{
    BackendSet, Earlier, Explanation, FiveTuple, Member, Ports, Protocol, Session, Shared, Upcoming, Vip,
    VipKey, explain,
};

/// Just enough for what [`desired`] gives, but for backends, of which it can ask for too many, and for earlier tables.
const TIGHT: Capacities =
    Capacities { vips: 6, backends: 9, tables_large: 6, tables_small: 6, flow_buckets: 32 };

fn members() -> impl Strategy<Value = Vec<Member>> {
    let values = (0_u8..5, 0_u8..2, 0_u16..4, proptest::bool::weighted(0.8));
    (proptest::collection::vec(values, 0..5), any::<bool>()).prop_map(|(members, reverse)| {
        let unique: BTreeMap<u8, Member> = members
            .into_iter()
            .map(|(name, version, weight, healthy)| {
                let address = match name {
                    0 => format!("fd00::{version}"),
                    _ => format!("10.0.{version}.{name}"),
                };
                let weight = Weight(weight);
                (name, Member { weight, healthy, ..member(&format!("be{name}"), &address) })
            })
            .collect();
        let sorted = unique.into_values();
        if reverse { sorted.rev().collect() } else { sorted.collect() }
    })
}

fn sets() -> impl Strategy<Value = Vec<BackendSet>> {
    let upcoming = proptest::option::weighted(0.2, upcoming());
    let values = (members(), proptest::bool::weighted(0.8), upcoming, earlier(), table_size());
    proptest::collection::vec(values, 3).prop_map(|sets| {
        let sets = sets.into_iter().enumerate().map(|(index, values)| {
            let (members, second_hop, upcoming, earlier, table_size) = values;
            BackendSet { second_hop, upcoming, earlier, table_size, ..set(&format!("set{index}"), members) }
        });
        sets.collect()
    })
}

/// By one of the seeds that there are, mostly the first.
fn upcoming() -> impl Strategy<Value = Upcoming> {
    let seed = prop_oneof![3 => Just(0_u8), 2 => Just(1), 1 => Just(2)];
    (members(), seed, table_size()).prop_map(|(members, seed, table_size)| Upcoming {
        members: members.into(),
        seed: Seed([seed; 16]),
        table_size,
    })
}

fn table_size() -> impl Strategy<Value = TableSize> {
    prop_oneof![40 => Just(TableSize::Small), 1 => Just(TableSize::Large)]
}

/// Some of it before the time of the step, some after.
fn earlier() -> impl Strategy<Value = Shared<Earlier>> {
    let past = proptest::collection::vec((members(), 0_u8..2, table_size(), 0_u64..2_500), 1..4).prop_map(
        |mut past| {
            past.sort_by_key(|(.., after)| *after);
            let earlier = |(members, seed, table_size, after): (Vec<Member>, u8, TableSize, u64)| Earlier {
                members: members.into(),
                seed: Seed([seed; 16]),
                table_size,
                replaced: BootTime(NOW.0 + after),
            };
            past.into_iter().map(earlier).collect()
        },
    );
    prop_oneof![2 => Just(Shared::default()), 1 => past]
}

fn vips() -> impl Strategy<Value = Vec<Vip>> {
    let vip =
        (0_u8..4, any::<bool>(), 0_u8..5, 0_usize..3, 0_u8..3, proptest::option::weighted(0.3, 1_u32..40));
    let sources = prop_oneof![
        2 => Just(Vec::new()),
        1 => proptest::sample::subsequence(SOURCES.to_vec(), 1..=SOURCES.len()),
    ];
    proptest::collection::vec((vip, sources), 0..6).prop_map(|vips| {
        let vips: BTreeMap<VipKey, Vip> = vips
            .into_iter()
            .map(|((address, udp, ports, set, session, flow_entries), sources)| {
                let ports = PORTS[usize::from(ports)];
                let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
                let session = match (session, protocol) {
                    (1, Protocol::Udp) => Session::Flow { timeout: WINDOW },
                    (2, _) => Session::ClientIp { timeout: WINDOW },
                    _ => Session::Stateless,
                };
                let key = VipKey { address: NETS[usize::from(address)].parse().unwrap(), protocol, ports };
                let sources = sources.into_iter().map(|source| source.parse().unwrap()).collect();
                let (name, set) = (key.to_string(), format!("set{set}"));
                (key, Vip { name, key, set, session, flow_entries, sources })
            })
            .collect();
        vips.into_values().collect()
    })
}

const PORTS: [Ports; 5] = [Ports::One(1), Ports::One(2), Ports::Range(1, 2), Ports::Range(2, 9), Ports::Any];
const NETS: [&str; 4] = ["203.0.113.1/32", "203.0.113.0/30", "203.0.112.0/23", "2001:db8::1/128"];
/// The client with port 3,000 is in the first and third of them, the other one in the first and second.
const SOURCES: [&str; 5] =
    ["198.51.100.0/24", "198.51.100.0/31", "198.51.100.2/32", "2001:db8:1::/127", "2001:db8:1::2/128"];
const ADDRESSES: [&str; 4] = ["203.0.113.1", "203.0.113.2", "203.0.112.77", "2001:db8::1"];

fn desired() -> impl Strategy<Value = Desired> {
    let pools = proptest::sample::subsequence(vec!["203.0.112.0/22", "2001:db8::/64"], 0..=2);
    (sets(), vips(), pools, proptest::bool::weighted(0.15), members()).prop_map(
        |(sets, vips, pools, other_seed, leaving)| Desired {
            seed: Seed([u8::from(other_seed); 16]),
            sets,
            vips: vips.into(),
            pools: pools.into_iter().map(|pool| pool.parse().unwrap()).collect(),
            leaving,
            ..nothing()
        },
    )
}

/// Flows to all VIPs that there can be, and to some that there cannot.
fn flows() -> Vec<FiveTuple> {
    let mut flows = Vec::new();
    for address in ADDRESSES.into_iter().chain(["192.0.2.1"]) {
        let ports = [(1, 1_000), (1, 2_000), (1, 3_000), (2, 1_000), (2, 2_000), (3, 1_000), (10, 1_000)];
        for (port, source_port) in ports {
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                let source = match (address.contains(':'), source_port) {
                    (true, 3_000) => "2001:db8:1::2",
                    (true, _) => "2001:db8:1::1",
                    (false, 3_000) => "198.51.100.2",
                    (false, _) => "198.51.100.1",
                };
                flows.push(FiveTuple {
                    source: (source.parse::<IpAddr>().unwrap(), source_port).into(),
                    destination: (address.parse::<IpAddr>().unwrap(), port).into(),
                    protocol,
                });
            }
        }
    }
    flows
}

fn verdicts(maps: &Maps, flows: &[FiveTuple]) -> Vec<[Verdict; 2]> {
    flows.iter().map(|flow| [Packet::First, Packet::Later].map(|packet| maps.forward(flow, packet))).collect()
}

/// The verdicts that are asked for, by the way that does not go through the lookup.
fn expected(desired: &Desired, installed: &Installed, layout: &Layout, flow: &FiveTuple) -> [Verdict; 2] {
    match explain(desired, installed, flow).unwrap() {
        Explanation::NotAVip => [Verdict::Pass, Verdict::Pass],
        Explanation::UnknownPort => [Verdict::UnknownPort, Verdict::UnknownPort],
        Explanation::Source(vip) => {
            let vip = layout.vips[vip].0;
            [Verdict::Source { vip }, Verdict::Source { vip }]
        }
        Explanation::Vip(steering) => {
            let vip = layout.vips[steering.vip].0;
            [steering.first_packet, steering.later_packet].map(|packet| match packet {
                None => Verdict::NoBackend { vip },
                Some(packet) => Verdict::Encapsulated {
                    vip,
                    backend: packet.backend.0,
                    hops: packet.hops,
                    source: packet.outer_source,
                    destination: packet.outer_destination,
                },
            })
        }
    }
}

/// Applies the first `count` ops; the forwarder must not notice any but the last one.
fn apply(maps: &mut Maps, plan: &Plan, count: usize, flows: &[FiveTuple]) {
    let before = verdicts(maps, flows);
    let installed = maps.read().unwrap();
    let in_use: Vec<u32> = (0..)
        .zip(&installed.vips.records)
        .filter(|(_, record)| record.identity != 0)
        .map(|(index, _)| index)
        .collect();
    let regions: Vec<(u32, u32)> = installed
        .vips
        .records
        .iter()
        .filter(|record| record.identity != 0)
        .map(|record| (record.flow_base, record.flow_mask))
        .collect();
    for op in &plan.ops[..count] {
        match op {
            Op::ZeroVipStats { index } => {
                assert!(
                    !in_use.contains(&index.0) || in_use.len() + plan.changes.vips_added > 6,
                    "{index:?}"
                );
            }
            Op::ZeroFlows { first, count } => {
                for (base, mask) in regions.iter().filter(|(base, _)| *base != u32::MAX) {
                    assert!(first + count <= *base || base + mask < *first, "a region in use is zeroed");
                }
            }
            _ => {}
        }
        maps.apply(op);
        if !matches!(op, Op::Activate(_)) {
            assert_eq!(verdicts(maps, flows), before, "after {}", summary(std::slice::from_ref(op)));
        }
        maps.read().expect("the maps never contradict each other");
    }
}

/// VIPs and backends that were there and still are have their old index, and nobody zeroed their counters.
fn assert_kept(
    before: &(Maps, Installed, Option<(Desired, Layout)>),
    maps: &Maps,
    desired: &Desired,
    layout: &Layout,
) {
    let (old_maps, _, Some((old, old_layout))) = before else { return };
    for (vip, index) in old.vips.iter().zip(&old_layout.vips) {
        if let Some(at) = desired.vips.iter().position(|new| new.key == vip.key) {
            assert_eq!(layout.vips[at], *index, "{}", vip.key);
            let at = index.0 as usize;
            assert_eq!(old_maps.vip_zeroed[at], maps.vip_zeroed[at], "{}", vip.key);
        }
    }
    let places = |desired: &Desired, layout: &Layout| -> BTreeMap<(String, String), BackendIndex> {
        let sets = desired.sets.iter().zip(&layout.sets);
        sets.filter_map(|(set, layout)| Some((set, layout.as_ref()?)))
            .flat_map(|(set, layout)| set.members.iter().zip(&layout.backends))
            .map(|(member, index)| ((member.name.clone(), member.address.to_string()), *index))
            .collect()
    };
    let new = places(desired, layout);
    for (backend, index) in places(old, old_layout) {
        if let Some(now) = new.get(&backend) {
            assert_eq!(*now, index, "{backend:?}");
            let at = usize::from(index.0);
            assert_eq!(old_maps.backend_zeroed[at], maps.backend_zeroed[at], "{backend:?}");
        }
    }
}

/// An established flow, as a client sees it.
#[derive(Clone, Debug)]
struct Established {
    /// Another key is another VIP.
    vip: VipKey,
    /// Affinity by the client's address counts slots in another way: a change of it moves flows.
    session: Session,
    backend: u16,
    /// When it may be moved, once its slot has another backend.
    until: Option<BootTime>,
}

/// Follows flows of VIPs whose sets have a second hop: they must reach their backend as long as it lives and their drain
/// window lasts, whichever sets the VIP is given meanwhile and whether or not the planner remembers.
fn follow(
    homes: &mut BTreeMap<usize, Established>,
    maps: &Maps,
    flows: &[FiveTuple],
    desired: &Desired,
    (installed, layout): (&Installed, &Layout),
    now: BootTime,
) {
    for (at, flow) in flows.iter().enumerate() {
        let Explanation::Vip(steering) = explain(desired, installed, flow).unwrap() else {
            homes.remove(&at);
            continue;
        };
        let (set, vip) = (&desired.sets[steering.set], &desired.vips[steering.vip]);
        let set_layout = layout.sets[steering.set].as_ref().unwrap();
        let plain = vip.session == Session::Stateless && flow.protocol == Protocol::Tcp && set.second_hop;
        let is_free = !plain || set_layout.at_risk > 0 || steering.candidates.is_empty();
        let new = || {
            let current = steering.candidates.first()?;
            Some(Established { vip: vip.key, session: vip.session, backend: current.backend.0, until: None })
        };
        let Some(home) = homes.get_mut(&at).filter(|home| {
            let is_same = home.vip == vip.key && home.session == vip.session;
            !is_free && is_same
        }) else {
            homes.remove(&at);
            homes.extend(new().map(|home| (at, home)));
            continue;
        };
        let is_over = home.until.is_some_and(|until| until <= now);
        let member = set_layout.backends.iter().position(|index| index.0 == home.backend);
        let address = crate::key::address(maps.backends[usize::from(home.backend)].address);
        // What a set says of its members counts more than what it says of those that come next, unless that is better; and
        // that more than what is said of those that have left.
        let says_dead = |members: &[Member]| {
            members.iter().find(|member| member.address == address).map(|member| !member.healthy)
        };
        let is_dead = maps.state(home.backend) == backend_state::DEAD
            || member
                .map(|member| {
                    !set.members[member].healthy && says_dead(set.upcoming_members()) != Some(false)
                })
                .or_else(|| says_dead(set.upcoming_members()))
                .or_else(|| says_dead(&desired.leaving))
                .unwrap_or(false);
        let current = steering.candidates[0].backend.0;
        if is_over || is_dead {
            homes.extend(new().map(|home| (at, home)));
            continue;
        }
        assert!(
            steering.candidates.iter().any(|candidate| candidate.backend.0 == home.backend),
            "{flow:?} at {home:?} is moved: {steering:?}"
        );
        home.until =
            if current == home.backend { None } else { home.until.or(Some(now.after(set.drain_window))) };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_prefix_is_the_old_generation_and_the_whole_is_the_new(
        steps in proptest::collection::vec(
            (desired(), proptest::option::weighted(0.3, any::<Index>()), any::<bool>(), 0_u64..500, any::<bool>()),
            1..8,
        ),
        tables_small in proptest::sample::select(vec![6_u32, 8, 18]),
    ) {
        let tight = Capacities { tables_small, ..TIGHT };
        let flows = flows();
        let mut cache = TableCache::new();
        let mut maps = Maps::new(tight);
        let mut installed = Installed::empty(tight);
        let mut last: Option<(Desired, Layout)> = None;
        let mut homes = BTreeMap::new();
        let mut now = NOW;
        for (mut desired, crash, restart, seconds, same_vips) in steps {
            now = BootTime(now.0 + seconds);
            if let (true, Some((old, _))) = (same_vips, &last) {
                desired.vips.clone_from(&old.vips);
            }
            let before = (maps.clone(), installed.clone(), last.clone());
            let mut outcome = plan(&desired, &installed, now, &mut cache);
            if let (Some(crash), Ok(Outcome::Plan(broken_off))) = (crash, &outcome) {
                // The agent dies somewhere before the end, and its successor asks for the same or not at all.
                apply(&mut maps, broken_off, crash.index(broken_off.ops.len()), &flows);
                installed = maps.read().unwrap();
                prop_assert_eq!(installed.active(), before.1.active());
                if restart {
                    last = None; // counters may have been zeroed for VIPs that never came
                    continue;
                }
                outcome = plan(&desired, &installed, now, &mut TableCache::new());
            } else if restart {
                installed = maps.read().unwrap();
                prop_assert_eq!(&installed, &before.1);
                outcome = plan(&desired, &installed, now, &mut cache);
            }
            let mut layout = match outcome {
                Ok(Outcome::Unchanged(layout)) => layout,
                Ok(Outcome::Plan(plan)) => {
                    let last_op = plan.ops.last();
                    prop_assert!(matches!(last_op, Some(Op::Activate(_))), "{:?}", last_op);
                    apply(&mut maps, &plan, plan.ops.len(), &flows);
                    prop_assert_eq!(&maps.read().unwrap(), &plan.installed);
                    installed = plan.installed;
                    plan.layout
                }
                Err(PlanError::BackendsHeld { .. }
                    | PlanError::TablesHeld { .. }
                    | PlanError::SeedInDoubt { .. }
                    | PlanError::Limit { limit: Limit::Backends | Limit::Flows, .. }) => continue,
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            for flow in &flows {
                let verdicts = [Packet::First, Packet::Later].map(|packet| maps.forward(flow, packet));
                prop_assert_eq!(verdicts, expected(&desired, &installed, &layout, flow));
            }
            assert_kept(&before, &maps, &desired, &layout);
            follow(&mut homes, &maps, &flows, &desired, (&installed, &layout), now);
            for _ in 0..8 {
                // Something is free once the generation before is gone.
                if layout.next_deadline.is_none_or(|deadline| deadline > now) {
                    break;
                }
                match plan(&desired, &installed, now, &mut cache).unwrap() {
                    Outcome::Unchanged(same) => layout = same,
                    Outcome::Plan(plan) => {
                        apply(&mut maps, &plan, plan.ops.len(), &flows);
                        installed = plan.installed;
                        layout = plan.layout;
                    }
                }
            }
            prop_assert!(layout.next_deadline.is_none_or(|deadline| deadline > now));
            let again = plan(&desired, &installed, now, &mut cache).unwrap();
            prop_assert!(matches!(again, Outcome::Unchanged(_)), "{:?}", again);
            prop_assert_eq!(&without_risk(again.layout()), &without_risk(&layout));
            let restarted = plan(&desired, &maps.read().unwrap(), now, &mut TableCache::new()).unwrap();
            prop_assert!(matches!(restarted, Outcome::Unchanged(_)), "{:?}", restarted);
            let elsewhere =
                plan(&desired, &Installed::empty(tight), NOW, &mut TableCache::new()).unwrap();
            prop_assert_eq!(elsewhere.layout().digest, layout.digest);
            last = Some((desired, layout));
        }
    }
}

/// What is at risk is said once.
fn without_risk(layout: &Layout) -> Layout {
    let mut layout = layout.clone();
    layout.sets.iter_mut().flatten().for_each(|set| set.at_risk = 0);
    layout
}
