//! Who announces what.

use guideway_controller_core::ForwarderName;
use guideway_controller_crds::Kind;
use serde_json::json;

use super::world::*;
use crate::Change;

const V4: &str = "east/shop/web/80/v4";

fn live(world: &mut World, name: &str, live: bool) {
    world.index.apply(Change::Live(ForwarderName::new(name).unwrap(), live));
}

fn owner(world: &mut World) -> Option<String> {
    let content = world.settle();
    vip(&content, V4).advertise.l2.as_ref().unwrap().owner.as_ref().map(ToString::to_string)
}

#[test]
fn nobody_announces_what_no_advertisement_is_for() {
    let mut world = web(|_| {});
    world.index.apply(bgp("all", &["other"]));
    let content = world.settle();
    assert!(!vip(&content, V4).advertise.bgp);
    assert!(world.told("NotAdvertised"));
    world.index.apply(bgp("all", &["web"]));
    assert!(vip(&world.settle(), V4).advertise.bgp);
}

#[test]
fn a_link_has_one_owner_that_lives() {
    let mut world = web(|_| {});
    world.index.apply(l2("link", &["eth0"]));
    assert_eq!(owner(&mut world), None);
    live(&mut world, "lb1", true);
    assert_eq!(owner(&mut world).as_deref(), Some("lb1"));
    live(&mut world, "lb2", true);
    let first = owner(&mut world).unwrap();
    live(&mut world, &first, false);
    let second = owner(&mut world).unwrap();
    assert_ne!(first, second);
    live(&mut world, &first, true);
    assert_eq!(owner(&mut world).as_deref(), Some(&*first));
    let content = world.settle();
    assert_eq!(vip(&content, V4).advertise.l2.as_ref().unwrap().interfaces, ["eth0"]);
    world.index.apply(l2("more", &[]));
    let content = world.settle();
    assert!(vip(&content, V4).advertise.l2.as_ref().unwrap().interfaces.is_empty(), "all of them");
    world.index.apply(forwarder(&first, None, true));
    assert_eq!(owner(&mut world), Some(second));
}

#[test]
fn the_vips_of_an_address_have_one_owner() {
    let mut world = web(|web| {
        web["spec"]["ports"] =
            (1..20).map(|n| json!({"name": format!("p{n}"), "port": n})).collect::<Vec<_>>().into();
    });
    let mut ports = slice("web", "a", &[endpoint("10.1.0.1", "web-0", "n1")]);
    ports["ports"] = (1..20).map(|n| json!({"name": format!("p{n}"), "port": n})).collect::<Vec<_>>().into();
    world.put("east", "EndpointSlice", ports);
    world.index.apply(l2("link", &[]));
    live(&mut world, "lb1", true);
    live(&mut world, "lb2", true);
    let content = world.settle();
    let owners: std::collections::BTreeSet<_> =
        content.vips().values().map(|vip| vip.advertise.l2.clone().unwrap().owner).collect();
    assert_eq!((content.vips().len(), owners.len()), (19, 1));
}

#[test]
fn routers_and_what_they_are_told() {
    let mut world = web(|_| {});
    world.index.apply(resource(
        "metallb.io",
        "BGPPeer",
        "tor",
        json!({
            "myASN": 65001, "peerASN": 65000, "peerAddress": "10.0.0.254", "bfdProfile": "fast",
            "nodeSelectors": [{"matchLabels": {"kubernetes.io/hostname": "lb1"}}]
        }),
    ));
    world.index.apply(resource(
        "metallb.io",
        "BGPPeer",
        "secret",
        json!({
            "myASN": 65001, "peerASN": 65000, "peerAddress": "10.0.0.253", "passwordSecret": {"name": "tor"}
        }),
    ));
    world.index.apply(resource(
        "metallb.io",
        "BGPAdvertisement",
        "all",
        json!({
            "communities": ["65000:1", "large:65000:1:2", "vip"], "aggregationLength": 24, "localPref": 50
        }),
    ));
    let content = world.settle();
    content.check().unwrap();
    let routing = content.routing();
    assert_eq!(routing.peers.iter().map(|peer| peer.name.as_str()).collect::<Vec<_>>(), ["tor"]);
    assert!(routing.peers[0].bfd_profile.is_none());
    let problems: Vec<String> = world.index.problems().map(|problem| problem.problem.clone()).collect();
    for part in ["Secret guideway/tor", "no BFDProfile fast", "alias vip"] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
    }

    world.index.apply(Change::Password(crate::ObjectName::new("guideway", "tor"), Some("geheim".to_owned())));
    world.index.apply(resource("metallb.io", "BFDProfile", "fast", json!({"detectMultiplier": 5})));
    world.index.apply(resource(
        "metallb.io",
        "Community",
        "names",
        json!({"communities": [{"name": "vip", "value": "65000:7"}]}),
    ));
    let content = world.settle();
    content.check().unwrap();
    let routing = content.routing();
    assert_eq!(routing.peers.len(), 2);
    assert_eq!(routing.peers[0].password.as_deref(), Some("geheim"));
    assert_eq!(routing.peers[1].bfd_profile.as_deref(), Some("fast"));
    let only: Vec<bool> =
        ["lb1", "lb2"].iter().map(|name| routing.peers[1].forwarders.contains(*name)).collect();
    assert_eq!(only, [true, false]);
    let all = &routing.advertisements[0];
    assert_eq!((all.aggregation_v4, all.local_pref), (24, Some(50)));
    assert_eq!(all.communities.iter().map(ToString::to_string).collect::<Vec<_>>(), ["65000:1", "65000:7"]);
    assert_eq!(all.large_communities.len(), 1);
    assert_eq!(world.index.problems().count(), 0);
    world.index.apply(Change::Password(crate::ObjectName::new("guideway", "tor"), None));
    assert_eq!(world.settle().routing().peers.len(), 1);
}

#[test]
fn what_an_advertisement_names_and_nobody_has_is_told() {
    let mut world = web(|_| {});
    let spec = json!({"ipAddressPools": ["web", "wbe"], "peers": ["tor"]});
    world.index.apply(resource("metallb.io", "BGPAdvertisement", "some", spec));
    let spec = json!({"ipAddressPools": ["lnik"]});
    world.index.apply(resource("metallb.io", "L2Advertisement", "link", spec));
    world.index.apply(pool("web", &["198.51.100.0/24"]));
    world.settle();
    let problems = |world: &World| -> Vec<String> {
        world.index.problems().map(|problem| format!("{} {}", problem.name, problem.problem)).collect()
    };
    assert_eq!(
        problems(&world),
        [
            "link there is no IPAddressPool lnik: nothing is announced in its place",
            "some there is no IPAddressPool wbe: nothing is announced in its place",
            "some there is no BGPPeer tor: nobody is told in its place",
        ]
    );
    let spec = json!({"myASN": 65001, "peerASN": 65000, "peerAddress": "10.0.0.254"});
    world.index.apply(resource("metallb.io", "BGPPeer", "tor", spec));
    world.index.apply(pool("wbe", &["198.51.101.0/24"]));
    world.index.apply(Change::ResourceGone(Kind::L2Advertisement, "link".to_owned()));
    world.settle();
    assert_eq!(problems(&world), [""; 0]);
}
