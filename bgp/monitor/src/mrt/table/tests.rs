//! Read back by another implementation.

use bgpkit_parser::models::{
    Asn, EntryType, MrtMessage, PeerIndexTable, RibAfiEntries, TableDumpV2Message, TableDumpV2Type as T,
};
use bgpkit_parser::parser::parse_mrt_record;
use guideway_bgp_wire::{
    AsPath, AsSegment, Attributes, Community, NextHop, Origin, RawAttribute, SegmentKind,
};
use proptest::prelude::*;

use super::*;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_700_000_000_250)
}

fn since(seconds: u32) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.into())
}

const COLLECTOR: Ipv4Addr = Ipv4Addr::new(10, 255, 1, 1);

fn owner(address: &str, asn: u32) -> Owner {
    Owner { router_id: Ipv4Addr::from(asn), address: address.parse().unwrap(), asn }
}

fn route(next_hop: &str, asns: &[u32]) -> Arc<Route> {
    let segment = |asns: &[u32]| AsSegment { kind: SegmentKind::Sequence, asns: asns.to_vec() };
    let as_path = AsPath { segments: asns.chunks(255).map(segment).collect() };
    let attributes = Attributes {
        origin: Some(Origin::Egp),
        as_path: Some(as_path),
        communities: vec![Community(0xffff_0000)],
        ..Attributes::default()
    };
    let next_hop = match next_hop.parse().unwrap() {
        IpAddr::V4(address) => NextHop::V4(address),
        IpAddr::V6(address) => NextHop::from(address),
    };
    Arc::new(Route { next_hop, attributes })
}

fn path(prefix: &str, path_id: Option<u32>, route: &Arc<Route>) -> Path {
    Path { prefix: prefix.parse().unwrap(), path_id, since: since(1_600_000_000), route: route.clone() }
}

/// The owners, and the records behind them.
fn read(dump: Dump) -> (PeerIndexTable, Vec<RibAfiEntries>) {
    let (mut index, mut ribs) = (None, Vec::new());
    for record in dump.into_records(COLLECTOR, now()) {
        let length = u32::from_be_bytes(record[8..12].try_into().unwrap()) as usize;
        assert_eq!(record.len(), 12 + length);
        let mut rest = record.as_slice();
        let record = parse_mrt_record(&mut rest).unwrap();
        assert!(rest.is_empty(), "octets are left");
        assert_eq!(record.common_header.timestamp, 1_700_000_000);
        assert_eq!(record.common_header.entry_type, EntryType::TABLE_DUMP_V2);
        match record.message {
            MrtMessage::TableDumpV2Message(TableDumpV2Message::PeerIndexTable(table)) => {
                assert!(index.is_none() && ribs.is_empty(), "it is the first one");
                index = Some(table);
            }
            MrtMessage::TableDumpV2Message(TableDumpV2Message::RibAfi(rib)) => {
                assert_eq!(rib.sequence_number as usize, ribs.len());
                ribs.push(rib);
            }
            other => panic!("{other:?}"),
        }
    }
    (index.unwrap(), ribs)
}

