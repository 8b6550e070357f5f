use guideway_dataplane_config::{Affinity, Backend, EncapsulationKind, Ports, TableSize};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::arbitrary::{content, edit};
use crate::{Advertise, RemoteAs};

const SEED: Seed = Seed::new([9; 16]);

fn set(name: &str, addresses: &[&str]) -> BackendSet {
    let backend = |address: &&str| Backend {
        name: format!("pod-{address}"),
        address: address.parse().unwrap(),
        weight: 1,
    };
    BackendSet {
        name: name.into(),
        table_size: TableSize::Small,
        encapsulation: EncapsulationKind::IpIp,
        second_hop: false,
        drain_window: std::time::Duration::from_secs(60),
        health_check: None,
        backends: addresses.iter().map(backend).collect(),
    }
}

fn vip(name: &str, address: &str, ports: Ports, set: &str) -> Vip {
    Vip {
        name: name.parse().unwrap(),
        address: address.parse().unwrap(),
        ports,
        protocol: Protocol::Tcp,
        set: set.parse().unwrap(),
        affinity: Affinity::None,
        flow_entries: None,
        sources: Vec::new(),
        shard: "all".parse().unwrap(),
        advertise: Advertise { bgp: true, l2: None },
        owner: String::new(),
    }
}

/// A content in which nothing is wrong: two Services.
fn good() -> Content {
    let mut content = Content::new(SEED, Routing::default());
    content.put_set(set("a", &["10.0.0.1", "10.0.0.2"])).unwrap();
    content.put_set(set("b", &["10.0.1.1"])).unwrap();
    content.put_vip(vip("a/v4", "203.0.113.1/32", Ports::One(80), "a"));
    content.put_vip(vip("b/v4", "203.0.113.2/32", Ports::One(80), "b"));
    let members = ["lb1", "lb2"].map(|name| name.parse().unwrap()).into();
    content.put_shard(Shard {
        name: "all".parse().unwrap(),
        members,
        leaving: ["lb3".parse().unwrap()].into(),
        zone: None,
    });
    content
        .put_pool(Pool { name: "web".parse().unwrap(), prefixes: vec!["203.0.113.0/24".parse().unwrap()] });
    content
}

/// Built from nothing, in another order.
fn rebuilt(content: &Content) -> Content {
    let mut other = Content::new(content.seed, content.routing.as_ref().clone());
    content.shards.values().rev().for_each(|shard| other.put_shard(Arc::clone(shard)));
    content.vips.values().rev().for_each(|vip| other.put_vip(Arc::clone(vip)));
    content.pools.values().rev().for_each(|pool| other.put_pool(Arc::clone(pool)));
    content.sets.values().rev().for_each(|set| other.put_set(Arc::clone(set)).unwrap());
    other
}

fn assert_same(one: &Content, other: &Content) {
    assert_eq!(one.digest, other.digest);
    assert!(one.sets == other.sets && one.vips == other.vips && one.shards == other.shards);
    assert!(one.of_set == other.of_set && one.of_shard == other.of_shard && one.lengths == other.lengths);
    assert!(one.of_address == other.of_address && one.of_backend == other.of_backend);
}

