//! Pin directories, on the real kernel: set up, come back, refuse what does not fit, repair what a crash left.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "pins/generation.rs"]
mod generation;
#[path = "pins/place.rs"]
mod place;

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::Path;

use aya::maps::{Array, HashMap, MapData, MapInfo};
use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::XdpLink;
use aya::programs::{ProgramInfo, Xdp};
use generation::{NEIGHBOUR, PACKET};
use guideway_abi::{
    ABI_VERSION, ActiveWord, BackendRecord, Capacities, Counter, FLOW_MARKS, FlowBucket, FlowEntry, FlowWord,
    LEGS, Leg, LinkRecord, RouteRecord, SetRecord, TABLE_SIZE_LARGE, TableMeta, VipRecord,
};
use guideway_bpf::{
    AttachError, Dataplane, OpenError, Origin, TableKind, TestProgram, TestRunOptions, XdpMode, xdp_action,
};
use guideway_packet_tests::fixture::can_take_headroom;
use place::{CAPACITIES, Place, remove_tree, run};

/// A generation whose VIP has no backend.
fn write_generation(dataplane: &Dataplane, word: ActiveWord) {
    let header = generation::header(word.generation(), word.bank());
    generation::write(dataplane, word.bank(), &header, SetRecord::default());
}

fn counter(dataplane: &Dataplane, counter: Counter) -> u64 {
    dataplane.counters().unwrap().iter().find(|(of, _)| *of == counter).unwrap().1
}

#[test]
fn one_store_changes_what_the_program_does() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    assert_eq!(dataplane.origin(), Origin::Fresh);
    assert_eq!(dataplane.active(), ActiveWord::NONE);
    let once = TestRunOptions::default();
    assert_eq!(dataplane.test_run(&PACKET, &once).unwrap().retval, xdp_action::PASS);

    let word = ActiveWord::new(1, 1);
    write_generation(&dataplane, word);
    assert_eq!(dataplane.test_run(&PACKET, &once).unwrap().retval, xdp_action::PASS);
    dataplane.activate(word);
    assert_eq!(dataplane.active(), word);
    dataplane.grace_period().unwrap();
    assert_eq!(dataplane.test_run(&PACKET, &once).unwrap().retval, xdp_action::DROP);
    assert_eq!((counter(&dataplane, Counter::Pass), counter(&dataplane, Counter::DropNoBackend)), (2, 1));
}

#[test]
fn what_is_written_is_read_back() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    let backend =
        BackendRecord { address: [7; 16], identity: 8, epoch: 9, family: 4, ..BackendRecord::default() };
    dataplane.write_backend(15, &backend).unwrap();
    let backends = dataplane.backends().unwrap();
    assert_eq!((backends.len(), backends[15], backends[14]), (16, backend, BackendRecord::default()));
    dataplane.write_backend(16, &backend).unwrap_err();

    let slots: Vec<u16> = (0..TABLE_SIZE_LARGE).map(|slot| u16::try_from(slot % 60_000).unwrap()).collect();
    dataplane.write_table(TableKind::Large, 0, &slots).unwrap();
    assert_eq!(dataplane.table(TableKind::Large, 0).unwrap(), slots);
    dataplane.write_table(TableKind::Small, 0, &slots).unwrap_err();
    dataplane.write_table(TableKind::Large, 1, &slots).unwrap_err();

    let meta = TableMeta { digest: [1, 2], until: 3 };
    dataplane.write_table_meta(TableKind::Small, 1, &meta).unwrap();
    assert_eq!(dataplane.table_metas(TableKind::Large).unwrap(), [TableMeta::default()]);
    assert_eq!(dataplane.table_metas(TableKind::Small).unwrap(), [TableMeta::default(), meta]);
    dataplane.write_table_meta(TableKind::Large, 1, &meta).unwrap_err();

    let vips: Vec<VipRecord> =
        (1..17).map(|identity| VipRecord { identity, ..VipRecord::default() }).collect();
    dataplane.write_vips(16, &vips).unwrap();
    assert_eq!(dataplane.vips(16, 16).unwrap(), vips);
    assert_eq!(dataplane.vips(20, 2).unwrap(), vips[4..6]);
    assert_eq!(dataplane.vips(0, 16).unwrap(), vec![VipRecord::default(); 16]);
    dataplane.write_vips(17, &vips).unwrap_err();
    dataplane.vips(31, 2).unwrap_err();
    dataplane.header(2).unwrap_err();
}

