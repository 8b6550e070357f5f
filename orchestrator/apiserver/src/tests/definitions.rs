use super::*;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";

fn definition() -> Value {
    let schema = |more: Value| {
        let mut properties =
            json!({"size": {"type": "integer", "minimum": 1}, "color": {"type": "string", "default": "red"}});
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"openAPIV3Schema": {"type": "object", "properties": {
            "spec": {"type": "object", "properties": properties},
            "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
        }}})
    };
    let parts = json!({"status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.replicas"}});
    json!({
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList", "shortNames": ["wd"]},
            "versions": [
                {"name": "v1", "served": true, "storage": true, "schema": schema(json!({})), "subresources": parts,
                 "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]},
                {"name": "v1beta1", "served": true, "storage": false, "subresources": parts,
                 "schema": schema(json!({"shape": {"type": "string", "default": "round"}}))},
            ],
        },
    })
}

/// As the controller of definitions does it.
async fn establish(lab: &Lab) {
    let made = lab.made(DEFINITIONS, &definition()).await;
    let mut status = made.clone();
    let now = "2026-01-01T00:00:00Z";
    status["status"] = json!({
        "acceptedNames": made["spec"]["names"],
        "storedVersions": ["v1"],
        "conditions": [
            {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "", "lastTransitionTime": now},
            {"type": "Established", "status": "True", "reason": "InitialNamesAccepted", "message": "", "lastTransitionTime": now},
        ],
    });
    let reply = lab.put(&format!("{DEFINITIONS}/widgets.example.com/status"), &status).await;
    assert_eq!(reply.code, 200, "{}", reply.json);
    served(lab, 200).await;
}

async fn served(lab: &Lab, code: u16) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while lab.get(WIDGETS).await.code != code {
        assert!(std::time::Instant::now() < deadline, "widgets do not answer {code}");
        tokio::task::yield_now().await;
    }
}

fn widget(spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec})
}

#[tokio::test]
async fn custom_resources_are_served_like_others() {
    let lab = Lab::start().await;
    assert_eq!(lab.get(WIDGETS).await.code, 404);
    establish(&lab).await;
    let mut object = widget(json!({"size": 3}));
    object["spec"]["nonsense"] = json!(true);
    object["status"] = json!({"replicas": 8});
    let made = lab.made(WIDGETS, &object).await;
    assert_eq!(made["spec"], json!({"size": 3, "color": "red"}));
    assert!(made.get("status").is_none() && made["metadata"]["generation"] == 1);
    let bad = lab.post(WIDGETS, &widget(json!({"size": 0}))).await;
    assert_eq!((bad.code.as_u16(), bad.reason()), (422, "Invalid"));
    let path = format!("{WIDGETS}/w");
    let scaled =
        lab.patch(&format!("{path}/scale"), "merge-patch+json", &json!({"spec": {"replicas": 6}})).await;
    assert_eq!(scaled.json["spec"]["replicas"], 6, "{}", scaled.json);
    assert_eq!(lab.patch(&path, "strategic-merge-patch+json", &json!({})).await.code, 415);
    let status = lab
        .patch(&format!("{path}/status"), "merge-patch+json", &json!({"status": {"replicas": 2}}))
        .await
        .json;
    assert_eq!((&status["spec"]["size"], &status["status"]["replicas"]), (&json!(6), &json!(2)));
    // A PUT says which state it is for.
    let mut put = status.clone();
    put["metadata"]["resourceVersion"] = json!("");
    assert_eq!(lab.put(&path, &put).await.code, 422);

    // The other version of the same object, stored as it was.
    let other = lab.get(&path.replace("v1", "v1beta1")).await.json;
    assert_eq!(other["apiVersion"], "example.com/v1beta1");
    let list = lab.get(&WIDGETS.replace("v1", "v1beta1")).await.json;
    assert_eq!(list["items"][0]["apiVersion"], "example.com/v1beta1");
    let patched = lab
        .patch(&path.replace("v1", "v1beta1"), "merge-patch+json", &json!({"spec": {"color": "blue"}}))
        .await;
    assert_eq!(patched.json["apiVersion"], "example.com/v1beta1", "{}", patched.json);
    let stored = lab.server.store.get("/registry/example.com/widgets/default/w").await.unwrap().unwrap();
    let stored: Value = serde_json::from_slice(&stored.value).unwrap();
    assert_eq!(
        (stored["apiVersion"].as_str(), stored["spec"]["color"].as_str()),
        (Some("example.com/v1"), Some("blue"))
    );

    let mut applied = widget(json!({"size": 1}));
    applied["metadata"]["name"] = json!("applied");
    let applied =
        lab.patch(&format!("{WIDGETS}/applied?fieldManager=me"), "apply-patch+yaml", &applied).await;
    assert_eq!(applied.code, 201, "{}", applied.json);
    let accept = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = lab.ask("GET", WIDGETS, &accept, "").await.json;
    assert_eq!(table["columnDefinitions"][1]["name"], "Size");
}

