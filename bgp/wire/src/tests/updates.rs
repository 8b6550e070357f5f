//! UPDATEs checked both ways; those marked BIRD and FRR were captured from BIRD 2.0.12 and FRR 8.4.4.

use std::net::Ipv6Addr;

use super::{both_ways, decode_update, hex, update, whole};
use crate::{
    Aggregator, AsPath, AsSegment, Attributes, Community, Context, EncodeError, ExtendedCommunity, Families,
    Family, LargeCommunity, Message, NextHop, Nlri, Origin, RawAttribute, Reach, SegmentKind, Transitivity,
    Unreach, Update,
};

const BIRD_AS: u32 = 4_200_000_001;
const BIRD: NextHop = NextHop::V4(std::net::Ipv4Addr::new(10, 9, 1, 1));
const V6: NextHop = NextHop::V6 { global: Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 1), link_local: None };
const V6_LINK: NextHop = NextHop::V6 {
    global: Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 1),
    link_local: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
};

fn nlri(prefixes: &[&str]) -> Vec<Nlri> {
    prefixes.iter().map(|prefix| Nlri::new(prefix.parse().unwrap())).collect()
}

fn from_bird() -> Attributes {
    Attributes {
        origin: Some(Origin::Igp),
        as_path: Some(AsPath::originated_by(BIRD_AS)),
        ..Attributes::default()
    }
}

fn reach(family: Family, next_hop: NextHop, attributes: Attributes, prefixes: &[&str]) -> Message {
    Message::Update(Update::reach(family, next_hop, attributes, nlri(prefixes)))
}

#[test]
fn bytes_and_values_both_ways() {
    let communities = Attributes {
        communities: vec![Community::new(65001, 100)],
        large_communities: vec![LargeCommunity { global: 65001, local1: 1, local2: 2 }],
        ..from_bird()
    };
    let rows = vec![
        (
            "BIRD update",
            "0200000014400101004002060201fa56ea014003040a09010119c6336400",
            reach(Family::Ipv4, BIRD, from_bird(), &["198.51.100.0/25"]),
        ),
        (
            "BIRD update with communities and large communities",
            "020000002a400101004002060201fa56ea014003040a090101c00804fde90064c0200c0000fde9000000010000000220cb00710a",
            reach(Family::Ipv4, BIRD, communities, &["203.0.113.10/32"]),
        ),
        (
            "IPv6 update",
            "02 0000 0036 800e26 0002 01 10 fd090000000000000000000000000001 00 80 20010db8000000000000000000000010
             40010100 4002060201fa56ea01",
            reach(Family::Ipv6, V6, from_bird(), &["2001:db8::10/128"]),
        ),
        (
            "IPv6 update with a link-local next hop",
            "02 0000 0039 800e29 0002 01 20 fd090000000000000000000000000001 fe800000000000000000000000000001 00 18 200101
             40010100 4002060201fa56ea01",
            reach(Family::Ipv6, V6_LINK, from_bird(), &["2001:100::/24"]),
        ),
        ("BIRD IPv4 End-of-RIB", "0200000000", Message::Update(Update::end_of_rib(Family::Ipv4))),
        ("BIRD IPv6 End-of-RIB", "0200000006800f03000201", Message::Update(Update::end_of_rib(Family::Ipv6))),
        (
            "BIRD withdraw",
            "02000a19c633640020cb00710a0000",
            Message::Update(Update::unreach(Family::Ipv4, nlri(&["198.51.100.0/25", "203.0.113.10/32"]))),
        ),
        ("default route", "02 0001 00 0000", Message::Update(Update::unreach(Family::Ipv4, nlri(&["0.0.0.0/0"])))),
        (
            "IPv6 withdraw",
            "02 0000 000d 800f0a 0002 01 30 20010db80002",
            Message::Update(Update::unreach(Family::Ipv6, nlri(&["2001:db8:2::/48"]))),
        ),
        ("every attribute", EVERY_ATTRIBUTE, reach(Family::Ipv4, BIRD, every_attribute(), &["10.0.0.0/8"])),
        (
            "all four places",
            "02 0002 080a 0036 800e1e 0002 01 10 fd090000000000000000000000000001 00 40 20010db800000000
             800f04 0002 01 00 40010100 400200 4003040a090101 080b",
            Message::Update(Update {
                reach: vec![
                    Reach { family: Family::Ipv4, next_hop: BIRD, nlri: nlri(&["11.0.0.0/8"]) },
                    Reach { family: Family::Ipv6, next_hop: V6, nlri: nlri(&["2001:db8::/64"]) },
                ],
                unreach: vec![
                    Unreach { family: Family::Ipv4, nlri: nlri(&["10.0.0.0/8"]) },
                    Unreach { family: Family::Ipv6, nlri: nlri(&["::/0"]) },
                ],
                attributes: Attributes { as_path: Some(AsPath::default()), ..from_bird() },
                ..Update::default()
            }),
        ),
    ];
    both_ways(rows, &Context::default());
}

