use std::sync::Arc;

use guideway_dataplane_config::{Backend, TableSize};

use super::*;
use crate::{
    Advertise, Advertisement, BfdProfile, Community, Content, ExtendedCommunity, L2, LargeCommunity, Peer,
};

fn hex(bytes: &[u8]) -> String {
    let line = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    bytes.chunks(48).map(line).collect::<Vec<_>>().join("\n")
}

fn set() -> BackendSet {
    BackendSet {
        name: "shop/web/http".into(),
        table_size: TableSize::Small,
        encapsulation: EncapsulationKind::Gue,
        second_hop: true,
        drain_window: Duration::from_secs(600),
        health_check: Some(HealthCheck {
            probe: Probe::Http { path: "/ok".into(), host: Some("shop".into()), expect: 200..=399 },
            port: 8080.try_into().unwrap(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_millis(500),
            rise: 2.try_into().unwrap(),
            fall: 3.try_into().unwrap(),
        }),
        backends: [
            Backend { name: "a".into(), address: "10.0.0.1".parse().unwrap(), weight: 1 },
            Backend { name: "b".into(), address: "fd00::1".parse().unwrap(), weight: 300 },
        ]
        .into(),
    }
}

fn vip() -> Vip {
    Vip {
        name: "shop/web/http/v4".parse().unwrap(),
        address: "203.0.113.7/32".parse().unwrap(),
        ports: Ports::Range(80, 81),
        protocol: Protocol::Udp,
        set: "shop/web/http".parse().unwrap(),
        affinity: Affinity::ClientIp { timeout: Duration::from_secs(10) },
        flow_entries: Some(1024),
        sources: vec!["192.0.2.0/24".parse().unwrap()],
        shard: "a".parse().unwrap(),
        advertise: Advertise {
            bgp: true,
            l2: Some(L2 { owner: Some("lb1".parse().unwrap()), interfaces: vec!["up0".into()] }),
        },
        owner: "east/shop/web".into(),
    }
}

fn pool() -> Pool {
    Pool { name: "web".parse().unwrap(), prefixes: vec!["2001:db8::/48".parse().unwrap()] }
}

fn shard() -> Shard {
    Shard {
        name: "a".parse().unwrap(),
        members: ["lb1", "lb2"].map(|name| name.parse().unwrap()).into(),
        leaving: ["lb3".parse().unwrap()].into(),
        zone: Some("z1".into()),
    }
}

fn routing() -> Routing {
    Routing {
        peers: vec![Peer {
            name: "tor1".into(),
            forwarders: Scope::Only(["lb1".parse().unwrap()].into()),
            address: Some("10.1.1.1".parse().unwrap()),
            interface: None,
            remote_as: RemoteAs::Number(65000),
            local_as: 65001,
            router_id: Some("10.0.0.9".parse().unwrap()),
            port: 179,
            local_address: None,
            hold_time: Some(Duration::from_secs(9)),
            connect_retry: None,
            password: Some("s3cret".into()),
            multihop: Some(2),
            graceful_restart: None,
            bfd_profile: Some("fast".into()),
            dual_family: false,
        }],
        advertisements: vec![Advertisement {
            name: "all".into(),
            pools: Scope::All,
            forwarders: Scope::All,
            peers: Scope::Only(["tor1".to_owned()].into()),
            aggregation_v4: 32,
            aggregation_v6: 64,
            local_pref: Some(100),
            communities: vec![Community(65001 << 16 | 100)],
            extended_communities: vec![ExtendedCommunity(1)],
            large_communities: vec![LargeCommunity(65001, 1, 2)],
        }],
        bfd_profiles: vec![BfdProfile {
            name: "fast".into(),
            receive: Duration::from_millis(300),
            transmit: Duration::from_millis(300),
            multiplier: 3,
            echo: Some(Duration::from_millis(50)),
            passive: false,
            minimum_ttl: Some(254),
        }],
    }
}

/// Forwarders and controllers of two versions must not call one thing by two digests, nor two things by one. If this
/// fails, count `FORMAT` up.
#[test]
fn bytes_do_not_drift() {
    let items = [
        ("set", bytes(&set())),
        ("VIP", bytes(&vip())),
        ("pool", bytes(&pool())),
        ("shard", bytes(&shard())),
        ("routing", bytes(&routing())),
    ];
    let text: Vec<String> = items.iter().map(|(name, bytes)| format!("{name}\n{}", hex(bytes))).collect();
    insta::assert_snapshot!(text.join("\n"));
    let mut content = Content::new(Seed::new(*b"0123456789abcdef"), routing());
    content.put_set(set()).unwrap();
    content.put_vip(Arc::new(vip()));
    content.put_pool(pool());
    content.put_shard(shard());
    insta::assert_snapshot!(content.digest());
}

/// Each field is in the bytes.
#[test]
fn every_field_counts() {
    let sets: [fn(&mut BackendSet); 14] = [
        |set| set.name.push('2'),
        |set| set.table_size = TableSize::Large,
        |set| set.encapsulation = EncapsulationKind::Gre,
        |set| set.second_hop = false,
        |set| set.drain_window += Duration::from_nanos(1),
        |set| set.health_check = None,
        |set| set.health_check.as_mut().unwrap().probe = Probe::Tcp,
        |set| set.health_check.as_mut().unwrap().port = 1.try_into().unwrap(),
        |set| set.health_check.as_mut().unwrap().interval = Duration::ZERO,
        |set| set.health_check.as_mut().unwrap().timeout = Duration::ZERO,
        |set| set.health_check.as_mut().unwrap().rise = 9.try_into().unwrap(),
        |set| set.health_check.as_mut().unwrap().fall = 9.try_into().unwrap(),
        |set| Arc::make_mut(&mut set.backends)[0].weight = 2,
        |set| Arc::make_mut(&mut set.backends)[0].address = "10.0.0.2".parse().unwrap(),
    ];
    for change in sets {
        let mut other = set();
        change(&mut other);
        assert_ne!(bytes(&other), bytes(&set()), "{other:?}");
    }
    let vips: [fn(&mut Vip); 13] = [
        |vip| vip.name = "x".parse().unwrap(),
        |vip| vip.address = "203.0.113.0/24".parse().unwrap(),
        |vip| vip.ports = Ports::Any,
        |vip| vip.ports = Ports::One(80),
        |vip| vip.protocol = Protocol::Tcp,
        |vip| vip.set = "x".parse().unwrap(),
        |vip| vip.affinity = Affinity::Flow { timeout: Duration::from_secs(10) },
        |vip| vip.flow_entries = None,
        |vip| vip.sources.clear(),
        |vip| vip.shard = "x".parse().unwrap(),
        |vip| vip.advertise.bgp = false,
        |vip| vip.advertise.l2.as_mut().unwrap().owner = None,
        |vip| vip.owner.clear(),
    ];
    for change in vips {
        let mut other = vip();
        change(&mut other);
        assert_ne!(bytes(&other), bytes(&vip()), "{other:?}");
    }
}

proptest::proptest! {
    /// Nothing is told apart by equality that the bytes do not tell apart, and the other way round.
    #[test]
    fn bytes_are_as_equal_as_values(
        vips in proptest::collection::vec(crate::arbitrary::vip(), 2),
        sets in proptest::collection::vec(crate::arbitrary::set(), 2),
        routings in proptest::collection::vec(crate::arbitrary::routing(), 2),
        shards in proptest::collection::vec(crate::arbitrary::shard(), 2),
    ) {
        proptest::prop_assert_eq!(bytes(&vips[0]) == bytes(&vips[1]), vips[0] == vips[1]);
        proptest::prop_assert_eq!(bytes(&sets[0]) == bytes(&sets[1]), sets[0] == sets[1]);
        proptest::prop_assert_eq!(bytes(&routings[0]) == bytes(&routings[1]), routings[0] == routings[1]);
        proptest::prop_assert_eq!(bytes(&shards[0]) == bytes(&shards[1]), shards[0] == shards[1]);
    }
}