#[test]
fn a_record_for_each_prefix_with_the_entries_of_all_owners() {
    let mut dump = Dump::default();
    let v4 = route("192.0.2.1", &[65001, 4_200_000_001]);
    let v6 = route("2001:db8::1", &[65002]);
    dump.add(owner("10.255.1.1", 65001), [path("203.0.113.1/32", None, &v4)]).unwrap();
    let of_v6 = [
        path("2001:db8:1::/48", None, &v6),
        path("203.0.113.1/32", None, &v6),
        path("0.0.0.0/0", None, &v4),
        path("2001:db8:1::/48", Some(7), &v6),
    ];
    dump.add(owner("2001:db8::9", 4_200_000_001), of_v6).unwrap();
    let with_ids = [path("203.0.113.1/32", Some(9), &v4), path("203.0.113.1/32", Some(3), &v4)];
    dump.add(owner("::ffff:10.1.1.1", 65003), with_ids).unwrap();
    let (index, ribs) = read(dump);

    assert_eq!((index.collector_bgp_id, index.view_name.as_str()), (COLLECTOR, ""));
    let owners = [("10.255.1.1", 65001), ("2001:db8::9", 4_200_000_001), ("10.1.1.1", 65003)];
    assert_eq!(index.id_peer_map.len(), owners.len());
    for (number, (address, asn)) in (0..).zip(owners) {
        let peer = &index.id_peer_map[&number];
        assert_eq!((peer.peer_ip, peer.peer_asn), (address.parse().unwrap(), Asn::new_32bit(asn)));
        assert_eq!(peer.peer_bgp_id, Ipv4Addr::from(asn));
    }

    let seen: Vec<_> = ribs
        .iter()
        .map(|rib| {
            let entries: Vec<_> =
                rib.rib_entries.iter().map(|entry| (entry.peer_index, entry.path_id)).collect();
            (rib.prefix.prefix.to_string(), rib.rib_type, entries)
        })
        .collect();
    let expected = [
        ("0.0.0.0/0", T::RibIpv4Unicast, vec![(1, None)]),
        ("203.0.113.1/32", T::RibIpv4Unicast, vec![(0, None), (1, None)]),
        ("203.0.113.1/32", T::RibIpv4UnicastAddPath, vec![(2, Some(3)), (2, Some(9))]),
        ("2001:db8:1::/48", T::RibIpv6Unicast, vec![(1, None)]),
        ("2001:db8:1::/48", T::RibIpv6UnicastAddPath, vec![(1, Some(7))]),
    ];
    assert_eq!(seen, expected.map(|(prefix, kind, entries)| (prefix.to_owned(), kind, entries)));

    let entry = &ribs[1].rib_entries[0];
    assert_eq!(entry.originated_time, 1_600_000_000);
    assert_eq!(entry.attributes.next_hop(), Some("192.0.2.1".parse().unwrap()));
    let as_path = entry.attributes.as_path().unwrap();
    assert_eq!(as_path.to_u32_vec_opt(false), Some(vec![65001, 4_200_000_001]));
    assert_eq!(entry.attributes.origin(), bgpkit_parser::models::Origin::EGP);
    assert_eq!(entry.attributes.iter_communities().count(), 1);
    // IPv4 over an IPv6 next hop (RFC 8950), and IPv6.
    for entry in [&ribs[1].rib_entries[1], &ribs[3].rib_entries[0]] {
        let reach = entry.attributes.get_reachable_nlri().unwrap();
        assert_eq!(reach.next_hop.unwrap().addr(), "2001:db8::1".parse::<IpAddr>().unwrap());
        assert!(
            reach.prefixes.iter().all(
                |prefix| prefix.prefix == ribs[1].prefix.prefix || prefix.prefix == ribs[3].prefix.prefix
            )
        );
    }
}

#[test]
fn nothing_known_is_a_table_too() {
    let (index, ribs) = read(Dump::default());
    assert_eq!((index.id_peer_map.len(), ribs.len()), (0, 0));
}

#[test]
fn what_has_no_room_in_a_record_goes_to_the_next_one_and_what_has_none_in_an_entry_nowhere() {
    let raw = |octets| {
        let other = RawAttribute { flags: 0xc0, kind: 200, value: vec![0; octets] };
        let attributes = Attributes { other: vec![other], ..Attributes::default() };
        Arc::new(Route { next_hop: NextHop::V4([192, 0, 2, 1].into()), attributes })
    };
    // NEXT_HOP takes 7 octets, the head of the other attribute 4.
    let (most, too_much) = (raw(65_535 - 11), raw(65_535 - 10));
    let mut dump = Dump::default();
    let many = (0..10).map(|id| path("203.0.113.0/24", Some(id), &most));
    dump.add(owner("10.1.1.1", 65001), many.chain([path("203.0.112.0/24", None, &too_much)])).unwrap();
    dump.add(
        owner("10.1.1.2", 65002),
        [path("203.0.114.0/24", None, &too_much), path("203.0.114.0/24", None, &most)],
    )
    .unwrap();
    let (_, ribs) = read(dump);
    let entries: Vec<_> = ribs.iter().map(|rib| rib.rib_entries.len()).collect();
    assert_eq!(entries, [4, 4, 2, 1]);
}

