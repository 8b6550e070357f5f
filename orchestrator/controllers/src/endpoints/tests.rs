use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::sim::{Server, Sim};
use crate::{Action, Controller, ObjectRef, kinds};

fn sim() -> Sim {
    let resources = vec![
        kinds::namespaces(),
        kinds::nodes(),
        kinds::pods(),
        kinds::services(),
        kinds::endpoints(),
        kinds::endpoint_slices(),
    ];
    let controllers: Vec<Box<dyn Controller>> =
        vec![Box::new(SliceController), Box::new(EndpointsController), Box::new(MirrorController)];
    let mut sim = Sim::new(Server::new(resources), controllers);
    sim.server.create(&kinds::namespaces(), json!({ "metadata": { "name": "default" } })).unwrap();
    sim
}

fn service(spec: Value) -> Value {
    let labels = json!({ "team": "a", SERVICE_NAME: "nonsense" });
    json!({ "metadata": { "name": "web", "namespace": "default", "labels": labels }, "spec": spec })
}

fn pod(index: usize, ready: bool) -> Value {
    json!({
        "metadata": { "name": format!("web-{index}"), "namespace": "default", "labels": { "app": "web" } },
        "spec": { "nodeName": "n1", "containers": [{ "ports": [{ "name": "http", "containerPort": 8080 }] }] },
        "status": {
            "phase": "Running",
            "podIP": format!("10.0.{}.{}", index / 250, index % 250),
            "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }],
        },
    })
}

fn slices(sim: &Sim) -> Vec<Value> {
    sim.server.list(&kinds::endpoint_slices().id, "default")
}

fn at(resource: &crate::Resource, name: &str) -> ObjectRef {
    ObjectRef::new(&resource.id, "default", name)
}

#[test]
fn a_slice_says_all_of_a_pod() {
    let mut sim = sim();
    let node = json!({ "metadata": { "name": "n1", "labels": { "topology.kubernetes.io/zone": "z" } } });
    sim.server.create(&kinds::nodes(), node).unwrap();
    let spec = json!({
        "selector": { "app": "web" },
        "clusterIP": "10.96.0.1",
        "ports": [
            { "name": "a", "port": 80, "targetPort": "http", "appProtocol": "kubernetes.io/h2c" },
            { "name": "b", "port": 53, "protocol": "UDP" },
            { "name": "c", "port": 99, "targetPort": "nobody-has-it" },
        ],
    });
    sim.server.create(&kinds::services(), service(spec)).unwrap();
    let mut object = pod(1, true);
    object["spec"]["hostname"] = "first".into();
    object["spec"]["subdomain"] = "web".into();
    sim.server.create(&kinds::pods(), object).unwrap();
    sim.converge();
    let slices = slices(&sim);
    assert_eq!(slices.len(), 1);
    let slice = &slices[0];
    assert_eq!(slice["addressType"], "IPv4");
    let ports = json!([
        { "appProtocol": "kubernetes.io/h2c", "name": "a", "port": 8080, "protocol": "TCP" },
        { "name": "b", "port": 53, "protocol": "UDP" },
    ]);
    assert_eq!(slice["ports"], ports);
    let endpoint = json!({
        "addresses": ["10.0.0.1"],
        "conditions": { "ready": true, "serving": true, "terminating": false },
        "hostname": "first",
        "nodeName": "n1",
        "zone": "z",
        "targetRef": { "kind": "Pod", "namespace": "default", "name": "web-1", "uid": "uid-4" },
    });
    assert_eq!(slice["endpoints"], json!([endpoint]));
    let labels = json!({
        "team": "a",
        SERVICE_NAME: "web",
        MANAGED_BY: "endpointslice-controller.k8s.io",
    });
    assert_eq!(slice["metadata"]["labels"], labels);
    assert_eq!(slice["metadata"]["ownerReferences"][0]["name"], "web");
    // The zone of a node is followed.
    let node = ObjectRef::new(&kinds::nodes().id, "", "n1");
    let label = json!({ "metadata": { "labels": { "topology.kubernetes.io/zone": "y" } } });
    sim.server.patch(&node, &label).unwrap();
    sim.converge();
    assert_eq!(self::slices(&sim)[0]["endpoints"][0]["zone"], "y");
}