#[test]
fn flows_are_written_whole() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    let entry = FlowEntry { check: 1, word: FlowWord::new(2, 3, 4, false) };
    let buckets = vec![FlowBucket { entries: [entry; 4] }; 64];
    dataplane.write_flows(0, &buckets).unwrap();
    dataplane.write_flows(16, &[FlowBucket::default(); 32]).unwrap();
    let read = dataplane.flows(0, 64).unwrap();
    assert!(read[..16] == buckets[..16] && read[48..] == buckets[48..]);
    assert!(read[16..48].iter().all(|bucket| *bucket == FlowBucket::default()));
    dataplane.write_flows(1, &buckets).unwrap_err();
    assert_eq!(dataplane.flows(64, 0).unwrap(), []);
}

#[test]
fn ways_to_backends_are_stored_leg_by_leg() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    let leg = Leg::new(NEIGHBOUR, 7);
    dataplane.store_leg(15, LEGS - 1, leg).unwrap();
    let mut legs = [Leg::UNKNOWN; LEGS];
    legs[LEGS - 1] = leg;
    assert_eq!(dataplane.route(15).unwrap(), RouteRecord { legs });
    assert_eq!(dataplane.route(14).unwrap(), RouteRecord::default());
    dataplane.store_leg(14, LEGS, leg).unwrap_err();
    dataplane.store_leg(16, 0, leg).unwrap_err();
    dataplane.route(16).unwrap_err();
    dataplane.route(u32::MAX).unwrap_err();

    assert_eq!(dataplane.routes_valid_until(), 0);
    dataplane.set_routes_valid_until(77);
    let link = LinkRecord { ifindex: 3, mtu: 1500, mac: NEIGHBOUR, ..LinkRecord::default() };
    dataplane.write_links(255, &[link]).unwrap();
    drop(dataplane);
    let dataplane = place.open().unwrap();
    assert_eq!(dataplane.route(15).unwrap(), RouteRecord { legs });
    assert_eq!(dataplane.routes_valid_until(), 77);
    assert_eq!(dataplane.links(254, 2).unwrap(), [LinkRecord::default(), link]);
}

#[test]
fn the_kernels_clock_goes_by_its_rate() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    let rate = dataplane.ticks_per_second();
    assert!([100, 250, 300, 1000].contains(&rate), "{rate}");
    let (first, start) = (dataplane.jiffies().unwrap(), std::time::Instant::now());
    // Long enough that neither a tick more or less nor a busy machine make one rate look like another.
    while dataplane.jiffies().unwrap() < first + u64::from(rate) / 2 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let elapsed = start.elapsed().as_secs_f64();
    assert!((0.4..1.0).contains(&elapsed), "{rate} jiffies a second: half of them took {elapsed} s");
}

