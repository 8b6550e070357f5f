//! OPEN and its capabilities.

use std::net::Ipv4Addr;

use super::{both_ways, decode, hex, whole};
use crate::{
    AddPathMode, AmbiguousRole, Capability, Context, EncodeError, Families, Family, GracefulRestart,
    LlgrFamily, Message, Open, Role,
};

fn other(code: u8, value: &str) -> Capability {
    Capability::Other { code, value: hex(value) }
}

fn restart(restart_time: u16, families: Vec<(u16, u8, bool)>) -> GracefulRestart {
    GracefulRestart { restart_time, families, ..GracefulRestart::default() }
}

/// Every capability in both forms: code, length and value, and what it means.
fn capabilities() -> Vec<(&'static str, Capability)> {
    let llgr = |safi, forwarding, stale_time| LlgrFamily { afi: 1, safi, forwarding, stale_time };
    vec![
        ("0104 0001 00 01", Capability::family(Family::Ipv4)),
        ("0104 0002 00 01", Capability::family(Family::Ipv6)),
        ("0104 4004 00 47", Capability::MultiProtocol { afi: 0x4004, safi: 71 }),
        ("0200", Capability::RouteRefresh),
        ("0506 0001 0001 0002", Capability::ipv4_over_ipv6()),
        ("0500", Capability::ExtendedNextHop(vec![])),
        ("050c 0001 0001 0002 0001 0080 0002", Capability::ExtendedNextHop(vec![(1, 1, 2), (1, 128, 2)])),
        ("0600", Capability::ExtendedMessage),
        ("0901 00", Capability::Role(Role::Provider)),
        ("0901 01", Capability::Role(Role::RouteServer)),
        ("0901 02", Capability::Role(Role::RouteServerClient)),
        ("0901 03", Capability::Role(Role::Customer)),
        ("0901 04", Capability::Role(Role::Peer)),
        ("4002 0078", Capability::GracefulRestart(restart(120, vec![]))),
        ("4002 0fff", Capability::GracefulRestart(restart(4095, vec![]))),
        (
            "400a c05a 0001 01 80 0002 01 00",
            Capability::GracefulRestart(GracefulRestart {
                restarting: true,
                notification: true,
                restart_time: 90,
                families: vec![(1, 1, true), (2, 1, false)],
            }),
        ),
        (
            "4002 8000",
            Capability::GracefulRestart(GracefulRestart { restarting: true, ..restart(0, vec![]) }),
        ),
        (
            "4002 4000",
            Capability::GracefulRestart(GracefulRestart { notification: true, ..restart(0, vec![]) }),
        ),
        ("4104 fa56ea01", Capability::FourOctetAs(4_200_000_001)),
        (
            "450c 0001 01 01 0002 01 02 0001 02 03",
            Capability::AddPath(vec![
                (1, 1, AddPathMode::Receive),
                (2, 1, AddPathMode::Send),
                (1, 2, AddPathMode::Both),
            ]),
        ),
        ("4600", Capability::EnhancedRouteRefresh),
        ("4700", Capability::LongLivedGracefulRestart(vec![])),
        (
            "470e 0001 01 80 015180 0001 02 00 ffffff",
            Capability::LongLivedGracefulRestart(vec![llgr(1, true, 86_400), llgr(2, false, 0xff_ffff)]),
        ),
        // The host name of draft-walton-bgp-hostname, and what nobody knows.
        ("4904 02766d00", other(73, "02766d00")),
        ("8000", other(128, "")),
        // Known codes with impossible values: as if not understood.
        ("0505 0001 0001 00", other(5, "0001000100")),
        ("0601 00", other(6, "00")),
        ("0901 05", other(9, "05")),
        ("0900", other(9, "")),
        ("4001 00", other(64, "00")),
        ("4005 0078 0001 01", other(64, "0078000101")),
        ("4504 0001 01 00", other(69, "00010100")),
        ("4504 0001 01 04", other(69, "00010104")),
        ("4503 0001 01", other(69, "000101")),
        ("4601 00", other(70, "00")),
        ("4706 0001 01 80 0151", other(71, "000101800151")),
    ]
}

#[test]
fn every_capability_both_ways() {
    for (bytes, capability) in capabilities() {
        let value = hex(bytes);
        let open = format!("01 04 fde9 005a 0a000001 {:02x} 02 {:02x} {bytes}", value.len() + 2, value.len());
        let message = Message::Open(Open {
            my_as: 65001,
            hold_time: 90,
            router_id: Ipv4Addr::new(10, 0, 0, 1),
            capabilities: vec![capability.clone()],
        });
        both_ways(vec![(bytes, &open, message)], &Context::default());
        assert_eq!(capability.code(), value[0]);
    }
}

#[test]
fn bits_that_are_reserved_are_not_looked_at() {
    let rows = [
        ("0104 0001 ff 01", Capability::family(Family::Ipv4)),
        ("4006 3078 0001 01 7f", Capability::GracefulRestart(restart(120, vec![(1, 1, false)]))),
    ];
    for (bytes, capability) in rows {
        let length = hex(bytes).len();
        let open = whole(&format!("01 04 fde9 005a 0a000001 {:02x} 02 {length:02x} {bytes}", length + 2));
        let Message::Open(open) = decode(&open).unwrap() else { panic!("not an OPEN") };
        assert_eq!(open.capabilities, [capability], "{bytes}");
    }
}

