//! Messages checked both ways; those marked BIRD and FRR were captured from BIRD 2.0.12 and FRR 8.4.4.

use std::net::Ipv4Addr;

use super::{decode, hex, whole};
use crate::{
    AsPath, AsSegment, AsWidth, Attributes, Capability, Context, EncodeError, Families, Family, Ipv6NextHop,
    Message, MpReach, MpUnreach, Notification, Open, Origin, RawAttribute, RouteRefresh, SegmentKind, Update,
    announce, withdraw,
};

const BIRD_AS: u32 = 4_200_000_001;

fn path(asns: &[u32]) -> Option<AsPath> {
    Some(AsPath { segments: vec![AsSegment { kind: SegmentKind::Sequence, asns: asns.to_vec() }] })
}

fn other(code: u8, value: &str) -> Capability {
    Capability::Other { code, value: hex(value) }
}

fn from_bird() -> Attributes {
    Attributes {
        origin: Some(Origin::Igp),
        as_path: path(&[BIRD_AS]),
        next_hop: Some(Ipv4Addr::new(10, 9, 1, 1)),
        ..Attributes::default()
    }
}

/// Bytes and value; `Message::encode` gives the same bytes back.
fn exact() -> Vec<(&'static str, &'static str, Message)> {
    let bird_open = Open {
        my_as: 23456,
        hold_time: 9,
        router_id: Ipv4Addr::new(10, 0, 0, 1),
        capabilities: vec![
            Capability::family(Family::Ipv4),
            Capability::family(Family::Ipv6),
            Capability::RouteRefresh,
            other(64, "0078"),
            Capability::FourOctetAs(BIRD_AS),
            other(70, ""),
            other(71, ""),
        ],
    };
    let communities = vec![
        RawAttribute { flags: 0xc0, kind: 8, value: hex("fde90064") },
        RawAttribute { flags: 0xc0, kind: 32, value: hex("0000fde9 00000001 00000002") },
    ];
    let v6 = Attributes {
        next_hop: None,
        mp_unreach: None,
        mp_reach: Some(MpReach::Ipv6 {
            next_hop: Ipv6NextHop { global: "fd09::1".parse().unwrap(), link_local: None },
            nlri: vec!["2001:db8::10/128".parse().unwrap()],
        }),
        ..from_bird()
    };
    let unreach = |prefixes: &[&str]| Attributes {
        mp_unreach: Some(MpUnreach::Ipv6(prefixes.iter().map(|p| p.parse().unwrap()).collect())),
        ..Attributes::default()
    };
    vec![
        ("keepalive", "04", Message::Keepalive),
        (
            "BIRD open",
            "01045ba000090a0000011e021c0104000100010104000200010200400200784104fa56ea0146004700",
            Message::Open(bird_open),
        ),
        (
            "open without parameters",
            "01 04 fde9 005a 0a000001 00",
            Message::Open(Open {
                my_as: 65001,
                hold_time: 90,
                router_id: Ipv4Addr::new(10, 0, 0, 1),
                capabilities: vec![],
            }),
        ),
        (
            "BIRD update",
            "0200000014400101004002060201fa56ea014003040a09010119c6336400",
            Message::Update(Update {
                attributes: from_bird(),
                nlri: vec!["198.51.100.0/25".parse().unwrap()],
                ..Update::default()
            }),
        ),
        (
            "BIRD update with communities and large communities",
            "020000002a400101004002060201fa56ea014003040a090101c00804fde90064c0200c0000fde9000000010000000220cb00710a",
            Message::Update(Update {
                attributes: Attributes { other: communities, ..from_bird() },
                nlri: vec!["203.0.113.10/32".parse().unwrap()],
                ..Update::default()
            }),
        ),
        (
            "IPv6 update",
            "02 0000 0036 800e26 0002 01 10 fd090000000000000000000000000001 00 80 20010db8000000000000000000000010
             40010100 4002060201fa56ea01",
            Message::Update(Update { attributes: v6, ..Update::default() }),
        ),
        ("BIRD IPv4 End-of-RIB", "0200000000", Message::Update(Update::end_of_rib(Family::Ipv4))),
        ("BIRD IPv6 End-of-RIB", "0200000006800f03000201", Message::Update(Update::end_of_rib(Family::Ipv6))),
        (
            "BIRD withdraw",
            "02000a19c633640020cb00710a0000",
            Message::Update(Update {
                withdrawn: vec!["198.51.100.0/25".parse().unwrap(), "203.0.113.10/32".parse().unwrap()],
                ..Update::default()
            }),
        ),
        (
            "default routes",
            "02 0001 00 0000",
            Message::Update(Update { withdrawn: vec!["0.0.0.0/0".parse().unwrap()], ..Update::default() }),
        ),
        (
            "IPv6 withdraw",
            "02 0000 000d 800f0a 0002 01 30 20010db80002",
            Message::Update(Update { attributes: unreach(&["2001:db8:2::/48"]), ..Update::default() }),
        ),
        (
            "BIRD shutdown with communication",
            "030602136d61696e74656e616e6365206174206e6f6f6e",
            Message::Notification(Notification::admin_shutdown("maintenance at noon")),
        ),
        ("hold timer expired", "03 04 00", Message::Notification(Notification::new(4, 0))),
        ("BIRD begin of refresh", "0500010101", Message::RouteRefresh(RouteRefresh { afi: 1, subtype: 1, safi: 1 })),
        ("FRR route refresh", "0500010001", Message::RouteRefresh(RouteRefresh::request(Family::Ipv4))),
        (
            "a family that is not known",
            "02 0000 000e 800e0b 0001 80 04 0a000001 00 20 0a",
            Message::Update(Update {
                attributes: Attributes {
                    mp_reach: Some(MpReach::Other { afi: 1, safi: 128, rest: hex("040a00000100200a") }),
                    ..Attributes::default()
                },
                ..Update::default()
            }),
        ),
        (
            "AS_SET, MED, LOCAL_PREF, ATOMIC_AGGREGATE, AGGREGATOR, an unknown transitive attribute",
            "02 0000 003b 40010102 40020c 0201 0000fdea 0101 0000fdeb 4003040a000001 800404 00000007 400504 00000064
             400600 c007080000fdea0a000001 e063020102 08 0a",
            Message::Update(Update {
                attributes: Attributes {
                    origin: Some(Origin::Incomplete),
                    as_path: Some(AsPath {
                        segments: vec![
                            AsSegment { kind: SegmentKind::Sequence, asns: vec![65002] },
                            AsSegment { kind: SegmentKind::Set, asns: vec![65003] },
                        ],
                    }),
                    next_hop: Some(Ipv4Addr::new(10, 0, 0, 1)),
                    med: Some(7),
                    local_pref: Some(100),
                    atomic_aggregate: true,
                    other: vec![
                        RawAttribute { flags: 0xc0, kind: 7, value: hex("0000fdea0a000001") },
                        RawAttribute { flags: 0xe0, kind: 99, value: hex("0102") },
                    ],
                    ..Attributes::default()
                },
                nlri: vec!["10.0.0.0/8".parse().unwrap()],
                ..Update::default()
            }),
        ),
    ]
}