#[test]
fn owners_have_numbers_of_two_octets() {
    let mut dump = Dump::default();
    let route = route("192.0.2.1", &[65001]);
    let number = |number: u32| owner("10.1.1.1", number);
    (0..65_535).for_each(|n| dump.add(number(n), [path("203.0.113.1/32", None, &route)]).unwrap());
    assert_eq!(dump.add(number(1), []), Err(TooManyOwners));
    let (index, ribs) = read(dump);
    assert_eq!(index.id_peer_map.len(), 65_535);
    let indexes = ribs.iter().flat_map(|rib| &rib.rib_entries).map(|entry| entry.peer_index);
    assert!(indexes.eq(0..65_535), "each once, in order, in as many records as that takes");
}

fn any_prefix() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<u32>(), 0..=32u8)
        .prop_map(|(bits, length)| ipnet::Ipv4Net::new(bits.into(), length).unwrap().trunc().into());
    let v6 = (any::<u128>(), 0..=128u8)
        .prop_map(|(bits, length)| ipnet::Ipv6Net::new(bits.into(), length).unwrap().trunc().into());
    prop_oneof![v4, v6]
}

type Sketch = (IpNet, Option<u32>, u32, bool, Vec<u32>, Option<u32>);

fn any_path() -> impl Strategy<Value = Sketch> {
    let asns = prop::collection::vec(1..=u32::MAX, 0..300);
    (any_prefix(), any::<Option<u32>>(), any::<u32>(), any::<bool>(), asns, any::<Option<u32>>())
}

proptest! {
    #[test]
    fn any_routes_can_be_read_and_none_is_lost(
        owners in prop::collection::vec((any::<IpAddr>(), any::<u32>(), prop::collection::vec(any_path(), 0..12)), 0..6),
    ) {
        let mut dump = Dump::default();
        let mut expected = Vec::new();
        for (number, (address, asn, paths)) in (0u16..).zip(&owners) {
            let paths = paths.iter().map(|(prefix, path_id, time, is_v6, asns, med)| {
                let next_hop = if *is_v6 || matches!(prefix, IpNet::V6(_)) { "2001:db8::1" } else { "192.0.2.1" };
                let mut route = Route::clone(&route(next_hop, asns));
                route.attributes.med = *med;
                expected.push((*prefix, path_id.is_some(), number, *path_id, *time, asns.clone()));
                Path { prefix: *prefix, path_id: *path_id, since: since(*time), route: Arc::new(route) }
            });
            let owner = Owner { router_id: Ipv4Addr::from(*asn), address: *address, asn: *asn };
            dump.add(owner, paths.collect::<Vec<_>>()).unwrap();
        }
        let (index, ribs) = read(dump);
        prop_assert_eq!(index.id_peer_map.len(), owners.len());
        for (number, (address, asn, _)) in (0u16..).zip(&owners) {
            let peer = &index.id_peer_map[&number];
            prop_assert_eq!((peer.peer_ip, peer.peer_asn), (address.to_canonical(), Asn::new_32bit(*asn)));
        }
        let mut seen = Vec::new();
        for rib in &ribs {
            for entry in &rib.rib_entries {
                let asns = entry.attributes.as_path().and_then(|path| path.to_u32_vec_opt(false));
                seen.push((
                    rib.prefix.prefix, entry.path_id.is_some(), entry.peer_index, entry.path_id,
                    entry.originated_time, asns.unwrap_or_default(),
                ));
            }
        }
        expected.sort();
        seen.sort();
        prop_assert_eq!(seen, expected);
    }
}
