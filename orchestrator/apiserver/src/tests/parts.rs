use super::*;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    })
}

#[tokio::test]
async fn status_and_spec_do_not_touch_each_other() {
    let lab = Lab::start().await;
    let made = lab.made(DEPLOYMENTS, &deployment()).await;
    assert_eq!(made["metadata"]["generation"], 1);
    let path = format!("{DEPLOYMENTS}/web");
    let mut both = made.clone();
    both["spec"]["replicas"] = json!(5);
    both["status"] = json!({"replicas": 2, "observedGeneration": 1});
    let status = lab.put(&format!("{path}/status"), &both).await.json;
    assert_eq!((&status["spec"]["replicas"], &status["status"]["replicas"]), (&json!(2), &json!(2)));
    assert_eq!(status["metadata"]["generation"], 1);
    both["metadata"]["resourceVersion"] = status["metadata"]["resourceVersion"].clone();
    both["status"] = json!({"replicas": 9});
    let spec = lab.put(&path, &both).await.json;
    assert_eq!((&spec["spec"]["replicas"], &spec["status"]["replicas"]), (&json!(5), &json!(2)));
    assert_eq!(spec["metadata"]["generation"], 2);
    assert_eq!(lab.get(&format!("{path}/nothing")).await.code, 404);
}

#[tokio::test]
async fn agents_annotate_pods_through_their_status() {
    let lab = Lab::start().await;
    default_account(&lab).await;
    lab.made(PODS, &pod("p")).await;
    let patch = json!({"metadata": {"labels": {"l": "1"}, "annotations": {"a": "1"}, "generation": 9},
        "spec": {"nodeName": "no"}, "status": {"phase": "Running"}});
    let path = format!("{PODS}/p/status?fieldManager=agent");
    let done = lab.patch(&path, "strategic-merge-patch+json", &patch).await.json;
    assert_eq!(
        (&done["metadata"]["labels"]["l"], &done["metadata"]["annotations"]["a"]),
        (&json!("1"), &json!("1"))
    );
    assert_eq!((&done["status"]["phase"], &done["spec"]["nodeName"]), (&json!("Running"), &Value::Null));
    assert_eq!(done["metadata"]["generation"], 1);
    let entries = done["metadata"]["managedFields"].as_array().unwrap();
    let own = entries.iter().find(|entry| entry["manager"] == "agent").unwrap();
    assert_eq!(own["subresource"], "status");
    assert_eq!(own["fieldsV1"]["f:metadata"]["f:annotations"], json!({".": {}, "f:a": {}}));
    assert!(own["fieldsV1"].get("f:spec").is_none());
}

#[tokio::test]
async fn scale() {
    let lab = Lab::start().await;
    lab.made(DEPLOYMENTS, &deployment()).await;
    let path = format!("{DEPLOYMENTS}/web/scale");
    let scale = lab.get(&path).await.json;
    assert_eq!((scale["kind"].as_str(), &scale["spec"]["replicas"]), (Some("Scale"), &json!(2)));
    assert_eq!(scale["status"]["selector"], "app=web");
    let patched = lab.patch(&path, "merge-patch+json", &json!({"spec": {"replicas": 4}})).await.json;
    assert_eq!(patched["spec"]["replicas"], 4);
    let mut put = patched.clone();
    put["spec"]["replicas"] = json!(7);
    // As kubectl sends it: without a type.
    assert_eq!(lab.ask("PUT", &path, &[], put.to_string()).await.json["spec"]["replicas"], 7);
    assert_eq!(lab.ask("PUT", &path, &[], put.to_string()).await.code, 409);
    put["spec"]["replicas"] = json!(-1);
    put["metadata"]["resourceVersion"] = json!("");
    assert_eq!(lab.ask("PUT", &path, &[], put.to_string()).await.code, 422);
    assert_eq!(lab.get(&format!("{DEPLOYMENTS}/web")).await.json["metadata"]["generation"], 3);
}