const EVERY_ATTRIBUTE: &str =
    "02 0000 0094 40010102 40020c 0201 0000fdea 0101 0000fdeb 4003040a090101 800404 00000007
     400504 00000064 400600 c00708 0000fdea 0a000001 c00804 ffff0000 800904 0a000002 800a08 0a000003 0a000004
     c01010 00020001 00000002 4004fde9 4e9502f9 c0200c 00000001 00000002 00000003 c02304 0000fde9
     c01914 0002 20010db8000000000000000000000001 0001 e06302 0102 08 0a";

fn every_attribute() -> Attributes {
    let segment = |kind, asn| AsSegment { kind, asns: vec![asn] };
    let raw = |flags, kind, value| RawAttribute { flags, kind, value: hex(value) };
    Attributes {
        origin: Some(Origin::Incomplete),
        as_path: Some(AsPath {
            segments: vec![segment(SegmentKind::Sequence, 65002), segment(SegmentKind::Set, 65003)],
        }),
        med: Some(7),
        local_pref: Some(100),
        atomic_aggregate: true,
        aggregator: Some(Aggregator { asn: 65002, address: [10, 0, 0, 1].into() }),
        communities: vec![Community::GRACEFUL_SHUTDOWN],
        extended_communities: vec![
            "rt:1:2".parse().unwrap(),
            ExtendedCommunity::link_bandwidth(65001, 1.25e9, Transitivity::NonTransitive),
        ],
        large_communities: vec!["1:2:3".parse().unwrap()],
        originator_id: Some([10, 0, 0, 2].into()),
        cluster_list: vec![[10, 0, 0, 3].into(), [10, 0, 0, 4].into()],
        only_to_customer: Some(65001),
        other: vec![raw(0xc0, 25, "0002 20010db8000000000000000000000001 0001"), raw(0xe0, 99, "0102")],
    }
}

#[test]
fn path_identifiers_by_family_and_direction() {
    let with_id = |prefix: &str, path_id| vec![Nlri { path_id, ..Nlri::new(prefix.parse().unwrap()) }];
    let v4 = Update::reach(Family::Ipv4, BIRD, from_bird(), with_id("198.51.100.0/25", 7));
    let v6 = Update::unreach(Family::Ipv6, with_id("2001:db8:2::/48", 0xffff_ffff));
    let context = Context { add_path_send: Families::ALL, ..Context::default() };
    let rows = vec![
        (
            "IPv4",
            "0200000014400101004002060201fa56ea014003040a090101 00000007 19c6336400",
            Message::Update(v4.clone()),
        ),
        ("IPv6", "02 0000 0011 800f0e 0002 01 ffffffff 30 20010db80002", Message::Update(v6)),
        (
            "withdrawn routes",
            "02 0005 00000001 00 0000",
            Message::Update(Update::unreach(Family::Ipv4, with_id("0.0.0.0/0", 1))),
        ),
    ];
    both_ways(rows, &context);
    // What is agreed on for one family or direction says nothing about the other.
    let other = Context {
        add_path_send: Families::NONE.with(Family::Ipv6),
        add_path_receive: Families::ALL,
        ..Context::default()
    };
    let bytes = Message::Update(v4).encode(&other).unwrap();
    assert_eq!(bytes.len(), 19 + 4 + 20 + 5);
}

#[test]
fn ipv4_over_ipv6() {
    let context = Context { extended_next_hop: true, ..Context::default() };
    let rows = vec![
        (
            "global next hop",
            "02 0000 002a 800e1a 0001 01 10 fd090000000000000000000000000001 00 20 cb00710a 40010100 4002060201fa56ea01",
            reach(Family::Ipv4, V6, from_bird(), &["203.0.113.10/32"]),
        ),
        (
            "global and link-local next hop",
            "02 0000 003a 800e2a 0001 01 20 fd090000000000000000000000000001 fe800000000000000000000000000001 00
             20 cb00710a 40010100 4002060201fa56ea01",
            reach(Family::Ipv4, V6_LINK, from_bird(), &["203.0.113.10/32"]),
        ),
    ];
    for (_, bytes, message) in &rows {
        // RFC 7606 section 7.11: in a session without it, the next hop is not of the expected length.
        assert!(decode_update(&whole(bytes), &Context::default()).is_err());
        let refused = EncodeError::NextHop {
            family: Family::Ipv4,
            next_hop: match message {
                Message::Update(update) => update.reach[0].next_hop,
                _ => panic!("not an UPDATE"),
            },
        };
        assert_eq!(message.encode(&Context::default()), Err(refused));
    }
    both_ways(rows, &context);
}

