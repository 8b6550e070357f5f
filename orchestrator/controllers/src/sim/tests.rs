use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::accounts::{DefaultAccount, ROOT_CA, RootCa};
use crate::definition::DefinitionController;
use crate::disruption::DisruptionController;
use crate::endpoints::{EndpointsController, MirrorController, SliceController};
use crate::expiry::Expiry;
use crate::gc::{FOREGROUND, ORPHAN};
use crate::namespace::NamespaceController;
use crate::token::TokenSecrets;
use crate::{Propagation, Resource, Scope, kinds};

/// A kind of a cluster, which owns and is owned.
fn widgets() -> Resource {
    Resource::new("example.com", "v1", "Widget", "widgets", Scope::Cluster)
}

fn resources() -> Vec<Resource> {
    vec![
        kinds::namespaces(),
        kinds::nodes(),
        kinds::pods(),
        kinds::services(),
        kinds::endpoints(),
        kinds::endpoint_slices(),
        kinds::service_accounts(),
        kinds::secrets(),
        kinds::config_maps(),
        kinds::custom_resource_definitions(),
        kinds::pod_disruption_budgets(),
        widgets(),
    ]
}

fn controllers() -> Vec<Box<dyn Controller>> {
    vec![
        Box::new(GarbageCollector),
        Box::new(NamespaceController),
        Box::new(DefaultAccount),
        Box::new(RootCa { certificates: "ca".to_owned() }),
        Box::new(SliceController),
        Box::new(EndpointsController),
        Box::new(MirrorController),
        Box::new(TokenSecrets),
        Box::new(DefinitionController),
        Box::new(DisruptionController),
        Box::new(Expiry::default()),
    ]
}

const NAMESPACES: [&str; 2] = ["blue", "green"];

fn place(resource: &Resource, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::new(&resource.id, namespace, name)
}

/// What people and others do.
fn happen(sim: &mut Sim, what: u8, a: u8, b: u8) {
    let server = &mut sim.server;
    let namespace = NAMESPACES[usize::from(a % 2)];
    let index = a / 2 % 6;
    let meta = |name: String| json!({ "name": name, "namespace": namespace });
    let propagation =
        [Propagation::Background, Propagation::Foreground, Propagation::Orphan][usize::from(b % 3)];
    match what % 14 {
        0 => {
            let _ = server.create(&kinds::namespaces(), json!({ "metadata": { "name": namespace } }));
        }
        1 => {
            let _ = server.delete(&place(&kinds::namespaces(), "", namespace), Propagation::Background);
        }
        2..=3 => {
            let spec = json!({
                "selector": { "app": if b.is_multiple_of(2) { "web" } else { "db" } },
                "clusterIP": if b.is_multiple_of(4) { "None" } else { "10.0.0.1" },
                "ipFamilies": if b.is_multiple_of(3) { json!(["IPv4", "IPv6"]) } else { json!(["IPv4"]) },
                "publishNotReadyAddresses": b.is_multiple_of(7),
                "ports": [{ "name": "http", "port": 80, "targetPort": if b.is_multiple_of(5) { json!("http") } else { json!(8080) } }],
            });
            let service = place(&kinds::services(), namespace, &format!("service-{}", index % 2));
            let object = json!({ "metadata": meta(service.name.to_string()), "spec": spec });
            if server.create(&kinds::services(), object).is_err() {
                let _ = server.patch(&service, &json!({ "spec": spec }));
            }
        }
        4 => {
            // Without a selector, with Endpoints by hand.
            let object =
                json!({ "metadata": meta("manual".to_owned()), "spec": { "ports": [{ "port": 80 }] } });
            let _ = server.create(&kinds::services(), object);
            let addresses: Vec<Value> =
                (0..b % 5).map(|host| json!({ "ip": format!("192.0.2.{host}") })).collect();
            let subsets = json!([{ "addresses": addresses, "ports": [{ "port": 80 }] }]);
            let object = json!({ "metadata": meta("manual".to_owned()), "subsets": subsets });
            if server.create(&kinds::endpoints(), object).is_err() {
                let _ = server
                    .patch(&place(&kinds::endpoints(), namespace, "manual"), &json!({ "subsets": subsets }));
            }
        }
        5 => {
            let name = ["service-0", "service-1", "manual"][usize::from(index % 3)];
            let _ = server.delete(&place(&kinds::services(), namespace, name), propagation);
        }
        6..=8 => {
            let ready = if b.is_multiple_of(3) { "False" } else { "True" };
            let status = json!({
                "phase": if b.is_multiple_of(11) { "Succeeded" } else { "Running" },
                "podIPs": [{ "ip": format!("10.1.{}.{index}", a % 2) }, { "ip": format!("fd00::{}:{index}", a % 2) }],
                "conditions": [{ "type": "Ready", "status": ready }],
            });
            let mut object = json!({
                "metadata": meta(format!("pod-{index}")),
                "spec": { "containers": [{ "ports": [{ "name": "http", "containerPort": 8000 + u16::from(b % 2) }] }] },
                "status": status,
            });
            object["metadata"]["labels"] = json!({ "app": if b.is_multiple_of(2) { "web" } else { "db" } });
            if b.is_multiple_of(4) {
                object["metadata"]["finalizers"] = json!(["example.com/slow"]);
            }
            if server.create(&kinds::pods(), object).is_err() {
                let _ = server.patch(
                    &place(&kinds::pods(), namespace, &format!("pod-{index}")),
                    &json!({ "status": status }),
                );
            }
        }
        9 => {
            let pod = place(&kinds::pods(), namespace, &format!("pod-{index}"));
            if server.delete(&pod, propagation).is_ok() && b.is_multiple_of(2) {
                release(server, &pod);
            }
        }
        10..=11 => {
            // A tree of objects, within a namespace and from the cluster.
            let mut owners = Vec::new();
            for (resource, owner_namespace, name) in [
                (widgets(), "", format!("w-{}", b % 3)),
                (kinds::secrets(), namespace, format!("s-{}", (b / 3) % 3)),
            ] {
                if let Some(owner) = server.get(&place(&resource, owner_namespace, &name)) {
                    owners.push(json!({
                        "apiVersion": resource.api_version(),
                        "kind": &*resource.kind,
                        "name": name,
                        "uid": owner["metadata"]["uid"],
                        "blockOwnerDeletion": b.is_multiple_of(2),
                    }));
                }
            }
            if b.is_multiple_of(13) {
                owners =
                    vec![json!({ "apiVersion": "v1", "kind": "Secret", "name": "never", "uid": "none" })];
            }
            let (resource, name) =
                if a.is_multiple_of(3) { (kinds::config_maps(), "c") } else { (kinds::secrets(), "s") };
            let mut object = json!({ "metadata": meta(format!("{name}-{}", index % 3)) });
            object["metadata"]["ownerReferences"] = owners.into();
            let references = object["metadata"]["ownerReferences"].clone();
            let there = place(&resource, namespace, object["metadata"]["name"].as_str().unwrap());
            // What is there already gets other owners; only what owns nothing, so that there are no circles.
            if server.create(&resource, object).is_err() && resource == kinds::config_maps() {
                let _ = server.patch(&there, &json!({ "metadata": { "ownerReferences": references } }));
            }
        }
        12 => {
            let name = format!("w-{}", b % 3);
            if server.create(&widgets(), json!({ "metadata": { "name": name } })).is_err() {
                let _ = server.delete(&place(&widgets(), "", &name), propagation);
            }
        }
        _ => {
            let _ =
                server.delete(&place(&kinds::secrets(), namespace, &format!("s-{}", index % 3)), propagation);
        }
    }
}

