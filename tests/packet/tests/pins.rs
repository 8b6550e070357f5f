//! Pin directories, on the real kernel: set up, come back, refuse what does not fit, repair what a crash left.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "pins/place.rs"]
mod place;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use aya::maps::{Array, HashMap, MapData, MapInfo};
use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::XdpLink;
use aya::programs::{ProgramInfo, Xdp};
use guideway_abi::{
    ActiveWord, BackendRecord, Capacities, Counter, GenerationHeader, IPPROTO_UDP, TABLE_NONE,
    TABLE_SIZE_LARGE, TableMeta, VipBucket, VipEntry, VipRecord, entry_kind, next_hop_mode, table_kind,
};
use guideway_bpf::{
    AttachError, Dataplane, Decap, OpenError, Origin, TableKind, TestProgram, TestRunOptions, VipAddress,
    XdpMode, xdp_action,
};
use place::{CAPACITIES, Place, remove_tree, run};

/// A UDP packet without payload from 192.0.2.1:1000 to 203.0.113.10:53.
fn packet() -> Vec<u8> {
    let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    packet.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 203, 0, 113, 10]);
    packet.extend([3, 232, 0, 53, 0, 8, 0, 0]);
    // The IPv4 header's checksum.
    let sum: u32 =
        packet[14..34].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    packet[24..26].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// Writes a generation with one VIP, 203.0.113.10:53 over UDP, into its bank. With one bucket, both hashes name it.
fn write_generation(dataplane: &Dataplane, word: ActiveWord, record: VipRecord) {
    let bank = word.bank();
    let address = std::net::Ipv4Addr::new(203, 0, 113, 10).to_ipv6_mapped().octets();
    let entry =
        VipEntry { address, port_be: 53_u16.to_be(), protocol: IPPROTO_UDP, kind: entry_kind::VIP, vip: 0 };
    let any = VipEntry { port_be: 0, protocol: 0, kind: entry_kind::ADDRESS, ..entry };
    let bucket = VipBucket { entries: [entry, any, VipEntry::default(), VipEntry::default()] };
    let header = GenerationHeader {
        generation: word.generation(),
        bucket_base: bank * CAPACITIES.buckets(),
        vip_base: bank * CAPACITIES.vips,
        next_hop_mode: next_hop_mode::FIXED,
        next_hop_mtu: 1500,
        next_hop_ifindex: 1,
        outer_source_v4_be: u32::from_ne_bytes([172, 16, 0, 0]),
        ..GenerationHeader::default()
    };
    dataplane.write_buckets(header.bucket_base, &[bucket]).unwrap();
    dataplane.write_vips(header.vip_base, &[record]).unwrap();
    dataplane.write_header(bank, &header).unwrap();
}

fn without_backend() -> VipRecord {
    VipRecord { table: TABLE_NONE, ..VipRecord::default() }
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
    assert_eq!(dataplane.test_run(&packet(), &once).unwrap().retval, xdp_action::PASS);

    let word = ActiveWord::new(1, 1);
    write_generation(&dataplane, word, without_backend());
    assert_eq!(dataplane.test_run(&packet(), &once).unwrap().retval, xdp_action::PASS);
    dataplane.activate(word);
    assert_eq!(dataplane.active(), word);
    dataplane.grace_period().unwrap();
    assert_eq!(dataplane.test_run(&packet(), &once).unwrap().retval, xdp_action::DROP);
    assert_eq!((counter(&dataplane, Counter::Pass), counter(&dataplane, Counter::DropNoBackend)), (2, 1));
}

#[test]
fn what_is_written_is_read_back() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    let backend = BackendRecord { address: [7; 16], identity: 8, family: 4, ..BackendRecord::default() };
    dataplane.write_backend(15, &backend).unwrap();
    let backends = dataplane.backends().unwrap();
    assert_eq!((backends.len(), backends[15], backends[14]), (16, backend, BackendRecord::default()));
    dataplane.write_backend(16, &backend).unwrap_err();

    let slots: Vec<u16> = (0..TABLE_SIZE_LARGE).map(|slot| u16::try_from(slot % 60_000).unwrap()).collect();
    dataplane.write_table(TableKind::Large, 0, &slots).unwrap();
    assert_eq!(dataplane.table(TableKind::Large, 0).unwrap(), slots);
    dataplane.write_table(TableKind::Small, 0, &slots).unwrap_err();
    dataplane.write_table(TableKind::Large, 1, &slots).unwrap_err();

    let meta = TableMeta { digest: [1, 2] };
    dataplane.write_table_meta(TableKind::Small, 1, &meta).unwrap();
    assert_eq!(dataplane.table_metas(TableKind::Large).unwrap(), [TableMeta::default()]);
    assert_eq!(dataplane.table_metas(TableKind::Small).unwrap(), [TableMeta::default(), meta]);
    dataplane.write_table_meta(TableKind::Large, 1, &meta).unwrap_err();

    let vips: Vec<VipRecord> = (0..16).map(|table| VipRecord { table, ..VipRecord::default() }).collect();
    dataplane.write_vips(16, &vips).unwrap();
    assert_eq!(dataplane.vips(16, 16).unwrap(), vips);
    assert_eq!(dataplane.vips(20, 2).unwrap(), vips[4..6]);
    assert_eq!(dataplane.vips(0, 16).unwrap(), vec![VipRecord::default(); 16]);
    dataplane.write_vips(17, &vips).unwrap_err();
    dataplane.vips(31, 2).unwrap_err();
    dataplane.header(2).unwrap_err();
}