#[test]
fn numbers_with_too_many_bits_are_cut_off() {
    let mut out = Vec::new();
    Capability::GracefulRestart(restart(u16::MAX, vec![])).encode(&mut out).unwrap();
    let long = LlgrFamily { afi: 1, safi: 1, forwarding: false, stale_time: u32::MAX };
    Capability::LongLivedGracefulRestart(vec![long]).encode(&mut out).unwrap();
    assert_eq!(out, hex("40020fff 4707000101 00 ffffff"));
}

#[test]
fn captured_opens() {
    let bird = Open {
        my_as: 23456,
        hold_time: 9,
        router_id: Ipv4Addr::new(10, 0, 0, 1),
        capabilities: vec![
            Capability::family(Family::Ipv4),
            Capability::family(Family::Ipv6),
            Capability::RouteRefresh,
            Capability::GracefulRestart(restart(120, vec![])),
            Capability::FourOctetAs(4_200_000_001),
            Capability::EnhancedRouteRefresh,
            Capability::LongLivedGracefulRestart(vec![]),
        ],
    };
    let plain =
        Open { my_as: 65001, hold_time: 90, router_id: Ipv4Addr::new(10, 0, 0, 1), capabilities: vec![] };
    let rows = vec![
        (
            "BIRD 2.0.12",
            "01045ba000090a0000011e021c0104000100010104000200010200400200784104fa56ea0146004700",
            Message::Open(bird),
        ),
        ("without parameters", "01 04 fde9 005a 0a000001 00", Message::Open(plain)),
    ];
    both_ways(rows, &Context::default());

    // FRR 8.4.4 has one parameter per capability, so its bytes do not come back the same.
    let frr = whole(
        "0104fdea00090a0000025402060104000100010206010400020001020280000202020002024600020641040000fdea0202060002
         0a450800010101000201010206490402766d0002044002c0780210470e0001018000000000020180000000",
    );
    let Message::Open(open) = decode(&frr).unwrap() else { panic!("not an OPEN") };
    assert_eq!((open.asn(), open.hold_time, open.router_id), (65002, 9, Ipv4Addr::new(10, 0, 0, 2)));
    assert_eq!(open.families(), Families::ALL);
    assert_eq!(open.capabilities.len(), 11);
    let both = vec![(1, 1, AddPathMode::Receive), (2, 1, AddPathMode::Receive)];
    assert!(open.capabilities.contains(&Capability::AddPath(both)));
    let restart = open.graceful_restart().unwrap();
    assert!(restart.restarting && restart.notification && restart.restart_time == 120);
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
fn what_an_open_says() {
    let open = |capabilities| Open { my_as: 1, hold_time: 0, router_id: Ipv4Addr::BROADCAST, capabilities };
    // RFC 4760 section 8.
    assert_eq!(open(vec![]).families(), Families::NONE.with(Family::Ipv4));
    assert_eq!(open(vec![]).four_octet_as(), None);
    assert_eq!(open(vec![Capability::FourOctetAs(70_000)]).asn(), 70_000);
    assert_eq!(Open::new(70_000, 9, Ipv4Addr::BROADCAST, vec![]).my_as, 23456);

    // RFC 9234 section 4.2.
    let role = |roles: &[Role]| open(roles.iter().map(|role| Capability::Role(*role)).collect()).role();
    assert_eq!(role(&[]), Ok(None));
    assert_eq!(role(&[Role::Peer]), Ok(Some(Role::Peer)));
    assert_eq!(role(&[Role::Peer, Role::Peer]), Ok(Some(Role::Peer)));
    assert_eq!(role(&[Role::Peer, Role::Customer]), Err(AmbiguousRole));
    assert_eq!(open(vec![other(9, "05")]).role(), Err(AmbiguousRole));
    let pairs = [
        (Role::Provider, Role::Customer),
        (Role::RouteServer, Role::RouteServerClient),
        (Role::Peer, Role::Peer),
    ];
    for (one, other) in pairs {
        assert_eq!((one.counterpart(), other.counterpart()), (other, one));
    }

    // RFC 4724 section 3: the last one counts.
    let restarts = [1, 2].map(|time| Capability::GracefulRestart(restart(time, vec![])));
    assert_eq!(open(restarts.to_vec()).graceful_restart().map(|restart| restart.restart_time), Some(2));
}

#[test]
fn a_capability_that_does_not_fit_is_refused() {
    let rows = [other(9, &"00".repeat(256)), Capability::AddPath(vec![(1, 1, AddPathMode::Both); 64])];
    for capability in rows {
        let open = Message::Open(Open::new(1, 0, Ipv4Addr::BROADCAST, vec![capability]));
        assert_eq!(open.encode(&Context::default()), Err(EncodeError::CapabilityTooLong(256)));
    }
}
