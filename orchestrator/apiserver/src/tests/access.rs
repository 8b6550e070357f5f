use super::*;

#[tokio::test]
async fn rights_count_as_soon_as_they_are_given() {
    let lab = Lab::start().await;
    let alice = || Identity::user("alice", &[]);
    let refused = lab.ask_as(alice(), "GET", MAPS, &[], "").await;
    assert_eq!((refused.code.as_u16(), refused.reason()), (403, "Forbidden"));
    assert_eq!(
        refused.message(),
        "configmaps is forbidden: User \"alice\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"default\""
    );
    let binding = json!({
        "metadata": {"name": "alice"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}],
    });
    lab.made("/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", &binding).await;
    let deadline = std::time::Instant::now() + PATIENCE;
    while lab.ask_as(alice(), "GET", MAPS, &[], "").await.code != 200 {
        assert!(std::time::Instant::now() < deadline, "the binding is not seen");
        tokio::task::yield_now().await;
    }
    assert_eq!(lab.ask_as(alice(), "DELETE", &format!("{MAPS}/x"), &[], "").await.code, 403);
    let review = json!({"spec": {"resourceAttributes": {"verb": "list", "resource": "configmaps", "namespace": "default"}}});
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let reply =
        lab.ask_as(alice(), "POST", path, &[("content-type", "application/json")], review.to_string()).await;
    assert_eq!(
        (reply.code.as_u16(), &reply.json["status"]["allowed"]),
        (201, &json!(true)),
        "{}",
        reply.json
    );
}

#[tokio::test]
async fn in_the_name_of_others() {
    let lab = Lab::start().await;
    let as_bob = [("impersonate-user", "bob")];
    let refused = lab.ask("GET", MAPS, &as_bob, "").await;
    assert!(refused.message().contains("User \"bob\""), "{}", refused.message());
    let alice = Identity::user("alice", &[]);
    let refused = lab.ask_as(alice, "GET", MAPS, &as_bob, "").await;
    assert!(refused.message().contains("cannot impersonate"), "{}", refused.message());
    let whoami = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let reply =
        lab.ask("POST", whoami, &[("impersonate-user", "bob"), ("impersonate-group", "dev")], "{}").await;
    // Everybody who is known may ask that.
    assert_eq!(reply.json["status"]["userInfo"]["username"], "bob", "{}", reply.json);
}

#[tokio::test]
async fn who_says_nothing_is_nobody() {
    let lab = Lab::start().await;
    let ask = |path: &str| Request::builder().uri(path).body(Body::empty()).unwrap();
    assert_eq!(lab.server.respond(ask(MAPS)).await.status(), 403);
    assert_eq!(lab.server.respond(ask("/version")).await.status(), 200);
    assert_eq!(lab.server.respond(ask("/metrics")).await.status(), 403);
    assert_eq!(lab.server.respond(ask("/healthz")).await.status(), 200);
}

#[tokio::test]
async fn a_flood_of_one_client_leaves_the_others_alone() {
    let mut config = config();
    config.limits.flow.seats = 8;
    config.limits.flow.seats_per_client = 4;
    config.limits.flow.queue_per_client = 8;
    let lab = Lab::with(config).await;
    // Requests whose bodies never end keep their seats, and more wait.
    let flood = Identity::user("flood", &[MASTERS]);
    let stuck: Vec<_> = (0..12)
        .map(|_| {
            let (server, flood) = (Arc::clone(&lab.server), flood.clone());
            tokio::spawn(async move {
                let body =
                    Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
                let request = Request::builder().method("POST").uri(MAPS).body(body).unwrap();
                server.in_process(flood).oneshot(request).await
            })
        })
        .collect();
    let deadline = std::time::Instant::now() + PATIENCE;
    while lab.server.flow.counts().in_flight + lab.server.flow.counts().waiting < 12 {
        assert!(std::time::Instant::now() < deadline, "{:?}", lab.server.flow.counts());
        tokio::task::yield_now().await;
    }
    let busy = lab.ask_as(flood, "GET", MAPS, &[], "").await;
    assert_eq!((busy.code.as_u16(), busy.reason()), (429, "TooManyRequests"));
    assert_eq!(busy.headers["retry-after"], "1");
    assert_eq!(lab.get(MAPS).await.code, 200);
    stuck.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Alice with these rules in the namespace `default`.
async fn with_role(lab: &Lab, rules: Value) -> impl Fn() -> Identity {
    let group = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let role = json!({"metadata": {"name": "alice"}, "rules": rules});
    lab.made(&format!("{group}/roles"), &role).await;
    let binding = json!({
        "metadata": {"name": "alice"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "alice"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}],
    });
    lab.made(&format!("{group}/rolebindings"), &binding).await;
    || Identity::user("alice", &[])
}