#[test]
fn a_packet_is_counted_for_its_vip_and_its_backend() {
    let place = Place::new();
    let dataplane = place.open().unwrap();
    let address = std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped().octets();
    dataplane.write_backend(3, &BackendRecord { address, family: 4, ..BackendRecord::default() }).unwrap();
    dataplane.write_table(TableKind::Small, 1, &vec![3; TableKind::Small.slots() as usize]).unwrap();
    let word = ActiveWord::new(1, 0);
    write_generation(
        &dataplane,
        word,
        VipRecord { table: 1, table_kind: table_kind::SMALL, ..VipRecord::default() },
    );
    dataplane.activate(word);
    let out = dataplane.test_run(&packet(), &TestRunOptions::default()).unwrap();
    assert_eq!((out.retval, out.packet.len()), (xdp_action::TX, packet().len() + 20));
    assert_eq!(dataplane.vip_stats().unwrap()[0].packets, 1);
    assert_eq!(dataplane.backend_stats().unwrap()[3].bytes, 28);

    let cramped = TestRunOptions { metadata: TestRunOptions::NO_HEADROOM, ..TestRunOptions::default() };
    let program = TestProgram::open(&place.root.join("forwarder")).unwrap();
    let out = program.run(&packet(), &cramped).unwrap();
    assert_eq!((out.retval, out.packet.len()), (xdp_action::DROP, packet().len()));
    assert_eq!(counter(&dataplane, Counter::DropNoHeadroom), 1);

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
        write_generation(&dataplane, word, without_backend());
        dataplane.activate(word);
        dataplane.test_run(&packet(), &TestRunOptions::default()).unwrap();
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
        "maps/VIP_BUCKETS",
        "maps/VIPS",
        "maps/TABLES_LARGE",
        "maps/TABLES_SMALL",
        "maps/TABLE_META",
        "maps/BACKENDS",
        "maps/VIP_STATS",
        "maps/BACKEND_STATS",
        "maps/COUNTERS",
        "maps/META",
    ];
    // Not all, for the time: none, each directory, the first map, one in the middle, all but META, all.
    for kept in [0, 1, 2, 3, 8, 13, 14] {
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
    // What is put in the place of VIPS (an array of 32 elements of 8 bytes), and what is said of it.
    let replaced: [(&dyn Fn(), &[&str]); 8] = [
        (
            &|| HashMap::<MapData, u32, u64>::create(32, 0).unwrap().pin(place.map("VIPS")).unwrap(),
            &["maps/VIPS: map type is 1, wanted 2"],
        ),
        (
            &|| HashMap::<MapData, u64, u64>::create(32, 0).unwrap().pin(place.map("VIPS")).unwrap(),
            &["maps/VIPS: map type is 1, wanted 2", "maps/VIPS: key size is 8, wanted 4"],
        ),
        (
            &|| Array::<MapData, u32>::create(32, 0).unwrap().pin(place.map("VIPS")).unwrap(),
            &["maps/VIPS: value size is 4, wanted 8"],
        ),
        (
            &|| Array::<MapData, u64>::create(31, 0).unwrap().pin(place.map("VIPS")).unwrap(),
            &["maps/VIPS: max entries is 31, wanted 32"],
        ),
        (
            &|| Array::<MapData, u64>::create(32, 1 << 10).unwrap().pin(place.map("VIPS")).unwrap(),
            &["maps/VIPS: flags is 1024, wanted 0"],
        ),
        (&|| {}, &["maps/VIPS: type is missing, wanted map"]),
        (&|| fs::create_dir(place.map("VIPS")).unwrap(), &["maps/VIPS: type is no BPF object, wanted map"]),
        (
            &|| symlink("/etc/passwd", place.map("VIPS")).unwrap(),
            &["maps/VIPS: type is no BPF object, wanted map"],
        ),
    ];
    for (replace, expected) in replaced {
        drop(place.open().unwrap());
        fs::remove_file(place.map("VIPS")).unwrap();
        replace();
        assert_eq!(place.differences(place.open().unwrap_err()), expected);
        remove_tree(&place.root);
    }
}