#[test]
fn a_packet_is_counted_for_its_vip_and_its_backend() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    generation::write_backend(&dataplane, 3, Ipv4Addr::new(10, 0, 0, 1));
    let table = generation::write_table(&dataplane, 1, 3);
    let word = ActiveWord::new(1, 0);
    generation::write(&dataplane, 0, &generation::header(1, 0), SetRecord { table, ..SetRecord::default() });
    dataplane.activate(word);
    let out = dataplane.test_run(&PACKET, &TestRunOptions::default()).unwrap();
    assert_eq!((out.retval, out.packet.len()), (xdp_action::TX, PACKET.len() + 20));
    assert_eq!(out.packet[..6], NEIGHBOUR);
    assert_eq!(dataplane.vip_stats().unwrap()[0].packets, 1);
    assert_eq!(dataplane.backend_stats().unwrap()[3].bytes, 28);

    if can_take_headroom() {
        let cramped = TestRunOptions { metadata: TestRunOptions::NO_HEADROOM, ..TestRunOptions::default() };
        let program = TestProgram::open(&place.root.join("forwarder")).unwrap();
        let out = program.run(&PACKET, &cramped).unwrap();
        assert_eq!((out.retval, out.packet.len()), (xdp_action::DROP, PACKET.len()));
        assert_eq!(counter(&dataplane, Counter::DropNoHeadroom), 1);
    }

    // Real packets are counted as well, but do not come back. Those for the stack end there.
    let live = TestRunOptions { repeat: 100, live_frames: Some(64), ..TestRunOptions::default() };
    let passed = counter(&dataplane, Counter::Pass);
    dataplane.test_run(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5], &live).unwrap();
    assert_eq!(counter(&dataplane, Counter::Pass), passed + 100);

    dataplane.zero_vip_stats(0).unwrap();
    dataplane.zero_backend_stats(3).unwrap();
    assert_eq!(dataplane.vip_stats().unwrap()[0].packets, 0);
    assert_eq!(dataplane.backend_stats().unwrap()[3].packets, 0);
}

#[test]
fn a_later_process_finds_everything_as_it_was() {
    let place = Place::new();
    let word = ActiveWord::new(5, 1);
    let id = {
        let dataplane = place.open().unwrap();
        write_generation(&dataplane, word);
        dataplane.activate(word);
        dataplane.test_run(&PACKET, &TestRunOptions::default()).unwrap();
        dataplane.program_id()
    };
    let dataplane = place.open().unwrap();
    assert_eq!((dataplane.origin(), dataplane.program_id()), (Origin::Reused, id));
    assert_eq!((dataplane.active(), counter(&dataplane, Counter::DropNoBackend)), (word, 1));
    assert_eq!(dataplane.header(1).unwrap().generation, 5);
}

#[test]
fn only_one_process_at_a_time() {
    let place = Place::new();
    let first = place.open().unwrap();
    assert!(matches!(place.open(), Err(OpenError::InUse(_))));
    drop(first);
    place.open().unwrap();
}

#[test]
fn a_directory_elsewhere_is_refused_with_the_mount_command() {
    let directory = std::env::temp_dir().join("guideway-test-no-bpffs");
    let error = Dataplane::open(&directory, CAPACITIES).unwrap_err();
    assert!(matches!(error, OpenError::NotBpffs(_)));
    assert!(error.to_string().contains("mount -t bpf bpf /sys/fs/bpf"), "{error}");
}

#[test]
fn a_crash_at_any_point_of_the_first_set_up_is_repaired() {
    let place = Place::new();
    let made = [
        "maps",
        "links",
        "maps/ACTIVE",
        "maps/HEADERS",
        "maps/VIP4_BUCKETS",
        "maps/VIP6_BUCKETS",
        "maps/INTERVALS",
        "maps/PREFIXES4",
        "maps/PREFIXES6",
        "maps/SOURCES",
        "maps/VIPS",
        "maps/SETS",
        "maps/BACKEND_STATES",
        "maps/TABLES_LARGE",
        "maps/TABLES_SMALL",
        "maps/TABLE_META",
        "maps/BACKENDS",
        "maps/ROUTES",
        "maps/NODE",
        "maps/FLOW_MARKS",
        "maps/LINKS",
        "maps/FLOWS",
        "maps/VIP_STATS",
        "maps/BACKEND_STATS",
        "maps/COUNTERS",
        "maps/META",
    ];
    // Not all, for the time: none, each directory, the first map, one in the middle, all but META, all.
    for kept in [0, 1, 2, 3, 13, 25, 26] {
        drop(place.open().unwrap());
        fs::remove_file(place.root.join("forwarder")).unwrap();
        for path in made[kept..].iter().rev().map(|path| place.root.join(path)) {
            if path.is_dir() {
                remove_tree(&path);
            } else if path.exists() {
                fs::remove_file(&path).unwrap();
            }
        }
        let dataplane = place.open().unwrap();
        assert_eq!(
            (dataplane.origin(), dataplane.active()),
            (Origin::Fresh, ActiveWord::NONE),
            "kept {kept}"
        );
    }
}

