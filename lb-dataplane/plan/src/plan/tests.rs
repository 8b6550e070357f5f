use super::*;
use crate::model::{Maps, SMALL_MAPS, Verdict, member, nothing, set, tcp, vip, web_and_dns};
use crate::{
    BackendIndex, Member, NextHop, Seed, TableElement, TableError, TableSize, VipIndex, VipKey, Weight,
};
use guideway_abi::Capacities;

mod crash;

type Change = fn(&mut Desired);

/// Applies the plan for `desired` to `maps`, whose state is `installed`.
fn advance(maps: &mut Maps, installed: &mut Installed, desired: &Desired) -> Plan {
    match plan(desired, installed, &mut TableCache::new()).unwrap() {
        Outcome::Plan(plan) => {
            plan.ops.iter().for_each(|op| maps.apply(op));
            *installed = plan.installed.clone();
            *plan
        }
        Outcome::Unchanged(_) => panic!("unchanged"),
    }
}

fn start(desired: &Desired, capacities: Capacities) -> (Maps, Installed, Plan) {
    let (mut maps, mut installed) = (Maps::new(capacities), Installed::empty(capacities));
    let plan = advance(&mut maps, &mut installed, desired);
    (maps, installed, plan)
}

fn error(desired: &Desired, capacities: Capacities) -> PlanError {
    plan(desired, &Installed::empty(capacities), &mut TableCache::new()).unwrap_err()
}

