//! Random values for tests: what the wire can carry and the digest tells apart, not always what
//! [`Content::check`](crate::Content::check) would allow.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU8, NonZeroU16};
use std::sync::Arc;
use std::time::Duration;

use guideway_dataplane_config::{
    Affinity, Backend, BackendSet, EncapsulationKind, HealthCheck, Ports, Probe, Protocol, Seed, TableSize,
};
use ipnet::IpNet;
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use crate::message::{MAX_PAST_AGO, PastSet};
use crate::{
    Advertise, Advertisement, BfdProfile, Community, Content, ExtendedCommunity, ForwarderName, L2,
    LargeCommunity, Peer, Pool, PoolName, RemoteAs, Routing, Scope, SetName, Shard, ShardName, Vip, VipName,
};

/// One of a few names that begin with `prefix`: they meet.
fn name<T>(prefix: &'static str) -> impl Strategy<Value = T>
where
    T: std::str::FromStr + std::fmt::Debug,
    T::Err: std::fmt::Debug,
{
    (0..12_u8).prop_map(move |number| format!("{prefix}{number}").parse().expect("it is short and printable"))
}

/// Addresses of both families.
pub fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u8>().prop_map(|host| Ipv4Addr::new(10, 0, 0, host).into()),
        any::<u16>().prop_map(|host| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host).into()),
    ]
}

/// Prefixes without host bits.
pub fn prefix() -> impl Strategy<Value = IpNet> {
    (address(), 0..=32_u8).prop_map(|(address, shorter)| {
        let length = if address.is_ipv4() { 32 } else { 128 } - shorter;
        IpNet::new(address, length).expect("it is no longer than the address").trunc()
    })
}

/// Whole nanoseconds of a day.
fn duration() -> impl Strategy<Value = Duration> {
    (0..86_400_000_000_000_u64).prop_map(Duration::from_nanos)
}

fn backend() -> impl Strategy<Value = Backend> {
    (name::<SetName>("backend"), address(), any::<u16>()).prop_map(|(name, address, weight)| Backend {
        name: name.to_string(),
        address,
        weight,
    })
}

fn probe() -> impl Strategy<Value = Probe> {
    prop_oneof![
        Just(Probe::Tcp),
        ("/[a-z]{0,5}", option::of("[a-z]{1,5}"), any::<(u16, u16)>())
            .prop_map(|(path, host, (first, last))| Probe::Http { path, host, expect: first..=last }),
    ]
}

fn health_check() -> impl Strategy<Value = HealthCheck> {
    (probe(), any::<NonZeroU16>(), duration(), duration(), any::<NonZeroU8>(), any::<NonZeroU8>()).prop_map(
        |(probe, port, interval, timeout, rise, fall)| HealthCheck {
            probe,
            port,
            interval,
            timeout,
            rise,
            fall,
        },
    )
}

/// Backend sets.
pub fn set() -> impl Strategy<Value = BackendSet> {
    let encapsulation = prop_oneof![
        Just(EncapsulationKind::IpIp),
        Just(EncapsulationKind::Gue),
        Just(EncapsulationKind::Gre),
        Just(EncapsulationKind::L2),
    ];
    let size = prop_oneof![Just(TableSize::Large), Just(TableSize::Small)];
    (
        name::<SetName>("set"),
        size,
        encapsulation,
        any::<bool>(),
        duration(),
        option::of(health_check()),
        vec(backend(), 0..5),
    )
        .prop_map(
            |(name, table_size, encapsulation, second_hop, drain_window, health_check, backends)| {
                BackendSet {
                    name: name.to_string(),
                    table_size,
                    encapsulation,
                    second_hop,
                    drain_window,
                    health_check,
                    backends: backends.into(),
                }
            },
        )
}