#[test]
fn an_unfinished_set_up_with_other_capacities_is_repaired_too() {
    let place = Place::new();
    drop(place.open().unwrap());
    fs::remove_file(place.root.join("forwarder")).unwrap();
    let more = Capacities { vips: 32, ..CAPACITIES };
    assert_eq!(Dataplane::open(&place.root, more).unwrap().origin(), Origin::Fresh);
}

#[test]
fn every_way_not_to_fit_is_named() {
    let place = Place::new();
    // What is put in the place of SETS (6 elements of 16 bytes in shared memory), and what is said of it.
    let replaced: [(&dyn Fn(), &[&str]); 8] = [
        (
            &|| HashMap::<MapData, u32, [u64; 12]>::create(1, 0).unwrap().pin(place.map("SETS")).unwrap(),
            &["maps/SETS: map type is 1, wanted 2", "maps/SETS: flags is 0, wanted 1024"],
        ),
        (
            &|| HashMap::<MapData, u64, [u64; 12]>::create(1, 0).unwrap().pin(place.map("SETS")).unwrap(),
            &[
                "maps/SETS: map type is 1, wanted 2",
                "maps/SETS: key size is 8, wanted 4",
                "maps/SETS: flags is 0, wanted 1024",
            ],
        ),
        (
            &|| Array::<MapData, [u64; 11]>::create(1, 1 << 10).unwrap().pin(place.map("SETS")).unwrap(),
            &["maps/SETS: value size is 88, wanted 96"],
        ),
        (
            &|| Array::<MapData, [u64; 12]>::create(2, 1 << 10).unwrap().pin(place.map("SETS")).unwrap(),
            &["maps/SETS: max entries is 2, wanted 1"],
        ),
        (
            &|| Array::<MapData, [u64; 12]>::create(1, 0).unwrap().pin(place.map("SETS")).unwrap(),
            &["maps/SETS: flags is 0, wanted 1024"],
        ),
        (&|| {}, &["maps/SETS: type is missing, wanted map"]),
        (&|| fs::create_dir(place.map("SETS")).unwrap(), &["maps/SETS: type is no BPF object, wanted map"]),
        (
            &|| symlink("/etc/passwd", place.map("SETS")).unwrap(),
            &["maps/SETS: type is no BPF object, wanted map"],
        ),
    ];
    for (replace, expected) in replaced {
        drop(place.open().unwrap());
        fs::remove_file(place.map("SETS")).unwrap();
        replace();
        assert_eq!(place.differences(place.open().unwrap_err()), expected);
        remove_tree(&place.root);
    }
}

#[test]
fn a_map_that_the_program_does_not_work_on_is_noticed() {
    const MMAPABLE: u32 = 1 << 10;
    type Make<'a> = &'a dyn Fn(&Path);
    let place = Place::new();
    let make: [(_, Make); 3] = [
        ("VIPS", &|path| Array::<MapData, [u64; 4]>::create(32, 0).unwrap().pin(path).unwrap()),
        ("SETS", &|path| Array::<MapData, [u64; 12]>::create(1, MMAPABLE).unwrap().pin(path).unwrap()),
        ("FLOW_MARKS", &|path| {
            Array::<MapData, u64>::create(FLOW_MARKS / 8, MMAPABLE).unwrap().pin(path).unwrap();
        }),
    ];
    for (name, make) in make {
        drop(place.open().unwrap());
        let old = MapInfo::from_pin(place.map(name)).unwrap().id();
        fs::remove_file(place.map(name)).unwrap();
        make(&place.map(name));
        let new = MapInfo::from_pin(place.map(name)).unwrap().id();
        assert_eq!(
            place.differences(place.open().unwrap_err()),
            [format!("maps/{name}: id is {new}, wanted {old}, which the pinned program works on")]
        );
        remove_tree(&place.root);
    }
}

