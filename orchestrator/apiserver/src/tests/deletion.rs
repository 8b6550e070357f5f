use super::*;

#[tokio::test]
async fn preconditions() {
    let lab = Lab::start().await;
    lab.made(MAPS, &config_map("g1", json!({}))).await;
    let path = format!("{MAPS}/g1");
    let reply = lab.delete(&path, &json!({"preconditions": {"uid": "nope"}})).await;
    assert_eq!((reply.code.as_u16(), reply.reason()), (409, "Conflict"));
    assert!(
        reply.message().contains("the UID in the precondition (nope) does not match"),
        "{}",
        reply.message()
    );
    assert_eq!(lab.delete(&path, &json!({"preconditions": {"resourceVersion": "1"}})).await.code, 409);
    assert_eq!(lab.delete(&path, &json!({"propagationPolicy": "Sideways"})).await.code, 422);
    assert_eq!(lab.delete(&path, &Value::Null).await.code, 200);
    assert_eq!(lab.delete(&path, &Value::Null).await.code, 404);
}

#[tokio::test]
async fn finalizers_hold_an_object() {
    let lab = Lab::start().await;
    let mut object = config_map("f", json!({}));
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    lab.made(MAPS, &object).await;
    let path = format!("{MAPS}/f");
    let going = lab.delete(&path, &Value::Null).await.json;
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    // Once is enough.
    assert_eq!(lab.delete(&path, &Value::Null).await.json, going);
    let patch = json!({"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}});
    assert_eq!(lab.patch(&path, "merge-patch+json", &patch).await.code, 422);
    let freed = lab.patch(&path, "merge-patch+json", &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(freed.code, 200);
    assert_eq!(lab.get(&path).await.code, 404);
}

#[tokio::test]
async fn dependents_wait_or_are_left() {
    let lab = Lab::start().await;
    for (name, policy, finalizer) in [("fg", "Foreground", "foregroundDeletion"), ("or", "Orphan", "orphan")]
    {
        lab.made(MAPS, &config_map(name, json!({}))).await;
        let path = format!("{MAPS}/{name}");
        let going = lab.delete(&path, &json!({"propagationPolicy": policy})).await.json;
        assert_eq!(going["metadata"]["finalizers"], json!([finalizer]));
        let gone = lab.delete(&path, &json!({"propagationPolicy": "Background"})).await;
        assert_eq!(gone.json["status"], "Success");
    }
}

#[tokio::test]
async fn who_takes_dependents_along_in_the_old_words_is_told_that_it_takes_a_while() {
    let lab = Lab::start().await;
    let mut object = config_map("f", json!({}));
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    lab.made(MAPS, &object).await;
    lab.made(MAPS, &config_map("free", json!({}))).await;
    let held = format!("{MAPS}/f");
    for (path, options, code) in [
        (held.clone(), json!({"orphanDependents": false}), 202),
        (format!("{held}?orphanDependents=false"), Value::Null, 202),
        (held.clone(), json!({"propagationPolicy": "Background"}), 200),
        (held.clone(), json!({"propagationPolicy": "Foreground"}), 200),
        (held, Value::Null, 200),
        (format!("{MAPS}/free"), json!({"orphanDependents": false}), 200),
    ] {
        let reply = lab.delete(&path, &options).await;
        assert_eq!(reply.code, code, "{path} {options}: {}", reply.json);
    }
}

#[tokio::test]
async fn a_pod_gets_its_time() {
    let lab = Lab::start().await;
    default_account(&lab).await;
    let mut object = pod("p");
    object["spec"]["nodeName"] = json!("n1");
    lab.made(PODS, &object).await;
    let path = format!("{PODS}/p");
    let going = lab.delete(&path, &Value::Null).await.json;
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 30, "{going}");
    let sooner = lab.delete(&path, &json!({"gracePeriodSeconds": 5})).await.json;
    assert_eq!(sooner["metadata"]["deletionGracePeriodSeconds"], 5);
    assert_eq!(lab.delete(&path, &json!({"gracePeriodSeconds": 0})).await.code, 200);
    assert_eq!(lab.get(&path).await.code, 404);
    // Nobody runs it: it goes at once.
    lab.made(PODS, &pod("q")).await;
    lab.delete(&format!("{PODS}/q"), &Value::Null).await;
    assert_eq!(lab.get(&format!("{PODS}/q")).await.code, 404);
}

#[tokio::test]
async fn a_namespace_is_finalized() {
    let lab = Lab::start().await;
    lab.made("/api/v1/namespaces", &json!({"metadata": {"name": "team"}})).await;
    let path = "/api/v1/namespaces/team";
    let going = lab.delete(path, &Value::Null).await.json;
    assert_eq!(
        (going["status"]["phase"].as_str(), going["spec"]["finalizers"][0].as_str()),
        (Some("Terminating"), Some("kubernetes"))
    );
    assert!(going["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(
        going["metadata"]["deletionGracePeriodSeconds"],
        Value::Null,
        "contents have no time to go in"
    );
    let late = lab.post(&format!("{path}/configmaps"), &config_map("x", json!({}))).await;
    assert_eq!((late.code.as_u16(), late.reason()), (403, "Forbidden"), "{}", late.json);
    let mut finalized = going;
    finalized["spec"]["finalizers"] = json!([]);
    assert_eq!(lab.put(&format!("{path}/finalize"), &finalized).await.code, 200);
    assert_eq!(lab.get(path).await.code, 404);
}

#[tokio::test]
async fn a_collection() {
    let lab = Lab::start().await;
    for name in ["a", "b", "c"] {
        let mut object = config_map(name, json!({}));
        object["metadata"]["labels"] = json!({"keep": (name == "b").to_string()});
        lab.made(MAPS, &object).await;
    }
    let reply = lab.delete(&format!("{MAPS}?labelSelector=keep%3Dfalse"), &Value::Null).await;
    assert_eq!((reply.code.as_u16(), reply.json["items"].as_array().map(Vec::len)), (200, Some(2)));
    assert_eq!(lab.get(MAPS).await.json["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn some_kinds_are_shown_for_the_last_time() {
    let lab = Lab::start().await;
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    let made = lab.made(accounts, &json!({"metadata": {"name": "a"}})).await;
    let deleted = lab.delete(&format!("{accounts}/a"), &Value::Null).await;
    assert_eq!((deleted.code.as_u16(), &deleted.json["kind"]), (200, &json!("ServiceAccount")));
    assert_eq!(deleted.json["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(lab.get(&format!("{accounts}/a")).await.code, 404);
}
