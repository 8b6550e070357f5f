//! The controllers against our own API server in this process, with a store in memory.
#![allow(clippy::unwrap_used)]

#[path = "in_process/cluster.rs"]
mod cluster;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use cluster::Cluster;
use futures_util::StreamExt as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_gets_what_every_namespace_has_and_goes_with_all_that_is_in_it() {
    let cluster = Cluster::start().await;
    cluster.create("/api/v1/namespaces", json!({ "metadata": { "name": "blue" } })).await;
    cluster.until("/api/v1/namespaces/blue/serviceaccounts/default", |object| object.is_some()).await;
    let map = "/api/v1/namespaces/blue/configmaps/kube-root-ca.crt";
    cluster.until(map, |map| map.is_some_and(|map| map["data"]["ca.crt"] == cluster::CA)).await;
    // What is taken away comes back.
    cluster.delete(map, json!({})).await;
    cluster.until(map, |map| map.is_some()).await;
    for index in 0..3 {
        let pod = json!({
            "metadata": { "name": format!("p{index}") },
            "spec": { "containers": [{ "name": "c", "image": "i" }] },
        });
        cluster.create("/api/v1/namespaces/blue/pods", pod).await;
    }
    cluster.delete("/api/v1/namespaces/blue", json!({})).await;
    cluster.until("/api/v1/namespaces/blue", |object| object.is_none()).await;
    assert_eq!(cluster.get("/api/v1/namespaces/blue/pods").await.unwrap()["items"], json!([]));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_and_their_dependents() {
    let cluster = Cluster::start().await;
    let maps = "/api/v1/namespaces/default/configmaps";
    for (owner, propagation, dependent_stays) in
        [("a", "Background", false), ("b", "Foreground", false), ("c", "Orphan", true)]
    {
        let created = cluster.create(maps, json!({ "metadata": { "name": owner } })).await;
        let reference = json!([{
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner,
            "uid": created["metadata"]["uid"],
            "blockOwnerDeletion": true,
        }]);
        let name = format!("{owner}-dependent");
        cluster.create(maps, json!({ "metadata": { "name": name, "ownerReferences": reference } })).await;
        cluster.delete(&format!("{maps}/{owner}"), json!({ "propagationPolicy": propagation })).await;
        cluster.until(&format!("{maps}/{owner}"), |object| object.is_none()).await;
        let dependent = format!("{maps}/{name}");
        if dependent_stays {
            let orphan = cluster.get(&dependent).await.unwrap();
            assert!(orphan["metadata"]["ownerReferences"].is_null(), "{orphan}");
        } else {
            cluster.until(&dependent, |object| object.is_none()).await;
        }
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_thing_that_is_wrong_is_an_event_of_its_own() {
    let cluster = Cluster::start().await;
    cluster.create("/api/v1/namespaces", json!({ "metadata": { "name": "blue" } })).await;
    let mut owners = Vec::new();
    for name in ["a", "b"] {
        let owner = cluster
            .create("/api/v1/namespaces/blue/configmaps", json!({ "metadata": { "name": name } }))
            .await;
        let uid = &owner["metadata"]["uid"];
        owners.push(json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid }));
    }
    let dependent = json!({ "metadata": { "name": "d", "ownerReferences": owners } });
    cluster.create("/api/v1/namespaces/default/configmaps", dependent).await;
    let told = |list: Option<&Value>| {
        let events = list.and_then(|list| list["items"].as_array()).into_iter().flatten();
        let events: Vec<_> = events.filter(|event| event["reason"] == "OwnerRefInvalidNamespace").collect();
        let names = |name: &str| {
            let part = format!("the owner ConfigMap {name} ");
            events.iter().any(|event| {
                event["message"].as_str().is_some_and(|message| message.contains(&part))
                    && event["reportingComponent"] == "guideway-controllers"
            })
        };
        names("a") && names("b")
    };
    cluster.until("/api/v1/namespaces/default/events", told).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_is_ready_is_an_endpoint() {
    let cluster = Cluster::start().await;
    let spec = json!({ "selector": { "app": "web" }, "ports": [{ "port": 80 }] });
    cluster
        .create("/api/v1/namespaces/default/services", json!({ "metadata": { "name": "web" }, "spec": spec }))
        .await;
    // Pods are refused until their account is there.
    cluster.until("/api/v1/namespaces/default/serviceaccounts/default", |object| object.is_some()).await;
    let mut pod = json!({ "spec": { "containers": [{ "name": "c", "image": "i" }] } });
    pod["metadata"] = json!({ "name": "web-1", "labels": { "app": "web" } });
    let pods = "/api/v1/namespaces/default/pods";
    cluster.create(pods, pod).await;
    let mut slices =
        std::pin::pin!(cluster.watch("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"));
    let mut times = Vec::new();
    for round in 0..40 {
        let state = round % 2 == 0;
        let status = json!({ "status": {
            "phase": "Running",
            "podIP": "10.0.0.9",
            "podIPs": [{ "ip": "10.0.0.9" }],
            "conditions": [{ "type": "Ready", "status": if state { "True" } else { "False" } }],
        } });
        let start = Instant::now();
        cluster.patch(&format!("{pods}/web-1/status"), status).await;
        let seen = async {
            while let Some(slice) = slices.next().await {
                let endpoints = slice["endpoints"].as_array().cloned().unwrap_or_default();
                let is_it = |endpoint: &Value| {
                    endpoint["conditions"]["ready"] == state && endpoint["addresses"][0] == "10.0.0.9"
                };
                if endpoints.iter().any(is_it) {
                    return;
                }
            }
            panic!("the watch has ended");
        };
        tokio::time::timeout(Duration::from_secs(60), seen).await.expect("the slice says so");
        times.push(start.elapsed());
    }
    times.sort_unstable();
    println!(
        "from the request that makes a pod ready to the event of its slice: p50 {:?}, most {:?}",
        times[20], times[39]
    );
    let endpoints = cluster.get("/api/v1/namespaces/default/endpoints/web").await;
    assert!(endpoints.is_some());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_is_served_and_goes_with_its_objects() {
    let cluster = Cluster::start().await;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = json!({
        "metadata": { "name": "widgets.example.com" },
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": { "plural": "widgets", "singular": "widget", "kind": "Widget" },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    });
    cluster.create(definitions, definition).await;
    let place = format!("{definitions}/widgets.example.com");
    let established = |object: Option<&Value>| {
        let conditions = object.and_then(|object| object["status"]["conditions"].as_array());
        conditions.into_iter().flatten().any(|one| one["type"] == "Established" && one["status"] == "True")
    };
    cluster.until(&place, established).await;
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    cluster.until(widgets, |list| list.is_some()).await;
    let owner = cluster
        .create("/api/v1/namespaces/default/configmaps", json!({ "metadata": { "name": "owner" } }))
        .await;
    let reference = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"] }]);
    let widget = |name: &str, owners: &Value| {
        json!({
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "metadata": { "name": name, "ownerReferences": owners },
        })
    };
    cluster.create(widgets, widget("owned", &reference)).await;
    cluster.create(widgets, widget("free", &json!([]))).await;
    // Dependents of kinds that came at run time are collected, too.
    cluster.delete("/api/v1/namespaces/default/configmaps/owner", json!({})).await;
    cluster.until(&format!("{widgets}/owned"), |object| object.is_none()).await;
    assert!(cluster.get(&format!("{widgets}/free")).await.is_some());
    let service = "/apis/apiregistration.k8s.io/v1/apiservices/v1.example.com";
    cluster.until(service, |object| object.is_some()).await;
    cluster.delete(&place, json!({})).await;
    cluster.until(&place, |object| object.is_none()).await;
    cluster.until(service, |object| object.is_none()).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_acts_and_the_other_takes_over() {
    let cluster = Cluster::start_with(Some("first")).await;
    let lease = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/guideway-controllers";
    let held_by = |who: &'static str| {
        move |lease: Option<&Value>| lease.is_some_and(|lease| lease["spec"]["holderIdentity"] == who)
    };
    cluster.until(lease, held_by("first")).await;
    let second = cluster.runner(Some("second"));
    cluster.create("/api/v1/namespaces", json!({ "metadata": { "name": "green" } })).await;
    cluster.until("/api/v1/namespaces/green/serviceaccounts/default", |object| object.is_some()).await;
    // The first ends in order: the second does not wait for its time to be over.
    let start = Instant::now();
    cluster.stop_runner().await;
    cluster.until(lease, held_by("second")).await;
    assert!(start.elapsed() < Duration::from_secs(10), "the lease was not given up");
    cluster.create("/api/v1/namespaces", json!({ "metadata": { "name": "red" } })).await;
    cluster.until("/api/v1/namespaces/red/serviceaccounts/default", |object| object.is_some()).await;
    // Somebody else takes the Lease: the second stops acting.
    let theft = json!({ "spec": { "holderIdentity": "thief", "leaseDurationSeconds": 3600 } });
    cluster.patch(lease, theft).await;
    second.until_not_leading().await;
    cluster.create("/api/v1/namespaces", json!({ "metadata": { "name": "late" } })).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(cluster.get("/api/v1/namespaces/late/serviceaccounts/default").await.is_none());
    second.stop().await;
}
