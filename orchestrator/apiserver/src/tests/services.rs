use std::collections::BTreeSet;

use super::*;

const SERVICES: &str = "/api/v1/namespaces/default/services";

fn service(name: &str, kind: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"type": kind, "ports": [{"port": 80}], "selector": {"app": name}}})
}

#[tokio::test]
async fn addresses_and_ports_are_of_one_service_only() {
    let lab = Lab::start().await;
    // The range of ports has room for twenty.
    let services: Vec<Value> = (0..20).map(|index| service(&format!("s{index}"), "NodePort")).collect();
    let made =
        futures_util::future::join_all(services.iter().map(|service| lab.made(SERVICES, service))).await;
    let addresses: BTreeSet<&str> =
        made.iter().map(|one| one["spec"]["clusterIP"].as_str().unwrap()).collect();
    let ports: BTreeSet<i64> =
        made.iter().map(|one| one["spec"]["ports"][0]["nodePort"].as_i64().unwrap()).collect();
    assert_eq!((addresses.len(), ports.len()), (20, 20));
    assert!(!addresses.contains("10.96.0.1"));
    let full = lab.post(SERVICES, &service("more", "NodePort")).await;
    assert_eq!(full.code, 422, "{}", full.json);

    let taken = addresses.iter().next().unwrap();
    let mut other = service("other", "ClusterIP");
    other["spec"]["clusterIP"] = json!(taken);
    let refused = lab.post(SERVICES, &other).await;
    assert_eq!((refused.code.as_u16(), refused.reason()), (422, "Invalid"));
    let words = format!(
        "Service \"other\" is invalid: spec.clusterIPs: Invalid value: [\"{taken}\"]: failed to allocate IP {taken}: \
         provided IP is already allocated"
    );
    assert_eq!(refused.message(), words);
    let tried = lab.post(&format!("{SERVICES}?dryRun=All"), &other).await;
    assert_eq!((tried.code.as_u16(), tried.message()), (422, &words[..]));
    other["spec"]["clusterIP"] = json!("10.97.0.1");
    assert!(lab.post(SERVICES, &other).await.message().contains("not in the valid range"));

    // Free again with the end of the Service, and with its change.
    lab.delete(&format!("{SERVICES}/s0"), &Value::Null).await;
    let more = lab.made(SERVICES, &service("more", "NodePort")).await;
    assert_eq!(more["spec"]["ports"][0]["nodePort"], made[0]["spec"]["ports"][0]["nodePort"]);
    let patch = json!({"spec": {"type": "ClusterIP", "ports": [{"port": 80, "nodePort": null}]}});
    let reply = lab.patch(&format!("{SERVICES}/s1"), "strategic-merge-patch+json", &patch).await;
    assert_eq!(reply.code, 200, "{}", reply.json);
    lab.made(SERVICES, &service("last", "NodePort")).await;
}

#[tokio::test]
async fn four_hundred_ports_have_four_hundred_node_ports() {
    let lab = Lab::with(Config { node_ports: 30000..=30419, ..config() }).await;
    let ports: Vec<Value> =
        (0..400).map(|port| json!({"name": format!("p{port}"), "port": 1000 + port})).collect();
    let many =
        |name: &str| json!({"metadata": {"name": name}, "spec": {"type": "LoadBalancer", "ports": ports}});
    let made = lab.made(SERVICES, &many("many")).await;
    let given = made["spec"]["ports"].as_array().unwrap().iter();
    let given: BTreeSet<u64> = given.map(|port| port["nodePort"].as_u64().unwrap()).collect();
    assert_eq!(given.len(), 400);
    // Nothing of one that does not fit is left behind.
    let refused = lab.post(SERVICES, &many("more")).await;
    assert_eq!(refused.code, 422, "{}", refused.json);
    assert!(refused.message().contains("range is full"), "{}", refused.message());
    lab.delete(&format!("{SERVICES}/many"), &Value::Null).await;
    lab.made(SERVICES, &many("again")).await;
}

#[tokio::test]
async fn the_service_of_the_api_is_there() {
    let lab = Lab::start().await;
    let own = lab.get(&format!("{SERVICES}/kubernetes")).await.json;
    assert_eq!(own["spec"]["clusterIP"], "10.96.0.1");
    let slices = lab.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices").await.json;
    assert_eq!(slices["items"][0]["endpoints"][0]["addresses"][0], "10.1.2.3");
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        assert_eq!(lab.get(&format!("/api/v1/namespaces/{name}")).await.code, 200);
    }
    let class = "/apis/scheduling.k8s.io/v1/priorityclasses/system-cluster-critical";
    assert_eq!(lab.get(class).await.json["value"], 2_000_000_000);
    // A second server over the same store finds everything there.
    let second = ApiServer::start(Arc::clone(&lab.server.store), config()).await.unwrap();
    assert_eq!(second.cache.revision(), lab.server.cache.revision());
}

