use guideway_controller_core::{Community, LargeCommunity, Scope};

use super::*;

fn peer(name: &str, address: &str) -> Peer {
    Peer {
        name: name.to_owned(),
        forwarders: Scope::All,
        address: Some(address.parse().unwrap()),
        interface: None,
        remote_as: RemoteAs::Number(65_100),
        local_as: 65_001,
        router_id: None,
        port: 179,
        local_address: None,
        hold_time: None,
        connect_retry: None,
        password: None,
        multihop: None,
        graceful_restart: None,
        bfd_profile: None,
        dual_family: false,
    }
}

fn advertisement(name: &str, pools: &[&str], peers: &[&str], community: u32) -> Advertisement {
    let pools: BTreeSet<_> = pools.iter().map(|name| name.parse().unwrap()).collect();
    let peers: BTreeSet<_> = peers.iter().map(|name| (*name).to_owned()).collect();
    Advertisement {
        name: name.to_owned(),
        pools: if pools.is_empty() { Scope::All } else { Scope::Only(pools) },
        forwarders: Scope::All,
        peers: if peers.is_empty() { Scope::All } else { Scope::Only(peers) },
        aggregation_v4: 32,
        aggregation_v6: 128,
        local_pref: None,
        communities: vec![Community(65_001 << 16 | community)],
        extended_communities: Vec::new(),
        large_communities: Vec::new(),
    }
}

/// Two pools, and what is to be done with them.
fn content(peers: Vec<Peer>, advertisements: Vec<Advertisement>) -> Content {
    let profile = BfdProfile {
        name: "fast".to_owned(),
        receive: Duration::from_millis(300),
        transmit: Duration::from_millis(200),
        multiplier: 4,
        echo: None,
        passive: true,
        minimum_ttl: None,
    };
    let routing = Routing { peers, advertisements, bfd_profiles: vec![profile] };
    let mut content = Content::new(guideway_dataplane_config::Seed::new([1; 16]), routing);
    for (name, prefixes) in [("a", vec!["203.0.113.0/24", "2001:db8::/64"]), ("b", vec!["198.51.100.0/24"])] {
        let prefixes = prefixes.iter().map(|prefix| prefix.parse().unwrap()).collect();
        content.put_pool(Pool { name: name.parse().unwrap(), prefixes });
    }
    content
}

fn parsed(rendered: &Rendered) -> Value {
    serde_json::from_str(rendered.text.strip_prefix(HEAD).unwrap()).unwrap()
}

#[test]
fn everything_has_its_field() {
    let full = Peer {
        password: Some("\"; s3cret: ".to_owned()),
        multihop: Some(3),
        hold_time: Some(Duration::from_secs(9)),
        graceful_restart: Some(Duration::ZERO),
        bfd_profile: Some("fast".to_owned()),
        dual_family: true,
        local_address: Some("10.0.0.9".parse().unwrap()),
        router_id: Some([10, 0, 0, 9].into()),
        ..peer("tor", "10.0.0.1")
    };
    let link = Peer {
        address: None,
        interface: Some("up0".to_owned()),
        remote_as: RemoteAs::External,
        bfd_profile: Some("none".to_owned()),
        ..peer("link", "10.0.0.2")
    };
    let other =
        Peer { forwarders: Scope::Only(["fw-2".parse().unwrap()].into()), ..peer("not mine", "10.0.0.3") };
    let web = Advertisement {
        aggregation_v4: 26,
        local_pref: Some(200),
        large_communities: vec![LargeCommunity(65_001, 1, 2)],
        ..advertisement("web", &["a"], &[], 7)
    };
    let rendered =
        render(&content(vec![full, link, other], vec![web, advertisement("all", &["b"], &[], 8)]), "fw-1");
    insta::assert_snapshot!(rendered.text);
    assert_eq!(rendered.notes, ["peer link: there is no BFD profile \"none\": it has no BFD"]);
}

#[test]
fn both_families_over_ipv6_have_one_next_hop() {
    let both = Peer { dual_family: true, ..peer("six", "2001:db8::1") };
    let rendered = render(&content(vec![both], Vec::new()), "fw-1");
    let six = &parsed(&rendered)["peers"][0];
    assert_eq!((&six["families"], &six["extended_next_hop"]), (&json!(["ipv4", "ipv6"]), &json!(true)));
    assert!(rendered.notes.is_empty());
}