proptest! {
    #[test]
    fn the_digest_has_neither_order_nor_history(edits in vec(edit(), 0..40)) {
        let mut content = Content::new(SEED, Routing::default());
        for edit in &edits {
            edit.apply(&mut content);
        }
        assert_same(&content, &rebuilt(&content));
    }

    #[test]
    fn two_contents_have_two_digests(one in content(), other in content()) {
        let same = one.seed == other.seed && one.sets == other.sets && one.vips == other.vips
            && one.pools == other.pools && one.shards == other.shards && one.routing == other.routing;
        prop_assert_eq!(one.digest() == other.digest(), same);
    }

    /// The order of backends, prefixes and the like means nothing.
    #[test]
    fn lists_without_an_order_are_sorted(mut vip in crate::arbitrary::vip(), mut set in crate::arbitrary::set()) {
        let mut backends = set.backends.to_vec();
        backends.sort_by(|a, b| a.name.cmp(&b.name));
        backends.dedup_by(|a, b| a.name == b.name);
        set.backends = backends.into();
        let mut one = Content::new(SEED, Routing::default());
        one.put_vip(vip.clone());
        one.put_set(set.clone()).unwrap();
        vip.sources.reverse();
        vip.sources.extend(vip.sources.clone());
        Arc::make_mut(&mut set.backends).reverse();
        let mut other = Content::new(SEED, Routing::default());
        other.put_vip(vip);
        other.put_set(set).unwrap();
        prop_assert_eq!(one.digest(), other.digest());
    }

    /// Checking what differs finds what checking all finds, and nothing is wrong without what was.
    #[test]
    fn a_purged_content_is_good(edits in vec(edit(), 0..30), more in vec(edit(), 0..10)) {
        let mut content = Content::new(SEED, Routing::default());
        let nothing = content.clone();
        edits.iter().for_each(|edit| edit.apply(&mut content));
        let (base, _) = content.purged(&nothing);
        prop_assert_eq!(base.check(), Ok(()));
        let mut next = base.clone();
        more.iter().for_each(|edit| edit.apply(&mut next));
        prop_assert_eq!(next.check_since(&base), next.check());
        let (purged, errors) = next.purged(&base);
        prop_assert_eq!(purged.check(), Ok(()));
        prop_assert_eq!(errors.is_empty(), purged == next);
    }
}

#[test]
fn what_follows_from_names() {
    let content = good();
    let names = |vips: Vec<&Arc<Vip>>| vips.iter().map(|vip| vip.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(content.vips_of_set(&"a".parse().unwrap()).collect()), ["a/v4"]);
    assert_eq!(names(content.vips_of_shard(&"all".parse().unwrap()).collect()), ["a/v4", "b/v4"]);
    let address = "203.0.113.2/32".parse().unwrap();
    assert_eq!(names(content.vips_of_address(address, Protocol::Tcp).collect()), ["b/v4"]);
    assert_eq!(content.vips_of_address(address, Protocol::Udp).count(), 0);
    let vip = content.vips.get("a/v4").unwrap();
    for (forwarder, bgp) in [("lb1", true), ("lb3", true), ("lb4", false)] {
        let found = content.announcement(vip, &forwarder.parse().unwrap());
        assert_eq!(found, Announcement { bgp, l2: false }, "{forwarder}");
    }
}

