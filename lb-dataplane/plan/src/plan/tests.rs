use super::*;
use crate::model::{
    Maps, NOW, Packet, SMALL_MAPS, Verdict, WINDOW, member, nothing, set, tcp, vip, web_and_dns,
};
use crate::{BackendIndex, Member, Seed, TableElement, TableError, TableSize, VipIndex, VipKey, Weight};
use guideway_abi::Capacities;

mod announced;
mod crash;
mod earlier;
mod other_sets;
mod refused;

/// Applies the plan for `desired` to `maps`, whose state is `installed`.
fn advance_at(maps: &mut Maps, installed: &mut Installed, desired: &Desired, now: BootTime) -> Plan {
    match plan(desired, installed, now, &mut TableCache::new()).unwrap() {
        Outcome::Plan(plan) => {
            plan.ops.iter().for_each(|op| maps.apply(op));
            *installed = plan.installed.clone();
            *plan
        }
        Outcome::Unchanged(_) => panic!("unchanged"),
    }
}

fn advance(maps: &mut Maps, installed: &mut Installed, desired: &Desired) -> Plan {
    advance_at(maps, installed, desired, NOW)
}

fn start(desired: &Desired, capacities: Capacities) -> (Maps, Installed, Plan) {
    let (mut maps, mut installed) = (Maps::new(capacities), Installed::empty(capacities));
    let plan = advance(&mut maps, &mut installed, desired);
    (maps, installed, plan)
}