#[test]
fn conditions_of_endpoints() {
    // ready, terminating, published -> (ready, serving, terminating), and whether Endpoints hold it (ready, not ready)
    let cases = [
        (true, false, false, (true, true, false), Some("addresses")),
        (false, false, false, (false, false, false), Some("notReadyAddresses")),
        (true, true, false, (false, true, true), None),
        (false, true, false, (false, false, true), None),
        (false, false, true, (true, false, false), Some("addresses")),
        (true, true, true, (true, true, true), Some("addresses")),
    ];
    for (ready, terminating, published, expected, field) in cases {
        let mut sim = sim();
        let spec = json!({
            "selector": { "app": "web" },
            "publishNotReadyAddresses": published,
            "ports": [{ "port": 80 }],
        });
        sim.server.create(&kinds::services(), service(spec)).unwrap();
        let mut object = pod(1, ready);
        object["metadata"]["finalizers"] = json!(["example.com/hold"]);
        sim.server.create(&kinds::pods(), object).unwrap();
        if terminating {
            sim.server.delete(&at(&kinds::pods(), "web-1"), crate::Propagation::Background).unwrap();
        }
        sim.converge();
        let conditions = &slices(&sim)[0]["endpoints"][0]["conditions"];
        let (r, s, t) = expected;
        assert_eq!(*conditions, json!({ "ready": r, "serving": s, "terminating": t }));
        let endpoints = sim.object(&at(&kinds::endpoints(), "web")).unwrap();
        let subset = &endpoints["subsets"][0];
        for name in ["addresses", "notReadyAddresses"] {
            assert_eq!(!subset[name].is_null(), Some(name) == field, "{endpoints}");
        }
        if field.is_some() {
            assert_eq!(subset["ports"], json!([{ "port": 80, "protocol": "TCP" }]));
        }
    }
}

#[test]
fn one_change_is_one_write() {
    let mut sim = sim();
    let spec = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] });
    sim.server.create(&kinds::services(), service(spec)).unwrap();
    for index in 0..250 {
        sim.server.create(&kinds::pods(), pod(index, true)).unwrap();
    }
    sim.converge();
    let before = slices(&sim);
    let mut sizes: Vec<usize> =
        before.iter().map(|slice| slice["endpoints"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [50, 100, 100]);

    let changed =
        |before: &[Value], after: &[Value]| after.iter().filter(|slice| !before.contains(slice)).count();
    let unready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } });
    sim.server.patch(&at(&kinds::pods(), "web-7"), &unready).unwrap();
    sim.converge();
    let after = slices(&sim);
    assert_eq!((after.len(), changed(&before, &after)), (3, 1));

    sim.server.create(&kinds::pods(), pod(300, true)).unwrap();
    sim.converge();
    let third = slices(&sim);
    assert_eq!((third.len(), changed(&after, &third)), (3, 1), "there is room in one");
    let names =
        |slices: &[Value]| slices.iter().map(|slice| slice["metadata"]["name"].clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&third));

    // What a kubelet writes beside is no reason to write.
    let noise = json!({ "metadata": { "annotations": { "seen": "now" } } });
    sim.server.patch(&at(&kinds::pods(), "web-7"), &noise).unwrap();
    sim.settle();
    assert_eq!(slices(&sim), third);
}

#[test]
fn no_endpoints_are_said_too() {
    let mut sim = sim();
    let spec =
        json!({ "selector": { "app": "web" }, "ipFamilies": ["IPv4", "IPv6"], "ports": [{ "port": 80 }] });
    sim.server.create(&kinds::services(), service(spec)).unwrap();
    sim.converge();
    let empty = slices(&sim);
    assert_eq!(empty.len(), 2, "one of each family");
    assert!(empty.iter().all(|slice| slice["endpoints"] == json!([])));
    sim.server.create(&kinds::pods(), pod(1, true)).unwrap();
    sim.converge();
    sim.server.delete(&at(&kinds::pods(), "web-1"), crate::Propagation::Background).unwrap();
    let before: Vec<_> = slices(&sim).iter().map(|slice| slice["metadata"]["uid"].clone()).collect();
    sim.converge();
    let after: Vec<_> = slices(&sim).iter().map(|slice| slice["metadata"]["uid"].clone()).collect();
    assert_eq!(before, after, "the slice that is emptied stays");
}

#[test]
fn other_services_are_left_alone() {
    for spec in
        [json!({ "type": "ExternalName", "externalName": "a", "selector": { "app": "web" } }), json!({})]
    {
        let mut sim = sim();
        sim.server.create(&kinds::services(), service(spec)).unwrap();
        sim.server.create(&kinds::pods(), pod(1, true)).unwrap();
        sim.converge();
        assert_eq!(slices(&sim), Vec::<Value>::new());
        assert!(sim.object(&at(&kinds::endpoints(), "web")).is_none());
    }
}