#[test]
fn all_differences_are_listed_at_once_with_the_way_out() {
    let place = Place::new();
    drop(place.open().unwrap());
    let other = Capacities { vips: 64, backends: 65, tables_large: 2, tables_small: 3, flow_buckets: 65 };
    let error = Dataplane::open(&place.root, other).unwrap_err();
    let advice = format!("run `lb-dataplane detach --pin-root {}`", place.root.display());
    assert!(error.to_string().contains(&advice), "{error}");
    assert!(error.to_string().contains("traffic stops"), "{error}");
    assert_eq!(
        place.differences(error),
        [
            "maps/BACKENDS: value size is 512, wanted 2080",
            "maps/BACKEND_STATES: max entries is 2, wanted 4",
            "maps/BACKEND_STATS: max entries is 16, wanted 65",
            "maps/FLOWS: max entries is 64, wanted 65",
            "maps/INTERVALS: max entries is 2112, wanted 2304",
            "maps/ROUTES: value size is 1024, wanted 4160",
            "maps/SETS: value size is 96, wanted 160",
            "maps/SOURCES: max entries is 2304, wanted 3072",
            "maps/TABLES_LARGE: max entries is 1, wanted 2",
            "maps/TABLES_SMALL: max entries is 2, wanted 3",
            "maps/TABLE_META: max entries is 3, wanted 5",
            "maps/VIP4_BUCKETS: value size is 2048, wanted 8192",
            "maps/VIP6_BUCKETS: value size is 4096, wanted 16384",
            "maps/VIPS: max entries is 32, wanted 128",
            "maps/VIP_STATS: max entries is 16, wanted 64",
        ]
    );
    // Refusing changes nothing.
    place.open().unwrap();
}

/// Changes the numbers of META.
fn change_meta(place: &Place, change: impl FnOnce(&mut [u32; 6])) {
    let map = aya::maps::Map::from_map_data(MapData::from_pin(place.map("META")).unwrap()).unwrap();
    let mut meta = Array::<MapData, [u32; 6]>::try_from(map).unwrap();
    let mut record = meta.get(&0, 0).unwrap();
    change(&mut record);
    meta.set(0, record, 0).unwrap();
}

#[test]
fn another_abi_version_is_refused_and_nothing_else_is_said() {
    let place = Place::new();
    drop(place.open().unwrap());
    for version in [1, ABI_VERSION + 1] {
        change_meta(&place, |meta| meta[0] = version);
        let found = format!("maps/META: ABI version is {version}, wanted {ABI_VERSION}");
        assert_eq!(place.differences(place.open().unwrap_err()), [found]);
    }
    // The maps of version 1 had other names.
    change_meta(&place, |meta| meta[0] = 1);
    fs::rename(place.map("VIP4_BUCKETS"), place.map("VIP_BUCKETS")).unwrap();
    fs::remove_file(place.map("FLOWS")).unwrap();
    let error = place.open().unwrap_err();
    let advice = format!("run `lb-dataplane detach --pin-root {}`", place.root.display());
    assert!(error.to_string().contains(&advice), "{error}");
    assert_eq!(place.differences(error), [format!("maps/META: ABI version is 1, wanted {ABI_VERSION}")]);
}

