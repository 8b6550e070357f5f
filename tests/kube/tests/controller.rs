//! lb-controller against API servers: Services get addresses and give them back, whatever is killed.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

#[path = "controller/admission.rs"]
mod admission;
#[path = "controller/bad_input.rs"]
mod bad_input;
#[path = "controller/clusters.rs"]
mod clusters;
#[path = "controller/faults.rs"]
mod faults;
#[path = "controller/metrics.rs"]
mod metrics;
#[path = "controller/site.rs"]
mod site;
#[path = "controller/sources.rs"]
mod sources;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use site::{Controllers, Site, pool, service, slice, until};

/// The addresses of a Service.
fn addresses(service: &Value) -> Vec<String> {
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array().cloned().unwrap_or_default();
    ingress.iter().map(|one| one["ip"].as_str().unwrap().to_owned()).collect()
}

/// The one address of a Service, when it has it.
fn address(site: &Site, name: &str) -> String {
    let mut found = Vec::new();
    until(&format!("{name} has an address in {}", site.name), || {
        found = addresses(&site.get("service", name)?);
        Some(()).filter(|()| found.len() == 1)
    });
    found.remove(0)
}

#[test]
fn services_of_two_clusters_get_addresses_and_give_them_back() {
    let (home, west) = (Site::home(), Site::new("west"));
    home.apply(&pool("small", "192.0.2.1-192.0.2.3"));
    let mut controllers = Controllers::new(&home);
    controllers.start();
    home.apply(&service("web", json!({})));
    assert_eq!(address(&home, "web"), "192.0.2.1");
    let web = home.get("service", "web").unwrap();
    assert_eq!(web["status"]["loadBalancer"]["ingress"], json!([{ "ip": "192.0.2.1", "ipMode": "VIP" }]));
    assert_eq!(web["metadata"]["finalizers"], json!(["guideway.dev/vip"]));

    // A cluster that comes while the controller runs, with a Service of the same name.
    west.apply(&service("web", json!({})));
    let kubeconfig = std::fs::read_to_string(west.server.kubeconfig()).unwrap();
    home.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "west", "namespace": "guideway" },
        "stringData": { "kubeconfig": kubeconfig },
    }));
    home.apply(&json!({
        "apiVersion": "guideway.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": "west", "namespace": "guideway" },
        "spec": { "kubeconfigSecret": { "name": "west" }, "loadBalancerClass": "guideway.dev/load-balancer" },
    }));
    assert_eq!(address(&west, "web"), "192.0.2.2");

    // What is wished for, what cannot be had, and what is wrong.
    home.apply(&service("wish", json!({ "metallb.io/loadBalancerIPs": "192.0.2.3" })));
    assert_eq!(address(&home, "wish"), "192.0.2.3");
    home.apply(&service("late", json!({})));
    until("an Event says that the pool is empty", || {
        let events = home.kubectl(&["get", "events.events.k8s.io", "-o", "json"], None)?;
        let events: Value = serde_json::from_str(&events).ok()?;
        let about = |event: &&Value| {
            event["regarding"]["name"] == "late"
                && event["note"]
                    .as_str()
                    .is_some_and(|note| note.contains("no free IPv4 address in pool small"))
        };
        events["items"].as_array()?.iter().find(about).map(|_| ())
    });
    assert_eq!(addresses(&home.get("service", "late").unwrap()), [""; 0]);

    home.apply(&slice("web", "10.0.0.1"));
    home.apply(&slice("wish", "10.0.0.2"));
    west.apply(&slice("web", "10.0.0.3"));
    let vips = ["east/default/web/http/v4", "east/default/wish/http/v4", "west/default/web/http/v4"];
    until("the forwarder announces the VIPs", || {
        Some(()).filter(|()| controllers.fleet.seen().vips(0).iter().eq(vips))
    });

    // Deleted: out of the forwarders first, then gone, and its address is another one's.
    home.kubectl(&["delete", "service", "web", "--timeout=60s"], None).unwrap();
    assert!(!controllers.fleet.seen().vips(0).contains(vips[0]), "gone before it was withdrawn");
    assert_eq!(address(&home, "late"), "192.0.2.1");

    // A cluster that is ours no more is left alone; its address is free.
    home.kubectl(&["delete", "clusters.guideway.dev", "west", "-n", "guideway"], None).unwrap();
    home.apply(&service("after", json!({})));
    assert_eq!(address(&home, "after"), "192.0.2.2");

    // The way of a change is in the log, from the object to the forwarders.
    let log = controllers.log(0);
    let served = log.lines().rfind(|line| line.contains("stage=\"served\"")).unwrap();
    let trace = served.split_once("trace=\"").unwrap().1.split_once('"').unwrap().0;
    let of_it: Vec<&str> = log.lines().filter(|line| line.contains(trace)).collect();
    for step in ["a content is wanted", "stage=\"proposed\"", "stage=\"committed\"", "stage=\"served\""] {
        assert!(of_it.iter().any(|line| line.contains(step)), "{step}: {of_it:#?}");
    }
    assert!(
        log.contains("first=\"Service east/default/web\"") || log.contains("first=\"EndpointSlice "),
        "{of_it:#?}"
    );
}

#[test]
fn an_api_server_that_restarts_is_followed_on() {
    let mut home = Site::home();
    home.apply(&pool("all", "192.0.2.0/24"));
    let mut controllers = Controllers::new(&home);
    controllers.start();
    home.apply(&service("before", json!({})));
    let before = address(&home, "before");
    home.server.kill();
    home.server.spawn().unwrap();
    home.apply(&service("after", json!({})));
    let after = address(&home, "after");
    assert_ne!(before, after);
    assert_eq!(address(&home, "before"), before);
    // Nothing is kept in memory alone: a controller that starts anew finds everything as it was.
    controllers.kill(0);
    controllers.start();
    home.apply(&service("last", json!({})));
    let last = address(&home, "last");
    assert!(last != before && last != after);
    assert_eq!((address(&home, "before"), address(&home, "after")), (before, after));
}

#[test]
fn another_controller_goes_on_when_the_leader_is_killed() {
    let home = Site::home();
    home.apply(&pool("all", "192.0.2.0/24"));
    let mut controllers = Controllers::new(&home);
    controllers.start();
    home.apply(&service("s0", json!({})));
    address(&home, "s0");
    controllers.start();
    let term = |site: &Site| {
        let rollout = site.get_in("guideway", "rollouts.guideway.dev", "default");
        rollout.and_then(|rollout| rollout["status"]["record"]["term"].as_u64())
    };
    let mut created = vec!["s0".to_owned()];
    let mut last_term = term(&home).unwrap();
    for round in 0..2 {
        // Writes that nobody can tell the outcome of: the leader is killed amid them.
        for n in 0..5 {
            let name = format!("s{round}{n}");
            home.apply(&service(&name, json!({})));
            created.push(name);
        }
        controllers.kill(round);
        let name = format!("after{round}");
        home.apply(&service(&name, json!({})));
        created.push(name);
        let found: Vec<String> = created.iter().map(|name| address(&home, name)).collect();
        let different: BTreeSet<&String> = found.iter().collect();
        assert_eq!(different.len(), created.len(), "an address is there twice: {found:?}");
        let now = term(&home).unwrap();
        assert!(now > last_term, "the term only grows: {last_term} {now}");
        last_term = now;
        // The next one stands by when it is known who leads, and so whom the next round kills.
        controllers.start();
    }
}
