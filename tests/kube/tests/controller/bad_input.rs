//! Objects that are wrong, and that an API server takes all the same: each is told why, and nobody else suffers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::site::{Controllers, Site, pool, service, slice, until};
use crate::{address, addresses};

/// An annotation that is wrong, and a word of what is said of it.
const ANNOTATIONS: &[(&str, &str, &str)] = &[
    ("endpoint-mode", "pods", "Node"),
    ("encapsulation", "vxlan", "gre"),
    ("second-hop", "yes", "true"),
    ("table-size", "100", "16381"),
    ("drain-window", "5", "drain-window"),
    ("affinity", "cookie", "client-ip"),
    ("affinity-timeout", "1m", "affinity"),
    ("flow-entries", "3", "flow-entries"),
    ("weights", "web-1:5", "weights"),
    ("ip-mode", "vip", "Proxy"),
    ("health-check", "icmp", "http"),
    ("health-check-port", "80", "health-check"),
    ("enkapsulation", "gue", "enkapsulation"),
    ("weights", "\u{202e}\u{0000e9}💥=\u{7}", "weights"),
    ("shard", "no such shard", "shard"),
    ("backend-policy", "../../etc", "backend-policy"),
];

fn list(items: &[Value]) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

/// The texts of Warnings about each object of a namespace, by `Kind/name`.
fn warnings(site: &Site, namespace: &str) -> BTreeMap<String, Vec<String>> {
    let mut warnings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let events = site.kubectl(&["get", "events.events.k8s.io", "-n", namespace, "-o", "json"], None);
    let events: Value = events.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    for event in events["items"].as_array().into_iter().flatten().filter(|event| event["type"] == "Warning") {
        let about = &event["regarding"];
        let key = format!("{}/{}", about["kind"].as_str().unwrap(), about["name"].as_str().unwrap());
        let text = format!("{}: {}", event["reason"].as_str().unwrap(), event["note"].as_str().unwrap());
        warnings.entry(key).or_default().push(text);
    }
    warnings
}

/// Waits until each of these objects has a Warning with both words in it.
fn told(site: &Site, namespace: &str, expected: &[(String, &str, &str)]) {
    let mut missing = Vec::new();
    let until_told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        until(&format!("Warnings in {namespace}"), || {
            let found = warnings(site, namespace);
            let is_told = |(about, first, second): &&(String, &str, &str)| {
                let texts = found.get(about).into_iter().flatten();
                texts.into_iter().any(|text| text.contains(first) && text.contains(second))
            };
            missing = expected.iter().filter(|one| !is_told(one)).cloned().collect();
            missing.is_empty().then_some(())
        });
    }));
    assert!(until_told.is_ok(), "nobody said: {missing:#?}\nsaid: {:#?}", warnings(site, namespace));
}

fn with_spec(name: &str, spec: &Value) -> Value {
    let mut object = service(name, json!({}));
    for (field, value) in spec.as_object().unwrap() {
        object["spec"][field] = value.clone();
    }
    object
}