#[test]
fn a_record_that_contradicts_the_maps_is_refused() {
    let place = Place::new();
    drop(place.open().unwrap());
    change_meta(&place, |meta| *meta = [ABI_VERSION, 16, 16, 1, 2, 63]);
    assert_eq!(
        place.differences(place.open().unwrap_err()),
        ["maps/META: capacity for buckets of flows is 63, wanted 64"]
    );
    // Another map in its place says nothing.
    fs::remove_file(place.map("META")).unwrap();
    Array::<MapData, u32>::create(1, 0).unwrap().pin(place.map("META")).unwrap();
    assert_eq!(place.differences(place.open().unwrap_err()), ["maps/META: value size is 4, wanted 24"]);
}

#[test]
fn strange_pins_are_refused_and_kept() {
    let place = Place::new();
    drop(place.open().unwrap());
    Array::<MapData, u64>::create(1, 0).unwrap().pin(place.map("OTHER")).unwrap();
    assert_eq!(
        place.differences(place.open().unwrap_err()),
        ["maps/OTHER: map is pinned, wanted none of this name"]
    );
    // Not taken for the rest of an unfinished set-up either.
    fs::remove_file(place.root.join("forwarder")).unwrap();
    place.differences(place.open().unwrap_err());
    assert!(place.map("OTHER").exists());
    fs::remove_file(place.map("OTHER")).unwrap();

    place.open().unwrap().attach("lo", XdpMode::Generic).unwrap();
    fs::remove_file(place.root.join("forwarder")).unwrap();
    let expected = format!(
        "links/lo: link is pinned, wanted none without the program {}/forwarder",
        place.root.display()
    );
    assert_eq!(
        place.differences(place.open().unwrap_err()),
        [expected.replace(&format!("{}/", place.root.display()), "")]
    );
    Array::<MapData, u64>::create(1, 0).unwrap().pin(place.root.join("forwarder")).unwrap();
    assert_eq!(
        place.differences(place.open().unwrap_err()),
        ["forwarder: type is a map, wanted XDP program"]
    );
}

#[test]
fn another_program_is_replaced_in_place_and_its_links_stay() {
    let place = Place::new();
    let program = place.root.join("forwarder");
    let flows = [FlowBucket { entries: [FlowEntry { check: 1, word: FlowWord(2) }; 4] }; 64];
    {
        let dataplane = place.open().unwrap();
        dataplane.attach("lo", XdpMode::Generic).unwrap();
        dataplane.write_flows(0, &flows).unwrap();
        dataplane.store_leg(15, 0, Leg(7)).unwrap();
        dataplane.set_routes_valid_until(9);
        dataplane.test_run(&PACKET, &TestRunOptions::default()).unwrap();
        assert_eq!(counter(&dataplane, Counter::Pass), 1);
    }
    // The decap program stands for an older forwarder: another tag, on the same link.
    let object = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ebpf/obj/decap.o");
    let mut object = aya::Ebpf::load(&fs::read(object).unwrap()).unwrap();
    let old: &mut Xdp = object.program_mut("decap").unwrap().try_into().unwrap();
    old.load().unwrap();
    fs::remove_file(&program).unwrap();
    old.pin(&program).unwrap();
    let link: FdLink = PinnedLink::from_pin(place.root.join("links/lo")).unwrap().into();
    let link_id = link.info().unwrap().id();
    old.attach_to_link(XdpLink::try_from(link).unwrap()).unwrap();
    let old_id = old.info().unwrap().id();
    drop(object);

    let dataplane = place.open().unwrap();
    assert_eq!(dataplane.origin(), Origin::Updated);
    assert_ne!(dataplane.program_id(), old_id);
    assert_eq!(dataplane.flows(0, 64).unwrap(), flows);
    assert_eq!((dataplane.route(15).unwrap().legs[0], dataplane.routes_valid_until()), (Leg(7), 9));
    assert_eq!(counter(&dataplane, Counter::Pass), 1);
    let link: FdLink = PinnedLink::from_pin(place.root.join("links/lo")).unwrap().into();
    let info = link.info().unwrap();
    assert_eq!((info.id(), info.program_id()), (link_id, dataplane.program_id()));
    assert_eq!(ProgramInfo::from_pin(&program).unwrap().id(), dataplane.program_id());
    assert!(dataplane.attachments().unwrap()[0].attached());
    let id = dataplane.program_id();
    drop(dataplane);
    let dataplane = place.open().unwrap();
    assert_eq!((dataplane.origin(), dataplane.program_id()), (Origin::Reused, id));
}