#[tokio::test]
async fn the_service_of_the_api_comes_back() {
    let limits = Limits { upkeep: Duration::from_millis(10), ..Limits::default() };
    let lab = Lab::with(Config { limits, ..config() }).await;
    let service = "/api/v1/namespaces/default/services/kubernetes";
    let slice = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes-10-1-2-3";
    for path in [service, slice] {
        let uid = lab.get(path).await.json["metadata"]["uid"].clone();
        assert_eq!(lab.delete(path, &json!({})).await.code, 200);
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            let found = lab.get(path).await;
            if found.code == 200 && found.json["metadata"]["uid"] != uid {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{path} does not come back");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_quota_holds_requests_at_the_same_time() {
    let lab = Lab::start().await;
    let quotas = "/api/v1/namespaces/default/resourcequotas";
    lab.made(quotas, &json!({"metadata": {"name": "q"}, "spec": {"hard": {"count/configmaps": "5"}}})).await;
    // The controller counts what is there before anything is charged.
    let counted = json!({"status": {"hard": {"count/configmaps": "5"}, "used": {"count/configmaps": "0"}}});
    let reply = lab.patch(&format!("{quotas}/q/status"), "merge-patch+json", &counted).await;
    assert_eq!(reply.code, 200, "{}", reply.json);
    let maps: Vec<Value> = (0..12).map(|index| config_map(&format!("m{index}"), json!({}))).collect();
    let replies = futures_util::future::join_all(maps.iter().map(|map| lab.post(MAPS, map))).await;
    assert_eq!(replies.iter().filter(|reply| reply.code == 201).count(), 5);
    let refused = replies.iter().find(|reply| reply.code != 201).unwrap();
    assert_eq!((refused.code.as_u16(), refused.reason()), (403, "Forbidden"));
    assert!(refused.message().contains("exceeded quota"), "{}", refused.message());
    let used = lab.get(&format!("{quotas}/q")).await.json["status"]["used"]["count/configmaps"].clone();
    assert_eq!(used, "5");
}

#[tokio::test]
async fn families_are_those_of_the_cluster() {
    let networks = |all: &[&str]| all.iter().map(|one| one.parse().unwrap()).collect();
    let asking = |policy: &str| {
        let mut service = service("s", "ClusterIP");
        service["spec"]["ipFamilyPolicy"] = policy.into();
        service
    };
    for (cluster, policy, families) in [
        (&["10.96.0.0/24"][..], "PreferDualStack", json!(["IPv4"])),
        (&["fd00::/112"], "PreferDualStack", json!(["IPv6"])),
        (&["fd00::/112"], "SingleStack", json!(["IPv6"])),
        (&["fd00::/112", "10.96.0.0/24"], "SingleStack", json!(["IPv6"])),
        (&["10.96.0.0/24", "fd00::/112"], "PreferDualStack", json!(["IPv4", "IPv6"])),
        (&["fd00::/112", "10.96.0.0/24"], "RequireDualStack", json!(["IPv6", "IPv4"])),
    ] {
        let lab = Lab::with(Config { service_networks: networks(cluster), ..config() }).await;
        let made = lab.made(SERVICES, &asking(policy)).await;
        assert_eq!(made["spec"]["ipFamilies"], families, "{cluster:?} {policy}");
        let addresses = made["spec"]["clusterIPs"].as_array().unwrap();
        let found: Vec<&str> = addresses
            .iter()
            .map(|one| if one.as_str().unwrap().contains(':') { "IPv6" } else { "IPv4" })
            .collect();
        assert_eq!(json!(found), families);
        assert_eq!(made["spec"]["clusterIP"], addresses[0]);
    }
    // A second family comes and goes with what is asked for; the first address stays.
    let lab =
        Lab::with(Config { service_networks: networks(&["10.96.0.0/24", "fd00::/112"]), ..config() }).await;
    let made = lab.made(SERVICES, &asking("SingleStack")).await;
    let path = format!("{SERVICES}/s");
    for (policy, count) in [("PreferDualStack", 2), ("SingleStack", 1), ("RequireDualStack", 2)] {
        let patch = json!({"spec": {"ipFamilyPolicy": policy}});
        let reply = lab.patch(&path, "merge-patch+json", &patch).await;
        assert_eq!(reply.code, 200, "{}", reply.json);
        let addresses = reply.json["spec"]["clusterIPs"].as_array().unwrap();
        assert_eq!((addresses.len(), &addresses[0]), (count, &made["spec"]["clusterIP"]));
    }
}
