//! Random valid messages.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::{
    AsPath, AsSegment, Attributes, Capability, Family, Ipv6NextHop, Message, MpReach, MpUnreach,
    Notification, Open, Origin, RawAttribute, RouteRefresh, SegmentKind, Update,
};

pub(crate) fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        open().prop_map(Message::Open),
        update().prop_map(Message::Update),
        (any::<u8>(), any::<u8>(), vec(any::<u8>(), 0..300))
            .prop_map(|(code, subcode, data)| Message::Notification(Notification { code, subcode, data })),
        Just(Message::Keepalive),
        (any::<u16>(), any::<u8>(), any::<u8>())
            .prop_map(|(afi, subtype, safi)| Message::RouteRefresh(RouteRefresh { afi, subtype, safi })),
    ]
}

fn open() -> impl Strategy<Value = Open> {
    let hold_time = prop_oneof![Just(0u16), 3..=u16::MAX];
    let capability = prop_oneof![
        (any::<u16>(), any::<u8>()).prop_map(|(afi, safi)| Capability::MultiProtocol { afi, safi }),
        prop::sample::select(&Family::ALL[..]).prop_map(Capability::family),
        Just(Capability::RouteRefresh),
        (1..=u32::MAX).prop_map(Capability::FourOctetAs),
        (66..=u8::MAX, vec(any::<u8>(), 0..=255)).prop_map(|(code, value)| Capability::Other { code, value }),
    ];
    (1..=u16::MAX, hold_time, 1..=u32::MAX, vec(capability, 0..12)).prop_map(
        |(my_as, hold_time, router_id, capabilities)| Open {
            my_as,
            hold_time,
            router_id: Ipv4Addr::from(router_id),
            capabilities,
        },
    )
}

fn v4() -> impl Strategy<Value = Ipv4Net> {
    (any::<u32>(), 0..=32u8).prop_map(|(bits, length)| Ipv4Net::new(bits.into(), length).unwrap().trunc())
}

fn v6() -> impl Strategy<Value = Ipv6Net> {
    (any::<u128>(), 0..=128u8).prop_map(|(bits, length)| Ipv6Net::new(bits.into(), length).unwrap().trunc())
}

fn as_path() -> impl Strategy<Value = AsPath> {
    let kind = prop_oneof![Just(SegmentKind::Set), Just(SegmentKind::Sequence)];
    let segment = (kind, vec(any::<u32>(), 1..20)).prop_map(|(kind, asns)| AsSegment { kind, asns });
    vec(segment, 0..4).prop_map(|segments| AsPath { segments })
}

fn mp_reach() -> impl Strategy<Value = MpReach> {
    let v6_hop = (any::<u128>(), option::of(any::<u128>()))
        .prop_map(|(global, local)| Ipv6NextHop { global: global.into(), link_local: local.map(Into::into) });
    prop_oneof![
        (any::<u32>(), vec(v4(), 0..30))
            .prop_map(|(next_hop, nlri)| MpReach::Ipv4 { next_hop: next_hop.into(), nlri }),
        (v6_hop, vec(v6(), 0..30)).prop_map(|(next_hop, nlri)| MpReach::Ipv6 { next_hop, nlri }),
        (3..=u16::MAX, any::<u8>(), vec(any::<u8>(), 0..40)).prop_map(|(afi, safi, rest)| MpReach::Other {
            afi,
            safi,
            rest
        }),
    ]
}

fn mp_unreach() -> impl Strategy<Value = MpUnreach> {
    prop_oneof![
        vec(v4(), 0..30).prop_map(MpUnreach::Ipv4),
        vec(v6(), 0..30).prop_map(MpUnreach::Ipv6),
        (3..=u16::MAX, any::<u8>(), vec(any::<u8>(), 0..40)).prop_map(|(afi, safi, rest)| MpUnreach::Other {
            afi,
            safi,
            rest
        }),
    ]
}

fn others() -> impl Strategy<Value = Vec<RawAttribute>> {
    let raw = |kind: u8, unit: usize| {
        vec(any::<u8>(), unit * 3).prop_map(move |value| RawAttribute {
            flags: if kind == 10 { 0x80 } else { 0xc0 },
            kind,
            value,
        })
    };
    let unknown = (prop::sample::select(vec![0xc0, 0xe0]), vec(any::<u8>(), 0..400))
        .prop_map(|(flags, value)| RawAttribute { flags, kind: 200, value });
    (
        option::of(raw(8, 4)),
        option::of(raw(10, 4)),
        option::of(raw(16, 8)),
        option::of(raw(32, 12)),
        option::of(unknown),
    )
        .prop_map(|(a, b, c, d, e)| [a, b, c, d, e].into_iter().flatten().collect())
}

fn update() -> impl Strategy<Value = Update> {
    let origin = prop::sample::select(vec![Origin::Igp, Origin::Egp, Origin::Incomplete]);
    // 1.0.0.0 to 126.255.255.255: always a host.
    let next_hop = (1u32 << 24..127 << 24).prop_map(Ipv4Addr::from);
    let known =
        (origin, as_path(), next_hop, option::of(any::<u32>()), option::of(any::<u32>()), any::<bool>());
    let multiprotocol = (option::of(mp_reach()), option::of(mp_unreach()));
    (known, multiprotocol, others(), vec(v4(), 0..50), vec(v4(), 0..50)).prop_map(
        |(known, (mp_reach, mp_unreach), other, withdrawn, nlri)| {
            let (origin, as_path, next_hop, med, local_pref, atomic_aggregate) = known;
            let attributes = Attributes {
                origin: Some(origin),
                as_path: Some(as_path),
                next_hop: Some(next_hop),
                med,
                local_pref,
                atomic_aggregate,
                mp_reach,
                mp_unreach,
                other,
            };
            Update { withdrawn, attributes, nlri }
        },
    )
}