#[tokio::test]
async fn a_pod_is_bound_once() {
    let lab = Lab::start().await;
    default_account(&lab).await;
    lab.made(PODS, &pod("p")).await;
    let binding = json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}});
    let path = format!("{PODS}/p/binding");
    assert_eq!(lab.post(&path, &binding).await.code, 201);
    let bound = lab.get(&format!("{PODS}/p")).await.json;
    assert_eq!(bound["spec"]["nodeName"], "n1");
    assert_eq!(bound["status"]["conditions"][0]["type"], "PodScheduled");
    let again = lab.post(&path, &binding).await;
    assert_eq!(again.code, 409);
    assert!(again.message().contains("already assigned to node \"n1\""), "{}", again.message());
}

#[tokio::test]
async fn old_clients_evict_too() {
    let lab = Lab::start().await;
    default_account(&lab).await;
    for (name, version, code) in
        [("a", "policy/v1beta1", 201), ("b", "policy/v1", 201), ("c", "policy/v2", 400)]
    {
        lab.made(PODS, &pod(name)).await;
        let eviction = json!({"apiVersion": version, "kind": "Eviction", "metadata": {"name": name}});
        let reply = lab.post(&format!("{PODS}/{name}/eviction"), &eviction).await;
        assert_eq!(reply.code, code, "{version}: {}", reply.json);
    }
}

#[tokio::test]
async fn budgets_hold_evictions_at_the_same_time() {
    let lab = Lab::start().await;
    default_account(&lab).await;
    for index in 0..6 {
        let name = format!("p{index}");
        lab.made(PODS, &pod(&name)).await;
        let status =
            json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
        let reply = lab.patch(&format!("{PODS}/{name}/status"), "merge-patch+json", &status).await;
        assert_eq!(reply.code, 200, "{}", reply.json);
    }
    let budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    let budget = json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 4, "selector": {"matchLabels": {"app": "web"}}}});
    lab.made(budgets, &budget).await;
    let evict = |index: usize| {
        let name = format!("p{index}");
        let lab = &lab;
        async move {
            let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
            lab.post(&format!("{PODS}/{name}/eviction"), &eviction).await
        }
    };
    // Nobody has counted yet.
    assert_eq!(evict(0).await.code, 429);
    let status = json!({"status": {
        "observedGeneration": 1, "disruptionsAllowed": 2, "currentHealthy": 6, "desiredHealthy": 4, "expectedPods": 6,
    }});
    let counted = lab.patch(&format!("{budgets}/b/status"), "merge-patch+json", &status).await;
    assert_eq!(counted.code, 200, "{}", counted.json);
    let replies = futures_util::future::join_all((0..6).map(evict)).await;
    let gone = replies.iter().filter(|reply| reply.code == 201).count();
    assert_eq!(gone, 2);
    let held = replies.iter().find(|reply| reply.code == 429).unwrap();
    assert_eq!(held.json["details"]["causes"][0]["reason"], "DisruptionBudget");
    assert_eq!(lab.get(PODS).await.json["items"].as_array().unwrap().len(), 4);
    let left = lab.get(&format!("{budgets}/b")).await.json;
    assert_eq!(
        (
            &left["status"]["disruptionsAllowed"],
            left["status"]["disruptedPods"].as_object().map(serde_json::Map::len)
        ),
        (&json!(0), Some(2))
    );
}

#[tokio::test]
async fn tokens_are_issued_and_taken() {
    let lab = Lab::start().await;
    default_account(&lab).await;
    let path = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let reply = lab.post(path, &json!({"spec": {"expirationSeconds": 3600}})).await;
    assert_eq!(reply.code, 201, "{}", reply.json);
    let token = format!("Bearer {}", reply.json["status"]["token"].as_str().unwrap());
    let mut request =
        Request::builder().uri(MAPS).header("authorization", &token).body(Body::empty()).unwrap();
    let response = lab.server.respond(request).await;
    // Known, but without rights.
    assert_eq!(response.status(), 403);
    request =
        Request::builder().uri(MAPS).header("authorization", "Bearer x.y.z").body(Body::empty()).unwrap();
    assert_eq!(lab.server.respond(request).await.status(), 401);
}

