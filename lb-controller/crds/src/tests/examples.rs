//! Objects as people write them: what becomes of them, here and at an API server with the manifests.

use serde_json::{Value, json};

use super::schema::schema;
use crate::guideway::{ClusterAccess, HealthCheckPolicy, Members, OverBudget, Tenant};
use crate::metallb::{CommunityName, CommunityValue, PasswordSource, PeerAddress, RemoteAs};
use crate::{Kind, Parsed, Resource, parse};

fn object(kind: Kind, spec: Value) -> Value {
    json!({
        "apiVersion": format!("{}/{}", kind.group(), kind.versions()[0]),
        "kind": kind.as_str(),
        "metadata": {"name": "x", "namespace": "metallb-system", "labels": {"a": "b"}, "generation": 3},
        "spec": spec,
    })
}

fn read(kind: Kind, spec: Value) -> Parsed {
    parse(&object(kind, spec)).unwrap()
}

/// What the schema says about it.
fn causes(kind: Kind, spec: Value) -> Vec<String> {
    let mut object = object(kind, spec);
    let schema = schema(kind, kind.versions()[0]);
    schema.prune(&mut object);
    schema.default(&mut object);
    schema.validate(&object).iter().map(|cause| cause.field.clone()).collect()
}

/// Valid in both.
fn good(kind: Kind, spec: Value) -> Resource {
    assert_eq!(causes(kind, spec.clone()), Vec::<String>::new(), "{spec}");
    let parsed = read(kind, spec.clone());
    parsed.resource.unwrap_or_else(|errors| panic!("{spec}: {errors:?}"))
}

/// Places of the errors.
fn places(kind: Kind, spec: Value) -> Vec<String> {
    let errors = read(kind, spec).resource.unwrap_err();
    for error in &errors {
        assert!(!error.problem.is_empty() && !error.remedy.is_empty(), "{error}");
    }
    errors.into_iter().map(|error| error.place).collect()
}