#[test]
fn next_hops_that_peers_are_seen_to_send() {
    let decoded = |next_hop: &str| {
        let length = hex(next_hop).len();
        let value = format!("0002 01 {length:02x} {next_hop} 00 00");
        let attributes = format!("800e{:02x} {value} 40010100 400200", hex(&value).len());
        let update = decode_update(&update(&attributes, ""), &Context::default()).unwrap();
        assert!(update.faults.is_empty());
        update.reach[0].next_hop
    };
    let local: Ipv6Addr = "fe80::1".parse().unwrap();
    let local_text = "fe800000000000000000000000000001";
    // Only a link-local address, once or twice, or behind the unspecified one.
    assert_eq!(decoded(local_text), NextHop::from(local));
    let twice = NextHop::V6 { global: local, link_local: Some(local) };
    assert_eq!(decoded(&local_text.repeat(2)), twice);
    let behind = NextHop::V6 { global: Ipv6Addr::UNSPECIFIED, link_local: Some(local) };
    assert_eq!(decoded(&format!("{}{local_text}", "00".repeat(16))), behind);
    // Something else where a link-local address should be.
    assert_eq!(decoded(&format!("fd090000000000000000000000000001{}", "00".repeat(16))), V6);
}

/// FRR writes some attributes with an extended length that they do not need, so its bytes do not come back the same;
/// the values do.
#[test]
fn captured_from_frr() {
    let rows = [
        "020000001c400101005002000602010000fdea4003040a0901028004040000000018c0000219c0000280",
        "0200000043900e002d00020110fd090000000000000000000000000002008020010db80000000000000000000000103020010db80001
         400101005002000a02020000fdeafa56ea01",
        "020000002f400101005002000a02020000fdeafa56ea014003040a090102c00804fde90064c0200c0000fde9000000010000000220cb00
         710a",
        "0200000035900e001c00020110fd090000000000000000000000000002003020010db80002400101005002000602010000fdea
         80040400000000",
        "0200000026900f00220002013020010db800023020010db800018020010db8000000000000000000000010",
    ];
    let context = Context { external: true, ..Context::default() };
    let mut prefixes = Vec::new();
    for row in rows {
        let update = decode_update(&whole(row), &context).unwrap();
        let bytes = Message::Update(update.clone()).encode(&context).unwrap();
        assert_eq!(decode_update(&bytes, &context).as_ref(), Ok(&update), "{row}");
        assert!(update.faults.is_empty() && update.ignored.is_empty());
        prefixes.extend(update.reach.iter().flat_map(|reach| &reach.nlri).map(ToString::to_string));
        prefixes
            .extend(update.unreach.iter().flat_map(|unreach| &unreach.nlri).map(|nlri| format!("-{nlri}")));
    }
    let expected = [
        "192.0.2.0/24",
        "192.0.2.128/25",
        "2001:db8::10/128",
        "2001:db8:1::/48",
        "203.0.113.10/32",
        "2001:db8:2::/48",
        "-2001:db8:2::/48",
        "-2001:db8:1::/48",
        "-2001:db8::10/128",
    ];
    assert_eq!(prefixes, expected);
}

#[test]
fn families_that_nobody_agreed_on_are_ignored() {
    let only_v6 = Context { families: Families::NONE.with(Family::Ipv6), ..Context::default() };
    let vpn = "800e0b 0001 80 04 0a000001 00 20 0a 40010100 400200";
    let rows = [
        ("a family that is not known", update(vpn, ""), vec![(1, 128)]),
        ("its End-of-RIB", update("800f03 0001 80", ""), vec![(1, 128)]),
        (
            "NLRI and withdrawn routes",
            whole("02 0002 080a 000e 40010100 400200 4003040a090101 080b"),
            vec![(1, 1), (1, 1)],
        ),
        ("IPv4 End-of-RIB", whole("02 0000 0000"), vec![(1, 1)]),
    ];
    for (name, bytes, ignored) in rows {
        let update = decode_update(&bytes, &only_v6).unwrap();
        assert_eq!(update.ignored, ignored, "{name}");
        assert!(
            update.reach.is_empty() && update.unreach.is_empty() && update.end_of_rib.is_none(),
            "{name}"
        );
    }
}

#[test]
fn what_ends_a_rib_and_what_does_not() {
    let context = Context::default();
    // The multiprotocol form is good for IPv4 too.
    assert_eq!(
        decode_update(&update("800f03 0001 01", ""), &context).unwrap().end_of_rib,
        Some(Family::Ipv4)
    );
    let no_markers = [
        update("40010100 400200", ""),
        update("800f03 0002 01 40010100", ""),
        whole("02 0001 00 0006 800f03 0002 01"),
        update("800f03 0002 01 40010100 400200 4003040a090101", "00"),
    ];
    for bytes in no_markers {
        assert_eq!(decode_update(&bytes, &context).unwrap().end_of_rib, None);
    }
}

