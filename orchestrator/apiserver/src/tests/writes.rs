use super::*;

#[tokio::test]
async fn refusals_have_warnings_too() {
    let lab = Lab::start().await;
    let mut object = config_map("Bad_Name", json!({}));
    object["bogus"] = json!(1);
    let warnings = |reply: &Reply| reply.headers.get_all("warning").iter().cloned().collect::<Vec<_>>();
    let refused = lab.post(&format!("{MAPS}?fieldValidation=Warn"), &object).await;
    assert_eq!(refused.code, 422);
    assert_eq!(warnings(&refused), [r#"299 - "unknown field \"bogus\"""#]);
    lab.made(MAPS, &config_map("a", json!({}))).await;
    let patch = json!({"bogus": 1, "data": {"Bad/Key": "x"}});
    let refused = lab.patch(&format!("{MAPS}/a?fieldValidation=Warn"), "merge-patch+json", &patch).await;
    assert_eq!(refused.code, 422);
    assert_eq!(warnings(&refused), [r#"299 - "unknown field \"bogus\"""#]);
}

#[tokio::test]
async fn an_object_from_its_beginning_to_its_end() {
    let lab = Lab::start().await;
    let made = lab.made(MAPS, &config_map("g1", json!({"a": "1"}))).await;
    assert!(made["metadata"]["uid"].is_string() && made["metadata"]["creationTimestamp"].is_string());
    assert_eq!(made["metadata"]["namespace"], "default");
    let path = format!("{MAPS}/g1");
    assert_eq!(lab.get(&path).await.json, made);

    for path in [MAPS.to_owned(), format!("{MAPS}?dryRun=All")] {
        let again = lab.post(&path, &config_map("g1", json!({}))).await;
        assert_eq!(
            (again.code.as_u16(), again.message()),
            (409, "configmaps \"g1\" already exists"),
            "{path}"
        );
    }

    // No change, no new version.
    let same = lab.put(&path, &made).await;
    assert_eq!((same.code.as_u16(), &same.json), (200, &made));

    let mut changed = made.clone();
    changed["data"]["a"] = json!("2");
    let put = lab.put(&path, &changed).await;
    assert_eq!(put.code, 200);
    assert_ne!(put.json["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
    // The version of before.
    let late = lab.put(&path, &changed).await;
    assert_eq!((late.code.as_u16(), late.reason()), (409, "Conflict"));
    assert!(late.message().ends_with("please apply your changes to the latest version and try again"));

    changed["metadata"]["uid"] = json!("nobody");
    let other = lab.put(&path, &changed).await;
    let uid = made["metadata"]["uid"].as_str().unwrap();
    let words = format!(
        "Operation cannot be fulfilled on configmaps \"g1\": StorageError: invalid object, Code: 4, Key: \
         /registry/core/configmaps/default/g1, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in \
         precondition: nobody, UID in object meta: {uid}"
    );
    assert_eq!((other.code.as_u16(), other.message()), (409, words.as_str()));

    let deleted = lab.delete(&path, &Value::Null).await;
    assert_eq!((deleted.code.as_u16(), deleted.json["status"].as_str()), (200, Some("Success")));
    assert_eq!(deleted.json["details"]["uid"], made["metadata"]["uid"]);
    assert_eq!(lab.get(&path).await.message(), "configmaps \"g1\" not found");
}

#[tokio::test]
async fn names_are_generated() {
    let lab = Lab::start().await;
    let object = json!({"metadata": {"generateName": "g-"}});
    let one = lab.made(MAPS, &object).await;
    let two = lab.made(MAPS, &object).await;
    let name = one["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("g-") && name.len() == 7, "{name}");
    assert_ne!(one["metadata"]["name"], two["metadata"]["name"]);
    assert_eq!((one["kind"].as_str(), one["apiVersion"].as_str()), (Some("ConfigMap"), Some("v1")));
}

#[tokio::test]
async fn fields_that_nobody_knows() {
    let lab = Lab::start().await;
    let mut object = config_map("g2", json!({"a": "1"}));
    object["bogus"] = json!(1);
    let strict = lab.post(&format!("{MAPS}?fieldValidation=Strict"), &object).await;
    assert_eq!(strict.code, 400);
    assert_eq!(
        strict.message(),
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"bogus\""
    );
    let twice = r#"{"metadata":{"name":"t"},"data":{"a":"1","a":"2"}}"#;
    let strict = lab.ask("POST", &format!("{MAPS}?fieldValidation=Strict"), &[], twice).await;
    assert!(strict.message().contains("duplicate field \"data.a\""), "{}", strict.message());
    let warned = lab.post(&format!("{MAPS}?fieldValidation=Warn"), &object).await;
    assert_eq!(warned.code, 201);
    assert_eq!(warned.headers["warning"], "299 - \"unknown field \\\"bogus\\\"\"");
    assert!(warned.json.get("bogus").is_none());
    object["metadata"]["name"] = json!("g3");
    let ignored = lab.post(&format!("{MAPS}?fieldValidation=Ignore"), &object).await;
    assert_eq!((ignored.code.as_u16(), ignored.headers.get("warning")), (201, None));
    // A parameter that is wrong is refused, never ignored.
    assert_eq!(lab.post(&format!("{MAPS}?fieldValidation=Maybe"), &object).await.code, 422);
}

#[tokio::test]
async fn a_dry_run_leaves_nothing() {
    let lab = Lab::start().await;
    let reply = lab.post(&format!("{MAPS}?dryRun=All"), &config_map("d", json!({}))).await;
    assert_eq!(reply.code, 201, "{}", reply.json);
    assert_eq!(lab.get(&format!("{MAPS}/d")).await.code, 404);
    lab.made(MAPS, &config_map("d", json!({"a": "1"}))).await;
    let path = format!("{MAPS}/d");
    let put = lab.put(&format!("{path}?dryRun=All"), &config_map("d", json!({"a": "2"}))).await;
    assert_eq!(put.json["data"]["a"], "2");
    assert_eq!(lab.delete(&format!("{path}?dryRun=All"), &Value::Null).await.code, 200);
    assert_eq!(lab.get(&path).await.json["data"]["a"], "1");
}

#[tokio::test]
async fn bodies_and_their_formats() {
    let lab = Lab::start().await;
    let yaml = "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: yy\ndata:\n  a: b\n";
    let reply = lab
        .ask("POST", MAPS, &[("content-type", "application/yaml"), ("accept", "application/yaml")], yaml)
        .await;
    assert_eq!(
        (reply.code.as_u16(), &reply.headers["content-type"]),
        (201, &"application/yaml".parse().unwrap())
    );
    assert!(std::str::from_utf8(&reply.bytes).unwrap().contains("name: yy"));
    assert_eq!(lab.ask("POST", MAPS, &[("content-type", "text/plain")], yaml).await.code, 415);
    assert_eq!(lab.ask("GET", MAPS, &[("accept", "image/png")], "").await.code, 406);
    assert_eq!(lab.ask("POST", MAPS, &[], "{").await.code, 400);
    assert_eq!(lab.ask("POST", MAPS, &[], "[]").await.code, 400);
    let large = " ".repeat(3 * 1024 * 1024 + 1);
    assert_eq!(lab.ask("POST", MAPS, &[], large).await.code, 413);
    // Protobuf that is none.
    let kind = [("content-type", "application/vnd.kubernetes.protobuf")];
    assert_eq!(lab.ask("POST", MAPS, &kind, "k8s\0nonsense").await.code, 400);
    let other = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
    assert_eq!(lab.post(MAPS, &other).await.code, 400);
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let lab = Lab::start().await;
    let bad = lab.post(MAPS, &config_map("Bad_Name", json!({}))).await;
    assert_eq!((bad.code.as_u16(), bad.reason()), (422, "Invalid"));
    assert_eq!(bad.json["details"]["causes"][0]["field"], "metadata.name");
    default_account(&lab).await;
    let mut empty = pod("p");
    empty["spec"]["containers"] = json!([]);
    let bad = lab.post(PODS, &empty).await;
    assert_eq!(bad.message(), "Pod \"p\" is invalid: spec.containers: Required value");
    let wrong = json!({"metadata": {"name": "w"}, "data": {"a": 1}});
    assert_eq!(lab.post(MAPS, &wrong).await.code, 400);
    let lost = lab.post("/api/v1/namespaces/nope/configmaps", &config_map("x", json!({}))).await;
    assert_eq!((lost.code.as_u16(), lost.message()), (404, "namespaces \"nope\" not found"));
    let elsewhere = json!({"metadata": {"name": "x", "namespace": "kube-system"}});
    assert_eq!(lab.post(MAPS, &elsewhere).await.code, 400);
    for path in ["/apis/foo.io/v1/bars", "/apis/foo.io/v1", "/apis/foo.io", "/nope"] {
        assert_eq!(lab.get(path).await.bytes, "404 page not found\n", "{path}");
    }
    for path in [
        "/api/v1/bars",
        "/apis/apps/v1/namespaces/default/bars/x",
        "/apis/apps/v9",
        "/api/v9",
        "/apis/apps/v9/bars",
    ] {
        let none = lab.get(path).await;
        assert_eq!(none.message(), "the server could not find the requested resource", "{path}");
        assert_eq!((none.code.as_u16(), none.reason(), &none.json["details"]), (404, "NotFound", &json!({})));
    }
    assert_eq!(lab.post(&format!("{MAPS}/x"), &config_map("x", json!({}))).await.code, 405);
}

#[tokio::test]
async fn a_defect_takes_one_request_down() {
    let lab = Lab::start().await;
    let who = Identity::user("admin", &[MASTERS]);
    let body = Body::from_stream(futures_util::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> { panic!("as a defect would") },
    ));
    let reply = lab.ask_as(who, "POST", MAPS, &[], body).await;
    assert_eq!((reply.code.as_u16(), reply.reason()), (500, "InternalError"));
    assert_eq!(lab.get("/readyz").await.bytes, "ok");
    assert_eq!(lab.server.flow.counts().in_flight, 0);
}

#[tokio::test]
async fn a_lease_is_made_by_put() {
    let lab = Lab::start().await;
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}});
    lab.made(path, &lease).await;
    let map = lab.put(&format!("{MAPS}/none"), &config_map("none", json!({}))).await;
    assert_eq!(map.code, 404);
}