/// One line for each op.
fn summary(ops: &[Op]) -> String {
    let lines = ops.iter().map(|op| match op {
        Op::WriteTable { table, slots } => {
            let of = |index| slots.iter().filter(|slot| **slot & 0x7fff == index).count();
            let counts: Vec<String> = (0..20)
                .filter(|index| of(*index) > 0)
                .map(|index| format!("{index}: {}", of(index)))
                .collect();
            let unsettled = slots.iter().filter(|slot| **slot & 0x8000 != 0).count();
            format!("WriteTable {table} {{ {} }} unsettled {unsettled}", counts.join(", "))
        }
        Op::WriteBackend { index, record } => {
            format!("WriteBackend {} family {} epoch {}", index.0, record.family, record.epoch)
        }
        Op::WriteHeader { bank, header } => format!(
            "WriteHeader {bank} generation {} vips {} sets {} states {}",
            header.generation, header.vip_base, header.set_base, header.state_base
        ),
        Op::WriteTableMeta { table, meta } => format!("WriteTableMeta {table} until {}", meta.until),
        Op::InvalidateTable { table } => format!("InvalidateTable {table}"),
        Op::WriteVips { first, records } => {
            let used = records.iter().filter(|record| record.identity != 0);
            let used: Vec<String> =
                used.map(|record| format!("set {} flows {:x}", record.set, record.flow_base)).collect();
            format!("WriteVips {first}.. {} with {}", records.len(), used.join(", "))
        }
        Op::WriteVip4Buckets { first, buckets } => {
            let entries = buckets.iter().flat_map(|bucket| bucket.entries).filter(|entry| entry.key != 0);
            format!("WriteVip4Buckets {first}.. {} with {} entries", buckets.len(), entries.count())
        }
        Op::WriteVip6Buckets { first, buckets } => {
            let entries = buckets.iter().flat_map(|bucket| bucket.entries).filter(|entry| entry.key != 0);
            format!("WriteVip6Buckets {first}.. {} with {} entries", buckets.len(), entries.count())
        }
        Op::WriteIntervals { first, intervals } => format!("WriteIntervals {first}.. {}", intervals.len()),
        Op::WritePrefixes4 { first, prefixes } => format!("WritePrefixes4 {first}.. {}", prefixes.len()),
        Op::WritePrefixes6 { first, prefixes } => format!("WritePrefixes6 {first}.. {}", prefixes.len()),
        Op::WriteSources { first, borders } => format!("WriteSources {first}.. {}", borders.len()),
        Op::WriteSets { first, records } => {
            let used = records.iter().filter(|record| record.table != guideway_abi::TableRef::NONE);
            let used: Vec<String> = used
                .map(|record| {
                    let previous = record.previous.iter().filter_map(|table| TableElement::of(*table));
                    let previous: Vec<u32> = previous.map(|table| table.index).collect();
                    format!("{}<{previous:?}", record.table.index())
                })
                .collect();
            format!("WriteSets {first}.. {}", used.join(" "))
        }
        Op::WriteBackendStates { first, states } => {
            let states: String =
                states[0].states[..8].iter().map(|state| ["x", "d", "s"][usize::from(*state)]).collect();
            format!("WriteBackendStates {first}.. {states}")
        }
        Op::ZeroFlows { first, count } => format!("ZeroFlows {first}.. {count}"),
        Op::Activate(word) => format!("Activate {} in bank {}", word.generation(), word.bank()),
        Op::ZeroBackendStats { index } => format!("ZeroBackendStats {}", index.0),
        Op::ZeroVipStats { index } => format!("ZeroVipStats {}", index.0),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn tables_written(plan: &Plan) -> Vec<TableElement> {
    let written = plan.ops.iter().filter_map(|op| match op {
        Op::WriteTable { table, .. } => Some(*table),
        _ => None,
    });
    written.collect()
}

#[test]
fn first_plan() {
    let (_, _, plan) = start(&web_and_dns(), SMALL_MAPS);
    insta::assert_snapshot!(summary(&plan.ops), @r"
    ZeroBackendStats 1
    WriteBackend 1 family 4 epoch 0
    ZeroBackendStats 2
    WriteBackend 2 family 4 epoch 0
    ZeroBackendStats 3
    WriteBackend 3 family 6 epoch 0
    ZeroBackendStats 4
    WriteBackend 4 family 4 epoch 0
    ZeroVipStats 0
    ZeroVipStats 1
    ZeroVipStats 2
    WriteTable table 0 of size 16381 { 1: 5461, 2: 5460, 3: 5460 } unsettled 0
    WriteTableMeta table 0 of size 16381 until 0
    WriteTable table 1 of size 16381 { 2: 8191, 4: 8190 } unsettled 0
    WriteTableMeta table 1 of size 16381 until 0
    WriteVips 0.. 6 with set 0 flows ffffffff, set 1 flows ffffffff, set 0 flows ffffffff
    WriteVip4Buckets 0.. 2 with 4 entries
    WriteVip6Buckets 0.. 2 with 2 entries
    WriteSets 0.. 0<[] 1<[]
    WriteBackendStates 0.. xssssxxx
    WriteHeader 0 generation 1 vips 0 sets 0 states 0
    Activate 1 in bank 0
    ");
}

#[test]
fn second_plan_of_the_same_is_unchanged() {
    let (maps, installed, plan) = start(&web_and_dns(), SMALL_MAPS);
    for installed in [installed, maps.read().unwrap()] {
        let again = super::plan(&web_and_dns(), &installed, NOW, &mut TableCache::new()).unwrap();
        assert_eq!(again, Outcome::Unchanged(plan.layout.clone()));
    }
}

#[test]
fn nothing_is_a_generation_too() {
    let (maps, ..) = start(&nothing(), SMALL_MAPS);
    assert_eq!(maps.active.generation(), 1);
    assert_eq!(maps.forward(&tcp("198.51.100.1:1", "203.0.113.10:80"), Packet::First), Verdict::Pass);
    maps.read().unwrap();
}

#[test]
fn a_change_of_health_leaves_the_vips_where_they_are_and_back_writes_no_table() {
    let mut desired = web_and_dns();
    let (mut maps, mut installed, first) = start(&desired, SMALL_MAPS);
    desired.sets[0].members[1].healthy = false;
    let down = advance(&mut maps, &mut installed, &desired);
    insta::assert_snapshot!(summary(&down.ops), @r"
    WriteTable table 2 of size 16381 { 1: 8169, 3: 8212 } unsettled 0
    WriteTableMeta table 2 of size 16381 until 0
    WriteSets 10.. 2<[] 1<[]
    WriteBackendStates 1.. xssssxxx
    WriteHeader 1 generation 2 vips 0 sets 10 states 1
    Activate 2 in bank 1
    ");
    assert_eq!(down.layout.vips, first.layout.vips);
    assert_eq!(down.layout.sets[0].as_ref().unwrap().slots[1], 0);
    assert_ne!(down.layout.digest, first.layout.digest);

    // Flows that began elsewhere meanwhile are looked after.
    desired.sets[0].members[1].healthy = true;
    let up = advance(&mut maps, &mut installed, &desired);
    insta::assert_snapshot!(summary(&up.ops), @r"
    WriteTableMeta table 2 of size 16381 until 1600
    WriteTable table 3 of size 16381 { 1: 5461, 2: 5460, 3: 5460 } unsettled 5460
    WriteTableMeta table 3 of size 16381 until 0
    WriteSets 0.. 3<[2] 1<[]
    WriteBackendStates 0.. xssssxxx
    WriteHeader 0 generation 3 vips 0 sets 0 states 0
    Activate 3 in bank 0
    ");
    assert_eq!(up.layout.digest, first.layout.digest);
    let settled = advance_at(&mut maps, &mut installed, &desired, NOW.after(WINDOW));
    assert!(tables_written(&settled).is_empty(), "the first generation's table still stands in the maps");
    assert_eq!(settled.layout.sets, first.layout.sets);
    assert_eq!(settled.changes.tables_reused, 2);
}

#[test]
fn a_backend_that_leaves_is_remembered_for_a_drain_window() {
    let mut desired = web_and_dns();
    let (mut maps, mut installed, first) = start(&desired, SMALL_MAPS);
    let gone = desired.sets[0].members.remove(1);
    desired.sets[1].members.remove(0);
    let left = advance(&mut maps, &mut installed, &desired);
    insta::assert_snapshot!(summary(&left.ops), @r"
    WriteTableMeta table 0 of size 16381 until 1600
    WriteTableMeta table 1 of size 16381 until 1600
    WriteTable table 2 of size 16381 { 1: 8191, 3: 8190 } unsettled 5464
    WriteTableMeta table 2 of size 16381 until 0
    WriteTable table 3 of size 16381 { 4: 16381 } unsettled 8191
    WriteTableMeta table 3 of size 16381 until 0
    WriteSets 10.. 2<[0] 3<[1]
    WriteBackendStates 1.. xsdssxxx
    WriteHeader 1 generation 2 vips 0 sets 10 states 1
    Activate 2 in bank 1
    ");
    let be2 = first.layout.sets[0].as_ref().unwrap().backends[1];
    assert_eq!(left.layout.leaving, [Leaving { index: be2, address: gone.address, is_member: false }]);
    assert_eq!(left.layout.next_deadline, Some(NOW.after(WINDOW)));
    let web = left.layout.sets[0].as_ref().unwrap();
    assert!(web.unsettled > 5_000 && web.held == 0 && web.at_risk == 0, "{web:?}");

    // It is found dead, and nothing is left in doubt but a few slots that changed hands besides.
    let mut dead = desired.clone();
    dead.leaving = vec![Member { healthy: false, ..gone }];
    let (mut maps2, mut installed2) = (maps.clone(), installed.clone());
    let without = advance(&mut maps2, &mut installed2, &dead);
    let unsettled = without.layout.sets.iter().flatten().map(|set| set.unsettled);
    assert_eq!(unsettled.collect::<Vec<_>>(), [4, 0]);

    let early = plan(&desired, &installed, BootTime(NOW.0 + 599), &mut TableCache::new()).unwrap();
    assert!(matches!(early, Outcome::Unchanged(_)));
    let settled = advance_at(&mut maps, &mut installed, &desired, NOW.after(WINDOW));
    insta::assert_snapshot!(summary(&settled.ops), @r"
    WriteTable table 4 of size 16381 { 1: 8191, 3: 8190 } unsettled 0
    WriteTableMeta table 4 of size 16381 until 0
    WriteTable table 5 of size 16381 { 4: 16381 } unsettled 0
    WriteTableMeta table 5 of size 16381 until 0
    WriteSets 0.. 4<[] 5<[]
    WriteBackendStates 0.. xsxssxxx
    WriteHeader 0 generation 3 vips 0 sets 0 states 0
    Activate 3 in bank 0
    ");
    assert!(settled.layout.leaving.is_empty());
}

#[test]
fn sources_change_with_the_generation() {
    let mut desired = web_and_dns();
    let (mut maps, mut installed, first) = start(&desired, SMALL_MAPS);
    let verdict = |maps: &Maps, source: &str| maps.forward(&tcp(source, "203.0.113.10:80"), Packet::First);
    let dropped = Verdict::Source { vip: first.layout.vips[0].0 };
    assert_ne!(verdict(&maps, "198.51.100.1:1"), dropped);
    desired.vips[0].sources = vec!["198.51.100.0/31".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
    let restricted = advance(&mut maps, &mut installed, &desired);
    let written = summary(&restricted.ops);
    assert!(written.contains("WriteSources 1072.. 4"), "in the other bank: {written}");
    assert_eq!(restricted.layout.vips, first.layout.vips, "it keeps its counters");
    assert_ne!(restricted.layout.digest, first.layout.digest);
    assert_eq!(restricted.layout.usage.borders, 4);
    assert_eq!(maps.read().unwrap(), installed);
    for (source, is_dropped) in [("198.51.100.1:1", false), ("198.51.100.2:1", true), ("11.0.0.0:1", true)] {
        assert_eq!(verdict(&maps, source) == dropped, is_dropped, "{source}");
    }
    // The order and what says nothing new have no influence.
    desired.vips[0].sources.reverse();
    desired.vips[0].sources.push("10.9.0.0/16".parse().unwrap());
    let same = plan(&desired, &installed, NOW, &mut TableCache::new()).unwrap();
    assert!(matches!(same, Outcome::Unchanged(_)), "{same:?}");
    // Only prefixes of the other family: nobody.
    desired.vips[0].sources = vec!["2001:db8::/32".parse().unwrap()];
    advance(&mut maps, &mut installed, &desired);
    assert_eq!(verdict(&maps, "198.51.100.1:1"), dropped);
    desired.vips[0].sources = vec!["0.0.0.0/0".parse().unwrap()];
    let open = advance(&mut maps, &mut installed, &desired);
    assert_eq!(open.layout.digest, first.layout.digest, "everybody is everybody");
    assert_ne!(verdict(&maps, "198.51.100.1:1"), dropped);
}

#[test]
fn vips_without_a_backend_that_can_serve_have_no_table() {
    let mut desired = web_and_dns();
    desired.sets[0].members.iter_mut().for_each(|member| member.healthy = false);
    desired.sets[1].members.iter_mut().for_each(|member| member.weight = Weight(0));
    let (maps, _, plan) = start(&desired, SMALL_MAPS);
    for destination in ["203.0.113.10:80", "203.0.113.53:53"] {
        let verdict = maps.forward(&tcp("198.51.100.1:1", destination), Packet::First);
        assert!(matches!(verdict, Verdict::NoBackend { .. }), "{verdict:?}");
    }
    assert!(tables_written(&plan).is_empty());
    assert_eq!(plan.layout.usage.backends, 4, "they keep their places and counters");
}

#[test]
fn what_stays_keeps_its_index_and_its_counters() {
    let mut desired = web_and_dns();
    let (mut maps, mut installed, first) = start(&desired, SMALL_MAPS);
    let be2 = first.layout.sets[0].as_ref().unwrap().backends[1];
    // Its VIP, its sets and its neighbours change, and the order of everything.
    desired.vips.remove(0);
    desired.vips.reverse();
    desired.vips.push(vip("more", "203.0.113.9:443", "web"));
    desired.sets[0].members = vec![member("be9", "10.0.0.9"), member("be2", "10.0.0.2")].into();
    desired.sets.reverse();
    desired.seed = Seed([8; 16]);
    let second = advance(&mut maps, &mut installed, &desired);
    assert_eq!(second.layout.sets[1].as_ref().unwrap().backends[1], be2);
    assert_eq!(second.layout.vips[..2], [first.layout.vips[2], first.layout.vips[1]]);
    assert_eq!(maps.backend_zeroed[usize::from(be2.0)], 1);
    assert_eq!(maps.vip_zeroed[second.layout.vips[0].0 as usize], 1);
    assert_eq!(maps.read().unwrap(), installed);
    let changes = Changes {
        vips_added: 1,
        vips_removed: 1,
        backends_added: 1,
        tables_written: 2,
        tables_reused: 2,
        unsettled: 2 * 16_381,
        at_risk: 0,
    };
    assert_eq!(second.changes, changes);
}

#[test]
fn after_a_change_of_seed_the_former_key_counts_for_a_drain_window() {
    let mut desired = web_and_dns();
    let (mut maps, mut installed, first) = start(&desired, SMALL_MAPS);
    let former = installed.header;
    desired.seed = Seed([8; 16]);
    advance(&mut maps, &mut installed, &desired);
    assert_eq!(installed.header.previous_flow_key, former.flow_key);
    assert_ne!(installed.header.flow_key, former.flow_key);
    assert_eq!(installed.header.tag_key, former.tag_key, "entries of the flow table stay where they are");
    // Another change is too much, and says so.
    desired.seed = Seed([9; 16]);
    let error = plan(&desired, &installed, BootTime(NOW.0 + 100), &mut TableCache::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the seed cannot change yet: backend set \"web\" still looks after flows of earlier changes, for 500 s"
    );
    desired.seed = Seed([8; 16]);
    let settled = advance_at(&mut maps, &mut installed, &desired, NOW.after(WINDOW));
    assert_eq!(installed.header.previous_flow_key, FlowKey::default());
    assert_eq!(settled.changes.unsettled, 0);
    assert_ne!(settled.layout.digest, first.layout.digest);
    desired.seed = Seed([9; 16]);
    advance_at(&mut maps, &mut installed, &desired, NOW.after(WINDOW));
    maps.read().unwrap();
}

#[test]
fn a_moved_backend_is_another_backend() {
    let mut desired = web_and_dns();
    let (mut maps, mut installed, first) = start(&desired, SMALL_MAPS);
    desired.sets[0].members[0].address = "10.0.0.111".parse().unwrap();
    let second = advance(&mut maps, &mut installed, &desired);
    let backend = |plan: &Plan| plan.layout.sets[0].as_ref().unwrap().backends[0];
    assert_ne!(backend(&first), backend(&second));
    // Same name, same weight: the same slots all the same.
    let slots = |plan: &Plan| plan.layout.sets[0].as_ref().unwrap().slots.clone();
    assert_eq!(slots(&first), slots(&second));
}

#[test]
fn freed_indexes_are_taken_last_and_oldest_first() {
    let mut desired = web_and_dns();
    let (mut maps, mut installed, _) = start(&desired, SMALL_MAPS);
    let mut vips = Vec::new();
    let mut backends = Vec::new();
    let mut epochs = Vec::new();
    for round in 0..12 {
        desired.vips[2].key.ports = crate::Ports::One(1_000 + round);
        desired.sets[1].members[1].name = format!("ns-{round}");
        // Each change comes when the one before is forgotten.
        let now = BootTime(10_000 * (1 + u64::from(round)));
        let plan = advance_at(&mut maps, &mut installed, &desired, now);
        vips.push(plan.layout.vips[2].0);
        let index = plan.layout.sets[1].as_ref().unwrap().backends[1].0;
        epochs.push(maps.backends[usize::from(index)].epoch);
        backends.push(index);
    }
    assert_eq!(vips, [3, 4, 5, 1, 3, 4, 5, 1, 3, 4, 5, 1]);
    assert_eq!(backends, [5, 6, 7, 8, 9, 10, 11, 12, 4, 5, 6, 7]);
    assert_eq!(epochs, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1], "another backend, another epoch");
}

#[test]
fn a_backend_that_flows_may_be_at_keeps_its_index() {
    let mut desired = nothing();
    desired.sets.push(set("web", vec![member("a", "10.0.0.1")]));
    desired.vips.push(vip("web", "203.0.113.1:80", "web"));
    let (mut maps, mut installed, _) = start(&desired, Capacities { backends: 3, ..SMALL_MAPS });
    desired.sets[0].members[0].name = "b".into();
    advance(&mut maps, &mut installed, &desired);
    desired.sets[0].members[0].name = "c".into();
    let refused = plan(&desired, &installed, NOW, &mut TableCache::new());
    assert_eq!(refused, Err(PlanError::BackendsHeld { needed: 1, free: 0 }));
    // It is forgotten first.
    desired.sets[0].members[0].name = "b".into();
    let later = NOW.after(WINDOW);
    advance_at(&mut maps, &mut installed, &desired, later);
    desired.sets[0].members[0].name = "c".into();
    let plan = advance_at(&mut maps, &mut installed, &desired, later);
    assert_eq!(plan.layout.sets[0].as_ref().unwrap().backends, [BackendIndex(1)]);
    maps.read().unwrap();
}

#[test]
fn vips_can_all_be_replaced_at_the_limit() {
    let mut desired = web_and_dns();
    let vips = |port: u16| (0..6).map(move |n| vip("v", &format!("203.0.113.1:{}", port + n), "web"));
    desired.vips = vips(100).collect();
    let (mut maps, mut installed, _) = start(&desired, SMALL_MAPS);
    desired.vips = vips(200).collect();
    advance(&mut maps, &mut installed, &desired);
    assert_eq!(maps.vip_zeroed, [2; 6]);
    maps.read().unwrap();
}

#[test]
fn a_change_of_all_health_finds_room_at_the_limit() {
    let mut desired = nothing();
    for n in 0..4 {
        let name = format!("s{n}");
        let members = (0..3).map(|m| member(&format!("be{n}{m}"), &format!("10.0.{n}.{m}")));
        desired.sets.push(set(&name, members.collect::<Vec<_>>()));
        desired.vips.push(vip(&name, &format!("203.0.113.{n}:80"), &name));
    }
    let (mut maps, mut installed, _) = start(&desired, SMALL_MAPS);
    for round in 0..6 {
        for set in &mut desired.sets {
            set.members.iter_mut().enumerate().for_each(|(n, member)| member.healthy = n != round % 4);
        }
        let plan = advance(&mut maps, &mut installed, &desired);
        // There is room for nothing but the present tables, and that is said.
        assert_eq!(plan.layout.usage.tables_small, 4);
        assert_eq!(plan.changes.unsettled, 0);
        // In the fourth round nobody comes back whose slots would move away from the living.
        assert_eq!(plan.changes.at_risk > 0, [1, 2, 3, 5].contains(&round), "{round}");
    }
}

#[test]
fn many_vips_share_one_table_until_their_sets_have_another_past() {
    let mut desired = web_and_dns();
    desired.sets.push(set("again", desired.sets[0].members.clone())); // another name, the same backends
    desired.sets.push(set("unused", vec![member("x", "10.9.9.9")]));
    desired.vips = (0..400)
        .map(|n| vip("v", &format!("203.0.113.1:{}", 1 + n), if n % 2 == 0 { "web" } else { "again" }))
        .collect();
    let (mut maps, mut installed, plan) = start(&desired, Capacities { vips: 400, ..SMALL_MAPS });
    assert_eq!(tables_written(&plan).len(), 1);
    assert_eq!(plan.layout.usage.tables_small, 1);
    assert_eq!(plan.layout.sets[3], None);
    desired.sets[0].members.pop();
    let apart = advance(&mut maps, &mut installed, &desired);
    assert_eq!(
        apart.layout.usage.tables_small, 2,
        "the earlier table of one is the present one of the other"
    );
    let again = desired.sets[0].members.clone();
    desired.sets[2].members = again;
    let now = BootTime(NOW.0 + 10);
    let same = advance_at(&mut maps, &mut installed, &desired, now);
    assert_eq!(same.layout.usage.tables_small, 2, "both have the same past, too");
    let until = |set: usize| same.layout.sets[set].as_ref().unwrap().until;
    assert_eq!((until(0), until(2)), (Some(now.after(WINDOW)), Some(now.after(WINDOW))));
    maps.read().unwrap();
}

#[test]
fn a_vip_that_asks_for_entries_gets_them_and_keeps_them() {
    let mut desired = web_and_dns();
    desired.sets[0].second_hop = false;
    desired.vips[0].flow_entries = Some(100);
    let (mut maps, mut installed, first) = start(&desired, SMALL_MAPS);
    // 64 buckets of four: 32 as asked for, and the other one's share. The third has a second hop.
    assert_eq!(first.layout.flow_entries, [128, 128, 0]);
    assert_eq!(maps.flows_zeroed, [1; 64]);
    // A change of the set, or of another VIP, leaves it alone.
    desired.sets[0].members.pop();
    let set_changed = advance(&mut maps, &mut installed, &desired);
    assert!(!set_changed.ops.iter().any(|op| matches!(op, Op::WriteVips { .. } | Op::ZeroFlows { .. })));
    desired.vips[2].key.ports = crate::Ports::One(54);
    advance(&mut maps, &mut installed, &desired);
    assert_eq!(maps.flows_zeroed, [1; 64]);
    desired.vips[1].flow_entries = Some(200);
    let refused = plan(&desired, &installed, NOW, &mut TableCache::new());
    assert_eq!(refused, Err(PlanError::Limit { limit: Limit::Flows, needed: 384, capacity: 256 }));
    desired.vips[0].flow_entries = Some(4);
    desired.vips[1].flow_entries = Some(128);
    let smaller = advance(&mut maps, &mut installed, &desired);
    assert_eq!(smaller.layout.flow_entries, [4, 128, 0]);
    assert_eq!(smaller.layout.usage.flow_buckets, 33);
}

#[test]
fn a_new_owner_of_a_region_waits_for_the_old_one() {
    let mut desired = web_and_dns();
    desired.sets[0].second_hop = false;
    desired.vips[0].flow_entries = Some(256);
    desired.vips.truncate(1);
    let (mut maps, mut installed, _) = start(&desired, SMALL_MAPS);
    desired.vips[0] = crate::Vip { flow_entries: Some(256), ..vip("other", "203.0.113.11:80", "web") };
    let waiting = advance(&mut maps, &mut installed, &desired);
    assert_eq!((&waiting.layout.flow_entries[..], waiting.layout.next_deadline), (&[0][..], Some(NOW)));
    let granted = advance(&mut maps, &mut installed, &desired);
    assert_eq!((&granted.layout.flow_entries[..], granted.layout.next_deadline), (&[256][..], None));
    assert_eq!(maps.flows_zeroed, [2; 64]);
}

type Change = fn(&mut Desired);

#[test]
fn the_digest_knows_everything_that_steers() {
    let digest = |desired: &Desired| start(desired, SMALL_MAPS).2.layout.digest;
    let changes: [(&str, Change); 14] = [
        ("seed", |d| d.seed = Seed([8; 16])),
        ("outer v4", |d| d.outer_sources.v4 = "172.17.0.0/16".parse().unwrap()),
        ("outer v6", |d| d.outer_sources.v6 = "100::/65".parse().unwrap()),
        ("weight", |d| d.sets[0].members[0].weight = Weight(2)),
        ("health", |d| d.sets[0].members[0].healthy = false),
        ("address", |d| d.sets[0].members[0].address = "10.0.0.111".parse().unwrap()),
        ("name", |d| d.sets[0].members[0].name = "be0".into()),
        ("size", |d| {
            d.sets[0].table_size = TableSize::Large;
        }),
        ("encapsulation", |d| d.sets[0].encapsulation = crate::SetEncapsulation::Gre),
        ("second hop", |d| d.sets[0].second_hop = false),
        ("port", |d| d.vips[0].key.ports = crate::Ports::One(81)),
        ("prefix", |d| d.vips[0].key.address = "203.0.113.10/31".parse().unwrap()),
        ("session", |d| d.vips[0].session = crate::Session::ClientIp { timeout: WINDOW }),
        ("set", |d| d.vips[0].set = "dns".into()),
    ];
    let reference = digest(&web_and_dns());
    let mut digests = vec![reference];
    for (what, change) in changes {
        let mut desired = web_and_dns();
        change(&mut desired);
        let digest = digest(&desired);
        assert!(!digests.contains(&digest), "{what}");
        digests.push(digest);
    }
    // Names of VIPs and sets, order, host bits of a prefix and the node's clock do not steer.
    let mut desired = web_and_dns();
    desired.vips.reverse();
    desired.sets.reverse();
    desired.sets[0].members.reverse();
    desired.sets[1].name = "www".into();
    desired.vips.iter_mut().filter(|vip| vip.set == "web").for_each(|vip| vip.set = "www".into());
    desired.vips[0].name = "renamed".into();
    desired.outer_sources.v4 = "172.16.3.4/16".parse().unwrap();
    desired.tick_shift = 10;
    desired.leaving.push(member("gone", "10.3.3.3"));
    let past = crate::Earlier {
        members: desired.sets[0].members.clone(),
        seed: desired.seed,
        table_size: desired.sets[0].table_size,
        replaced: NOW,
    };
    desired.sets[1].earlier = vec![past].into();
    assert_eq!(digest(&desired), reference);
}

#[test]
fn a_cache_and_a_memory_change_nothing_but_the_time() {
    let mut cache = TableCache::new();
    let mut desired = web_and_dns();
    let (_, mut installed, _) = start(&desired, Capacities { tables_small: 16, ..SMALL_MAPS });
    for round in 0..8 {
        desired.sets[0].members[0].healthy = round % 2 == 0;
        desired.sets[1].members[0].weight = Weight(1 + round / 3);
        let now = BootTime(NOW.0 + 250 * u64::from(round));
        let with = plan(&desired, &installed, now, &mut cache).unwrap();
        assert_eq!(with, plan(&desired, &installed, now, &mut TableCache::new()).unwrap());
        if let Outcome::Plan(plan) = with {
            installed = plan.installed;
        }
    }
}

#[test]
fn indexes_start_where_they_may() {
    let (.., plan) = start(&web_and_dns(), SMALL_MAPS);
    let backends = &plan.layout.sets[0].as_ref().unwrap().backends;
    assert_eq!(*backends, [BackendIndex(1), BackendIndex(2), BackendIndex(3)], "0 is never used");
    assert_eq!(plan.layout.vips, [VipIndex(0), VipIndex(2), VipIndex(1)]);
}
