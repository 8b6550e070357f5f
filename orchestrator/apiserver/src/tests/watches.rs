use super::*;

fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn everything_since_a_version() {
    let lab = Lab::start().await;
    let from = version(&lab.get(MAPS).await.json);
    lab.made(MAPS, &config_map("a", json!({}))).await;
    let mut events = Events::of(&lab, &format!("{MAPS}?watch=true&resourceVersion={from}"), &[]).await;
    assert_eq!(events.brief().await, event("ADDED", "a"));
    lab.patch(&format!("{MAPS}/a"), "merge-patch+json", &json!({"data": {"x": "1"}})).await;
    assert_eq!(events.brief().await, event("MODIFIED", "a"));
    // Another namespace is none of its business.
    lab.made("/api/v1/namespaces/kube-system/configmaps", &config_map("other", json!({}))).await;
    lab.delete(&format!("{MAPS}/a"), &Value::Null).await;
    let last = events.next().await.unwrap();
    assert_eq!(last["type"], "DELETED");
    assert_eq!(last["object"]["data"]["x"], "1");
    assert!(version(&last["object"]).parse::<u64>().unwrap() > from.parse::<u64>().unwrap() + 2);
}

#[tokio::test]
async fn what_is_there_comes_first_when_asked() {
    let lab = Lab::start().await;
    lab.made(MAPS, &config_map("a", json!({}))).await;
    let mut events = Events::of(&lab, &format!("{MAPS}?watch=1"), &[]).await;
    assert_eq!(events.brief().await, event("ADDED", "a"));
    let path = format!(
        "{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let mut events = Events::of(&lab, &path, &[]).await;
    assert_eq!(events.brief().await, event("ADDED", "a"));
    let end = events.next().await.unwrap();
    assert_eq!(end["type"], "BOOKMARK");
    assert_eq!(end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    lab.made(MAPS, &config_map("b", json!({}))).await;
    assert_eq!(events.brief().await, event("ADDED", "b"));
    assert_eq!(lab.get(&format!("{MAPS}?watch=1&sendInitialEvents=true")).await.code, 422);
}

#[tokio::test]
async fn the_few_that_a_selector_takes_come_from_among_many() {
    let lab = Lab::start().await;
    for number in 0..1100 {
        let mut object = config_map(&format!("m-{number:04}"), json!({}));
        object["metadata"]["labels"] = json!({"taken": (number % 547 == 1).to_string()});
        lab.made(MAPS, &object).await;
    }
    let path = format!(
        "{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true\
         &labelSelector=taken%3Dtrue"
    );
    let mut events = Events::of(&lab, &path, &[]).await;
    for name in ["m-0001", "m-0548", "m-1095"] {
        assert_eq!(events.brief().await, event("ADDED", name));
    }
    assert_eq!(events.next().await.unwrap()["type"], "BOOKMARK");
}

#[tokio::test]
async fn objects_come_into_a_selector_and_leave_it() {
    let lab = Lab::start().await;
    let mut events = Events::of(&lab, &format!("{MAPS}?watch=1&labelSelector=on%3Dyes"), &[]).await;
    let path = format!("{MAPS}/a");
    let label = |value: Value| json!({"metadata": {"labels": {"on": value}}});
    lab.made(MAPS, &config_map("a", json!({}))).await;
    lab.patch(&path, "merge-patch+json", &label(json!("yes"))).await;
    assert_eq!(events.brief().await, event("ADDED", "a"));
    lab.patch(&path, "merge-patch+json", &json!({"data": {"x": "1"}})).await;
    assert_eq!(events.brief().await, event("MODIFIED", "a"));
    let left = lab.patch(&path, "merge-patch+json", &label(Value::Null)).await.json;
    let event_left = events.next().await.unwrap();
    assert_eq!(event_left["type"], "DELETED");
    assert_eq!(version(&event_left["object"]), version(&left));
    assert_eq!(event_left["object"]["metadata"]["labels"]["on"], "yes");
    lab.delete(&path, &Value::Null).await;
    lab.made(MAPS, &{
        let mut object = config_map("b", json!({}));
        object["metadata"]["labels"] = json!({"on": "yes"});
        object
    })
    .await;
    assert_eq!(events.brief().await, event("ADDED", "b"));
}

#[tokio::test]
async fn bookmarks_and_the_end() {
    let mut config = config();
    config.limits.bookmarks = Duration::from_millis(10);
    let lab = Lab::with(config).await;
    let path = format!(
        "{MAPS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion={}",
        version(&lab.get(MAPS).await.json)
    );
    let mut events = Events::of(&lab, &path, &[]).await;
    let mut bookmarks = 0;
    while let Some(event) = events.next().await {
        assert_eq!(event["type"], "BOOKMARK");
        assert_eq!(event["object"]["kind"], "ConfigMap");
        bookmarks += 1;
    }
    assert!(bookmarks >= 2, "{bookmarks}");
}

#[tokio::test]
async fn the_past_is_forgotten() {
    let mut config = config();
    config.limits.cache.events = 10;
    let lab = Lab::with(config).await;
    for index in 0..50 {
        lab.made(MAPS, &config_map(&format!("m{index}"), json!({}))).await;
    }
    let mut events = Events::of(&lab, &format!("{MAPS}?watch=1&resourceVersion=1"), &[]).await;
    let error = events.next().await.unwrap();
    assert_eq!((error["type"].as_str(), error["object"]["code"].as_u64()), (Some("ERROR"), Some(410)));
    assert_eq!(error["object"]["reason"], "Expired");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_slow_watcher_is_ended() {
    let mut config = config();
    config.limits.cache.events = 20;
    let lab = Lab::with(config).await;
    let from = version(&lab.get(MAPS).await.json);
    let mut events = Events::of(&lab, &format!("{MAPS}?watch=1&resourceVersion={from}"), &[]).await;
    lab.made(MAPS, &config_map("first", json!({}))).await;
    assert_eq!(events.brief().await, event("ADDED", "first"));
    for index in 0..200 {
        lab.made(MAPS, &config_map(&format!("m{index}"), json!({}))).await;
    }
    let mut last = Value::Null;
    while let Some(event) = events.next().await {
        last = event;
    }
    assert_eq!((last["type"].as_str(), last["object"]["code"].as_u64()), (Some("ERROR"), Some(410)));
}

#[tokio::test]
async fn tables_tell_their_columns_once() {
    let lab = Lab::start().await;
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let from = version(&lab.get(MAPS).await.json);
    let mut events = Events::of(&lab, &format!("{MAPS}?watch=1&resourceVersion={from}"), &accept).await;
    lab.made(MAPS, &config_map("a", json!({}))).await;
    lab.made(MAPS, &config_map("b", json!({}))).await;
    let (first, second) = (events.next().await.unwrap(), events.next().await.unwrap());
    assert!(first["object"]["columnDefinitions"].is_array());
    assert!(second["object"]["columnDefinitions"].is_null());
    assert_eq!(second["object"]["rows"][0]["cells"][0], "b");
}

#[tokio::test]
async fn a_table_says_where_the_initial_events_end() {
    let lab = Lab::start().await;
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    lab.made(MAPS, &config_map("a", json!({}))).await;
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut events =
        Events::of(&lab, &format!("{MAPS}?{query}&fieldSelector=metadata.name=a"), &accept).await;
    assert_eq!(events.next().await.unwrap()["type"], "ADDED");
    let end = events.next().await.unwrap();
    assert_eq!((&end["type"], &end["object"]["kind"]), (&json!("BOOKMARK"), &json!("Table")));
    let metadata = &end["object"]["rows"][0]["object"]["metadata"];
    assert_eq!(metadata["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    assert_eq!(metadata["resourceVersion"], end["object"]["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn watches_end_when_the_server_stops() {
    let lab = Lab::start().await;
    let from = version(&lab.get(MAPS).await.json);
    let mut events = Events::of(&lab, &format!("{MAPS}?watch=1&resourceVersion={from}"), &[]).await;
    lab.server.stop();
    assert_eq!(events.next().await, None);
    assert_eq!(lab.get("/readyz").await.code, 500);
    assert_eq!(lab.get("/livez").await.code, 200);
    assert_eq!(lab.server.flow.counts().long_running, 0);
}