#[tokio::test]
async fn a_role_in_a_namespace_says_nothing_about_the_cluster() {
    let lab = Lab::start().await;
    let rules = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let alice = with_role(&lab, rules).await;
    let deadline = std::time::Instant::now() + PATIENCE;
    while lab.ask_as(alice(), "GET", MAPS, &[], "").await.code != 200 {
        assert!(std::time::Instant::now() < deadline, "the binding is not seen");
        tokio::task::yield_now().await;
    }
    lab.made("/api/v1/namespaces", &json!({"metadata": {"name": "other"}})).await;
    for (method, path) in [
        ("GET", "/api/v1/namespaces/default/nodes"),
        ("GET", "/api/v1/namespaces/default/namespaces"),
        ("DELETE", "/api/v1/namespaces/default/namespaces/other"),
        ("GET", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/clusterroles/cluster-admin"),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/clusterrolebindings"),
        ("GET", "/api/v1/namespaces/default/configmaps/x%2Fy"),
    ] {
        let reply = lab.ask_as(alice(), method, path, &[], "{}").await;
        let words = "the server could not find the requested resource";
        assert_eq!((reply.code.as_u16(), reply.message()), (404, words), "{path}");
    }
    assert_eq!(lab.ask_as(alice(), "GET", "/api/v1/nodes", &[], "").await.code, 403);
    assert_eq!(lab.ask_as(alice(), "GET", "/api/v1/namespaces/default", &[], "").await.code, 200);
    assert_eq!(lab.get("/api/v1/namespaces/other").await.json["status"]["phase"], "Active");
}

#[tokio::test]
async fn a_right_to_one_name_shows_that_one() {
    let lab = Lab::start().await;
    let rules = json!([{
        "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"], "verbs": ["list", "watch"],
    }]);
    let alice = with_role(&lab, rules).await;
    for name in ["mine", "theirs"] {
        lab.made(MAPS, &config_map(name, json!({}))).await;
    }
    let path = "/api/v1/watch/namespaces/default/configmaps/mine?timeoutSeconds=1";
    let deadline = std::time::Instant::now() + PATIENCE;
    let shown = loop {
        let reply = lab.ask_as(alice(), "GET", path, &[], "").await;
        if reply.code == 200 {
            break reply;
        }
        assert!(std::time::Instant::now() < deadline, "the binding is not seen");
        tokio::task::yield_now().await;
    };
    assert_eq!(shown.json["object"]["metadata"]["name"], "mine", "one event is all");
    let twice = format!("{MAPS}?fieldSelector=metadata.name%3Dmine&fieldSelector=");
    let shown = lab.ask_as(alice(), "GET", &twice, &[], "").await.json;
    assert_eq!(shown["items"].as_array().map(Vec::len), Some(1), "{shown}");
    assert_eq!(lab.ask_as(alice(), "GET", MAPS, &[], "").await.code, 403);
}

#[tokio::test]
async fn collections_have_the_verbs_of_collections() {
    let lab = Lab::start().await;
    lab.made(MAPS, &config_map("x", json!({}))).await;
    for (method, path) in
        [("PUT", MAPS), ("PATCH", MAPS), ("POST", "/api/v1/configmaps"), ("DELETE", "/api/v1/configmaps")]
    {
        assert_eq!(lab.ask(method, path, &[], "{}").await.code, 405, "{method} {path}");
    }
    assert_eq!(lab.get("/api/v1/configmaps/x").await.code, 404);
    assert_eq!(lab.get(&format!("{MAPS}/x")).await.code, 200);
    assert_eq!(lab.get("/api/v1/configmaps").await.code, 200);
}

#[tokio::test]
async fn a_right_to_change_is_none_to_make() {
    let lab = Lab::start().await;
    let rules = json!([{
        "apiGroups": ["", "coordination.k8s.io"],
        "resources": ["configmaps", "leases"],
        "verbs": ["get", "patch", "update"],
    }]);
    let alice = with_role(&lab, rules).await;
    lab.made(MAPS, &config_map("there", json!({}))).await;
    let apply = [("content-type", "application/apply-patch+yaml")];
    let ask = |name: &str| {
        let path = format!("{MAPS}/{name}?fieldManager=alice");
        let body = config_map(name, json!({"a": "1"})).to_string();
        let (lab, who) = (&lab, alice());
        async move { lab.ask_as(who, "PATCH", &path, &apply, body).await }
    };
    let deadline = std::time::Instant::now() + PATIENCE;
    while ask("there").await.code != 200 {
        assert!(std::time::Instant::now() < deadline, "the binding is not seen");
        tokio::task::yield_now().await;
    }
    let refused = ask("new").await;
    assert_eq!(
        (refused.code.as_u16(), refused.message()),
        (
            403,
            "configmaps \"new\" is forbidden: User \"alice\" cannot create resource \"configmaps\" in API group \"\" \
             in the namespace \"default\""
        )
    );
    // A Lease can be made with PUT.
    let lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/new";
    let body = json!({"metadata": {"name": "new"}}).to_string();
    let json = [("content-type", "application/json")];
    assert_eq!(lab.ask_as(alice(), "PUT", lease, &json, body.clone()).await.code, 403);
    assert_eq!(lab.ask("PUT", lease, &json, body).await.code, 201);
}
