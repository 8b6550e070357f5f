use std::collections::BTreeMap;

use guideway_abi::{
    ActiveWord, Capacities, NO_REGION, SetRecord, TableRef, Vip4Entry, VipRecord, entry_kind, vip_key,
};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::model::{Maps, NOW, SMALL_MAPS, vip, web_and_dns};
use crate::{Outcome, Ports, TableCache, TableElement, Vip, VipKey, plan};

fn maps() -> Maps {
    let mut desired = web_and_dns();
    desired.sets[0].second_hop = false;
    desired.vips[0].sources = vec!["198.51.100.0/24".parse().unwrap()];
    let ranges =
        Vip { key: VipKey { ports: Ports::Range(8, 9), ..desired.vips[0].key }, ..vip("r", "[::]:1", "dns") };
    desired.vips.push(ranges);
    let net = VipKey { address: "203.0.112.0/20".parse().unwrap(), ports: Ports::Any, ..desired.vips[0].key };
    desired.vips.push(Vip { key: net, ..vip("net", "[::]:1", "web") });
    let mut maps = Maps::new(SMALL_MAPS);
    let installed = Installed::empty(SMALL_MAPS);
    let Outcome::Plan(plan) = plan(&desired, &installed, NOW, &mut TableCache::new()).unwrap() else {
        panic!("nothing is installed yet")
    };
    plan.ops.iter().for_each(|op| maps.apply(op));
    maps
}

/// A place of the bank in use that holds a VIP.
fn entry(maps: &mut Maps) -> &mut Vip4Entry {
    let entries = maps.vip4_buckets.iter_mut().flat_map(|bucket| &mut bucket.entries);
    entries.into_iter().find(|entry| entry.key >> 24 == u32::from(entry_kind::PORT)).unwrap()
}

fn record(maps: &mut Maps) -> &mut VipRecord {
    maps.vips.iter_mut().find(|record| record.flow_base != NO_REGION && record.identity != 0).unwrap()
}

fn restricted(maps: &mut Maps) -> &mut VipRecord {
    maps.vips.iter_mut().find(|record| record.source_count > 0).unwrap()
}

fn table(maps: &mut Maps) -> &mut Vec<u16> {
    maps.tables.values_mut().next().unwrap()
}

type Damage = fn(&mut Maps);

#[test]
fn new_maps_are_empty() {
    assert_eq!(Maps::new(SMALL_MAPS).read(), Ok(Installed::empty(SMALL_MAPS)));
}

#[test]
fn contradictions_are_found() {
    let header = "the header of bank 0 is not that of generation 1: ";
    let cases: [(String, Damage); 28] = [
        ("BACKENDS has 12 elements instead of 13".into(), |m| m.backends.truncate(12)),
        ("TABLE_META has 9 elements instead of 10".into(), |m| m.metas.truncate(9)),
        (format!("{header}it has another generation's number"), |m| m.headers[0].generation = 2),
        ("bank 1 is not that of generation 1: it has another generation's number".into(), |m| {
            m.active = ActiveWord::new(1, 1);
        }),
        (format!("{header}it points to elements that are of no bank"), |m| m.headers[0].vip4_base = 4),
        (format!("{header}it points to elements that are of no bank"), |m| m.headers[0].set_base = 10),
        (format!("{header}it points to elements that are of no bank"), |m| m.headers[0].vip_base = 6),
        (format!("{header}its bucket mask is impossible"), |m| m.headers[0].vip4_mask = 2),
        (format!("{header}its bucket mask is impossible"), |m| m.headers[0].vip6_mask = u32::MAX),
        (format!("{header}it has more prefixes than there can be"), |m| m.headers[0].prefix4_count = 1025),
        ("an entry stands where no packet would look for it".into(), |m| {
            let (header, old) = (m.headers[0], *entry(m));
            let homes = |key| crate::lookup::home4(&header.lookup_key, header.vip4_mask, old.address, key);
            // A port that has but one bucket, so that it stands wrong in the other.
            let ports = (0..u16::MAX).map(|port| vip_key(port, 6, entry_kind::PORT));
            let key = ports.into_iter().find(|key| homes(*key)[0] == homes(*key)[1]).unwrap();
            let moved = Vip4Entry { key, ..old };
            let mask = header.vip4_mask as usize;
            m.vip4_buckets[..=mask].iter_mut().for_each(|bucket| bucket.entries = [moved; 4]);
        }),
        ("an entry is of no known kind".into(), |m| entry(m).key |= 9 << 24),
        ("a VIP's index is out of range".into(), |m| entry(m).value.vip = 6),
        ("a VIP has no record".into(), |m| entry(m).value.vip = 5),
        ("a VIP has another set in its record".into(), |m| entry(m).value.set ^= 1),
        ("its port intervals do not start at 0".into(), |m| m.intervals[0].start = 1),
        ("its port intervals are not sorted".into(), |m| m.intervals[1].start = 0),
        ("of PREFIXES4: the first interval does not start at 0".into(), |m| m.prefixes4[0].start = 1),
        ("of PREFIXES4: the intervals are not sorted".into(), |m| m.prefixes4[1].start = 0),
        ("another one has the same identity".into(), |m| m.vips[1].identity = m.vips[0].identity),
        ("a VIP has sources that nobody would look at".into(), |m| {
            let vip = m.vips.iter().position(|record| record.source_count > 0).unwrap();
            let entries = m.vip4_buckets.iter_mut().flat_map(|bucket| &mut bucket.entries);
            let of_ports = entries.filter(|entry| entry.key >> 24 == u32::from(entry_kind::PORT));
            of_ports.filter(|entry| entry.value.vip as usize == vip).for_each(|entry| entry.value.flags = 0);
        }),
        ("the borders of its sources are out of range".into(), |m| restricted(m).source_first = 1071),
        ("the borders of its sources are more than are looked at".into(), |m| {
            restricted(m).source_count = 65_536;
        }),
        ("the borders of its sources are not sorted".into(), |m| m.sources[1].start = [0, 0]),
        ("its part of the flow table is impossible".into(), |m| record(m).flow_base = 64),
        ("which does not exist".into(), |m| m.sets[0].table = TableRef::small(8)),
        ("which is not whole".into(), |m| m.sets[0].table = TableRef::small(5)),
        ("which is not whole".into(), |m| m.sets[0].previous[0] = TableRef::large(0)),
    ];
    for (message, change) in cases {
        let mut maps = maps();
        change(&mut maps);
        let Err(error) = maps.read() else { panic!("not found: {message}") };
        let error = error.to_string();
        assert!(error.ends_with(&message), "{error} instead of {message}");
    }
    for (backend, damage) in [(0, 0), (9, 9), (13, 13), (0x8000, 0)] {
        let mut maps = maps();
        table(&mut maps)[5] = backend;
        let error = maps.read().unwrap_err().to_string();
        assert_eq!(
            error,
            format!("slot 5 of table 0 of size 16381 refers to backend {damage}, which does not exist")
        );
    }
    let mut maps = maps();
    table(&mut maps).truncate(16_380);
    assert_eq!(
        maps.read().unwrap_err().to_string(),
        "table 0 of size 16381 is in use, but 16380 of its slots were read"
    );
}