fn file_name(place: &Place) -> String {
    place.root.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn native_mode_never_becomes_generic() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    // The loopback driver knows no XDP.
    assert!(matches!(dataplane.attach("lo", XdpMode::Native), Err(AttachError::NativeUnsupported { .. })));
    assert_eq!(dataplane.attachments().unwrap(), []);
    let generic = dataplane.attach("lo", XdpMode::Generic).unwrap();
    assert_eq!(generic.mode, Some(XdpMode::Generic));
    // The old mode comes back when the new one fails.
    assert!(matches!(dataplane.attach("lo", XdpMode::Native), Err(AttachError::NativeUnsupported { .. })));
    let again = dataplane.attachments().unwrap();
    assert!(again[0].since > generic.since, "there was a break");
    assert_eq!(again, [guideway_bpf::Attachment { since: again[0].since, ..generic }]);
    assert!(matches!(
        dataplane.attach("nowhere", XdpMode::Generic),
        Err(AttachError::UnknownInterface { .. })
    ));
}

#[test]
fn links_follow_their_interfaces() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    run("ip link add up0.7 type veth peer name down0");
    let first = dataplane.attach("up0.7", XdpMode::Native).unwrap();
    assert!(place.root.join("links/up0:7").exists());
    assert_eq!(dataplane.attachments().unwrap(), std::slice::from_ref(&first));
    let link_id =
        || FdLink::from(PinnedLink::from_pin(place.root.join("links/up0:7")).unwrap()).info().unwrap().id();
    let id = link_id();
    assert_eq!(dataplane.attach("up0.7", XdpMode::Native).unwrap(), first);
    assert_eq!(link_id(), id, "an attached link stays untouched");

    run("ip link del up0.7");
    assert!(!dataplane.attachments().unwrap()[0].attached());
    run("ip link add up0.7 type veth peer name down0");
    assert!(!dataplane.attachments().unwrap()[0].attached());
    let second = dataplane.attach("up0.7", XdpMode::Native).unwrap();
    assert!(second.ifindex != first.ifindex && second.attached());
    // The mode may change, too.
    dataplane.attach("up0.7", XdpMode::Generic).unwrap();
    assert_eq!(dataplane.attachments().unwrap()[0].mode, Some(XdpMode::Generic));

    dataplane.attach("lo", XdpMode::Generic).unwrap();
    assert_eq!(dataplane.detach_others(&["lo"]).unwrap(), ["up0.7"]);
    assert_eq!(dataplane.attachments().unwrap().len(), 1);
    drop(dataplane);
    assert!(Dataplane::remove(&place.root).unwrap());
    assert!(!place.root.exists());
    assert!(!Dataplane::remove(&place.root).unwrap());
}

#[test]
fn somebody_elses_program_is_named_and_left_alone() {
    let place = Place::new();
    let other = Place { root: place.root.with_file_name(format!("{}-other", file_name(&place))) };
    other.open().unwrap().attach("lo", XdpMode::Generic).unwrap();
    let error = place.open().unwrap().attach("lo", XdpMode::Generic).unwrap_err();
    assert!(matches!(error, AttachError::Occupied { .. }));
    assert!(error.to_string().contains("generic mode"), "{error}");
    assert!(other.open().unwrap().attachments().unwrap()[0].attached());
}

#[test]
fn a_grace_period_is_waited_for() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    let start = std::time::Instant::now();
    for _ in 0..5 {
        dataplane.grace_period().unwrap();
    }
    // A call that waits for nothing takes a microsecond; the shortest grace periods take some hundred.
    assert!(start.elapsed() > std::time::Duration::from_micros(500), "{:?}", start.elapsed());
}