#[tokio::test]
async fn containers_to_look_into_a_pod() {
    let lab = Lab::start().await;
    default_account(&lab).await;
    lab.made(PODS, &pod("p")).await;
    let patch =
        json!({"spec": {"ephemeralContainers": [{"name": "debug", "image": "busybox"}], "nodeName": "n9"}});
    let path = format!("{PODS}/p/ephemeralcontainers");
    let reply = lab.patch(&path, "strategic-merge-patch+json", &patch).await;
    assert_eq!(reply.code, 200, "{}", reply.json);
    assert_eq!(reply.json["spec"]["ephemeralContainers"][0]["name"], "debug");
    assert!(reply.json["spec"].get("nodeName").is_none());
    assert_eq!(reply.json["metadata"]["generation"], 2);
    let again = lab.patch(&path, "strategic-merge-patch+json", &patch).await;
    assert_eq!(again.json["metadata"]["generation"], 2);
    let resources = json!({"spec": {"containers": [{"name": "c", "image": "other", "resources": {"requests": {"cpu": "1"}}}]}});
    let resized = lab.patch(&format!("{PODS}/p/resize"), "strategic-merge-patch+json", &resources).await;
    if resized.code == 200 {
        assert_eq!(resized.json["spec"]["containers"][0]["resources"]["requests"]["cpu"], "1");
        assert_eq!(resized.json["spec"]["containers"][0]["image"], "i");
        assert_eq!(resized.json["metadata"]["generation"], 3);
    } else {
        assert_eq!(resized.code, 422, "{}", resized.json);
    }
}

#[tokio::test]
async fn whoever_applies_a_scale_owns_the_replicas() {
    let lab = Lab::start().await;
    let apply = "apply-patch+yaml";
    let path = format!("{DEPLOYMENTS}/web");
    let made = lab.patch(&format!("{path}?fieldManager=one"), apply, &deployment()).await;
    assert_eq!(made.code, 201, "{}", made.json);
    let scale = |replicas: i64| json!({"apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": replicas}});
    let two = format!("{path}/scale?fieldManager=two");
    let refused = lab.patch(&two, apply, &scale(5)).await;
    assert_eq!((refused.code.as_u16(), refused.reason()), (409, "Conflict"), "{}", refused.json);
    assert_eq!(refused.message(), "Apply failed with 1 conflict: conflict with \"one\": .spec.replicas");
    let taken = lab.patch(&format!("{two}&force=true"), apply, &scale(5)).await;
    assert_eq!((taken.code.as_u16(), &taken.json["spec"]["replicas"]), (200, &json!(5)), "{}", taken.json);
    assert_eq!(taken.json["kind"], "Scale");
    let object = lab.get(&path).await.json;
    assert_eq!(object["metadata"]["generation"], 2);
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let of = |name: &str| entries.iter().find(|entry| entry["manager"] == name).cloned().unwrap_or_default();
    assert_eq!(of("one")["fieldsV1"]["f:spec"].get("f:replicas"), None);
    let entry = of("two");
    assert_eq!((&entry["subresource"], &entry["apiVersion"]), (&json!("scale"), &json!("apps/v1")));
    assert_eq!(entry["fieldsV1"], json!({"f:spec": {"f:replicas": {}}}));
    // Its own field may change without force.
    assert_eq!(lab.patch(&two, apply, &scale(6)).await.json["spec"]["replicas"], 6);
    assert_eq!(lab.patch(&two, apply, &scale(-1)).await.code, 422);
    assert_eq!(lab.patch(&two, apply, &deployment()).await.code, 400);
    let unknown = json!({"spec": {"bogus": 1}});
    let strict =
        lab.patch(&format!("{path}/scale?fieldValidation=Strict"), "merge-patch+json", &unknown).await;
    assert_eq!(strict.code, 422, "{}", strict.json);
}