#[test]
fn bytes_and_values_both_ways() {
    for (name, bytes, message) in exact() {
        let bytes = whole(bytes);
        assert_eq!(decode(&bytes).as_ref(), Ok(&message), "{name}");
        assert_eq!(message.encode(&Context::default()), Ok(bytes), "{name}");
    }
}

#[test]
fn every_truncation_is_an_error_or_incomplete() {
    for (name, bytes, _) in exact() {
        let bytes = whole(bytes);
        for length in 0..bytes.len() {
            assert_eq!(crate::frame(&bytes[..length]), Ok(crate::Frame::Incomplete), "{name} at {length}");
            assert!(decode(&bytes[..length]).is_err(), "{name} at {length}");
            // The same with a header that admits the shorter length: never a panic, and never more than is there.
            if length >= 19 {
                let mut cut = bytes[..length].to_vec();
                cut[16..18].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
                let _ = decode(&cut);
            }
        }
    }
}

/// FRR writes some attributes with an extended length that they do not need, and one parameter per capability, so its
/// bytes do not come back the same; the values do.
#[test]
fn captured_from_frr() {
    let open = whole(
        "0104fdea00090a0000025402060104000100010206010400020001020280000202020002024600020641040000fdea0202060002
         0a450800010101000201010206490402766d0002044002c0780210470e0001018000000000020180000000",
    );
    let Message::Open(open) = decode(&open).unwrap() else { panic!("not an OPEN") };
    assert_eq!((open.asn(), open.hold_time, open.router_id), (65002, 9, Ipv4Addr::new(10, 0, 0, 2)));
    assert_eq!(open.families(), Families::NONE.with(Family::Ipv4).with(Family::Ipv6));
    assert!(open.capabilities.contains(&Capability::RouteRefresh));
    assert_eq!(open.capabilities.len(), 11);

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
    let mut prefixes = Vec::new();
    for row in rows {
        let message = decode(&whole(row)).unwrap();
        let again = decode(&message.encode(&Context::default()).unwrap()).unwrap();
        assert_eq!(again, message, "{row}");
        let Message::Update(update) = message else { panic!("not an UPDATE") };
        prefixes.extend(update.nlri.iter().map(ToString::to_string));
        if let Some(MpReach::Ipv6 { nlri, .. }) = update.attributes.mp_reach {
            prefixes.extend(nlri.iter().map(ToString::to_string));
        }
        if let Some(MpUnreach::Ipv6(withdrawn)) = update.attributes.mp_unreach {
            prefixes.extend(withdrawn.iter().map(|prefix| format!("-{prefix}")));
        }
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
fn bits_behind_the_prefix_length_are_cleared() {
    let Message::Update(update) = decode(&whole("02 0003 09 0aff 0000")).unwrap() else {
        panic!("not an UPDATE")
    };
    assert_eq!(update.withdrawn, ["10.128.0.0/9".parse().unwrap()]);
}

#[test]
fn extended_optional_parameters() {
    let capabilities: Vec<_> = (0..3).map(|code| other(200 + code, &"ab".repeat(120))).collect();
    let open = Message::Open(Open::new(65001, 90, Ipv4Addr::new(1, 2, 3, 4), capabilities));
    let bytes = open.encode(&Context::default()).unwrap();
    assert_eq!(bytes[28..30], [255, 255]);
    assert_eq!(decode(&bytes), Ok(open));
    // RFC 9072 section 2: the form may be used with few parameters too.
    let short = whole("01 04 fde9 005a 0a000001 ff ff 0005 02 0002 0200");
    let Message::Open(open) = decode(&short).unwrap() else { panic!("not an OPEN") };
    assert_eq!(open.capabilities, [Capability::RouteRefresh]);
}

#[test]
fn a_speaker_without_the_multiprotocol_capability_means_ipv4() {
    let open = Open { my_as: 1, hold_time: 0, router_id: Ipv4Addr::BROADCAST, capabilities: vec![] };
    assert_eq!(open.families(), Families::NONE.with(Family::Ipv4));
    assert_eq!(open.four_octet_as(), None);
}

#[test]
fn an_old_speaker_gets_as_trans_and_as4_path() {
    let context = Context { as_width: AsWidth::Two };
    let update = Update { attributes: from_bird(), ..Update::default() };
    let bytes = Message::Update(update).encode(&context).unwrap();
    let expected = whole("02 0000 001b 40010100 4002040201 5ba0 4003040a090101 c01106 0201 fa56ea01");
    assert_eq!(bytes, expected);
    let Message::Update(update) = Message::decode(&bytes, &context).unwrap() else { panic!("not an UPDATE") };
    assert_eq!(update.attributes.as_path, path(&[23456]));
}

#[test]
fn shutdown_communication() {
    let long = "é".repeat(200);
    assert_eq!(Notification::admin_shutdown(&long).data.len(), 255);
    assert_eq!(Notification::admin_shutdown("").communication(), None);
    let rows: [(u8, u8, &[u8], Option<&str>); 6] = [
        (6, 2, b"\x05hello", Some("hello")),
        (6, 4, b"\x05hello!", Some("hello")),
        (6, 2, b"\x09short", None),
        (6, 2, b"\x04a\x1b\nb", Some("ab")),
        (6, 2, b"\x01\xff", Some("\u{fffd}")),
        (6, 3, b"\x05hello", None),
    ];
    for (code, subcode, data, text) in rows {
        let notification = Notification { code, subcode, data: data.to_vec() };
        assert_eq!(notification.communication().as_deref(), text, "{data:?}");
    }
    let shown = Notification::admin_shutdown("maintenance").to_string();
    assert_eq!(shown, "cease: administrative shutdown (6/2): maintenance");
}

#[test]
fn ten_thousand_prefixes_take_thirteen_messages() {
    let context = Context::default();
    let prefix = |n: u32| ipnet::Ipv4Net::new(Ipv4Addr::from(0x0a00_0000 + n), 32).unwrap().into();
    let prefixes: Vec<_> = (0..10_000).map(prefix).collect();
    for (withdrawing, expected) in [(false, 13), (true, 13)] {
        let (mut rest, mut messages, mut seen) = (&prefixes[..], 0, Vec::new());
        while !rest.is_empty() {
            let packed =
                if withdrawing { withdraw(rest, &context) } else { announce(&from_bird(), rest, &context) };
            let (update, count) = packed.unwrap();
            rest = &rest[count..];
            messages += 1;
            let bytes = Message::Update(update).encode(&context).unwrap();
            let Message::Update(update) = decode(&bytes).unwrap() else { panic!("not an UPDATE") };
            seen.extend(update.withdrawn.into_iter().chain(update.nlri).map(ipnet::IpNet::from));
        }
        assert_eq!(messages, expected);
        assert_eq!(seen, prefixes);
    }
}

#[test]
fn packing_stops_at_another_family_and_wants_a_next_hop() {
    let prefixes = ["10.0.0.1/32".parse().unwrap(), "2001:db8::1/128".parse().unwrap()];
    let (update, count) = withdraw(&prefixes, &Context::default()).unwrap();
    assert_eq!((update.withdrawn.len(), count), (1, 1));
    let refused = announce(&from_bird(), &prefixes[1..], &Context::default());
    assert_eq!(refused, Err(EncodeError::NoNextHop(Family::Ipv6)));
    assert_eq!(announce(&from_bird(), &[], &Context::default()).unwrap().1, 0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let context = Context::default();
    let data = vec![0; 4076];
    let notification = Message::Notification(Notification { code: 6, subcode: 0, data });
    assert_eq!(notification.encode(&context), Err(EncodeError::TooLong(4097)));
    let open = Open::new(1, 0, Ipv4Addr::BROADCAST, vec![Capability::Other { code: 9, value: vec![0; 256] }]);
    assert_eq!(Message::Open(open).encode(&context), Err(EncodeError::CapabilityTooLong(256)));
    let huge = RawAttribute { flags: 0xc0, kind: 99, value: vec![0; 70_000] };
    let attributes = Attributes { other: vec![huge], ..Attributes::default() };
    let update = Message::Update(Update { attributes, ..Update::default() });
    assert!(matches!(update.encode(&context), Err(EncodeError::TooLong(_))));
}