/// What sets were before.
pub fn past_set() -> impl Strategy<Value = PastSet> {
    let ago = (0..=MAX_PAST_AGO.as_secs(), 0..1000_u64);
    (set(), any::<u64>(), any::<[u8; 16]>(), ago).prop_map(|(set, dead, seed, (seconds, ms))| {
        let ago = Duration::from_secs(seconds) + Duration::from_millis(ms);
        let places = (0..).take(set.backends.len().min(64));
        PastSet {
            set: Arc::new(set),
            unhealthy: places.filter(|place| dead >> place & 1 == 1).collect(),
            seed: Seed::new(seed),
            ago: ago.min(MAX_PAST_AGO),
        }
    })
}

fn ports() -> impl Strategy<Value = Ports> {
    prop_oneof![
        (1..=u16::MAX).prop_map(Ports::One),
        (1..u16::MAX).prop_flat_map(|first| (first + 1..=u16::MAX).prop_map(move |l| Ports::Range(first, l))),
        Just(Ports::Any),
    ]
}

/// VIPs.
pub fn vip() -> impl Strategy<Value = Vip> {
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)];
    let affinity = prop_oneof![
        Just(Affinity::None),
        duration().prop_map(|timeout| Affinity::Flow { timeout }),
        duration().prop_map(|timeout| Affinity::ClientIp { timeout }),
    ];
    let l2 = (option::of(name("lb")), vec("[a-z]{1,5}", 0..3))
        .prop_map(|(owner, interfaces)| L2 { owner, interfaces });
    let advertise = (any::<bool>(), option::of(l2)).prop_map(|(bgp, l2)| Advertise { bgp, l2 });
    (
        (name::<VipName>("vip"), prefix(), ports(), protocol),
        (name::<SetName>("set"), affinity, any::<Option<u32>>(), vec(prefix(), 0..4)),
        (name::<ShardName>("shard"), advertise, "[a-z/]{0,9}"),
    )
        .prop_map(
            |(
                (name, address, ports, protocol),
                (set, affinity, flow_entries, sources),
                (shard, advertise, owner),
            )| {
                Vip {
                    name,
                    address,
                    ports,
                    protocol,
                    set,
                    affinity,
                    flow_entries,
                    sources,
                    shard,
                    advertise,
                    owner,
                }
            },
        )
}

/// Pools.
pub fn pool() -> impl Strategy<Value = Pool> {
    (name::<PoolName>("pool"), vec(prefix(), 0..4)).prop_map(|(name, prefixes)| Pool { name, prefixes })
}

/// Shards.
pub fn shard() -> impl Strategy<Value = Shard> {
    let forwarders = || btree_set(name::<ForwarderName>("lb"), 0..4);
    (name::<ShardName>("shard"), forwarders(), forwarders(), option::of("[a-z]{1,3}"))
        .prop_map(|(name, members, leaving, zone)| Shard { name, members, leaving, zone })
}