#[test]
fn endpoints_by_hand_are_mirrored() {
    let mut sim = sim();
    sim.server.create(&kinds::services(), service(json!({ "ports": [{ "port": 80 }] }))).unwrap();
    let endpoints = json!({
        "metadata": { "name": "web", "namespace": "default" },
        "subsets": [{
            "addresses": [{ "ip": "192.0.2.1", "nodeName": "n1" }, { "ip": "2001:db8::1" }],
            "notReadyAddresses": [{ "ip": "192.0.2.2" }],
            "ports": [{ "name": "x", "port": 8080 }],
        }],
    });
    sim.server.create(&kinds::endpoints(), endpoints).unwrap();
    sim.converge();
    let slices = slices(&sim);
    let found: Vec<(&Value, &Value)> =
        slices.iter().map(|slice| (&slice["addressType"], &slice["endpoints"])).collect();
    let v4 = json!([
        { "addresses": ["192.0.2.1"], "conditions": { "ready": true }, "nodeName": "n1" },
        { "addresses": ["192.0.2.2"], "conditions": { "ready": false } },
    ]);
    let v6 = json!([{ "addresses": ["2001:db8::1"], "conditions": { "ready": true } }]);
    assert_eq!(found.len(), 2);
    assert!(found.contains(&(&json!("IPv4"), &v4)) && found.contains(&(&json!("IPv6"), &v6)), "{found:?}");
    let skip = json!({ "metadata": { "labels": { "endpointslice.kubernetes.io/skip-mirror": "true" } } });
    sim.server.patch(&at(&kinds::endpoints(), "web"), &skip).unwrap();
    sim.converge();
    assert_eq!(self::slices(&sim), Vec::<Value>::new());
}

#[test]
fn endpoints_go_with_their_service_unless_they_are_made_by_hand() {
    for (selector, stays) in [(json!({ "app": "web" }), false), (Value::Null, true)] {
        let mut sim = sim();
        sim.server.create(&kinds::services(), service(json!({ "selector": selector }))).unwrap();
        if stays {
            let by_hand = json!({ "metadata": { "name": "web", "namespace": "default" } });
            sim.server.create(&kinds::endpoints(), by_hand).unwrap();
        }
        sim.converge();
        assert!(sim.object(&at(&kinds::endpoints(), "web")).is_some());
        sim.server.delete(&at(&kinds::services(), "web"), crate::Propagation::Background).unwrap();
        sim.converge();
        assert_eq!(sim.object(&at(&kinds::endpoints(), "web")).is_some(), stays);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However pods come and go: all of them are in slices of at most 100, which do not multiply, and an endpoint that
    /// stays does so in its slice.
    #[test]
    fn endpoints_keep_their_slices(rounds in prop::collection::vec((0usize..300, 0usize..300), 1..6)) {
        let mut sim = sim();
        let spec = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] });
        sim.server.create(&kinds::services(), service(spec)).unwrap();
        let mut places = std::collections::BTreeMap::new();
        for (come, go) in rounds {
            for index in come..(come + 60) {
                let _ = sim.server.create(&kinds::pods(), pod(index, true));
            }
            for index in go..(go + 60) {
                let _ = sim.server.delete(&at(&kinds::pods(), &format!("web-{index}")), crate::Propagation::Background);
            }
            sim.settle();
            let slices = slices(&sim);
            let mut now = std::collections::BTreeMap::new();
            for slice in &slices {
                let endpoints = slice["endpoints"].as_array().unwrap();
                prop_assert!(endpoints.len() <= 100);
                for endpoint in endpoints {
                    let uid = endpoint["targetRef"]["uid"].to_string();
                    prop_assert!(now.insert(uid, slice["metadata"]["name"].to_string()).is_none());
                }
            }
            prop_assert_eq!(now.len(), sim.server.list(&kinds::pods().id, "default").len());
            for (uid, place) in &now {
                let before: Option<&String> = places.get(uid);
                prop_assert!(before.is_none_or(|before| before == place), "{uid} has moved");
            }
            places = now;
        }
    }
}

#[test]
fn writes_come_before_deletions() {
    let mut sim = sim();
    let spec = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] });
    sim.server.create(&kinds::services(), service(spec)).unwrap();
    sim.server.create(&kinds::pods(), pod(1, true)).unwrap();
    sim.converge();
    let ports = json!({ "spec": { "ports": [{ "port": 81 }] } });
    sim.server.patch(&at(&kinds::services(), "web"), &ports).unwrap();
    while sim.deliver(&kinds::services().id, false) {}
    let actions = sim.work(0, 0, usize::MAX);
    assert!(matches!(&actions[..], [Action::Create { .. }, Action::Delete { .. }]), "{actions:?}");
}
