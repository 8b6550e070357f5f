use super::*;
use crate::model::{
    Maps, NOW, Packet, SMALL_MAPS, Verdict, WINDOW, member, nothing, set, tcp, vip, web_and_dns,
};
use crate::{BackendIndex, Member, Seed, TableElement, TableError, TableSize, VipIndex, VipKey, Weight};
use guideway_abi::Capacities;

mod crash;

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
        Op::WriteSets { first, records } => {
            let used = records.iter().filter(|record| record.table != guideway_abi::TableRef::NONE);
            let used: Vec<String> = used
                .map(|record| {
                    let [a, b] =
                        record.previous.map(|table| TableElement::of(table).map(|table| table.index));
                    format!("{}<{a:?},{b:?}", record.table.index())
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
    insta::assert_snapshot!(summary(&plan.ops), @"");
}
