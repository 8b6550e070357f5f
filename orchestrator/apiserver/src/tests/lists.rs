use super::*;

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

async fn three(lab: &Lab) {
    for name in ["a", "b", "c"] {
        let mut object = config_map(name, json!({}));
        object["metadata"]["labels"] = json!({"odd": (name != "b").to_string()});
        lab.made(MAPS, &object).await;
    }
}

#[tokio::test]
async fn pages_are_of_one_revision() {
    let lab = Lab::start().await;
    three(&lab).await;
    let first = lab.get(&format!("{MAPS}?limit=1")).await.json;
    assert_eq!(names(&first), ["a"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    lab.delete(&format!("{MAPS}/c"), &Value::Null).await;
    lab.made(MAPS, &config_map("bb", json!({}))).await;
    let rest = lab.get(&format!("{MAPS}?limit=5&continue={token}")).await.json;
    assert_eq!(names(&rest), ["b", "c"]);
    assert_eq!(rest["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert!(rest["metadata"].get("continue").is_none());
    assert_eq!(names(&lab.get(MAPS).await.json), ["a", "b", "bb"]);
    // With a selector nobody counts.
    let some = lab.get(&format!("{MAPS}?limit=1&labelSelector=odd=true")).await.json;
    assert_eq!(names(&some), ["a"]);

    // When the past is gone, the rest is of now.
    let now = lab.server.store.revision().await.unwrap();
    lab.server.store.compact(now).await.unwrap();
    let gone = lab.get(&format!("{MAPS}?limit=5&continue={token}")).await;
    assert_eq!((gone.code.as_u16(), gone.reason()), (410, "Expired"));
    let fresh = gone.json["metadata"]["continue"].as_str().unwrap();
    assert_eq!(names(&lab.get(&format!("{MAPS}?continue={fresh}")).await.json), ["b", "bb"]);
    assert_eq!(lab.get(&format!("{MAPS}?continue=nonsense")).await.code, 400);
}

#[tokio::test]
async fn objects_of_built_in_kinds_do_not_repeat_their_kind() {
    let lab = Lab::start().await;
    three(&lab).await;
    lab.made("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", &json!({
        "metadata": {"name": "h"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}},
    }))
    .await;
    let autoscalers = |version: &str| format!("/apis/autoscaling/{version}/horizontalpodautoscalers");
    for path in [MAPS.to_owned(), format!("{MAPS}?limit=2"), autoscalers("v1"), autoscalers("v2")] {
        let list = lab.get(&path).await.json;
        assert!(list["kind"].as_str().unwrap().ends_with("List"));
        for item in list["items"].as_array().unwrap() {
            assert_eq!((item.get("apiVersion"), item.get("kind")), (None, None), "{path}");
            let name = item["metadata"]["name"].as_str().unwrap();
            assert!(item["metadata"]["resourceVersion"].is_string(), "{name}");
        }
    }
    let yaml = lab.ask("GET", MAPS, &[("accept", "application/yaml")], "").await;
    let yaml = String::from_utf8_lossy(&yaml.bytes).into_owned();
    assert!(yaml.contains("\n- metadata:\n") && !yaml.contains("\n  kind: "), "{yaml}");
    assert!(!yaml.contains("\n- apiVersion: ") && !yaml.contains("\n  apiVersion: "), "{yaml}");
    assert_eq!(lab.get(&format!("{MAPS}/a")).await.json["kind"], "ConfigMap");
}

#[tokio::test]
async fn a_selector_and_a_limit_reach_every_object_once() {
    let lab = Lab::start().await;
    for index in 0..25 {
        let mut object = config_map(&format!("m{index:02}"), json!({}));
        object["metadata"]["labels"] = json!({"third": (index % 3 == 0).to_string()});
        lab.made(MAPS, &object).await;
    }
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = lab.get(&format!("{MAPS}?limit=2&labelSelector=third%3Dtrue&continue={token}")).await.json;
        found.extend(names(&page).into_iter().map(str::to_owned));
        match page["metadata"]["continue"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(found, (0..25).step_by(3).map(|index| format!("m{index:02}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn versions_of_lists() {
    let lab = Lab::start().await;
    three(&lab).await;
    let then = lab.get(MAPS).await.json["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    lab.delete(&format!("{MAPS}/a"), &Value::Null).await;
    let exact = lab.get(&format!("{MAPS}?resourceVersion={then}&resourceVersionMatch=Exact")).await.json;
    assert_eq!(names(&exact), ["a", "b", "c"]);
    assert_eq!(exact["metadata"]["resourceVersion"].as_str(), Some(then.as_str()));
    assert_eq!(names(&lab.get(MAPS).await.json), ["b", "c"]);
    let newer =
        lab.get(&format!("{MAPS}?resourceVersion={then}&resourceVersionMatch=NotOlderThan")).await.json;
    assert_eq!(names(&newer), ["b", "c"]);
    assert_eq!(lab.get(&format!("{MAPS}?resourceVersion=0")).await.code, 200);
    assert_eq!(lab.get(&format!("{MAPS}?resourceVersion=abc")).await.code, 500);
    assert_eq!(lab.get(&format!("{MAPS}?resourceVersionMatch=Exact")).await.code, 422);
    let future = lab.get(&format!("{MAPS}?resourceVersion=99999999")).await;
    assert_eq!((future.code.as_u16(), future.reason()), (504, "Timeout"));
    assert_eq!(future.headers["retry-after"], "1");
}

#[tokio::test]
async fn selectors() {
    let lab = Lab::start().await;
    three(&lab).await;
    for (query, expected) in [
        ("labelSelector=odd%3Dtrue", &["a", "c"][..]),
        ("labelSelector=odd!%3Dtrue", &["b"]),
        ("labelSelector=odd+in+(false,x)", &["b"]),
        ("fieldSelector=metadata.name%3Db", &["b"]),
        ("fieldSelector=metadata.name!%3Db", &["a", "c"]),
    ] {
        assert_eq!(names(&lab.get(&format!("{MAPS}?{query}")).await.json), expected, "{query}");
    }
    let bad = lab.get(&format!("{MAPS}?fieldSelector=data.a%3D1")).await;
    assert_eq!(
        bad.message(),
        "\"data.a\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    );
    assert_eq!(lab.get(&format!("{MAPS}?labelSelector=a+in")).await.code, 400);
}

#[tokio::test]
async fn tables_and_metadata() {
    let lab = Lab::start().await;
    three(&lab).await;
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")];
    let table = lab.ask("GET", MAPS, &accept, "").await.json;
    assert_eq!((table["kind"].as_str(), table["rows"].as_array().map(Vec::len)), (Some("Table"), Some(3)));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let accept = [("accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")];
    let list = lab.ask("GET", MAPS, &accept, "").await.json;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert!(list["items"][0].get("data").is_none());
    let accept = [("accept", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")];
    let one = lab.ask("GET", &format!("{MAPS}/a"), &accept, "").await.json;
    assert_eq!(one["kind"], "PartialObjectMetadata");
}

/// What is made while it is sent is what is sent as a whole where the encoding wants that.
#[tokio::test]
async fn lists_say_the_same_in_every_encoding() {
    const SCALERS: &str = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    let lab = Lab::start().await;
    three(&lab).await;
    let scaler = json!({
        "metadata": {"name": "s"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
    });
    lab.made(SCALERS, &scaler).await;
    for path in [MAPS, SCALERS, "/api/v1/namespaces/none/configmaps"] {
        for form in ["", ";as=Table;v=v1;g=meta.k8s.io", ";as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"] {
            let accept = format!("application/json{form}");
            let accept = [("accept", &*accept)];
            let (sent, whole) = (
                lab.ask("GET", &format!("{path}?limit=2"), &accept, "").await,
                lab.ask("GET", &format!("{path}?limit=2&pretty=true"), &accept, "").await,
            );
            assert_eq!(sent.headers["content-type"], "application/json", "{path} {form}");
            assert!(sent.json["kind"].is_string() && sent.bytes != whole.bytes, "{path} {form}");
            assert_eq!(sent.json, whole.json, "{path} {form}");
        }
    }
}

/// `count` objects of 100 kB.
async fn large(lab: &Lab, count: usize) {
    for number in 0..count {
        lab.made(MAPS, &config_map(&format!("large-{number}"), json!({"t": "x".repeat(100_000)}))).await;
    }
}

#[tokio::test]
async fn a_list_has_its_seat_until_it_is_sent() {
    let mut config = config();
    config.limits.flow.seats_per_client = 2;
    let lab = Lab::with(config).await;
    large(&lab, 2).await;
    let admin = || Identity::user("admin", &[MASTERS]);
    let ask = || {
        let request = Request::builder().uri(MAPS).body(Body::empty()).unwrap();
        lab.server.in_process(admin()).oneshot(request)
    };
    let first = ask().await.unwrap();
    let second = ask().await.unwrap();
    assert_eq!(lab.server.flow.counts().in_flight, 2);
    let mut third = std::pin::pin!(ask());
    assert!(futures_util::poll!(&mut third).is_pending(), "two replies are not sent");
    assert_eq!(lab.server.flow.counts().waiting, 1);
    drop(first);
    assert_eq!(third.await.unwrap().status(), 200);
    second.into_body().collect().await.unwrap();
    assert_eq!(lab.server.flow.counts().in_flight, 0);
}

#[tokio::test]
async fn a_client_has_one_whole_list_in_memory() {
    let lab = Lab::start().await;
    large(&lab, 2).await;
    let (version, list) = {
        let list = lab.get(&format!("{MAPS}?limit=1")).await.json;
        (list["metadata"]["resourceVersion"].as_str().unwrap().to_owned(), list)
    };
    assert_eq!(names(&list), ["large-0"]);
    let path = format!("{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact");
    let ask = |name: &str| {
        let request = Request::builder().uri(&path).body(Body::empty()).unwrap();
        lab.server.in_process(Identity::user(name, &[MASTERS])).oneshot(request)
    };
    let first = ask("one").await.unwrap();
    assert_eq!(lab.server.whole_lists.counts().in_flight, 1);
    let mut waits = std::pin::pin!(ask("one"));
    assert!(futures_util::poll!(&mut waits).is_pending());
    assert_eq!(lab.server.whole_lists.counts().waiting, 1);
    // Somebody else does not wait, nor a page.
    let other = ask("other").await.unwrap();
    assert_eq!(names(&lab.get(&format!("{MAPS}?limit=1")).await.json), ["large-0"]);
    drop(first);
    assert_eq!(waits.await.unwrap().status(), 200);
    drop(other);
    assert_eq!(lab.server.whole_lists.counts().in_flight, 0);
}

#[tokio::test]
async fn large_lists_are_compressed() {
    let lab = Lab::start().await;
    let text = "x".repeat(100_000);
    for name in ["a", "b"] {
        lab.made(MAPS, &config_map(name, json!({"t": text}))).await;
    }
    let reply = lab.ask("GET", MAPS, &[("accept-encoding", "gzip")], "").await;
    assert_eq!(reply.headers["content-encoding"], "gzip");
    assert!(reply.bytes.len() < 20_000);
}
