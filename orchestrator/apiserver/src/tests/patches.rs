use super::*;

#[tokio::test]
async fn four_kinds() {
    let lab = Lab::start().await;
    let path = format!("{MAPS}/m");
    lab.made(MAPS, &config_map("m", json!({"a": "1", "b": "2"}))).await;
    let merged = lab.patch(&path, "merge-patch+json", &json!({"data": {"a": null, "c": "3"}})).await.json;
    assert_eq!(merged["data"], json!({"b": "2", "c": "3"}));
    let patch = json!([{"op": "test", "path": "/data/b", "value": "2"}, {"op": "remove", "path": "/data/b"}]);
    let patched = lab.patch(&path, "json-patch+json", &patch).await;
    assert_eq!(patched.json["data"], json!({"c": "3"}));
    let failed = lab.patch(&path, "json-patch+json", &patch).await;
    assert_eq!(failed.message(), "the server rejected our request due to an error in our request");
    assert_eq!(failed.code, 422);
    assert_eq!(lab.patch(&path, "unknown", &json!({})).await.code, 415);
    let bare = lab.patch(&path, "apply-patch+yaml", &config_map("m", json!({}))).await;
    assert_eq!(bare.code, 422);
    let applied = lab
        .patch(&format!("{path}?fieldManager=zz"), "apply-patch+yaml", &config_map("m", json!({"c": "4"})))
        .await;
    assert_eq!((applied.code.as_u16(), applied.reason()), (409, "Conflict"));
    assert_eq!(applied.message(), "Apply failed with 1 conflict: conflict with \"test\" using v1: .data.c");
    let forced = format!("{path}?fieldManager=zz&force=true");
    assert_eq!(
        lab.patch(&forced, "apply-patch+yaml", &config_map("m", json!({"c": "4"}))).await.json["data"]["c"],
        "4"
    );
    let strategic = lab
        .patch(&path, "strategic-merge-patch+json", &json!({"data": {"$patch": "replace", "z": "9"}}))
        .await;
    assert_eq!(strategic.json["data"], json!({"z": "9"}));
}

