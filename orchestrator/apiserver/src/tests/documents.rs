use super::*;

#[tokio::test]
async fn discovery_is_not_sent_twice() {
    let lab = Lab::start().await;
    let accept =
        ("accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json");
    for path in ["/api", "/apis", "/api/v1", "/apis/apps/v1", "/openapi/v3/apis/apps/v1", "/openapi/v2"] {
        let first = lab.ask("GET", path, &[accept], "").await;
        assert_eq!(first.code, 200, "{path}");
        let tag = first.headers["etag"].to_str().unwrap();
        let second = lab.ask("GET", path, &[accept, ("if-none-match", tag)], "").await;
        assert_eq!((second.code.as_u16(), second.bytes.len()), (304, 0), "{path}");
    }
    let aggregated = lab.ask("GET", "/apis", &[accept], "").await;
    assert_eq!(
        aggregated.headers["content-type"],
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    assert_eq!(lab.get("/apis").await.json["kind"], "APIGroupList");
    assert_eq!(lab.get("/apis/apps").await.json["kind"], "APIGroup");
    assert_eq!(lab.get("/apis/nope").await.code, 404);
    let protobuf = [("accept", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf")];
    assert_eq!(lab.ask("GET", "/openapi/v2", &protobuf, "").await.code, 200);
}

#[tokio::test]
async fn a_document_with_its_hash_is_kept_and_one_with_another_hash_is_elsewhere() {
    let lab = Lab::start().await;
    let index = lab.get("/openapi/v3").await.json;
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap().to_owned();
    let found = lab.get(&url).await;
    assert_eq!(found.code, 200);
    assert_eq!(found.headers["cache-control"], "public, immutable");
    assert!(found.headers["expires"].to_str().unwrap().ends_with(" GMT"));
    let plain = lab.get("/openapi/v3/apis/apps/v1").await;
    assert_eq!(
        (plain.code.as_u16(), plain.headers["cache-control"].to_str().unwrap()),
        (200, "no-cache, private")
    );
    assert_eq!(plain.json, found.json);
    let old = lab.get("/openapi/v3/apis/apps/v1?timeout=1s&hash=OLD").await;
    assert_eq!((old.code.as_u16(), old.headers["location"].to_str().unwrap()), (301, url.as_str()));
    assert_eq!(lab.get("/openapi/v3/apis/nope/v1?hash=OLD").await.code, 404);
}

#[tokio::test]
async fn the_server_says_what_it_is() {
    let lab = Lab::start().await;
    let version = lab.get("/version").await.json;
    assert_eq!((version["major"].as_str(), version["minor"].as_str()), (Some("1"), Some("33")));
    assert_eq!(version["gitVersion"], "v1.33.0+guideway");
    assert_eq!(lab.get("/livez").await.bytes, "ok");
    let verbose = lab.get("/readyz?verbose").await;
    assert!(String::from_utf8_lossy(&verbose.bytes).contains("[+]ping ok\n"));
    assert_eq!(lab.get("/readyz/nope").await.code, 404);
    assert_eq!(lab.get("/livez/ping").await.code, 200);
    let text = lab.get("/metrics").await.bytes;
    let text = String::from_utf8_lossy(&text);
    assert!(
        text.contains(
            "guideway_apiserver_requests_total{verb=\"create\",resource=\"namespaces\",code=\"201\"}"
        ),
        "{text}"
    );
    lab.ask_as(Identity::anonymous(), "GET", "/api/v1/madeup", &[], "").await;
    let later = lab.get("/metrics").await.bytes;
    assert!(!String::from_utf8_lossy(&later).contains("madeup"));
    assert_eq!(lab.get("/openid/v1/jwks").await.code, 200);
    assert!(lab.get("/").await.json["paths"].as_array().unwrap().len() > 20);
    assert_eq!(lab.ask("POST", "/version", &[], "").await.code, 405);
}

#[tokio::test]
async fn autoscalers_have_two_versions() {
    let lab = Lab::start().await;
    let one = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    let object = json!({"metadata": {"name": "h"}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "maxReplicas": 5, "targetCPUUtilizationPercentage": 70,
    }});
    lab.made(one, &object).await;
    let two = lab.get("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/h").await.json;
    assert_eq!(two["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 70, "{two}");
    let back = lab.get(&format!("{one}/h")).await.json;
    assert_eq!(back["spec"]["targetCPUUtilizationPercentage"], 70);
}