fn release(server: &mut Server, pod: &ObjectRef) {
    let mine = |object: &Value| object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    if let Some(object) = server.get(pod) {
        let kept: Vec<Value> = mine(object).into_iter().filter(|name| name != "example.com/slow").collect();
        let _ = server.patch(pod, &json!({ "metadata": { "finalizers": kept } }));
    }
}

/// What must hold when everything is at rest.
fn check(sim: &Sim) {
    let server = &sim.server;
    for namespace in server.list(&kinds::namespaces().id, "") {
        let name = namespace["metadata"]["name"].as_str().unwrap();
        assert!(namespace["metadata"]["deletionTimestamp"].is_null(), "{name} remains");
        assert!(server.get(&place(&kinds::service_accounts(), name, "default")).is_some());
        assert_eq!(server.get(&place(&kinds::config_maps(), name, ROOT_CA)).unwrap()["data"]["ca.crt"], "ca");
        check_endpoints(server, name);
    }
    for resource in resources() {
        for object in server.list(&resource.id, "") {
            let meta = &object["metadata"];
            if let Some(namespace) = meta["namespace"].as_str() {
                assert!(
                    server.get(&place(&kinds::namespaces(), "", namespace)).is_some(),
                    "{meta} is nowhere"
                );
            }
            for finalizer in meta["finalizers"].as_array().into_iter().flatten() {
                assert!(finalizer != FOREGROUND && finalizer != ORPHAN, "{meta} waits for nothing");
            }
            let owners = meta["ownerReferences"].as_array().cloned().unwrap_or_default();
            let alive = |owner: &Value| {
                let all = resources().into_iter().flat_map(|resource| server.list(&resource.id, ""));
                let mut all = all.filter(|found| found["metadata"]["uid"] == owner["uid"]);
                all.next().is_some()
            };
            assert!(
                owners.is_empty() || owners.iter().any(alive) || !meta["deletionTimestamp"].is_null(),
                "{meta} has lost its owners"
            );
        }
    }
}