#[test]
fn bits_behind_the_prefix_length_are_cleared() {
    let update = decode_update(&whole("02 0003 09 0aff 0000"), &Context::default()).unwrap();
    assert_eq!(update.unreach[0].nlri, nlri(&["10.128.0.0/9"]));
    // And not written.
    let bytes = Message::Update(Update::unreach(Family::Ipv4, nlri(&["10.129.2.3/9"])));
    assert_eq!(bytes.encode(&Context::default()), Ok(whole("02 0003 09 0a80 0000")));
}

#[test]
fn a_next_hop_without_nlri_is_ignored() {
    // RFC 4760 section 3; some speakers send 0.0.0.0 with IPv6 prefixes.
    let attributes =
        "800e16 0002 01 10 fd090000000000000000000000000001 00 00 40010100 400200 40030400000000";
    let decoded = decode_update(&update(attributes, ""), &Context::default()).unwrap();
    assert!(decoded.faults.is_empty());
    assert_eq!(decoded.reach[0].next_hop, V6);
}

#[test]
fn unknown_attributes_are_kept_or_ignored() {
    // The deprecated types of RFC 8093 are as unknown as any other.
    let attributes = "806301aa c06401bb e01e0101 c0f100 d0f3000101 40010100 400200 4003040a090101";
    let mut decoded = decode_update(&update(attributes, "080a"), &Context::default()).unwrap();
    let kinds = |update: &Update| -> Vec<(u8, u8)> {
        update.attributes.other.iter().map(|attribute| (attribute.flags, attribute.kind)).collect()
    };
    assert_eq!(kinds(&decoded), [(0xc0, 100), (0xe0, 30), (0xc0, 241), (0xc0, 243)]);
    // RFC 4271 section 5: whoever passes on what it does not know says so.
    decoded.attributes.mark_partial();
    assert_eq!(kinds(&decoded), [(0xe0, 100), (0xe0, 30), (0xe0, 241), (0xe0, 243)]);
}

#[test]
fn what_no_update_can_say_is_refused() {
    let context = Context::default();
    let encode = |update: Update| Message::Update(update).encode(&context).unwrap_err();
    let set = |family, prefix: &str| Unreach { family, nlri: nlri(&[prefix]) };
    let v4 = || set(Family::Ipv4, "10.0.0.0/8");
    let update = |unreach| Update { unreach, ..Update::default() };
    assert_eq!(encode(Update::default()), EncodeError::Nothing);
    assert_eq!(encode(update(vec![Unreach { family: Family::Ipv4, nlri: vec![] }])), EncodeError::Nothing);
    assert_eq!(encode(update(vec![v4(), v4(), v4()])), EncodeError::TooManySets);
    // Two sets of IPv4 do have room.
    assert!(Message::Update(update(vec![v4(), v4()])).encode(&context).is_ok());
    let wrong = EncodeError::WrongFamily { family: Family::Ipv4, nlri: nlri(&["::/0"])[0] };
    assert_eq!(encode(update(vec![set(Family::Ipv4, "::/0")])), wrong);
    let marker = Update { end_of_rib: Some(Family::Ipv6), ..update(vec![v4()]) };
    assert_eq!(encode(marker), EncodeError::EndOfRibWithRoutes);
    for length in [4096, 70_000] {
        let huge = RawAttribute { flags: 0xc0, kind: 99, value: vec![0; length] };
        let attributes = Attributes { other: vec![huge], ..Attributes::default() };
        let refused = encode(Update { attributes, ..Update::default() });
        assert!(matches!(refused, EncodeError::TooLong(_)), "{refused:?}");
    }
}

#[test]
fn paths_in_words() {
    let segment = |kind, asns: &[u32]| AsSegment { kind, asns: asns.to_vec() };
    let path = AsPath {
        segments: vec![
            segment(SegmentKind::ConfedSequence, &[1, 2]),
            segment(SegmentKind::Sequence, &[3, 4]),
            segment(SegmentKind::Set, &[5, 6]),
            segment(SegmentKind::ConfedSet, &[7]),
        ],
    };
    assert_eq!(path.to_string(), "(1 2) 3 4 {5,6} [7]");
    assert_eq!(path.hops(), 3);
    assert_eq!(AsPath::default().to_string(), "");
    assert_eq!(V6_LINK.to_string(), "fd09::1 (fe80::1)");
    assert_eq!(Nlri { path_id: 7, ..nlri(&["10.0.0.0/8"])[0] }.to_string(), "10.0.0.0/8 path 7");
}