#[test]
fn attributes_go_where_they_can_be_told_apart() {
    let peers = || vec![peer("one", "10.0.0.1"), peer("two", "10.0.0.2")];
    // By pool: and each peer is told of one of them.
    let by_pool = vec![advertisement("x", &["a"], &["one"], 1), advertisement("y", &["b"], &["two"], 2)];
    let rendered = render(&content(peers(), by_pool), "fw-1");
    let value = parsed(&rendered);
    assert_eq!(value["pools"][0]["communities"], json!(["65001:1"]));
    assert_eq!(value["peers"][0]["export"], json!({"only": ["203.0.113.0/24", "2001:db8::/64"]}));
    assert_eq!(value["peers"][1]["export"], json!({"only": ["198.51.100.0/24"]}));
    assert!(rendered.notes.is_empty());
    // By peer.
    let by_peer = vec![advertisement("x", &[], &["one"], 1), advertisement("y", &[], &["two"], 2)];
    let rendered = render(&content(peers(), by_peer), "fw-1");
    let value = parsed(&rendered);
    assert_eq!(value["pools"][0].get("communities"), None);
    assert_eq!(value["peers"][1]["export"], json!({"communities": ["65001:2"]}));
    assert!(rendered.notes.is_empty());
    // Neither: each peer is told of each pool what is for it.
    let crossed = vec![
        advertisement("x", &["a"], &["one"], 1),
        advertisement("y", &["a"], &["two"], 2),
        advertisement("z", &["b"], &["one", "two"], 3),
    ];
    let rendered = render(&content(peers(), crossed), "fw-1");
    let value = parsed(&rendered);
    assert_eq!(value["pools"][0].get("communities"), None);
    let vip = |prefix: &str, community: &str| json!({"prefix": prefix, "communities": [community]});
    assert_eq!(
        value["peers"][0]["export"]["vips"],
        json!([
            vip("203.0.113.0/24", "65001:1"),
            vip("2001:db8::/64", "65001:1"),
            vip("198.51.100.0/24", "65001:3")
        ])
    );
    assert_eq!(value["peers"][1]["export"]["vips"][0], vip("203.0.113.0/24", "65001:2"));
    assert!(rendered.notes.is_empty());
}

#[test]
fn who_is_told_nothing_is_left_out() {
    let peers = vec![peer("one", "10.0.0.1"), peer("two", "10.0.0.2")];
    let rendered = render(&content(peers.clone(), vec![advertisement("x", &["a"], &["one"], 1)]), "fw-1");
    assert_eq!(parsed(&rendered)["peers"].as_array().unwrap().len(), 1);
    assert!(rendered.notes[0].starts_with("peer two: nothing is advertised to it"), "{:?}", rendered.notes);
    // Without advertisements no VIP is announced anyway, and sessions stand.
    let rendered = render(&content(peers, Vec::new()), "fw-1");
    assert_eq!(parsed(&rendered)["peers"].as_array().unwrap().len(), 2);
    assert_eq!(parsed(&rendered)["pools"], json!([]));
}

#[test]
fn aggregates_of_several_lengths_are_one() {
    let to =
        |length, name: &str| Advertisement { aggregation_v4: length, ..advertisement(name, &[], &[], 1) };
    let rendered = render(&content(Vec::new(), vec![to(24, "x"), to(26, "y"), to(32, "z")]), "fw-1");
    assert_eq!(parsed(&rendered)["pools"][0]["aggregate"], json!({"ipv4": 26, "specifics": true}));
    assert_eq!(rendered.notes.len(), 2, "one for each pool: {:?}", rendered.notes);
}

#[test]
fn the_file_is_written_when_it_differs() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run").join("bgp.yaml");
    let first = content(vec![peer("one", "10.0.0.1")], Vec::new());
    write(&path, &first, "fw-1").unwrap();
    let written = fs::metadata(&path).unwrap();
    assert_eq!(written.mode() & 0o777, 0o600, "passwords are in it");
    write(&path, &first, "fw-1").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().ino(), written.ino());
    write(&path, &content(Vec::new(), Vec::new()), "fw-1").unwrap();
    assert_ne!(fs::metadata(&path).unwrap().ino(), written.ino());
    assert!(write(dir.path(), &first, "fw-1").is_err(), "a folder");
}