/// Objects that were stored under another definition are read, watched and changed as the present one has them.
#[tokio::test]
async fn objects_follow_their_definition() {
    let lab = Lab::start().await;
    establish(&lab).await;
    let path = format!("{WIDGETS}/w");
    let newer = path.replace("v1", "v1beta1");
    let made = lab.made(WIDGETS, &widget(json!({"size": 3}))).await;
    assert_eq!(made["spec"], json!({"size": 3, "color": "red"}));

    // Another version is stored from now on; a field has gone, and one with a default has come.
    let name = format!("{DEFINITIONS}/widgets.example.com");
    let mut definition = lab.get(&name).await.json;
    let fields = json!({"size": {"type": "integer"}, "shape": {"type": "string", "default": "round"}});
    for (index, version) in definition["spec"]["versions"].as_array_mut().unwrap().iter_mut().enumerate() {
        version["storage"] = json!(index == 1);
        version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"] = fields.clone();
    }
    let changed = lab.put(&name, &definition).await;
    assert_eq!(changed.code, 200, "{}", changed.json);
    let deadline = std::time::Instant::now() + PATIENCE;
    while lab.get(&newer).await.json["spec"]["shape"] != "round" {
        assert!(std::time::Instant::now() < deadline, "{}", lab.get(&newer).await.json);
        tokio::task::yield_now().await;
    }
    let expected = json!({"size": 3, "shape": "round"});
    for (path, version) in [(&path, "example.com/v1"), (&newer, "example.com/v1beta1")] {
        let read = lab.get(path).await.json;
        assert_eq!((&read["apiVersion"], &read["spec"]), (&json!(version), &expected));
        let list = lab.get(path.trim_end_matches("/w")).await.json;
        let item = &list["items"][0];
        assert_eq!((&item["apiVersion"], &item["spec"]), (&json!(version), &expected));
    }
    assert_eq!(lab.get(&path).await.json["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);

    // A strict change is not refused for a field that nobody sent.
    let strict = format!("{path}?fieldValidation=Strict");
    let patched = lab.patch(&strict, "merge-patch+json", &json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!((patched.code.as_u16(), &patched.json["spec"]), (200, &expected), "{}", patched.json);

    // What is of the present form is not written again; what is not is, which is how versions are migrated.
    let same = lab.put(&path, &patched.json).await.json;
    assert_eq!(same["metadata"]["resourceVersion"], patched.json["metadata"]["resourceVersion"]);
    definition = lab.get(&name).await.json;
    for (index, version) in definition["spec"]["versions"].as_array_mut().unwrap().iter_mut().enumerate() {
        version["storage"] = json!(index == 0);
    }
    assert_eq!(lab.put(&name, &definition).await.code, 200);
    let key = "/registry/example.com/widgets/default/w";
    loop {
        let object = lab.get(&path).await.json;
        assert_eq!(lab.put(&path, &object).await.code, 200);
        let stored = lab.server.store.get(key).await.unwrap().unwrap();
        let stored: Value = serde_json::from_slice(&stored.value).unwrap();
        if stored["apiVersion"] == "example.com/v1" {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{stored}");
    }
}

/// A client that watches is told to look anew, after all that there was to see.
#[tokio::test]
async fn watches_end_with_their_definition() {
    let lab = Lab::start().await;
    establish(&lab).await;
    let name = format!("{DEFINITIONS}/widgets.example.com");
    let list = lab.get(WIDGETS).await.json;
    let from = list["metadata"]["resourceVersion"].as_str().unwrap();
    let mut events = Events::of(&lab, &format!("{WIDGETS}?watch=1&resourceVersion={from}"), &[]).await;
    lab.made(WIDGETS, &widget(json!({"size": 1}))).await;
    assert_eq!(events.brief().await, ("ADDED".to_owned(), "w".to_owned()));
    // What its controller says about it changes nothing.
    let mut definition = lab.get(&name).await.json;
    definition["metadata"]["labels"] = json!({"a": "b"});
    assert_eq!(lab.put(&name, &definition).await.code, 200);
    lab.made(&format!("{WIDGETS}?fieldManager=x"), &json!({"metadata": {"name": "v"}})).await;
    assert_eq!(events.brief().await, ("ADDED".to_owned(), "v".to_owned()));
    definition = lab.get(&name).await.json;
    definition["spec"]["versions"][1]["served"] = json!(false);
    assert_eq!(lab.put(&name, &definition).await.code, 200);
    assert_eq!(events.next().await, None);

    // Nothing new comes into a kind that goes, and what is there can still be changed.
    let mut terminating = lab.get(&name).await.json;
    let condition = json!({"type": "Terminating", "status": "True", "reason": "InstanceDeletionInProgress",
        "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    terminating["status"]["conditions"].as_array_mut().unwrap().push(condition);
    assert_eq!(lab.put(&format!("{name}/status"), &terminating).await.code, 200);
    let deadline = std::time::Instant::now() + PATIENCE;
    let another = json!({"metadata": {"generateName": "u-"}});
    while lab.post(WIDGETS, &another).await.code != 405 {
        assert!(std::time::Instant::now() < deadline, "objects of a kind that goes are made");
        tokio::task::yield_now().await;
    }
    let patch = json!({"metadata": {"labels": {"a": "b"}}});
    assert_eq!(lab.patch(&format!("{WIDGETS}/w"), "merge-patch+json", &patch).await.code, 200);
}

#[tokio::test]
async fn definitions_are_in_the_documents() {
    let lab = Lab::start().await;
    assert!(lab.get("/openapi/v3").await.json["paths"].get("apis/example.com/v1").is_none());
    establish(&lab).await;
    let index = lab.get("/openapi/v3").await.json;
    assert!(index["paths"]["apis/example.com/v1"]["serverRelativeURL"].is_string());
    let document = lab.get("/openapi/v3/apis/example.com/v1").await;
    assert!(String::from_utf8_lossy(&document.bytes).contains("Widget"));
    let resources = lab.get("/apis/example.com/v1").await.json;
    assert_eq!(resources["resources"][0]["name"], "widgets");
    let accept = [("accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")];
    let aggregated = lab.ask("GET", "/apis", &accept, "").await;
    assert!(String::from_utf8_lossy(&aggregated.bytes).contains("example.com"));
    // Not established any more, not served any more.
    let path = format!("{DEFINITIONS}/widgets.example.com");
    let gone = lab.delete(&path, &Value::Null).await;
    assert_eq!(gone.code, 200);
    // Whatever finalizers it had, its objects go before it does.
    assert_eq!(gone.json["metadata"]["finalizers"], json!([guideway_api::CLEANUP_FINALIZER]));
    let done = json!({"metadata": {"finalizers": null}});
    assert_eq!(lab.patch(&path, "merge-patch+json", &done).await.code, 200);
    served(&lab, 404).await;
}

#[tokio::test]
async fn what_the_stored_version_does_not_know_is_lost() {
    let lab = Lab::start().await;
    establish(&lab).await;
    let old = WIDGETS.replace("v1", "v1beta1");
    let mut object = widget(json!({"size": 1, "shape": "square"}));
    object["apiVersion"] = "example.com/v1beta1".into();
    let made = lab.made(&old, &object).await;
    assert_eq!(made["spec"], json!({"size": 1, "color": "red", "shape": "round"}));
    let found = lab.get(&format!("{WIDGETS}/w")).await.json;
    assert_eq!(found["spec"], json!({"size": 1, "color": "red"}));
    assert_eq!(lab.get(&format!("{old}/w")).await.json, made);
}

#[tokio::test]
async fn two_definitions_of_one_kind_can_both_go() {
    let lab = Lab::start().await;
    establish(&lab).await;
    let mut other = definition();
    other["metadata"]["name"] = "gadgets.example.com".into();
    other["spec"]["names"] =
        json!({"plural": "gadgets", "singular": "gadget", "kind": "Widget", "listKind": "WidgetList"});
    let path = format!("{DEFINITIONS}/gadgets.example.com");
    let mut refused = lab.made(DEFINITIONS, &other).await;
    // What the controller of definitions grants is not enough to serve it, but for it to be written and to go.
    refused["status"] = json!({"acceptedNames": {"plural": "gadgets", "singular": "gadget", "kind": ""}, "storedVersions": ["v1"],
        "conditions": [{"type": "NamesAccepted", "status": "False", "reason": "KindConflict", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]});
    let reply = lab.put(&format!("{path}/status"), &refused).await;
    assert_eq!(reply.code, 200, "{}", reply.json);
    let hold = json!({"metadata": {"finalizers": ["example.com/hold"], "labels": {"a": "b"}}});
    assert_eq!(lab.patch(&path, "merge-patch+json", &hold).await.code, 200);
    assert_eq!(lab.delete(&path, &Value::Null).await.code, 200);
    let free = json!({"metadata": {"finalizers": null}});
    let reply = lab.patch(&path, "merge-patch+json", &free).await;
    assert_eq!(reply.code, 200, "{}", reply.json);
    let gone = async |path: &str| {
        lab.patch(path, "merge-patch+json", &json!({"metadata": {"finalizers": null}})).await;
        lab.get(path).await.code
    };
    assert_eq!(gone(&path).await, 404);
    let first = format!("{DEFINITIONS}/widgets.example.com");
    assert_eq!(lab.delete(&first, &Value::Null).await.code, 200);
    assert_eq!(gone(&first).await, 404);
}
