//! Plans over random histories, applied write by write, with crashes in between.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::model::Verdict;
use crate::{BackendSet, Explanation, FiveTuple, Protocol, Vip, explain};

/// Just enough for what [`desired`] gives, but for backends, of which it can ask for too many.
const TIGHT: Capacities = Capacities { vips: 6, backends: 9, tables_large: 0, tables_small: 6 };

fn members() -> impl Strategy<Value = Vec<Member>> {
    let member = (0_u8..5, 0_u8..2, 0_u16..4, proptest::bool::weighted(0.8));
    (proptest::collection::vec(member, 0..5), any::<bool>()).prop_map(|(members, reverse)| {
        let unique: BTreeMap<u8, Member> = members
            .into_iter()
            .map(|(name, version, weight, healthy)| {
                let address = match name {
                    0 => format!("fd00::{version}"),
                    _ => format!("10.0.{version}.{name}"),
                };
                let weight = Weight(weight);
                (name, Member { weight, healthy, ..member_of(name, &address) })
            })
            .collect();
        let sorted = unique.into_values();
        if reverse { sorted.rev().collect() } else { sorted.collect() }
    })
}

fn member_of(name: u8, address: &str) -> Member {
    member(&format!("be{name}"), address)
}

fn desired() -> impl Strategy<Value = Desired> {
    let vip = (0_u8..3, any::<bool>(), 1_u16..3, 0_usize..3);
    let vips = proptest::collection::vec(vip, 0..6);
    (proptest::collection::vec(members(), 3), vips, 0_u8..2, any::<bool>()).prop_map(
        |(sets, vips, seed, is_fixed)| {
            let name = |index: usize| format!("set{index}");
            let vips: BTreeMap<VipKey, Vip> = vips
                .into_iter()
                .map(|(address, udp, port, set)| {
                    let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
                    let key =
                        VipKey { address: ADDRESSES[usize::from(address)].parse().unwrap(), protocol, port };
                    (key, Vip { name: key.to_string(), key, set: name(set) })
                })
                .collect();
            let sets = sets.into_iter().enumerate().map(|(index, members)| BackendSet {
                name: name(index),
                table_size: TableSize::Small,
                members,
            });
            let fixed = NextHop::Fixed { ifindex: 3, source_mac: [2; 6], destination_mac: [4; 6], mtu: 1600 };
            Desired {
                seed: Seed([seed; 16]),
                next_hop: if is_fixed { fixed } else { NextHop::Fib },
                sets: sets.collect(),
                vips: vips.into_values().collect(),
                ..nothing()
            }
        },
    )
}

const ADDRESSES: [&str; 3] = ["203.0.113.1", "203.0.113.2", "2001:db8::1"];

/// Flows to all VIPs that there can be, and to some that there cannot.
fn flows() -> Vec<FiveTuple> {
    let mut flows = Vec::new();
    for address in ADDRESSES.into_iter().chain(["192.0.2.1"]) {
        for (port, source_port) in [(1, 1_000), (1, 2_000), (1, 3_000), (2, 1_000), (2, 2_000), (3, 1_000)] {
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                let source = if address.contains(':') { "2001:db8:1::1" } else { "198.51.100.1" };
                flows.push(FiveTuple {
                    source: (source.parse::<std::net::IpAddr>().unwrap(), source_port).into(),
                    destination: (address.parse::<std::net::IpAddr>().unwrap(), port).into(),
                    protocol,
                });
            }
        }
    }
    flows
}

fn verdicts(maps: &Maps, flows: &[FiveTuple]) -> Vec<Verdict> {
    flows.iter().map(|flow| maps.forward(flow)).collect()
}