#[test]
fn what_is_wrong_with_services_is_told_and_the_rest_is_served() {
    let home = Site::home();
    home.apply(&pool("all", "192.0.2.0/24"));
    let mut controllers = Controllers::new(&home);
    controllers.start();
    home.apply(&service("good", json!({})));
    home.apply(&slice("good", "10.0.0.1"));
    let good = address(&home, "good");

    let mut objects = Vec::new();
    let mut expected = Vec::new();
    let mut served = vec!["east/default/good/http/v4".to_owned()];
    for (at, (annotation, value, words)) in ANNOTATIONS.iter().enumerate() {
        let (name, annotation) = (format!("bad{at}"), format!("guideway.dev/{annotation}"));
        objects.push(service(&name, json!({ &annotation: value })));
        objects.push(slice(&name, "10.0.0.2"));
        served.push(format!("east/default/{name}/http/v4"));
        expected.push((format!("Service/{name}"), annotation.leak() as &str, *words));
    }
    // Requests that nobody can meet: no address, and so no VIP.
    let requests = [
        ("badip", "metallb.io/loadBalancerIPs", "192.0.2", "InvalidAnnotation", "is no IP address"),
        ("outside", "metallb.io/loadBalancerIPs", "198.51.100.1", "NotInPool", "198.51.100.1"),
        ("wrongfamily", "metallb.io/loadBalancerIPs", "2001:db8::1", "", "IPv"),
        ("taken", "metallb.io/loadBalancerIPs", &good, "AddressInUse", "good"),
        ("nopool", "metallb.io/address-pool", "nirvana", "UnknownPool", "nirvana"),
    ];
    for (name, annotation, value, reason, words) in requests {
        objects.push(service(name, json!({ annotation: value })));
        expected.push((format!("Service/{name}"), reason, words));
    }
    // Ports: one that cannot be forwarded, and many.
    let sctp = json!([
        { "name": "http", "port": 80, "targetPort": 8080 },
        { "name": "sigtran", "port": 2905, "protocol": "SCTP" },
    ]);
    objects.push(with_spec("sctp", &json!({ "ports": sctp })));
    objects.push(slice("sctp", "10.0.0.3"));
    served.push("east/default/sctp/http/v4".to_owned());
    expected.push(("Service/sctp".to_owned(), "sigtran", "SCTP"));
    let many: Vec<Value> =
        (0..400).map(|port| json!({ "name": format!("p{port}"), "port": 1000 + port })).collect();
    let mut many_slice = slice("many", "10.0.0.4");
    many_slice["ports"] = many.clone().into();
    objects.push(with_spec("many", &json!({ "ports": many })));
    objects.push(many_slice);
    served.extend((0..400).map(|port| format!("east/default/many/p{port}/v4")));
    // Nobody's: another load balancer is meant.
    objects.push(with_spec("other", &json!({ "loadBalancerClass": "example.com/other" })));
    objects.push(slice("other", "10.0.0.5"));
    home.apply(&list(&objects));

    told(&home, "default", &expected);
    served.sort();
    until("the forwarder announces everything else", || {
        Some(()).filter(|()| controllers.fleet.seen().vips(0).iter().eq(&served))
    });
    assert_eq!(address(&home, "good"), good);
    for (name, ..) in requests {
        assert_eq!(addresses(&home.get("service", name).unwrap()), [""; 0], "{name}");
    }
    let other = home.get("service", "other").unwrap();
    assert_eq!(
        (&other["metadata"]["finalizers"], &other["status"]["conditions"]),
        (&Value::Null, &Value::Null)
    );
    let (_, list) = controllers.lbctl(0, &["services"]);
    let rows = list["services"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["name"] != "other"), "another one's Service is listed");
    for (about, annotation, _) in &expected[..ANNOTATIONS.len()] {
        let row = rows.iter().find(|row| about.ends_with(&format!("/{}", row["name"].as_str().unwrap())));
        let problems = row.unwrap()["problems"].to_string();
        assert!(problems.contains(annotation), "{about}: {problems}");
    }
    // The same, corrected.
    home.apply(&service("bad0", json!({ "guideway.dev/endpoint-mode": "Pod" })));
    until("bad0 is accepted", || {
        let conditions = home.get("service", "bad0")?["status"]["conditions"].as_array()?.clone();
        conditions
            .iter()
            .find(|one| one["type"] == "guideway.dev/Accepted" && one["status"] == "True")
            .map(|_| ())
    });
    // One without ports is refused by the API itself.
    let none = with_spec("none", &json!({ "ports": [] }));
    assert_eq!(home.kubectl(&["apply", "-f", "-"], Some(&none.to_string())), None);
}

#[test]
fn what_is_wrong_with_resources_is_told_and_the_rest_counts() {
    let home = Site::home();
    home.apply(&pool("all", "192.0.2.0-192.0.2.9"));
    let mut controllers = Controllers::new(&home);
    controllers.start();
    home.apply(&service("web", json!({})));
    home.apply(&slice("web", "10.0.0.1"));
    let web = address(&home, "web");

    let metallb = |version: &str, kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": format!("metallb.io/{version}"), "kind": kind,
            "metadata": { "name": name, "namespace": "guideway" }, "spec": spec,
        })
    };
    let peer = |name: &str, more: Value| {
        let mut spec = json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "10.9.9.9" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        metallb("v1beta2", "BGPPeer", name, spec)
    };
    home.apply(&list(&[
        pool("overlaps", "192.0.2.5-192.0.2.20"),
        peer("vrf", json!({ "vrf": "red" })),
        peer("keepalive", json!({ "keepaliveTime": "3s" })),
        peer("nobfd", json!({ "bfdProfile": "nowhere" })),
        peer("nosecret", json!({ "passwordSecret": { "name": "nowhere" } })),
        metallb("v1beta1", "BGPAdvertisement", "nocommunity", json!({ "communities": ["nowhere"] })),
        metallb(
            "v1beta1",
            "BGPAdvertisement",
            "selected",
            json!({ "serviceSelectors": [{ "matchLabels": { "a": "b" } }] }),
        ),
        metallb("v1beta1", "L2Advertisement", "nopool", json!({ "ipAddressPools": ["nowhere"] })),
    ]));
    let expected = [
        ("IPAddressPool/overlaps", "Conflict", "all"),
        ("BGPPeer/vrf", "Invalid", "vrf"),
        ("BGPPeer/nobfd", "NotAsWritten", "nowhere"),
        ("BGPPeer/nosecret", "NotAsWritten", "nowhere"),
        ("BGPAdvertisement/nocommunity", "NotAsWritten", "nowhere"),
        ("BGPAdvertisement/selected", "Invalid", "serviceSelectors"),
    ];
    told(&home, "guideway", &expected.map(|(about, first, second)| (about.to_owned(), first, second)));
    // What they contradict goes on, and lbctl tells as much.
    home.apply(&service("more", json!({})));
    assert_ne!(address(&home, "more"), web);
    assert_eq!(address(&home, "web"), web);
    until("the forwarder announces the VIP", || {
        Some(()).filter(|()| controllers.fleet.seen().vips(0).contains("east/default/web/http/v4"))
    });
    let (_, list) = controllers.lbctl(0, &["services"]);
    for name in ["overlaps", "nobfd", "nosecret", "nocommunity"] {
        let is_it = |problem: &&Value| problem["name"] == name;
        assert!(list["problems"].as_array().unwrap().iter().any(|problem| is_it(&problem)), "{name}: {list}");
    }
}
