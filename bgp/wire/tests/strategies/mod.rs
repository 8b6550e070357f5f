//! Random contexts, and random messages that make sense in them.
#![allow(dead_code, reason = "each of the test programs uses a part")]

use std::net::{Ipv4Addr, Ipv6Addr};

use guideway_bgp_wire::{
    AddPathMode, Aggregator, AsPath, AsSegment, AsWidth, Attributes, Capability, Community, Context,
    ExtendedCommunity, Families, Family, GracefulRestart, LargeCommunity, LlgrFamily, Message, NextHop, Nlri,
    Notification, Open, Origin, RawAttribute, Reach, RefreshKind, Role, RouteRefresh, SegmentKind, Unreach,
    Update,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn context() -> impl Strategy<Value = Context> {
    let families = || {
        let v4 = Families::NONE.with(Family::Ipv4);
        select(vec![Families::NONE, v4, Families::NONE.with(Family::Ipv6), Families::ALL])
    };
    let as_width = select(vec![AsWidth::Two, AsWidth::Four]);
    (as_width, families(), families(), any::<bool>(), families(), any::<bool>()).prop_map(
        |(as_width, add_path_send, add_path_receive, extended_next_hop, families, external)| Context {
            as_width,
            add_path_send,
            add_path_receive,
            extended_next_hop,
            families,
            external,
        },
    )
}

/// A message with the context of its sender.
pub(crate) fn message() -> impl Strategy<Value = (Message, Context)> {
    context().prop_flat_map(|context| {
        let message = prop_oneof![
            1 => open().prop_map(Message::Open),
            6 => update(context).prop_map(Message::Update),
            1 => (any::<u8>(), any::<u8>(), vec(any::<u8>(), 0..300))
                .prop_map(|(code, subcode, data)| Message::Notification(Notification { code, subcode, data })),
            1 => Just(Message::Keepalive),
            1 => (any::<u16>(), any::<u8>(), refresh_kind())
                .prop_map(|(afi, safi, kind)| Message::RouteRefresh(RouteRefresh { afi, safi, kind })),
        ];
        (message, Just(context))
    })
}

fn refresh_kind() -> impl Strategy<Value = RefreshKind> {
    let known = select(vec![RefreshKind::Request, RefreshKind::BeginOfRefresh, RefreshKind::EndOfRefresh]);
    prop_oneof![known, (3..=u8::MAX).prop_map(RefreshKind::Other)]
}

pub(crate) fn open() -> impl Strategy<Value = Open> {
    let hold_time = prop_oneof![Just(0u16), 3..=u16::MAX];
    (1..=u16::MAX, hold_time, 1..=u32::MAX, vec(capability(), 0..12)).prop_map(
        |(my_as, hold_time, router_id, capabilities)| Open {
            my_as,
            hold_time,
            router_id: Ipv4Addr::from(router_id),
            capabilities,
        },
    )
}

fn capability() -> impl Strategy<Value = Capability> {
    let restart = (any::<bool>(), any::<bool>(), 0..4096u16, vec(any::<(u16, u8, bool)>(), 0..4)).prop_map(
        |(restarting, notification, restart_time, families)| {
            Capability::GracefulRestart(GracefulRestart { restarting, notification, restart_time, families })
        },
    );
    let long_lived = (any::<(u16, u8, bool)>(), 0..1u32 << 24)
        .prop_map(|((afi, safi, forwarding), stale_time)| LlgrFamily { afi, safi, forwarding, stale_time });
    let modes = select(vec![AddPathMode::Receive, AddPathMode::Send, AddPathMode::Both]);
    let roles = vec![Role::Provider, Role::RouteServer, Role::RouteServerClient, Role::Customer, Role::Peer];
    prop_oneof![
        any::<(u16, u8)>().prop_map(|(afi, safi)| Capability::MultiProtocol { afi, safi }),
        select(&Family::ALL[..]).prop_map(Capability::family),
        Just(Capability::RouteRefresh),
        Just(Capability::EnhancedRouteRefresh),
        Just(Capability::ExtendedMessage),
        (1..=u32::MAX).prop_map(Capability::FourOctetAs),
        vec(any::<(u16, u16, u16)>(), 0..4).prop_map(Capability::ExtendedNextHop),
        restart,
        vec(long_lived, 0..4).prop_map(Capability::LongLivedGracefulRestart),
        vec((any::<u16>(), any::<u8>(), modes), 0..4).prop_map(Capability::AddPath),
        select(roles).prop_map(Capability::Role),
        (72..=u8::MAX, vec(any::<u8>(), 0..=255)).prop_map(|(code, value)| Capability::Other { code, value }),
    ]
}

/// A prefix of the family; with a path identifier when the sender may send one.
pub(crate) fn nlri(family: Family, context: Context) -> BoxedStrategy<Nlri> {
    let path_id = if context.add_path_send.contains(family) { any::<u32>().boxed() } else { Just(0).boxed() };
    let prefix: BoxedStrategy<IpNet> = match family {
        Family::Ipv4 => (any::<u32>(), 0..=32u8)
            .prop_map(|(bits, length)| Ipv4Net::new(bits.into(), length).unwrap().trunc().into())
            .boxed(),
        Family::Ipv6 => (any::<u128>(), 0..=128u8)
            .prop_map(|(bits, length)| Ipv6Net::new(bits.into(), length).unwrap().trunc().into())
            .boxed(),
    };
    (prefix, path_id).prop_map(|(prefix, path_id)| Nlri { prefix, path_id }).boxed()
}

/// 1.0.0.0 to 126.255.255.255: always a host.
fn v4_hop() -> impl Strategy<Value = NextHop> {
    (1u32 << 24..127 << 24).prop_map(|bits| NextHop::V4(bits.into()))
}

fn v6_hop() -> impl Strategy<Value = NextHop> {
    let global = any::<u128>().prop_map(|bits| Ipv6Addr::from(0x2000 << 112 | bits >> 16));
    let local = any::<u64>().prop_map(|bits| Ipv6Addr::from(0xfe80 << 112 | u128::from(bits)));
    (global, option::of(local)).prop_map(|(global, link_local)| NextHop::V6 { global, link_local })
}

/// A next hop that the family can have in this session.
pub(crate) fn next_hop(family: Family, context: Context) -> BoxedStrategy<NextHop> {
    match family {
        Family::Ipv4 if context.extended_next_hop => prop_oneof![v4_hop(), v6_hop()].boxed(),
        Family::Ipv4 => v4_hop().boxed(),
        Family::Ipv6 => v6_hop().boxed(),
    }
}

fn families(context: Context) -> Vec<Family> {
    Family::ALL
        .into_iter()
        .filter(|family| context.families.is_empty() || context.families.contains(*family))
        .collect()
}

pub(crate) fn update(context: Context) -> impl Strategy<Value = Update> {
    let end = select(families(context)).prop_map(Update::end_of_rib);
    let has = move |family| families(context).contains(&family);
    let set = move |family, next_hop: BoxedStrategy<NextHop>| {
        let reach = (next_hop, vec(nlri(family, context), 1..25));
        reach.prop_map(move |(next_hop, nlri)| Reach { family, next_hop, nlri })
    };
    let optional = |wanted: bool, reach: BoxedStrategy<Reach>| {
        if wanted { option::of(reach).boxed() } else { Just(None).boxed() }
    };
    // In the order of the decoder: the NLRI field, then MP_REACH.
    let classic = optional(has(Family::Ipv4), set(Family::Ipv4, v4_hop().boxed()).boxed());
    let multiprotocol = if has(Family::Ipv6) {
        optional(true, set(Family::Ipv6, v6_hop().boxed()).boxed())
    } else {
        optional(context.extended_next_hop, set(Family::Ipv4, v6_hop().boxed()).boxed())
    };
    let withdrawn = move |family| {
        let set = vec(nlri(family, context), 1..25).prop_map(move |nlri| Unreach { family, nlri });
        if has(family) { option::of(set).boxed() } else { Just(None).boxed() }
    };
    let routes = (
        (classic, multiprotocol),
        (withdrawn(Family::Ipv4), withdrawn(Family::Ipv6)),
        attributes(context),
        any::<bool>(),
    )
        .prop_map(|((classic, multiprotocol), (v4, v6), attributes, bare)| {
            let reach: Vec<Reach> = [classic, multiprotocol].into_iter().flatten().collect();
            let unreach: Vec<Unreach> = [v4, v6].into_iter().flatten().collect();
            // Attributes without prefixes are read too, but mostly there are none.
            let attributes = match reach.is_empty() && !unreach.is_empty() && bare {
                true => Attributes::default(),
                false => attributes,
            };
            Update { reach, unreach, attributes, ..Update::default() }
        });
    prop_oneof![1 => end, 9 => routes]
}

fn as_path(context: Context) -> impl Strategy<Value = AsPath> {
    let asns = || vec(prop_oneof![1..=65_535u32, 1..=u32::MAX], 1..20);
    let kind = select(vec![SegmentKind::Set, SegmentKind::Sequence]);
    let segment = (kind, asns()).prop_map(|(kind, asns)| AsSegment { kind, asns });
    // In front, and with numbers that an old speaker can read: elsewhere RFC 6793 loses them.
    let kind = select(vec![SegmentKind::ConfedSequence, SegmentKind::ConfedSet]);
    let confederation = (kind, vec(1..=65_535u32, 1..5)).prop_map(|(kind, asns)| AsSegment { kind, asns });
    let confederation = if context.external { Just(None).boxed() } else { option::of(confederation).boxed() };
    (confederation, vec(segment, 0..4))
        .prop_map(|(first, segments)| AsPath { segments: first.into_iter().chain(segments).collect() })
}

fn others() -> impl Strategy<Value = Vec<RawAttribute>> {
    let raw = |kind: u8, value: BoxedStrategy<Vec<u8>>| {
        let flags = select(vec![0xc0, 0xe0]);
        option::of((flags, value).prop_map(move |(flags, value)| RawAttribute { flags, kind, value }))
    };
    let ipv6 = raw(25, vec(any::<u8>(), 20..=20).boxed());
    let unknown = raw(200, vec(any::<u8>(), 0..400).boxed());
    let deprecated = raw(129, vec(any::<u8>(), 0..4).boxed());
    (ipv6, unknown, deprecated).prop_map(|(a, b, c)| [a, b, c].into_iter().flatten().collect())
}

/// Attributes of a route, the mandatory ones included.
pub(crate) fn attributes(context: Context) -> impl Strategy<Value = Attributes> {
    let origin = select(vec![Origin::Igp, Origin::Egp, Origin::Incomplete]);
    let aggregator =
        (1..=u32::MAX, any::<u32>()).prop_map(|(asn, id)| Aggregator { asn, address: id.into() });
    let large = any::<(u32, u32, u32)>().prop_map(|(global, local1, local2)| LargeCommunity {
        global,
        local1,
        local2,
    });
    let internal = (
        option::of(any::<u32>()),
        option::of(any::<u32>().prop_map(Ipv4Addr::from)),
        vec(any::<u32>().prop_map(Ipv4Addr::from), 0..4),
    );
    let known = (origin, as_path(context), option::of(any::<u32>()), any::<bool>(), option::of(aggregator));
    let communities = (
        vec(any::<u32>().prop_map(Community), 0..10),
        vec(any::<[u8; 8]>().prop_map(ExtendedCommunity), 0..10),
        vec(large, 0..10),
    );
    (known, internal, communities, option::of(any::<u32>()), others()).prop_map(
        move |(known, internal, communities, only_to_customer, other)| {
            let (origin, as_path, med, atomic_aggregate, aggregator) = known;
            let (communities, extended_communities, mut large_communities) = communities;
            // In any order, but each once.
            large_communities.sort_unstable();
            large_communities.dedup();
            let (local_pref, originator_id, cluster_list) =
                if context.external { (None, None, vec![]) } else { internal };
            Attributes {
                origin: Some(origin),
                as_path: Some(as_path),
                med,
                local_pref,
                atomic_aggregate,
                aggregator,
                communities,
                extended_communities,
                large_communities,
                originator_id,
                cluster_list,
                only_to_customer,
                other,
            }
        },
    )
}

/// A message with octets changed, taken out or put in; the lengths in front are as often repaired as not.
pub(crate) fn damaged(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![select(vec![0u8, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xff]), any::<u8>()];
    let damage = (0..4u8, any::<prop::sample::Index>(), octet);
    (vec(damage, 1..4), any::<bool>()).prop_map(move |(damages, repair)| {
        let mut bytes = bytes.clone();
        for (what, at, octet) in damages {
            if bytes.len() <= 19 {
                break;
            }
            let at = 19 + at.index(bytes.len() - 19);
            match what {
                0 => bytes.insert(at, octet),
                1 => drop(bytes.remove(at)),
                _ => bytes[at] = octet,
            }
        }
        bytes.truncate(4096);
        if repair && bytes.len() >= 23 && bytes[18] == 2 {
            // The attributes fill what the withdrawn routes leave.
            let withdrawn = usize::from(u16::from_be_bytes([bytes[19], bytes[20]]));
            if let Some(rest) = bytes.len().checked_sub(23 + withdrawn) {
                let length = u16::try_from(rest).unwrap().to_be_bytes();
                bytes[21 + withdrawn..23 + withdrawn].copy_from_slice(&length);
            }
        }
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        bytes[16..18].copy_from_slice(&length);
        bytes
    })
}
