use super::*;
use crate::model::{Maps, SMALL_MAPS, web_and_dns};
use crate::{Outcome, TableCache, plan};
use guideway_abi::{BUCKET_WAYS, VipEntry, entry_kind};
use proptest::prelude::*;
use proptest::sample::Index;

fn maps() -> Maps {
    let mut maps = Maps::new(SMALL_MAPS);
    let installed = Installed::empty(SMALL_MAPS);
    let Outcome::Plan(plan) = plan(&web_and_dns(), &installed, &mut TableCache::new()).unwrap() else {
        panic!("nothing is installed yet")
    };
    plan.ops.iter().for_each(|op| maps.apply(op));
    maps
}

/// A place of the bank in use that holds a VIP.
fn vip_entry(maps: &mut Maps) -> &mut VipEntry {
    let entries = maps.buckets.iter_mut().flat_map(|bucket| &mut bucket.entries);
    entries.into_iter().find(|entry| entry.kind == entry_kind::VIP).unwrap()
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
    let cases: [(&str, Damage); 17] = [
        ("BACKENDS has 12 elements instead of 13", |m| m.backends.truncate(12)),
        ("TABLE_META has 9 elements instead of 10", |m| m.metas.truncate(9)),
        ("the header of bank 0 is not that of generation 1: it has another generation's number", |m| {
            m.headers[0].generation = 2;
        }),
        ("the header of bank 1 is not that of generation 1: it has another generation's number", |m| {
            m.active = ActiveWord::new(1, 1);
        }),
        ("the header of bank 0 is not that of generation 1: it points into another bank", |m| {
            m.headers[0].bucket_base = 8;
        }),
        ("the header of bank 0 is not that of generation 1: it points into another bank", |m| {
            m.headers[0].vip_base = 1;
        }),
        ("the header of bank 0 is not that of generation 1: its bucket mask is impossible", |m| {
            m.headers[0].bucket_mask = 2;
        }),
        ("the header of bank 0 is not that of generation 1: its bucket mask is impossible", |m| {
            m.headers[0].bucket_mask = u32::MAX;
        }),
        ("an entry stands where no packet would look for it", |m| {
            // One of so many ports falls into other buckets.
            let mask = m.headers[0].bucket_mask as usize;
            let moved = VipEntry { port_be: 0x1234, ..*vip_entry(m) };
            m.buckets[..=mask].iter_mut().for_each(|bucket| bucket.entries = [moved; BUCKET_WAYS]);
        }),
        ("an entry is of no known kind", |m| vip_entry(m).kind = 9),
        ("an entry's VIP index is out of range", |m| vip_entry(m).vip = 6),
        ("two VIPs have the same index", |m| {
            for bucket in &mut m.buckets {
                bucket.entries.iter_mut().for_each(|entry| entry.vip = 0);
            }
        }),
        ("VIP 0 refers to a lookup table that is of no known kind (kind 7, index 0)", |m| {
            m.vips[0].table_kind = 7;
        }),
        ("VIP 0 refers to a lookup table that does not exist (kind 1, index 8)", |m| m.vips[0].table = 8),
        ("VIP 0 refers to a lookup table that is not whole (kind 1, index 5)", |m| m.vips[0].table = 5),
        ("table 0 of size 16381 is in use, but 16380 of its slots were read", |m| table(m).truncate(16_380)),
        ("slot 5 of table 0 of size 16381 refers to backend 9, which does not exist", |m| table(m)[5] = 9),
    ];
    for (message, change) in cases {
        let mut maps = maps();
        change(&mut maps);
        let error = maps.read().unwrap_err().to_string();
        assert!(error.ends_with(message), "{error} instead of {message}");
    }
    for backend in [0, 13] {
        let mut maps = maps();
        table(&mut maps)[0] = backend;
        assert!(matches!(maps.read(), Err(InstalledError::SlotBackend { .. })));
    }
}

#[test]
fn a_vip_that_stands_there_twice_is_found() {
    let mut maps = maps();
    let entry = *vip_entry(&mut maps);
    let bucket = maps.buckets.iter_mut().find(|bucket| bucket.entries.contains(&entry)).unwrap();
    bucket.entries = [entry; BUCKET_WAYS];
    assert!(maps.read().unwrap_err().to_string().ends_with("a VIP stands there twice"));
}

#[test]
fn only_tables_in_use_are_asked_for() {
    let mut maps = maps();
    assert_eq!(maps.contents().referenced_tables().len(), 2);
    maps.active = ActiveWord::NONE;
    assert!(maps.contents().referenced_tables().is_empty());
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
            let small = word % 16;
            match index.index(9) {
                0 => maps.headers[0].bucket_mask = word,
                1 => maps.headers[0].bucket_base = small,
                2 => maps.headers[0].lookup_key[0] = word.into(),
                3 => vip_entry(&mut maps).vip = small,
                4 => vip_entry(&mut maps).kind = word.to_le_bytes()[0],
                5 => maps.vips[small as usize % 12].table = word,
                6 => maps.vips[small as usize % 12].table_kind = word.to_le_bytes()[0] % 3,
                7 => maps.backends[small as usize % 13].family = word.to_le_bytes()[0],
                _ => table(&mut maps)[small as usize] = word.to_le_bytes()[0].into(),
            }
            if maps.buckets.iter().all(|b| b.entries.iter().all(|entry| entry.kind != entry_kind::VIP)) {
                break;
            }
        }
        maps.active = ActiveWord::new(generation, bank);
        if let Ok(installed) = maps.read() {
            // And whatever is accepted can be planned from.
            let _ = plan(&web_and_dns(), &installed, &mut TableCache::new());
        }
    }
}