#[tokio::test]
async fn decisions_about_certificates_have_their_times() {
    let lab = Lab::start().await;
    let all = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let pem = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pem);
    let spec = json!({"request": pem, "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]});
    lab.made(all, &json!({"metadata": {"name": "jane"}, "spec": &spec})).await;
    let mut nothing = spec.clone();
    nothing["request"] = json!("");
    let refused = lab.post(all, &json!({"metadata": {"name": "joe"}, "spec": nothing})).await;
    assert_eq!(refused.code, 422, "{}", refused.json);
    assert!(
        refused.message().contains("PEM block type must be CERTIFICATE REQUEST"),
        "{}",
        refused.message()
    );
    let merge = "merge-patch+json";
    let decide = |conditions: Value| json!({"status": {"conditions": conditions}});
    let approval = format!("{all}/jane/approval");
    for (conditions, words) in [
        (json!([{"type": "Approved"}]), "status.conditions[0].status: Required value"),
        (
            json!([{"type": "Approved", "status": "False"}]),
            "status.conditions[0].status: Unsupported value: \"False\": supported values: \"True\"",
        ),
        (
            json!([{"type": "A", "status": "True"}, {"type": "A", "status": "True"}]),
            "status.conditions[1].type: Duplicate value: \"A\"",
        ),
        (
            json!([{"type": "Approved", "status": "True"}, {"type": "Denied", "status": "True"}]),
            "status.conditions[1].type: Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive",
        ),
    ] {
        let refused = lab.patch(&approval, merge, &decide(conditions)).await;
        assert_eq!(refused.code, 422, "{}", refused.json);
        assert!(refused.message().ends_with(words), "{}", refused.message());
    }
    let approved = decide(json!([{"type": "Approved", "status": "True", "reason": "R"}]));
    let reply = lab.patch(&approval, merge, &approved).await;
    let condition = &reply.json["status"]["conditions"][0];
    let since = condition["lastTransitionTime"].as_str().unwrap_or_default();
    assert!(since.parse::<jiff::Timestamp>().is_ok(), "{}", reply.json);
    assert_eq!(condition["lastUpdateTime"], since);
    // What was so before is so since then.
    let older =
        decide(json!([{"type": "Approved", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}]));
    assert_eq!(lab.patch(&approval, merge, &older).await.code, 200);
    let reply = lab.patch(&approval, merge, &approved).await;
    let condition = &reply.json["status"]["conditions"][0];
    assert_eq!(condition["lastTransitionTime"], "2020-01-01T00:00:00Z");
    assert_ne!(condition["lastUpdateTime"], condition["lastTransitionTime"]);
    let none =
        lab.patch(&format!("{all}/jane/status"), merge, &json!({"status": {"certificate": "eA=="}})).await;
    assert_eq!(
        none.json["details"]["causes"][0]["message"],
        "Invalid value: \"<certificate data>\": must contain at least one CERTIFICATE PEM block"
    );
}

#[tokio::test]
async fn whoever_makes_an_object_owns_what_they_set_in_it() {
    let lab = Lab::start().await;
    let made = lab.made(DEPLOYMENTS, &deployment()).await;
    let own = &made["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"];
    assert_eq!(own.get("."), None);
    let rolling =
        json!({"f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}}, "f:type": {}});
    assert_eq!(own["f:strategy"], rolling);
    assert_eq!(own["f:template"]["f:metadata"], json!({"f:labels": {".": {}, "f:app": {}}}));
    assert_eq!(own["f:template"]["f:spec"]["f:containers"].get("."), None);
    // What every object of a kind has is known for all of them.
    for kind in guideway_api::Registry::built_in().kinds() {
        for version in &kind.versions {
            let found = guideway_protobuf::unset(&version.api_version(), &kind.kind);
            assert!(found.is_some(), "{} {}", version.api_version(), kind.kind);
        }
    }
}