/// Each change of a good content, what is said of it, and what is left without what is wrong.
#[test]
fn errors_say_what_and_where() {
    type Change = fn(&mut Content);
    let cases: &[(Change, &[&str], usize)] = &[
        (|_| {}, &[], 2),
        (
            |content| content.put_vip(vip("c/v4", "203.0.113.3/32", Ports::One(80), "c")),
            &["VIP \"c/v4\": set: no set is called \"c\""],
            2,
        ),
        (
            |content| _ = content.remove_set(&"a".parse().unwrap()),
            &["VIP \"a/v4\": set: no set is called \"a\""],
            1,
        ),
        (
            |content| _ = content.remove_shard(&"all".parse().unwrap()),
            &[
                "VIP \"a/v4\": shard: no shard is called \"all\"",
                "VIP \"b/v4\": shard: no shard is called \"all\"",
            ],
            0,
        ),
        (
            |content| content.put_vip(vip("c/v4", "203.0.113.1/32", Ports::One(80), "b")),
            &["VIP \"c/v4\": ports: 203.0.113.1/32 port 80 tcp is the VIP \"a/v4\" already"],
            2,
        ),
        (
            |content| {
                content.put_vip(vip("c/v4", "203.0.113.1/32", Ports::Range(90, 99), "b"));
                content.put_vip(vip("d/v4", "203.0.113.1/32", Ports::Range(95, 105), "b"));
            },
            &[
                "VIP \"d/v4\": ports: 95-105 crosses 90-99 of the VIP \"c/v4\": one must contain the other, or they must \
               have no port in common",
            ],
            3,
        ),
        (
            // The backend is to blame and not the VIP of somebody else.
            |content| content.put_set(set("b", &["203.0.113.1"])).unwrap(),
            &[
                "set \"b\": backend \"pod-203.0.113.1\": address: 203.0.113.1 lies in the VIP \"a/v4\": its packets would \
               come back to the forwarder",
            ],
            1,
        ),
        (
            |content| content.put_vip(vip("c/v4", "10.0.0.0/24", Ports::Any, "b")),
            &[
                "set \"a\": backend \"pod-10.0.0.1\": address: 10.0.0.1 lies in the VIP \"c/v4\": its packets would come \
                 back to the forwarder",
                "set \"a\": backend \"pod-10.0.0.2\": address: 10.0.0.2 lies in the VIP \"c/v4\": its packets would come \
                 back to the forwarder",
            ],
            2,
        ),
        (
            // Of two VIPs around it the wider one is named, and it alone.
            |content| {
                content.put_vip(vip("c/v4", "10.0.1.1/32", Ports::Any, "a"));
                content.put_vip(vip("d/v4", "10.0.1.0/24", Ports::Any, "a"));
            },
            &[
                "set \"b\": backend \"pod-10.0.1.1\": address: 10.0.1.1 lies in the VIP \"d/v4\": its packets would come \
                 back to the forwarder",
            ],
            3,
        ),
        (
            |content| content.put_set(set("b", &["127.0.0.1", "127.0.0.1"])).unwrap(),
            &[
                "set \"b\": backend \"pod-127.0.0.1\": address: 127.0.0.1 is a loopback address, which no other host can \
                 reach: write a unicast address",
                "set \"b\": backend \"pod-127.0.0.1\": address: 127.0.0.1 is that of another backend of the set already",
                "set \"b\": backend \"pod-127.0.0.1\": name: is that of another backend of the set already",
            ],
            1,
        ),
    ];
    for (change, expected, left) in cases {
        let (base, mut content) = (good(), good());
        assert_eq!(base.check(), Ok(()));
        change(&mut content);
        let errors: Vec<String> =
            content.check().err().into_iter().flatten().map(|error| error.to_string()).collect();
        assert_eq!(errors, *expected);
        assert_eq!(content.check_since(&base), content.check());
        assert_eq!(content.purged(&base).0.vips.len(), *left, "{expected:?}");
    }
}

#[test]
fn bad_routing_leaves_the_routing_that_was() {
    let peer = crate::Peer {
        name: "tor1".into(),
        forwarders: crate::Scope::All,
        address: None,
        interface: None,
        remote_as: RemoteAs::Number(23456),
        local_as: 65001,
        router_id: None,
        port: 0,
        local_address: None,
        hold_time: Some(std::time::Duration::from_secs(1)),
        connect_retry: None,
        password: Some(String::new()),
        multihop: Some(1),
        graceful_restart: None,
        bfd_profile: Some("none".into()),
        dual_family: false,
    };
    assert!(
        !format!("{:?}", crate::Peer { password: Some("s3cret".into()), ..peer.clone() }).contains("s3cret")
    );
    let mut content = good();
    content.put_routing(Routing { peers: vec![peer], ..Routing::default() });
    let errors: Vec<String> = content.check().unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "routing: peer \"tor1\": address: is missing, and so is `interface`",
            "routing: peer \"tor1\": bfd_profile: no profile is called \"none\"",
            "routing: peer \"tor1\": hold_time: 1s is out of range: 3s to 65535s",
            "routing: peer \"tor1\": multihop: is less than 2",
            "routing: peer \"tor1\": password: has 1 to 80 bytes",
            "routing: peer \"tor1\": port: 0 is no port",
            "routing: peer \"tor1\": remote_as: 23456 is nobody's AS number",
        ]
    );
    assert_eq!(content.purged(&good()).0, good());
}