fn scope<T: Ord + Clone + std::fmt::Debug>(
    one: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Scope<T>> {
    option::of(btree_set(one, 0..3))
        .prop_map(|only: Option<BTreeSet<T>>| only.map_or(Scope::All, Scope::Only))
}

fn peer() -> impl Strategy<Value = Peer> {
    let remote_as = prop_oneof![
        any::<u32>().prop_map(RemoteAs::Number),
        Just(RemoteAs::External),
        Just(RemoteAs::Internal)
    ];
    (
        ("tor[0-9]", scope(name::<ForwarderName>("lb")), option::of(address()), option::of("[a-z]{1,3}")),
        (remote_as, any::<u32>(), any::<Option<Ipv4Addr>>(), any::<u16>(), option::of(address())),
        (option::of(duration()), option::of(duration()), option::of("[a-z]{1,9}"), any::<Option<u8>>()),
        (option::of(duration()), option::of("[a-z]{1,3}"), any::<bool>()),
    )
        .prop_map(
            |(
                (name, forwarders, address, interface),
                (remote_as, local_as, router_id, port, local_address),
                (hold_time, connect_retry, password, multihop),
                (graceful_restart, bfd_profile, dual_family),
            )| {
                Peer {
                    name,
                    forwarders,
                    address,
                    interface,
                    remote_as,
                    local_as,
                    router_id,
                    port,
                    local_address,
                    hold_time,
                    connect_retry,
                    password,
                    multihop,
                    graceful_restart,
                    bfd_profile,
                    dual_family,
                }
            },
        )
}

fn advertisement() -> impl Strategy<Value = Advertisement> {
    (
        ("ad[0-9]", scope(name::<PoolName>("pool")), scope(name::<ForwarderName>("lb")), scope("tor[0-9]")),
        (0..=32_u8, 0..=128_u8, any::<Option<u32>>()),
        (vec(any::<u32>(), 0..3), vec(any::<u64>(), 0..3), vec(any::<(u32, u32, u32)>(), 0..3)),
    )
        .prop_map(
            |(
                (name, pools, forwarders, peers),
                (aggregation_v4, aggregation_v6, local_pref),
                (communities, extended, large),
            )| Advertisement {
                name,
                pools,
                forwarders,
                peers,
                aggregation_v4,
                aggregation_v6,
                local_pref,
                communities: communities.into_iter().map(Community).collect(),
                extended_communities: extended.into_iter().map(ExtendedCommunity).collect(),
                large_communities: large.into_iter().map(|(a, b, c)| LargeCommunity(a, b, c)).collect(),
            },
        )
}

fn bfd_profile() -> impl Strategy<Value = BfdProfile> {
    (
        "[a-z]{1,3}",
        duration(),
        duration(),
        any::<u8>(),
        option::of(duration()),
        any::<bool>(),
        any::<Option<u8>>(),
    )
        .prop_map(|(name, receive, transmit, multiplier, echo, passive, minimum_ttl)| BfdProfile {
            name,
            receive,
            transmit,
            multiplier,
            echo,
            passive,
            minimum_ttl,
        })
}

/// Routing.
pub fn routing() -> impl Strategy<Value = Routing> {
    (vec(peer(), 0..3), vec(advertisement(), 0..3), vec(bfd_profile(), 0..3))
        .prop_map(|(peers, advertisements, bfd_profiles)| Routing { peers, advertisements, bfd_profiles })
}

/// A change of a content.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Put in.
    Set(BackendSet),
    /// Take out.
    NoSet(SetName),
    /// Put in.
    Vip(Vip),
    /// Take out.
    NoVip(VipName),
    /// Put in.
    Pool(Pool),
    /// Take out.
    NoPool(PoolName),
    /// Put in.
    Shard(Shard),
    /// Take out.
    NoShard(ShardName),
    /// Put in.
    Routing(Routing),
    /// Put in.
    Seed(u8),
}

impl Edit {
    /// Does it.
    pub fn apply(&self, content: &mut Content) {
        match self.clone() {
            Self::Set(set) => content.put_set(set).expect("it has a name"),
            Self::NoSet(name) => _ = content.remove_set(&name),
            Self::Vip(vip) => content.put_vip(vip),
            Self::NoVip(name) => _ = content.remove_vip(&name),
            Self::Pool(pool) => content.put_pool(pool),
            Self::NoPool(name) => _ = content.remove_pool(&name),
            Self::Shard(shard) => content.put_shard(shard),
            Self::NoShard(name) => _ = content.remove_shard(&name),
            Self::Routing(routing) => content.put_routing(routing),
            Self::Seed(seed) => content.put_seed(Seed::new([seed; 16])),
        }
    }
}

/// Changes.
pub fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => set().prop_map(Edit::Set),
        2 => name("set").prop_map(Edit::NoSet),
        4 => vip().prop_map(Edit::Vip),
        2 => name("vip").prop_map(Edit::NoVip),
        2 => pool().prop_map(Edit::Pool),
        1 => name("pool").prop_map(Edit::NoPool),
        2 => shard().prop_map(Edit::Shard),
        1 => name("shard").prop_map(Edit::NoShard),
        1 => routing().prop_map(Edit::Routing),
        1 => (0..3_u8).prop_map(Edit::Seed),
    ]
}

/// Contents, as some changes make them.
pub fn content() -> impl Strategy<Value = Content> {
    vec(edit(), 0..20).prop_map(|edits| {
        let mut content = Content::new(Seed::new([0; 16]), Routing::default());
        edits.iter().for_each(|edit| edit.apply(&mut content));
        content
    })
}
