use serde_json::json;

use super::*;
use crate::sim::{Server, Sim};

fn sim() -> Sim {
    let resources = vec![
        kinds::namespaces(),
        kinds::pods(),
        kinds::pod_disruption_budgets(),
        kinds::deployments(),
        kinds::replica_sets(),
    ];
    let mut sim = Sim::new(Server::new(resources), vec![Box::new(DisruptionController)]);
    sim.server.create(&kinds::namespaces(), json!({ "metadata": { "name": "default" } })).unwrap();
    sim
}

fn at(resource: &crate::Resource, name: &str) -> ObjectRef {
    ObjectRef::new(&resource.id, "default", name)
}

fn meta(name: &str, owner: Option<(&str, &str, &Value)>) -> Value {
    let mut meta =
        json!({ "name": name, "namespace": "default", "labels": { "app": "web" }, "generation": 3 });
    if let Some((kind, name, owner)) = owner {
        let uid = &owner["metadata"]["uid"];
        meta["ownerReferences"] =
            json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": true }]);
    }
    meta
}

/// A Deployment that wants `replicas`, and `ready` pods of it that are ready and `unready` that are not.
fn cluster(replicas: u32, ready: usize, unready: usize) -> Sim {
    let mut sim = sim();
    let spec = json!({ "replicas": replicas });
    let deployment = json!({ "metadata": meta("web", None), "spec": spec });
    let deployment = sim.server.create(&kinds::deployments(), deployment).unwrap();
    // The ReplicaSet is on its way to another number: what counts is what the Deployment wants.
    let set = json!({ "metadata": meta("web-1", Some(("Deployment", "web", &deployment))), "spec": { "replicas": 99 } });
    let set = sim.server.create(&kinds::replica_sets(), set).unwrap();
    for index in 0..ready + unready {
        let status = if index < ready { "True" } else { "False" };
        let pod = json!({
            "metadata": meta(&format!("web-{index}"), Some(("ReplicaSet", "web-1", &set))),
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": status }] },
        });
        sim.server.create(&kinds::pods(), pod).unwrap();
    }
    sim
}

fn budget(sim: &mut Sim, mut spec: Value) -> Value {
    spec["selector"] = json!({ "matchLabels": { "app": "web" } });
    sim.server
        .create(&kinds::pod_disruption_budgets(), json!({ "metadata": meta("b", None), "spec": spec }))
        .unwrap();
    sim.converge();
    sim.object(&at(&kinds::pod_disruption_budgets(), "b")).unwrap()["status"].clone()
}

#[test]
fn budgets() {
    // replicas, ready, unready, spec -> healthy, desired, expected, allowed
    let cases = [
        (4, 4, 0, json!({ "minAvailable": 2 }), (4, 2, 4, 2)),
        (4, 3, 1, json!({ "minAvailable": "50%" }), (3, 2, 4, 1)),
        (5, 5, 0, json!({ "minAvailable": "50%" }), (5, 3, 5, 2)),
        (4, 4, 0, json!({ "maxUnavailable": 1 }), (4, 3, 4, 1)),
        (4, 2, 2, json!({ "maxUnavailable": 1 }), (2, 3, 4, 0)),
        (10, 10, 0, json!({ "maxUnavailable": "25%" }), (10, 7, 10, 3)),
        (4, 4, 0, json!({ "maxUnavailable": "100%" }), (4, 0, 4, 4)),
        (0, 0, 0, json!({ "maxUnavailable": 1 }), (0, 0, 0, 0)),
    ];
    for (replicas, ready, unready, spec, (healthy, desired, expected, allowed)) in cases {
        let mut sim = cluster(replicas, ready, unready);
        let status = budget(&mut sim, spec.clone());
        let found =
            ["currentHealthy", "desiredHealthy", "expectedPods", "disruptionsAllowed", "observedGeneration"]
                .map(|field| status[field].as_i64().unwrap());
        assert_eq!(found, [healthy, desired, expected, allowed, 3], "{spec}");
        let condition = &status["conditions"][0];
        let reason = if allowed > 0 { "SufficientPods" } else { "InsufficientPods" };
        assert_eq!((&condition["type"], &condition["reason"]), (&json!("DisruptionAllowed"), &json!(reason)));
    }
}

#[test]
fn an_evicted_pod_counts_no_more_until_its_time_is_over() {
    let mut sim = cluster(3, 3, 0);
    budget(&mut sim, json!({ "minAvailable": 1 }));
    let place = at(&kinds::pod_disruption_budgets(), "b");
    let granted = crate::conditions::time(sim.server.now);
    let evicted = json!({ "status": { "disruptedPods": { "web-0": granted, "gone": granted }, "disruptionsAllowed": 1 } });
    sim.server.patch(&place, &evicted).unwrap();
    sim.settle();
    let status = sim.object(&place).unwrap()["status"].clone();
    assert_eq!(status["disruptedPods"], json!({ "web-0": granted }), "a pod that is gone is forgotten");
    assert_eq!((&status["currentHealthy"], &status["disruptionsAllowed"]), (&json!(2), &json!(1)));
    sim.server.now += Duration::from_secs(121);
    sim.converge();
    let status = sim.object(&place).unwrap()["status"].clone();
    assert_eq!((&status["disruptedPods"], &status["disruptionsAllowed"]), (&json!({}), &json!(2)));
}

#[test]
fn a_scale_that_is_not_known_allows_nothing() {
    let mut sim = cluster(3, 3, 0);
    sim.server.delete(&at(&kinds::replica_sets(), "web-1"), crate::Propagation::Background).unwrap();
    let status = budget(&mut sim, json!({ "maxUnavailable": 1 }));
    assert_eq!(status["disruptionsAllowed"], 0);
    assert_eq!(status["conditions"][0]["reason"], "SyncFailed");
}