#[tokio::test]
async fn apply_makes_what_is_not_there() {
    let lab = Lab::start().await;
    let path = format!("{MAPS}/new?fieldManager=me");
    let made = lab.patch(&path, "apply-patch+yaml", &config_map("new", json!({"a": "1"}))).await;
    assert_eq!(made.code, 201, "{}", made.json);
    let managers = made.json["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!((managers.len(), managers[0]["operation"].as_str()), (1, Some("Apply")));
    // The same again changes nothing.
    let again = lab.patch(&path, "apply-patch+yaml", &config_map("new", json!({"a": "1"}))).await;
    assert_eq!((again.code.as_u16(), &again.json), (200, &made.json));
    // What is not applied any more goes.
    let less = lab.patch(&path, "apply-patch+yaml", &config_map("new", json!({}))).await;
    assert!(less.json.get("data").is_none_or(|data| data == &json!({})), "{}", less.json);
}

#[tokio::test]
async fn patches_at_the_same_time_are_all_there() {
    let lab = Lab::start().await;
    lab.made(MAPS, &config_map("m", json!({}))).await;
    let path = format!("{MAPS}/m");
    let patches: Vec<Value> = (0..12).map(|index| json!({"data": {format!("k{index}"): "1"}})).collect();
    let replies = futures_util::future::join_all(
        patches.iter().map(|patch| lab.patch(&path, "merge-patch+json", patch)),
    )
    .await;
    assert!(replies.iter().all(|reply| reply.code == 200));
    assert_eq!(lab.get(&path).await.json["data"].as_object().unwrap().len(), 12);
    // With a version there is one winner.
    let version = lab.get(&path).await.json["metadata"]["resourceVersion"].clone();
    let mut patch = json!({"metadata": {"resourceVersion": version}, "data": {"x": "1"}});
    assert_eq!(lab.patch(&path, "merge-patch+json", &patch).await.code, 200);
    patch["data"]["x"] = json!("2");
    assert_eq!(lab.patch(&path, "merge-patch+json", &patch).await.code, 409);
}

#[tokio::test]
async fn what_is_applied_is_of_the_kind_of_the_path() {
    let lab = Lab::start().await;
    let path = format!("{MAPS}/x?fieldManager=one");
    let mut config = config_map("x", json!({"a": "1"}));
    config["kind"] = json!("Secret");
    let refused = lab.patch(&path, "apply-patch+yaml", &config).await;
    assert_eq!(
        (refused.code.as_u16(), refused.message()),
        (400, "the kind in the data (Secret) does not match the expected kind (ConfigMap)")
    );
    config["kind"] = json!("ConfigMap");
    config["metadata"]["uid"] = json!("nobody");
    let refused = lab.patch(&path, "apply-patch+yaml", &config).await;
    assert_eq!((refused.code.as_u16(), refused.reason()), (409, "Conflict"), "{}", refused.json);
    assert_eq!(lab.get(&format!("{MAPS}/x")).await.code, 404);
}

/// As with Go's encoder; but the applier owns what it has applied, and applying it again changes nothing.
#[tokio::test]
async fn a_list_without_elements_is_left_out() {
    let lab = Lab::start().await;
    let deployments = "/apis/apps/v1/namespaces/default/deployments";
    let path = format!("{deployments}/e?fieldManager=a");
    let config = |args: Value| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "e", "finalizers": []},
            "spec": {
                "selector": {"matchLabels": {"a": "b"}},
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {
                        "containers": [
                            {"name": "c", "image": "i", "args": args, "resources": {"limits": {"cpu": "1000m"}}},
                        ],
                        "tolerations": [],
                    },
                },
            },
        })
    };
    let apply = async |args: Value| {
        let reply = lab.patch(&path, "apply-patch+yaml", &config(args)).await;
        assert!(reply.code.is_success(), "{}", reply.json);
        reply.json
    };
    let args = |object: &Value| object["spec"]["template"]["spec"]["containers"][0].get("args").cloned();
    let made = apply(json!([])).await;
    assert_eq!((args(&made), made["metadata"].get("finalizers")), (None, None));
    assert_eq!(made["spec"]["template"]["spec"].get("tolerations"), None);
    assert_eq!(made["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"], "1");
    assert_eq!(apply(json!([])).await, made);
    assert_eq!(args(&apply(json!(["-v"])).await), Some(json!(["-v"])));
    assert_eq!(args(&apply(json!([])).await), None);
    let role = json!({"metadata": {"name": "e"}, "rules": []});
    let made = lab.made("/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", &role).await;
    assert_eq!(made["rules"], json!([]));
}

#[tokio::test]
async fn a_field_that_is_twice_in_a_merge_patch() {
    let lab = Lab::start().await;
    lab.made(MAPS, &config_map("x", json!({}))).await;
    let patch = |validation: &str| {
        let path = format!("{MAPS}/x?fieldValidation={validation}");
        let body = r#"{"data":{"a":"1","a":"2"}}"#;
        let lab = &lab;
        async move { lab.ask("PATCH", &path, &[("content-type", "application/merge-patch+json")], body).await }
    };
    let refused = patch("Strict").await;
    assert_eq!(refused.code, 422, "{}", refused.json);
    assert!(refused.message().contains("duplicate field \"data.a\""), "{}", refused.message());
    let warned = patch("Warn").await;
    assert_eq!(warned.code, 200);
    assert_eq!(warned.headers["warning"], "299 - \"duplicate field \\\"data.a\\\"\"");
}

#[tokio::test]
async fn a_map_without_entries_is_left_out() {
    let lab = Lab::start().await;
    let made = lab.made(MAPS, &json!({"metadata": {"name": "e", "labels": {}}, "data": {"a": "1"}})).await;
    assert_eq!(made["metadata"].get("labels"), None);
    let path = format!("{MAPS}/e");
    let label = |value: Value| json!({"metadata": {"labels": {"x": value}}});
    let labelled = lab.patch(&path, "merge-patch+json", &label(json!("y"))).await;
    assert_eq!(labelled.json["metadata"]["labels"], json!({"x": "y"}));
    let bare = lab.patch(&path, "merge-patch+json", &label(Value::Null)).await.json;
    assert_eq!(bare["metadata"].get("labels"), None);
    let owned = &bare["metadata"]["managedFields"][0]["fieldsV1"];
    assert_eq!(owned, &json!({"f:data": {".": {}, "f:a": {}}}));
    let remove = json!([{"op": "remove", "path": "/data/a"}]);
    assert_eq!(lab.patch(&path, "json-patch+json", &remove).await.json.get("data"), None);
}