#[test]
fn pools() {
    let spec = json!({
        "addresses": ["192.0.2.0/26", "192.0.2.100-192.0.2.120", "2001:db8::/120"],
        "autoAssign": false,
        "avoidBuggyIPs": true,
        "serviceAllocation": {
            "priority": 50,
            "namespaces": ["prod"],
            "namespaceSelectors": [{"matchLabels": {"tier": "gold"}}],
            "serviceSelectors": [{"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}],
        },
    });
    let Resource::IpAddressPool(pool) = good(Kind::IpAddressPool, spec) else { panic!() };
    assert_eq!(pool.addresses.len(), 3);
    assert!(!pool.auto_assign && pool.avoid_buggy);
    assert_eq!(pool.service_allocation.unwrap().priority, 50);

    let Resource::IpAddressPool(pool) = good(Kind::IpAddressPool, json!({"addresses": ["192.0.2.1/32"]}))
    else {
        panic!()
    };
    assert!(pool.auto_assign && !pool.avoid_buggy && pool.service_allocation.is_none());

    let table = [
        (json!({}), vec!["spec.addresses"]),
        (json!({"addresses": []}), vec!["spec.addresses"]),
        (
            json!({"addresses": ["192.0.2.1", 7, "x"]}),
            vec!["spec.addresses[0]", "spec.addresses[1]", "spec.addresses[2]"],
        ),
        (
            json!({"addresses": ["192.0.2.0/24", "198.51.100.0/24", "192.0.2.9-192.0.2.10"]}),
            vec!["spec.addresses[2]"],
        ),
        (
            json!({"addresses": ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"]}),
            vec!["spec.addresses[1]", "spec.addresses[2]"],
        ),
        (
            json!({"addresses": ["192.0.2.0/24"], "autoAssign": "yes", "serviceAllocation": {"priority": -1}}),
            vec!["spec.autoAssign", "spec.serviceAllocation.priority"],
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(places(Kind::IpAddressPool, spec.clone()), expected, "{spec}");
    }
}

#[test]
fn peers() {
    let spec = json!({
        "myASN": 64512, "peerASN": 64513, "peerAddress": "10.0.0.1", "sourceAddress": "10.0.0.2", "peerPort": 1179,
        "holdTime": "1m30s", "keepaliveTime": "30s", "connectTime": "5s", "routerID": "10.0.0.2",
        "nodeSelectors": [{"matchLabels": {"kubernetes.io/hostname": "f1"}}],
        "passwordSecret": {"name": "bgp", "namespace": "metallb-system"}, "bfdProfile": "fast",
        "enableGracefulRestart": true, "ebgpMultiHop": true, "vrf": "", "disableMP": false,
        "dualStackAddressFamily": true,
    });
    let parsed = read(Kind::BgpPeer, spec.clone());
    let notes: Vec<&str> = parsed.notes.iter().map(|note| note.place.as_str()).collect();
    let expected = [
        "spec.connectTime",
        "spec.dualStackAddressFamily",
        "spec.keepaliveTime",
        "spec.nodeSelectors",
        "spec.passwordSecret.namespace",
        "spec.routerID",
    ];
    assert_eq!(notes, expected);
    let Resource::BgpPeer(peer) = good(Kind::BgpPeer, spec) else { panic!() };
    assert_eq!((peer.local_as, peer.remote_as, peer.port.get()), (64512, RemoteAs::Number(64513), 1179));
    assert_eq!(peer.hold_time.unwrap().as_secs(), 90);
    assert!(
        matches!(peer.password, Some(PasswordSource::Secret { .. })) && peer.both_families && peer.multihop
    );

    let spec = json!({"myASN": 64512, "dynamicASN": "external", "interface": "up0", "password": "s3cret"});
    let Resource::BgpPeer(peer) = good(Kind::BgpPeer, spec) else { panic!() };
    assert_eq!(
        (peer.remote_as, peer.address.clone()),
        (RemoteAs::External, PeerAddress::Interface("up0".to_owned()))
    );
    assert!(!format!("{peer:?}").contains("s3cret"));
    // What Go writes of fields that nobody set.
    let spec = json!({
        "myASN": 64512, "peerASN": 64513, "peerAddress": "2001:db8::1", "sourceAddress": "", "holdTime": "0s",
        "bfdProfile": "", "password": "", "passwordSecret": {}, "routerID": "", "peerPort": 0, "interface": "",
    });
    let Resource::BgpPeer(peer) = good(Kind::BgpPeer, spec) else { panic!() };
    assert_eq!((peer.port.get(), peer.password), (179, None));

    let base = |extra: Value| {
        let mut spec = json!({"myASN": 1, "peerASN": 2, "peerAddress": "10.0.0.1"});
        for (name, value) in extra.as_object().unwrap() {
            spec[name] = value.clone();
        }
        spec
    };
    let table = [
        (json!({}), vec!["spec.myASN", "spec.peerASN", "spec.peerAddress"]),
        (
            json!({"myASN": 0, "peerASN": 23456, "peerAddress": "10.0.0.1"}),
            vec!["spec.myASN", "spec.peerASN"],
        ),
        (
            base(json!({"dynamicASN": "internal", "interface": "up0"})),
            vec!["spec.dynamicASN", "spec.interface"],
        ),
        (base(json!({"peerAddress": "fe80::1"})), vec!["spec.peerAddress"]),
        (base(json!({"peerAddress": "tor1"})), vec!["spec.peerAddress"]),
        (base(json!({"sourceAddress": "2001:db8::1"})), vec!["spec.sourceAddress"]),
        (base(json!({"holdTime": "2s", "connectTime": "1500ms"})), vec!["spec.connectTime", "spec.holdTime"]),
        (base(json!({"vrf": "red"})), vec!["spec.vrf"]),
        (base(json!({"password": "a", "passwordSecret": {"name": "b"}})), vec!["spec.passwordSecret"]),
        (
            base(json!({"nodeSelectors": [{"matchLabels": {"a": 1}}]})),
            vec!["spec.nodeSelectors[0].matchLabels.a"],
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(places(Kind::BgpPeer, spec.clone()), expected, "{spec}");
    }
}

#[test]
fn the_older_version_of_peers() {
    let object = json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "BGPPeer", "metadata": {"name": "x"},
        "spec": {
            "myASN": 64512, "peerASN": 64512, "peerAddress": "10.0.0.1", "ebgpMultiHop": true,
            "nodeSelectors": [{"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}],
            "dynamicASN": "internal",
        },
    });
    let parsed = parse(&object).unwrap();
    // In v1beta1 the field is not there, so that an API server drops it.
    assert_eq!(parsed.resource.unwrap_err()[0].place, "spec.dynamicASN");
    assert!(parsed.notes.iter().any(|note| note.place == "spec.dynamicASN"));
}

#[test]
fn advertisements() {
    let spec = json!({
        "ipAddressPools": ["a"], "ipAddressPoolSelectors": [{}], "nodeSelectors": [{}], "peers": ["tor1"],
        "aggregationLength": 24, "aggregationLengthV6": 64, "localPref": 200,
        "communities": ["65535:65281", "large:1:2:3", "vpn-only", "vpn-only"],
    });
    let Resource::BgpAdvertisement(bgp) = good(Kind::BgpAdvertisement, spec) else { panic!() };
    assert_eq!((bgp.aggregation_length_v4, bgp.aggregation_length_v6, bgp.local_pref), (24, 64, Some(200)));
    let communities = [
        CommunityName::Value(CommunityValue::Standard(65535, 65281)),
        CommunityName::Value(CommunityValue::Large(1, 2, 3)),
        CommunityName::Alias("vpn-only".to_owned()),
    ];
    assert_eq!(bgp.communities, communities);
    let Resource::BgpAdvertisement(bgp) = good(Kind::BgpAdvertisement, json!({})) else { panic!() };
    assert_eq!((bgp.aggregation_length_v4, bgp.aggregation_length_v6, bgp.local_pref), (32, 128, None));
    assert_eq!(
        places(
            Kind::BgpAdvertisement,
            json!({"aggregationLength": 33, "communities": ["1:2:3"], "serviceSelectors": [{}]})
        ),
        ["spec.aggregationLength", "spec.communities[0]", "spec.serviceSelectors"]
    );

    let Resource::L2Advertisement(l2) = good(Kind::L2Advertisement, json!({"interfaces": ["eth0"]})) else {
        panic!()
    };
    assert_eq!(l2.interfaces, ["eth0"]);
    assert_eq!(places(Kind::L2Advertisement, json!({"interfaces": ["a/b"]})), ["spec.interfaces[0]"]);

    // Without a specification everything is announced.
    let object =
        json!({"apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement", "metadata": {"name": "x"}});
    parse(&object).unwrap().resource.unwrap();
}

#[test]
fn bfd_profiles_and_communities() {
    let spec = json!({"receiveInterval": 100, "detectMultiplier": 3, "echoMode": true, "minimumTtl": 254, "passiveMode": true});
    let parsed = read(Kind::BfdProfile, spec.clone());
    assert!(parsed.notes.is_empty(), "{:?}", parsed.notes);
    let Resource::BfdProfile(bfd) = good(Kind::BfdProfile, spec) else { panic!() };
    assert_eq!((bfd.echo.unwrap().as_millis(), bfd.passive, bfd.minimum_ttl), (50, true, Some(254)));
    assert_eq!(
        places(
            Kind::BfdProfile,
            json!({"receiveInterval": 9, "transmitInterval": 60001, "detectMultiplier": 1.5})
        ),
        ["spec.detectMultiplier", "spec.receiveInterval", "spec.transmitInterval"]
    );

    let spec =
        json!({"communities": [{"name": "vpn", "value": "1234:1"}, {"name": "big", "value": "large:1:2:3"}]});
    let Resource::Community(community) = good(Kind::Community, spec) else { panic!() };
    assert_eq!(community.aliases.len(), 2);
    let twice = json!({"communities": [{"name": "vpn", "value": "1234:1"}, {"name": "vpn", "value": "nope"}, {"name": "x"}]});
    assert_eq!(
        places(Kind::Community, twice),
        ["spec.communities[1].name", "spec.communities[1].value", "spec.communities[2].value"]
    );
}

#[test]
fn shards() {
    let Resource::Shard(shard) = good(Kind::Shard, json!({"members": ["f1", "f2"], "default": true})) else {
        panic!()
    };
    assert!(matches!(shard.members, Members::Pinned(names) if names.len() == 2) && shard.default);
    let spec = json!({
        "selector": {"matchLabels": {"rack": "1"}}, "zone": "a", "size": 4, "tenant": "Service",
        "services": {"clusters": ["east"], "namespaces": ["prod"], "selector": {"matchLabels": {"tier": "gold"}}},
    });
    let Resource::Shard(shard) = good(Kind::Shard, spec) else { panic!() };
    let Members::Selected { size, tenant, .. } = &shard.members else { panic!() };
    assert_eq!((size.unwrap().get(), *tenant), (4, Tenant::Service));
    let services = shard.services.unwrap();
    let gold = [("tier".to_owned(), "gold".to_owned())].into();
    assert!(services.matches("east", "prod", &gold));
    assert!(!services.matches("west", "prod", &gold) && !services.matches("east", "prod", &[].into()));
    both_refuse(Kind::Shard, json!({"members": ["f1"], "zone": "a"}), &["spec.zone"]);
    both_refuse(Kind::Shard, json!({"tenant": "Cluster"}), &["spec.tenant"]);
    both_refuse(Kind::Shard, json!({"members": ["f1", "f1"]}), &["spec.members[1]"]);
    both_refuse(Kind::Shard, json!({"members": []}), &["spec.members"]);
}

/// Refused by the parser, with these places, and by the schema.
fn both_refuse(kind: Kind, spec: Value, expected: &[&str]) {
    assert_eq!(places(kind, spec.clone()), expected, "{spec}");
    assert!(!causes(kind, spec.clone()).is_empty(), "the schema lets it through: {spec}");
}

#[test]
fn backend_policies() {
    let spec = json!({
        "services": {"namespaces": ["prod"]}, "priority": 1, "endpoints": "Pod", "encapsulation": "gue",
        "secondHop": true, "drainWindow": "10m", "tableSize": 16381, "udpFlowTimeout": "30s", "flowEntries": 1000,
        "healthCheck": {
            "type": "Http", "port": 8080, "path": "/healthz", "host": "web", "expect": {"from": 200, "to": 204},
            "interval": "2s", "timeout": "1s", "rise": 1, "fall": 2,
        },
        "weights": [{"nodes": {"matchLabels": {"size": "big"}}, "weight": 4}],
    });
    let Resource::BackendPolicy(policy) = good(Kind::BackendPolicy, spec) else { panic!() };
    assert_eq!((policy.flow_entries, policy.weights.len()), (Some(1024), 1));
    let check = policy.health_check.unwrap().for_port(80.try_into().unwrap()).unwrap();
    assert_eq!((check.port.get(), check.timeout.as_millis()), (8080, 1000));
    let Resource::BackendPolicy(policy) = good(Kind::BackendPolicy, json!({"healthCheck": {"type": "None"}}))
    else {
        panic!()
    };
    assert_eq!(policy.health_check, Some(HealthCheckPolicy::Off));

    let check = |check: Value| json!({"healthCheck": check});
    let table = [
        (check(json!({})), vec!["spec.healthCheck.type"]),
        (check(json!({"type": "None", "rise": 1})), vec!["spec.healthCheck.rise"]),
        (check(json!({"type": "Tcp", "path": "/"})), vec!["spec.healthCheck.path"]),
        (check(json!({"type": "Tcp", "timeout": "2s"})), vec!["spec.healthCheck.timeout"]),
        (check(json!({"type": "Tcp", "interval": "1ms"})), vec!["spec.healthCheck.interval"]),
        (check(json!({"type": "Http", "expect": {"from": 300, "to": 200}})), vec!["spec.healthCheck.expect"]),
        (json!({"secondHop": true, "endpoints": "Node"}), vec!["spec.secondHop"]),
        (json!({"tableSize": 1000, "encapsulation": "vxlan"}), vec!["spec.encapsulation", "spec.tableSize"]),
        (json!({"drainWindow": "25h"}), vec!["spec.drainWindow"]),
        (json!({"weights": [{"nodes": {}, "weight": 65536}]}), vec!["spec.weights[0].weight"]),
    ];
    for (spec, expected) in table {
        both_refuse(Kind::BackendPolicy, spec, &expected);
    }
}

#[test]
fn clusters_forwarders_and_the_rollout() {
    let Resource::Cluster(cluster) = good(Kind::Cluster, json!({"kubeconfigSecret": {"name": "east"}}))
    else {
        panic!()
    };
    let access =
        ClusterAccess::Secret { name: "east".to_owned(), key: "kubeconfig".to_owned(), context: None };
    assert_eq!(cluster.access, access);
    let Resource::Cluster(cluster) = good(Kind::Cluster, json!({"home": true, "defaultClass": true})) else {
        panic!()
    };
    assert!(cluster.access == ClusterAccess::Home && cluster.default_class);
    both_refuse(Kind::Cluster, json!({}), &["spec.kubeconfigSecret"]);
    both_refuse(
        Kind::Cluster,
        json!({"home": true, "kubeconfigSecret": {"name": "a"}}),
        &["spec.kubeconfigSecret"],
    );
    both_refuse(
        Kind::Cluster,
        json!({"home": true, "loadBalancerClass": "a b"}),
        &["spec.loadBalancerClass"],
    );
    let mut named = object(Kind::Cluster, json!({"home": true}));
    named["metadata"]["name"] = json!("east.example");
    assert_eq!(parse(&named).unwrap().resource.unwrap_err()[0].place, "metadata.name");

    let parsed = read(Kind::Forwarder, json!({"zone": "a", "drain": true}));
    assert_eq!(parsed.object.labels["kubernetes.io/hostname"], "x");
    assert_eq!(parsed.object.labels["a"], "b");
    both_refuse(Kind::Forwarder, json!({"zone": ""}), &["spec.zone"]);

    let spec = json!({"prepareTimeout": "2s", "budget": {"slotsPermille": 50, "above": "Spread", "interval": "30s"}});
    let Resource::Rollout(rollout) = good(Kind::Rollout, spec) else { panic!() };
    assert!(matches!(rollout.over_budget, OverBudget::Spread { interval } if interval.as_secs() == 30));
    both_refuse(Kind::Rollout, json!({"budget": {"interval": "30s"}}), &["spec.budget.interval"]);
    both_refuse(Kind::Rollout, json!({"history": 0}), &["spec.history"]);
}

#[test]
fn unknown_things_are_noted_and_strangers_refused() {
    let parsed = read(
        Kind::IpAddressPool,
        json!({"addresses": ["192.0.2.0/24"], "autoAsign": true, "protocol": "bgp"}),
    );
    assert!(parsed.resource.is_ok());
    let notes: Vec<String> = parsed.notes.iter().map(ToString::to_string).collect();
    let expected = [
        "spec.autoAsign: unknown field, without effect; did you mean `autoAssign`?",
        "spec.protocol: unknown field, without effect",
    ];
    assert_eq!(notes, expected);

    let table = [
        (json!(null), "kind"),
        (json!({"apiVersion": "v1", "kind": "Service"}), "kind"),
        (json!({"apiVersion": "metallb.io/v1", "kind": "BGPPeer"}), "apiVersion"),
        (json!({"apiVersion": "guideway.dev/v1alpha1", "kind": "BGPPeer"}), "kind"),
    ];
    for (value, place) in table {
        assert_eq!(parse(&value).unwrap_err().place, place, "{value}");
    }
    let nothing = parse(&json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool"})).unwrap();
    let errors = nothing.resource.unwrap_err();
    assert_eq!(
        errors.iter().map(|error| error.place.as_str()).collect::<Vec<_>>(),
        ["metadata.name", "spec"]
    );
}