#[test]
fn a_map_that_the_program_does_not_work_on_is_noticed() {
    let place = Place::new();
    drop(place.open().unwrap());
    let old = MapInfo::from_pin(place.map("VIPS")).unwrap().id();
    fs::remove_file(place.map("VIPS")).unwrap();
    Array::<MapData, u64>::create(32, 0).unwrap().pin(place.map("VIPS")).unwrap();
    let new = MapInfo::from_pin(place.map("VIPS")).unwrap().id();
    assert_eq!(
        place.differences(place.open().unwrap_err()),
        [format!("maps/VIPS: id is {new}, wanted {old}, which the pinned program works on")]
    );
}

#[test]
fn all_differences_are_listed_at_once_with_the_way_out() {
    let place = Place::new();
    drop(place.open().unwrap());
    let other = Capacities { vips: 64, backends: 17, tables_large: 2, tables_small: 3 };
    let error = Dataplane::open(&place.root, other).unwrap_err();
    assert!(error.to_string().contains(&format!("run `rm -r {}`", place.root.display())), "{error}");
    assert!(error.to_string().contains("traffic stops"), "{error}");
    assert_eq!(
        place.differences(error),
        [
            "maps/BACKENDS: max entries is 16, wanted 17",
            "maps/BACKEND_STATS: max entries is 16, wanted 17",
            "maps/TABLES_LARGE: max entries is 1, wanted 2",
            "maps/TABLES_SMALL: max entries is 2, wanted 3",
            "maps/TABLE_META: max entries is 3, wanted 5",
            "maps/VIPS: max entries is 32, wanted 128",
            "maps/VIP_BUCKETS: max entries is 32, wanted 128",
            "maps/VIP_STATS: max entries is 16, wanted 64",
        ]
    );
    // Refusing changes nothing.
    place.open().unwrap();
}

#[test]
fn another_abi_version_is_refused() {
    let place = Place::new();
    drop(place.open().unwrap());
    let map = aya::maps::Map::from_map_data(MapData::from_pin(place.map("META")).unwrap()).unwrap();
    let mut meta = Array::<MapData, [u32; 6]>::try_from(map).unwrap();
    let mut record = meta.get(&0, 0).unwrap();
    record[0] += 1;
    meta.set(0, record, 0).unwrap();
    let found = format!("maps/META: ABI version is {}, wanted {}", record[0], record[0] - 1);
    assert_eq!(place.differences(place.open().unwrap_err()), [found]);
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
    place.open().unwrap().attach("lo", XdpMode::Generic).unwrap();
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
    assert_eq!(dataplane.attachments().unwrap(), [generic]);
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

#[test]
fn a_decap_program_keeps_its_list_and_what_it_was_told() {
    let place = Place::new();
    let v4: std::net::IpAddr = "203.0.113.10".parse().unwrap();
    let v6: std::net::IpAddr = "2001:db8::1".parse().unwrap();
    assert_eq!(Decap::status(&place.root).unwrap(), None);
    let decap = Decap::open(&place.root).unwrap();
    decap.attach("lo", XdpMode::Generic).unwrap();
    decap.allow(v4, VipAddress::Added).unwrap();
    decap.remember_setting("net/ipv4/conf/lo/rp_filter", "1").unwrap();
    decap.remember_setting("net/ipv4/conf/lo/rp_filter", "2").unwrap();
    drop(decap);

    let decap = Decap::open(&place.root).unwrap();
    assert_eq!(decap.origin(), Origin::Reused);
    assert_eq!(
        decap.settings().unwrap().into_iter().collect::<Vec<_>>(),
        [("net/ipv4/conf/lo/rp_filter".to_owned(), "1".to_owned())]
    );
    decap.allow_exactly(&[v4, v6].into()).unwrap();
    assert_eq!(decap.vips().unwrap(), [(v4, VipAddress::Added), (v6, VipAddress::Foreign)].into());
    decap.allow_exactly(&[v6].into()).unwrap();
    decap.forget_setting("net/ipv4/conf/lo/rp_filter").unwrap();
    assert!(decap.settings().unwrap().is_empty());
    let status = Decap::status(&place.root).unwrap().unwrap();
    assert_eq!(status.vips, [(v6, VipAddress::Foreign)].into());
    assert!(status.attachments[0].attached());
    assert!(matches!(Decap::remove(&place.root), Err(OpenError::InUse(_))));
    // Who undoes a set-up holds the pins from before the first step to after the last.
    assert!(matches!(Decap::hold(&place.root), Err(OpenError::InUse(_))));
    drop(decap);
    let held = Decap::hold(&place.root).unwrap().unwrap();
    assert!(matches!(Decap::open(&place.root), Err(OpenError::InUse(_))));
    held.remove().unwrap();
    assert!(!place.root.exists());
    assert!(Decap::hold(&place.root).unwrap().is_none());
    assert!(!Decap::remove(&place.root).unwrap());
}