/// Slices and Endpoints say what Services and pods say.
fn check_endpoints(server: &Server, namespace: &str) {
    let slices = server.list(&kinds::endpoint_slices().id, namespace);
    let services = server.list(&kinds::services().id, namespace);
    for slice in &slices {
        assert!(slice["endpoints"].as_array().unwrap().len() <= 100);
        let name = &slice["metadata"]["labels"][crate::endpoints::SERVICE_NAME];
        // A Service that was deleted without its dependents leaves its slices.
        let orphan = slice["metadata"]["ownerReferences"].is_null();
        assert!(
            orphan || services.iter().any(|service| service["metadata"]["name"] == *name),
            "a slice of no Service"
        );
    }
    for service in services {
        let name = service["metadata"]["name"].as_str().unwrap();
        let of_service =
            slices.iter().filter(|slice| slice["metadata"]["labels"][crate::endpoints::SERVICE_NAME] == name);
        let mut found: BTreeMap<String, bool> = BTreeMap::new();
        for endpoint in of_service.flat_map(|slice| slice["endpoints"].as_array().unwrap()) {
            let address = endpoint["addresses"][0].as_str().unwrap().to_owned();
            let ready = endpoint["conditions"]["ready"] == true;
            assert!(found.insert(address.clone(), ready).is_none(), "{address} is there twice");
        }
        let mut expected: BTreeMap<String, bool> = BTreeMap::new();
        let mut expected_legacy: BTreeSet<String> = BTreeSet::new();
        let spec = &service["spec"];
        if let Some(app) = spec["selector"]["app"].as_str() {
            let published = spec["publishNotReadyAddresses"] == true;
            for pod in server.list(&kinds::pods().id, namespace) {
                if pod["metadata"]["labels"]["app"] != app || pod["status"]["phase"] == "Succeeded" {
                    continue;
                }
                let leaves = !pod["metadata"]["deletionTimestamp"].is_null();
                let ready = published || (pod["status"]["conditions"][0]["status"] == "True" && !leaves);
                let families = spec["ipFamilies"].as_array().unwrap().len();
                for ip in pod["status"]["podIPs"].as_array().unwrap().iter().take(families) {
                    expected.insert(ip["ip"].as_str().unwrap().to_owned(), ready);
                }
                if !leaves || published {
                    expected_legacy.insert(pod["status"]["podIPs"][0]["ip"].as_str().unwrap().to_owned());
                }
            }
            let legacy = server.get(&place(&kinds::endpoints(), namespace, name)).expect("Endpoints");
            let found: BTreeSet<String> = legacy["subsets"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|subset| [&subset["addresses"], &subset["notReadyAddresses"]])
                .flat_map(|list| list.as_array().into_iter().flatten())
                .map(|address| address["ip"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(found, expected_legacy, "Endpoints {name}");
        } else if let Some(manual) = server.get(&place(&kinds::endpoints(), namespace, name)) {
            let addresses = manual["subsets"][0]["addresses"].as_array().cloned().unwrap_or_default();
            expected
                .extend(addresses.iter().map(|address| (address["ip"].as_str().unwrap().to_owned(), true)));
        }
        assert_eq!(found, expected, "slices of {name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 4096, ..ProptestConfig::default() })]

    /// Whatever happens, in whatever order it is seen, and wherever controllers are stopped: in the end everything is
    /// as it should be, and nothing is left to do.
    #[test]
    fn controllers_converge(steps in prop::collection::vec(any::<(u8, u8, u8, u8)>(), 1..150)) {
        let mut sim = Sim::new(Server::new(resources()), controllers());
        for namespace in NAMESPACES {
            sim.server.create(&kinds::namespaces(), json!({ "metadata": { "name": namespace } })).unwrap();
        }
        let kinds_of_sim = resources();
        for (step, a, b, c) in steps {
            let kind = &kinds_of_sim[usize::from(a) % kinds_of_sim.len()].id;
            match step % 16 {
                0..=5 => happen(&mut sim, a, b, c),
                6..=9 => {
                    for _ in 0..=b % 4 {
                        sim.deliver(kind, c.is_multiple_of(4));
                    }
                }
                10 => sim.relist(kind),
                11..=14 => {
                    let controller = usize::from(a) % sim.controllers.len();
                    sim.work(controller, usize::from(b), usize::from(c % 4));
                }
                _ if c.is_multiple_of(8) => sim.restart(),
                _ => {}
            }
        }
        // Whoever holds pods lets them go in the end.
        sim.settle();
        for namespace in NAMESPACES {
            for index in 0..6 {
                let pod = place(&kinds::pods(), namespace, &format!("pod-{index}"));
                if sim.object(&pod).is_some_and(|pod| !pod["metadata"]["deletionTimestamp"].is_null()) {
                    release(&mut sim.server, &pod);
                }
            }
        }
        sim.converge();
        // Deleted once more: what came late in a namespace that is on its way out.
        for namespace in NAMESPACES {
            for index in 0..6 {
                let pod = place(&kinds::pods(), namespace, &format!("pod-{index}"));
                if sim.object(&pod).is_some_and(|pod| !pod["metadata"]["deletionTimestamp"].is_null()) {
                    release(&mut sim.server, &pod);
                }
            }
        }
        sim.converge();
        check(&sim);
    }
}