/// The verdict that `desired` asks for, by the way that does not go through the maps.
fn expected(desired: &Desired, layout: &Layout, flow: &FiveTuple) -> Verdict {
    match explain(desired, flow).unwrap() {
        Explanation::NotAVip => Verdict::Pass,
        Explanation::UnknownPort => Verdict::UnknownPort,
        Explanation::Vip(steering) => {
            let vip = layout.vips[steering.vip].0;
            let set = layout.sets[steering.set].as_ref().unwrap();
            let Some(encapsulation) = steering.encapsulation else { return Verdict::NoBackend { vip } };
            let member = &desired.sets[steering.set].members[encapsulation.member];
            Verdict::Encapsulated {
                vip,
                backend: set.backends[encapsulation.member].0,
                identity: crate::digest::identity(&member.name, member.address),
                source: encapsulation.outer_source,
                destination: member.address,
            }
        }
    }
}

/// Without what only memory knows.
fn forgetful(mut installed: Installed) -> Installed {
    installed.last_use = Installed::empty(*installed.capacities()).last_use;
    installed
}

/// Applies the first `count` ops; the forwarder must not notice any but the last one.
fn apply(maps: &mut Maps, plan: &Plan, count: usize, flows: &[FiveTuple]) {
    let before = verdicts(maps, flows);
    let in_use: Vec<u32> = maps.read().unwrap().vips.values().map(|index| index.0).collect();
    for op in &plan.ops[..count] {
        if let Op::ZeroVipStats { index } = op {
            assert!(!in_use.contains(&index.0) || in_use.len() + plan.changes.vips_added > 6, "{index:?}");
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_prefix_is_the_old_generation_and_the_whole_is_the_new(
        steps in proptest::collection::vec((desired(), proptest::option::weighted(0.4, any::<Index>()), any::<bool>()), 1..7),
    ) {
        let flows = flows();
        let mut cache = TableCache::new();
        let mut maps = Maps::new(TIGHT);
        let mut installed = Installed::empty(TIGHT);
        let mut last: Option<(Desired, Layout)> = None;
        for (desired, crash, restart) in steps {
            let before = (maps.clone(), installed.clone(), last.clone());
            let mut outcome = plan(&desired, &installed, &mut cache);
            if let (Some(crash), Ok(Outcome::Plan(broken_off))) = (crash, &outcome) {
                // The agent dies somewhere before the end, and its successor asks for the same or not at all.
                apply(&mut maps, broken_off, crash.index(broken_off.ops.len()), &flows);
                installed = maps.read().unwrap();
                prop_assert_eq!(installed.active(), before.1.active());
                if restart {
                    last = None; // counters may have been zeroed for VIPs that never came
                    continue;
                }
                outcome = plan(&desired, &installed, &mut TableCache::new());
            } else if restart {
                installed = maps.read().unwrap();
                outcome = plan(&desired, &installed, &mut cache);
            }
            let layout = match outcome {
                Ok(Outcome::Unchanged(layout)) => layout,
                Ok(Outcome::Plan(plan)) => {
                    let last_op = plan.ops.last();
                    prop_assert!(matches!(last_op, Some(Op::Activate(_))), "{:?}", last_op);
                    apply(&mut maps, &plan, plan.ops.len(), &flows);
                    prop_assert_eq!(forgetful(maps.read().unwrap()), forgetful(plan.installed.clone()));
                    installed = plan.installed;
                    plan.layout
                }
                Err(PlanError::BackendsHeld { .. } | PlanError::Limit { limit: Limit::Backends, .. }) => continue,
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            for flow in &flows {
                prop_assert_eq!(maps.forward(flow), expected(&desired, &layout, flow));
            }
            assert_kept(&before, &maps, &desired, &layout);
            let again = plan(&desired, &installed, &mut cache).unwrap();
            prop_assert_eq!(again, Outcome::Unchanged(layout.clone()));
            let elsewhere =
                plan(&desired, &Installed::empty(TIGHT), &mut TableCache::new()).unwrap();
            prop_assert_eq!(elsewhere.layout().digest, layout.digest);
            last = Some((desired, layout));
        }
    }
}