#[test]
fn only_tables_in_use_are_asked_for() {
    let mut maps = maps();
    assert_eq!(maps.contents().unwrap().referenced_tables().len(), 2);
    maps.active = ActiveWord::NONE;
    assert!(maps.contents().unwrap().referenced_tables().is_empty());
}

#[test]
fn tables_have_a_name() {
    let capacities = Capacities { tables_large: 7, ..SMALL_MAPS };
    for (size, meta) in [(crate::TableSize::Large, 3), (crate::TableSize::Small, 10)] {
        let table = TableElement { size, index: 3 };
        assert_eq!((TableElement::of(table.reference()), table.meta_index(&capacities)), (Some(table), meta));
    }
    assert_eq!(TableElement::of(TableRef::NONE), None);
}

proptest! {
    /// Whatever the maps hold, there is an answer.
    #[test]
    fn garbage_never_panics(
        words in proptest::collection::vec((any::<Index>(), any::<u32>()), 1..8),
        generation in 0_u64..3,
        bank in 0_u32..2,
    ) {
        let mut maps = maps();
        for (index, word) in words {
            let (small, byte) = (word % 16, word.to_le_bytes()[0]);
            let half = u16::from(byte);
            match index.index(21) {
                0 => maps.headers[0].vip4_mask = small,
                1 => maps.headers[0].vip4_base = small,
                2 => maps.headers[0].lookup_key[0] = word.into(),
                3 => maps.vip4_buckets[0].entries[small as usize % 4].value.vip = small,
                4 => maps.vip4_buckets[0].entries[small as usize % 4].key = word,
                5 => maps.vips[small as usize % 12].flow_base = word,
                6 => maps.vips[small as usize % 12].flow_mask = word,
                7 => maps.backends[small as usize % 13].family = byte,
                8 => table(&mut maps)[small as usize] = half,
                9 => maps.sets[small as usize % 4] = SetRecord { table: TableRef(half), ..SetRecord::default() },
                10 => maps.sets[0].previous[0] = TableRef(0x8000 | half),
                11 => maps.sets[0].flags = byte,
                12 => maps.vips[small as usize % 12].set = half,
                13 => maps.vips[small as usize % 12].identity = word.into(),
                14 => maps.intervals[small as usize].start = word,
                15 => maps.intervals[small as usize].value.vip = small,
                16 => maps.prefixes4[small as usize].value.first = word,
                17 => maps.headers[0].prefix4_count = small,
                18 => maps.vips[small as usize % 12].source_first = word,
                19 => maps.vips[small as usize % 12].source_count = word,
                _ => maps.metas[2 + small as usize % 8].until = word.into(),
            }
        }
        maps.active = ActiveWord::new(generation, bank);
        if let Ok(installed) = maps.read() {
            // And whatever is accepted can be planned from.
            let _ = plan(&web_and_dns(), &installed, NOW, &mut TableCache::new());
        }
    }
}

#[test]
fn slots_are_given_by_table() {
    let maps = maps();
    let contents = maps.contents().unwrap();
    let error = Installed::from_maps(contents, &BTreeMap::new()).unwrap_err();
    assert!(matches!(error, InstalledError::Slots { found: 0, .. }), "{error}");
}