/// One line for each op.
fn summary(ops: &[Op]) -> String {
    let lines = ops.iter().map(|op| match op {
        Op::WriteTable { table, slots } => {
            let of = |index| slots.iter().filter(|slot| **slot == index).count();
            let counts: Vec<String> = (0..20)
                .filter(|index| of(*index) > 0)
                .map(|index| format!("{index}: {}", of(index)))
                .collect();
            format!("WriteTable {table} {{ {} }}", counts.join(", "))
        }
        Op::WriteBackend { index, record } => {
            format!("WriteBackend {} family {}", index.0, record.family)
        }
        Op::WriteBuckets { first, buckets } => {
            let entries = buckets.iter().flat_map(|bucket| bucket.entries).filter(|entry| entry.kind != 0);
            format!("WriteBuckets {first}.. {} with {} entries", buckets.len(), entries.count())
        }
        Op::WriteHeader { bank, header } => format!(
            "WriteHeader {bank} generation {} buckets {}+{} vips {}+",
            header.generation, header.bucket_base, header.bucket_mask, header.vip_base
        ),
        Op::WriteTableMeta { table, .. } => format!("WriteTableMeta {table}"),
        Op::InvalidateTable { table } => format!("InvalidateTable {table}"),
        Op::WriteVips { first, records } => {
            let tables: Vec<String> =
                records.iter().map(|record| format!("{}/{}", record.table_kind, record.table)).collect();
            format!("WriteVips {first}.. {}", tables.join(" "))
        }
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
    WriteBackend 1 family 4
    ZeroBackendStats 2
    WriteBackend 2 family 4
    ZeroBackendStats 3
    WriteBackend 3 family 6
    ZeroBackendStats 4
    WriteBackend 4 family 4
    ZeroVipStats 0
    ZeroVipStats 1
    ZeroVipStats 2
    WriteTable table 0 of size 16381 { 1: 5461, 2: 5460, 3: 5460 }
    WriteTableMeta table 0 of size 16381
    WriteTable table 1 of size 16381 { 2: 8191, 4: 8190 }
    WriteTableMeta table 1 of size 16381
    WriteVips 0.. 1/0 1/1 1/0
    WriteBuckets 0.. 4 with 6 entries
    WriteHeader 0 generation 1 buckets 0+3 vips 0+
    Activate 1 in bank 0
    ");
    insta::assert_compact_debug_snapshot!(
        plan.layout.sets[1].as_ref().unwrap(),
        @"SetLayout { table: Some(TableElement { size: Small, index: 1 }), backends: [BackendIndex(2), BackendIndex(4)], slots: [8191, 8190] }"
    );
    insta::assert_compact_debug_snapshot!(
        plan.layout.usage,
        @"Usage { vips: 3, backends: 4, tables_large: 0, tables_small: 2 }"
    );
}

#[test]
fn second_plan_of_the_same_is_unchanged() {
    let (maps, installed, plan) = start(&web_and_dns(), SMALL_MAPS);
    for installed in [installed, maps.read().unwrap()] {
        let again = super::plan(&web_and_dns(), &installed, &mut TableCache::new()).unwrap();
        assert_eq!(again, Outcome::Unchanged(plan.layout.clone()));
    }
}

#[test]
fn nothing_is_a_generation_too() {
    let (maps, ..) = start(&nothing(), SMALL_MAPS);
    assert_eq!(maps.active.generation(), 1);
    assert_eq!(maps.forward(&tcp("198.51.100.1:1", "203.0.113.10:80")), Verdict::Pass);
}

#[test]
fn a_change_of_health_writes_one_table_and_back_writes_none() {
    let mut desired = web_and_dns();
    let (mut maps, mut installed, first) = start(&desired, SMALL_MAPS);
    desired.sets[0].members[1].healthy = false;
    let down = advance(&mut maps, &mut installed, &desired);
    insta::assert_snapshot!(summary(&down.ops), @r"
    WriteTable table 2 of size 16381 { 1: 8169, 3: 8212 }
    WriteTableMeta table 2 of size 16381
    WriteVips 6.. 1/2 1/1 1/2
    WriteBuckets 8.. 4 with 6 entries
    WriteHeader 1 generation 2 buckets 8+3 vips 6+
    Activate 2 in bank 1
    ");
    assert_eq!(down.layout.vips, first.layout.vips);
    assert_eq!(down.layout.sets[0].as_ref().unwrap().slots[1], 0);
    assert_ne!(down.layout.digest, first.layout.digest);

    desired.sets[0].members[1].healthy = true;
    let up = advance(&mut maps, &mut installed, &desired);
    assert!(tables_written(&up).is_empty(), "the first generation's table still stands in the maps");
    assert_eq!(up.layout.digest, first.layout.digest);
    assert_eq!(up.layout.sets, first.layout.sets);
    assert_eq!(up.changes.tables_reused, 2);
}

#[test]
fn vips_without_a_backend_that_can_serve_have_no_table() {
    let mut desired = web_and_dns();
    desired.sets[0].members.iter_mut().for_each(|member| member.healthy = false);
    desired.sets[1].members.iter_mut().for_each(|member| member.weight = Weight(0));
    let (maps, _, plan) = start(&desired, SMALL_MAPS);
    for destination in ["203.0.113.10:80", "203.0.113.53:53"] {
        let verdict = maps.forward(&tcp("198.51.100.1:1", destination));
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
    desired.sets[0].members = vec![member("be9", "10.0.0.9"), member("be2", "10.0.0.2")];
    desired.sets.reverse();
    desired.seed = Seed([8; 16]);
    let second = advance(&mut maps, &mut installed, &desired);
    assert_eq!(second.layout.sets[1].as_ref().unwrap().backends[1], be2);
    assert_eq!(second.layout.vips[..2], [first.layout.vips[2], first.layout.vips[1]]);
    assert_eq!(maps.backend_zeroed[usize::from(be2.0)], 1);
    assert_eq!(maps.vip_zeroed[second.layout.vips[0].0 as usize], 1);
    assert_eq!(maps.read().unwrap().backends, installed.backends);
    let changes =
        Changes { vips_added: 1, vips_removed: 1, backends_added: 1, tables_written: 2, tables_reused: 0 };
    assert_eq!(second.changes, changes);
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
    assert_eq!(first.layout.sets[0].as_ref().unwrap().slots, second.layout.sets[0].as_ref().unwrap().slots);
}

#[test]
fn freed_indexes_are_taken_last_and_oldest_first() {
    let mut desired = web_and_dns();
    let (mut maps, mut installed, _) = start(&desired, SMALL_MAPS);
    let mut vips = Vec::new();
    let mut backends = Vec::new();
    for round in 0..12 {
        desired.vips[2].key.port = 1_000 + round;
        desired.sets[1].members[1].name = format!("ns-{round}");
        let plan = advance(&mut maps, &mut installed, &desired);
        vips.push(plan.layout.vips[2].0);
        backends.push(plan.layout.sets[1].as_ref().unwrap().backends[1].0);
    }
    assert_eq!(vips, [3, 4, 5, 1, 3, 4, 5, 1, 3, 4, 5, 1]);
    assert_eq!(backends, [5, 6, 7, 8, 9, 10, 11, 12, 4, 5, 6, 7]);
}

#[test]
fn an_old_table_is_not_used_for_backends_that_stand_elsewhere_now() {
    let mut desired = nothing();
    desired.sets.push(set("web", vec![member("a", "10.0.0.1")]));
    desired.vips.push(vip("web", "203.0.113.1:80", "web"));
    let (mut maps, mut installed, first) = start(&desired, Capacities { backends: 3, ..SMALL_MAPS });
    let mut indexes = vec![first.layout.sets[0].as_ref().unwrap().backends[0].0];
    for name in ["b", "c", "a"] {
        desired.sets[0].members[0].name = name.into();
        let plan = advance(&mut maps, &mut installed, &desired);
        assert_eq!(tables_written(&plan).len(), 1);
        let index = plan.layout.sets[0].as_ref().unwrap().backends[0].0;
        let verdict = maps.forward(&tcp("198.51.100.1:1", "203.0.113.1:80"));
        assert!(matches!(verdict, Verdict::Encapsulated { backend, .. } if backend == index), "{verdict:?}");
        indexes.push(index);
    }
    assert_eq!(indexes, [1, 2, 1, 2]);
}

#[test]
fn a_table_that_is_used_again_is_not_overwritten_for_another_set() {
    let three = |prefix: &str| (0..3).map(|n| member(&format!("{prefix}{n}"), "10.0.0.1")).collect();
    let mut desired = nothing();
    desired.sets = vec![set("a", three("a")), set("b", three("b"))];
    desired.vips = vec![vip("a", "203.0.113.1:80", "a"), vip("b", "203.0.113.2:80", "b")];
    let (mut maps, mut installed, _) = start(&desired, Capacities { tables_small: 4, ..SMALL_MAPS });
    // Which member of each set is down. In the last step B's old table is both free and the first choice.
    for (a, b, written) in [(Some(0), None, 2), (None, Some(0), 3), (Some(1), None, 2)] {
        for (set, down) in desired.sets.iter_mut().zip([a, b]) {
            set.members.iter_mut().enumerate().for_each(|(n, member)| member.healthy = Some(n) != down);
        }
        let plan = advance(&mut maps, &mut installed, &desired);
        assert_eq!(tables_written(&plan), [TableElement { size: TableSize::Small, index: written }]);
        assert_eq!(plan.changes.tables_reused, 1);
    }
}

#[test]
fn an_unhealthy_backend_keeps_its_place_through_a_restart() {
    let mut desired = nothing();
    desired
        .sets
        .push(set("web", vec![member("a", "10.0.0.1"), member("b", "10.0.0.2"), member("c", "10.0.0.3")]));
    desired.sets[0].members[1].healthy = false;
    desired.vips.push(vip("web", "203.0.113.1:80", "web"));
    let (mut maps, mut installed, _) = start(&desired, Capacities { backends: 4, ..SMALL_MAPS });
    desired.sets[0].members.pop();
    advance(&mut maps, &mut installed, &desired);
    installed = maps.read().unwrap();
    desired.sets[0].members.push(member("d", "10.0.0.4"));
    let plan = advance(&mut maps, &mut installed, &desired);
    let backends = &plan.layout.sets[0].as_ref().unwrap().backends;
    assert_eq!(*backends, [BackendIndex(1), BackendIndex(2), BackendIndex(3)]);
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
        let members = (0..3).map(|m| member(&format!("be{n}{m}"), &format!("10.0.{n}.{m}"))).collect();
        desired.sets.push(set(&name, members));
        desired.vips.push(vip(&name, &format!("203.0.113.{n}:80"), &name));
    }
    let (mut maps, mut installed, _) = start(&desired, SMALL_MAPS);
    for round in 0..6 {
        for set in &mut desired.sets {
            set.members.iter_mut().enumerate().for_each(|(n, member)| member.healthy = n != round % 4);
        }
        advance(&mut maps, &mut installed, &desired);
        assert_eq!(installed.tables.len(), 4);
    }
}

#[test]
fn many_vips_share_one_table() {
    let mut desired = web_and_dns();
    desired.sets.push(set("again", desired.sets[0].members.clone())); // another name, the same backends
    desired.sets.push(set("unused", vec![member("x", "10.9.9.9")]));
    desired.vips = (0..400)
        .map(|n| vip("v", &format!("203.0.113.1:{}", 1 + n), if n % 2 == 0 { "web" } else { "again" }))
        .collect();
    let (maps, _, plan) = start(&desired, Capacities { vips: 400, ..SMALL_MAPS });
    assert_eq!(tables_written(&plan).len(), 1);
    assert_eq!(plan.layout.usage.tables_small, 1);
    assert_eq!(plan.layout.sets[3], None);
    maps.read().unwrap();
}

#[test]
fn the_next_hop_is_the_nodes_own() {
    let mut desired = web_and_dns();
    let (mut maps, mut installed, first) = start(&desired, SMALL_MAPS);
    desired.next_hop = NextHop::Fixed { ifindex: 7, source_mac: [1; 6], destination_mac: [2; 6], mtu: 1500 };
    let second = advance(&mut maps, &mut installed, &desired);
    assert_eq!(first.layout.digest, second.layout.digest);
    assert_eq!(second.ops.len(), 4, "{}", summary(&second.ops));
    let header = maps.headers[second.layout.bank as usize];
    assert_eq!((header.next_hop_mode, header.next_hop_ifindex), (1, 7));
}

#[test]
fn the_digest_knows_everything_that_steers() {
    let digest = |desired: &Desired| start(desired, SMALL_MAPS).2.layout.digest;
    let changes: [(&str, Change); 10] = [
        ("seed", |d| d.seed = Seed([8; 16])),
        ("outer v4", |d| d.outer_sources.v4 = "172.17.0.0/16".parse().unwrap()),
        ("outer v6", |d| d.outer_sources.v6 = "100::/65".parse().unwrap()),
        ("weight", |d| d.sets[0].members[0].weight = Weight(2)),
        ("health", |d| d.sets[0].members[0].healthy = false),
        ("address", |d| d.sets[0].members[0].address = "10.0.0.111".parse().unwrap()),
        ("name", |d| d.sets[0].members[0].name = "be0".into()),
        ("size", |d| d.sets[0].table_size = TableSize::Large),
        ("port", |d| d.vips[0].key.port = 81),
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
    // Names of VIPs and sets, order, and host bits of a prefix do not steer.
    let mut desired = web_and_dns();
    desired.vips.reverse();
    desired.sets.reverse();
    desired.sets[0].members.reverse();
    desired.sets[1].name = "www".into();
    desired.vips.iter_mut().filter(|vip| vip.set == "web").for_each(|vip| vip.set = "www".into());
    desired.vips[0].name = "renamed".into();
    desired.outer_sources.v4 = "172.16.3.4/16".parse().unwrap();
    assert_eq!(digest(&desired), reference);
}

/// Forwarders of different versions must agree.
#[test]
fn known_digest() {
    assert_eq!(start(&web_and_dns(), SMALL_MAPS).2.layout.digest, 1_103_559_802_103_896_308);
}

#[test]
fn bad_desired_states_are_refused() {
    let key = VipKey { address: "203.0.113.10".parse().unwrap(), ..web_and_dns().vips[0].key };
    let large = Limit::Tables(TableSize::Large);
    let cases: Vec<(Change, PlanError)> = vec![
        (
            |d| d.vips.push(vip("twin", "[::ffff:203.0.113.10]:80", "dns")),
            PlanError::DuplicateVip {
                key: VipKey { address: "::ffff:203.0.113.10".parse().unwrap(), ..key },
                first: "web-v4".into(),
                second: "twin".into(),
            },
        ),
        (|d| d.sets[1].name = "web".into(), PlanError::DuplicateSet { name: "web".into() }),
        (
            |d| d.vips[1].set = "nope".into(),
            PlanError::UnknownSet { vip: "web-v6".into(), set: "nope".into() },
        ),
        (
            |d| d.sets[1].members[1].name = "be2".into(),
            PlanError::Set { set: "dns".into(), source: TableError::DuplicateName { name: "be2".into() } },
        ),
        (
            |d| d.vips.extend((0..4).map(|n| vip("v", &format!("203.0.113.99:{}", 1 + n), "web"))),
            PlanError::Limit { limit: Limit::Vips, needed: 7, capacity: 6 },
        ),
        (
            |d| {
                let more = (0..9).map(|n| member(&format!("m{n}"), "10.0.0.1"));
                d.sets[0].members.extend(more);
            },
            PlanError::Limit { limit: Limit::Backends, needed: 13, capacity: 12 },
        ),
        (
            |d| d.sets.iter_mut().for_each(|set| set.table_size = TableSize::Large),
            PlanError::Limit { limit: large, needed: 4, capacity: 2 },
        ),
    ];
    for (change, expected) in cases {
        let mut desired = web_and_dns();
        change(&mut desired);
        assert_eq!(error(&desired, SMALL_MAPS), expected);
    }
    let mut desired = web_and_dns();
    desired.vips[0].set = "nope".into();
    desired.vips[1].set = "neither".into();
    assert_eq!(validate(&desired, &SMALL_MAPS).len(), 2, "all errors are told");
}

#[test]
fn errors_say_what_to_do() {
    let limit = PlanError::Limit { limit: Limit::Tables(TableSize::Large), needed: 66, capacity: 64 };
    insta::assert_snapshot!(
        limit,
        @"66 lookup tables of size 65537 (two for each backend set in use) are needed and there is room for 64; raise limits.tables_65537"
    );
    insta::assert_snapshot!(
        PlanError::BackendsHeld { needed: 9, free: 4 },
        @"9 new backends find only 4 places, for the installed generation still uses the others; remove the old backends first, in a change of its own, or raise limits.backends"
    );
}

#[test]
fn old_backends_in_use_leave_no_room_for_as_many_new_ones() {
    let members = |prefix: &str| -> Vec<Member> {
        (0..8).map(|n| member(&format!("{prefix}{n}"), "10.0.0.1")).collect()
    };
    let mut desired = nothing();
    desired.sets.push(set("web", members("old")));
    desired.vips.push(vip("web", "203.0.113.1:80", "web"));
    let (mut maps, mut installed, _) = start(&desired, SMALL_MAPS);
    desired.sets[0].members = members("new");
    let refused = plan(&desired, &installed, &mut TableCache::new());
    assert_eq!(refused, Err(PlanError::BackendsHeld { needed: 8, free: 4 }));
    // As the message says: in two steps it works.
    let all = std::mem::take(&mut desired.sets[0].members);
    desired.sets[0].members = all[..4].to_vec();
    advance(&mut maps, &mut installed, &desired);
    desired.sets[0].members = all;
    advance(&mut maps, &mut installed, &desired);
    maps.read().unwrap();
}

#[test]
fn a_cache_changes_nothing_but_the_time() {
    let mut cache = TableCache::new();
    let mut desired = web_and_dns();
    for round in 0..4 {
        desired.sets[0].members[0].healthy = round % 2 == 0;
        let empty = Installed::empty(SMALL_MAPS);
        let cached = plan(&desired, &empty, &mut cache).unwrap();
        assert_eq!(cached, plan(&desired, &empty, &mut TableCache::new()).unwrap());
    }
}

#[test]
fn indexes_start_where_they_may() {
    let (.., plan) = start(&web_and_dns(), SMALL_MAPS);
    let backends = &plan.layout.sets[0].as_ref().unwrap().backends;
    assert_eq!(*backends, [BackendIndex(1), BackendIndex(2), BackendIndex(3)], "0 is never used");
    assert_eq!(plan.layout.vips, [VipIndex(0), VipIndex(2), VipIndex(1)]);
}
