//! Clusters that come, go and change their credentials while a controller runs.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::address;
use crate::site::{Controllers, Site, pool, service, slice, until};

/// The Service `web` with an endpoint.
fn web(site: &Site, endpoint: &str) -> String {
    site.apply(&service("web", json!({})));
    site.apply(&slice("web", endpoint));
    address(site, "web")
}

fn announced(controllers: &Controllers, vips: &[&str]) {
    until(&format!("the forwarder announces {vips:?}"), || {
        Some(()).filter(|()| controllers.fleet.seen().vips(0).iter().eq(vips))
    });
}

/// What lbctl says of a cluster, when it is like this.
fn shown(controllers: &Controllers, name: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    until(&format!("lbctl shows that {name} {what}"), || {
        let (_, list) = controllers.lbctl(0, &["services"]);
        let clusters = list["clusters"].as_array()?.clone();
        let row = clusters.into_iter().find(|cluster| cluster["name"] == name)?;
        last = row;
        is_it(&last).then_some(())
    });
    last
}

fn is_in_order(cluster: &Value) -> bool {
    cluster["reachable"] == true && cluster["synced"] == true && cluster["error"].is_null()
}

fn says(cluster: &Value, words: &str) -> bool {
    cluster["error"].as_str().is_some_and(|error| error.contains(words))
}

/// A copy of a cluster's kubeconfig: its server writes its own one again.
fn kubeconfig(home: &Site, of: &Site) -> (PathBuf, String) {
    let path = home.server.folder().join(format!("{}.kubeconfig", of.name));
    let text = std::fs::read_to_string(of.server.kubeconfig()).unwrap();
    std::fs::write(&path, &text).unwrap();
    (path, text)
}

fn of_file(path: &Path) -> String {
    format!("name: west, kubeconfig: {}", path.display())
}

const EAST: &str = "east/default/web/http/v4";
const WEST: &str = "west/default/web/http/v4";

#[test]
fn clusters_of_the_file_come_change_and_go_with_a_signal() {
    let (home, west, third) = (Site::home(), Site::new("west"), Site::new("third"));
    home.apply(&pool("all", "192.0.2.0/24"));
    let mut controllers = Controllers::new(&home);
    controllers.start();
    web(&home, "10.0.0.1");
    announced(&controllers, &[EAST]);

    // One that comes with a kubeconfig that cannot be used: others are served on, and it is tried again.
    let (path, text) = kubeconfig(&home, &west);
    std::fs::write(&path, "{").unwrap();
    controllers.reconfigure(0, &[of_file(&path)]);
    let row = shown(&controllers, "west", "has no kubeconfig", |west| west["error"].is_string());
    assert_eq!((&row["reachable"], &row["synced"]), (&json!(false), &json!(false)));
    std::fs::write(&path, &text).unwrap();
    let first = web(&west, "10.0.0.2");
    announced(&controllers, &[EAST, WEST]);
    shown(&controllers, "west", "is in order", is_in_order);

    // A kubeconfig that was spoilt changes nothing, with a signal or without; nor does a file with an error.
    std::fs::write(&path, "{").unwrap();
    controllers.reload(0);
    west.apply(&slice("web", "10.0.0.3"));
    west.apply(&service("more", json!({})));
    address(&west, "more");
    controllers.reconfigure(0, &["name: west, kubeconfig: 7, nonsense: 1".to_owned()]);
    until("the file is refused", || controllers.log(0).contains("nonsense").then_some(()));
    west.apply(&service("still", json!({})));
    address(&west, "still");

    // Another server stands behind the name: its Services count, those of the former one do not, and are left alone.
    let (_, other) = kubeconfig(&home, &third);
    std::fs::write(&path, other).unwrap();
    controllers.reconfigure(0, &[of_file(&path)]);
    let second = web(&third, "10.0.0.4");
    announced(&controllers, &[EAST, WEST]);
    assert_eq!(address(&west, "web"), first);

    // Without it the VIP goes, and nothing of the cluster is touched.
    controllers.reconfigure(0, &[]);
    announced(&controllers, &[EAST]);
    assert_eq!(address(&third, "web"), second);
    let (_, list) = controllers.lbctl(0, &["services"]);
    assert_eq!(list["clusters"].as_array().unwrap().len(), 1, "{list}");
}

/// What the condition of a Cluster says.
fn condition(home: &Site, kind: &str, status: &str, words: &str) {
    until(&format!("the Cluster west has {kind}={status} with `{words}`"), || {
        let west = home.get_in("guideway", "clusters.guideway.dev", "west")?;
        let conditions = west["status"]["conditions"].as_array()?.clone();
        let is_it = |one: &&Value| {
            one["type"] == kind
                && one["status"] == status
                && one["message"].as_str().is_some_and(|text| text.contains(words))
        };
        conditions.iter().find(is_it).map(|_| ())
    });
}

fn secret(kubeconfig: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "west", "namespace": "guideway" },
        "stringData": { "kubeconfig": kubeconfig },
    })
}

#[test]
fn clusters_of_objects_follow_their_secrets_and_are_stale_while_they_are_away() {
    let (home, mut west) = (Site::home(), Site::new("west"));
    home.apply(&pool("all", "192.0.2.0/24"));
    let mut controllers = Controllers::new(&home);
    controllers.start();
    home.apply(&json!({
        "apiVersion": "guideway.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": "west", "namespace": "guideway" },
        "spec": { "kubeconfigSecret": { "name": "west" } },
    }));
    condition(&home, "Reachable", "False", "there is no Secret west");
    shown(&controllers, "west", "has no Secret", |west| says(west, "there is no Secret west"));

    // What is wrong with a kubeconfig is told, in the place of what was wrong before.
    let (_, text) = kubeconfig(&home, &west);
    home.apply(&secret("users: [{name: a, user: {exec: {command: x}}}]"));
    condition(&home, "Reachable", "False", "must have everything in it");
    home.apply(&secret(&text));
    condition(&home, "Reachable", "True", "");
    condition(&home, "Synced", "True", "");
    let first = web(&west, "10.0.0.2");
    announced(&controllers, &[WEST]);
    shown(&controllers, "west", "is in order", is_in_order);

    // A Secret that goes takes nothing away.
    home.kubectl(&["delete", "secret", "west", "-n", "guideway"], None).unwrap();
    shown(&controllers, "west", "has lost its Secret", |west| says(west, "there is no Secret west"));
    west.apply(&service("more", json!({})));
    address(&west, "more");
    home.apply(&secret(&text));
    shown(&controllers, "west", "is in order again", is_in_order);

    // Silence.
    west.server.kill();
    condition(&home, "Reachable", "False", "what was known then is served");
    let row = shown(&controllers, "west", "is stale", |west| west["reachable"] == false);
    assert!(row["synced"] == true && row["services"] == 2 && row["last_contact_unix_ms"].is_u64(), "{row}");
    let text = controllers.lbctl_text(0, &["services"]);
    assert!(
        text.contains("Cluster west: stale since ") && text.contains("its last state is served"),
        "{text}"
    );
    web(&home, "10.0.0.1");
    announced(&controllers, &[EAST, WEST]);
    west.server.spawn().unwrap();
    condition(&home, "Reachable", "True", "");
    shown(&controllers, "west", "answers again", is_in_order);
    assert_eq!(address(&west, "web"), first);
    announced(&controllers, &[EAST, WEST]);
}

/// With no more rights than docs/controller.md gives: Services of some namespaces, and nobody else's.
#[test]
fn namespaces_of_a_cluster_need_rights_in_these_alone() {
    let (home, west) = (Site::home(), Site::new("west"));
    home.apply(&pool("all", "192.0.2.0/24"));
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rbac/workload.yaml");
    let run = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        west.kubectl(&words, None).unwrap_or_else(|| panic!("kubectl {line} fails"))
    };
    run(&format!("apply -f {}", manifests.display()));
    run("delete clusterrolebinding guideway-workload");
    run("create clusterrole guideway-nodes --verb=get,list,watch --resource=nodes,namespaces");
    run(
        "create clusterrolebinding guideway-nodes --clusterrole=guideway-nodes --serviceaccount=guideway:lb-controller",
    );
    let may = |namespace: &str| {
        run(&format!(
            "-n {namespace} create rolebinding lb-controller --clusterrole=guideway-workload \
             --serviceaccount=guideway:lb-controller"
        ))
    };
    for namespace in ["shop", "depot", "private"] {
        run(&format!("create namespace {namespace}"));
        for mut object in [service("web", json!({})), slice("web", "10.0.0.2")] {
            object["metadata"]["namespace"] = namespace.into();
            west.apply(&object);
        }
    }
    may("shop");
    let token = run("-n guideway create token lb-controller --duration 2h");

    let mut controllers = Controllers::new(&home);
    controllers.start();
    home.apply(&secret(&with_token(&west, token.trim())));
    let cluster = |namespaces: &[&str]| {
        home.apply(&json!({
            "apiVersion": "guideway.dev/v1alpha1", "kind": "Cluster",
            "metadata": { "name": "west", "namespace": "guideway" },
            "spec": { "kubeconfigSecret": { "name": "west" }, "namespaces": namespaces },
        }));
    };
    cluster(&["shop"]);
    announced(&controllers, &["west/shop/web/http/v4"]);
    shown(&controllers, "west", "is in order", is_in_order);

    // One more, in which nothing may be read yet: it is named, and the other one is served.
    cluster(&["shop", "depot"]);
    let row = shown(&controllers, "west", "is not allowed to read", |west| says(west, "forbidden"));
    assert!(says(&row, "in depot cannot be read: ") && row["synced"] == false, "{row}");
    let text = controllers.lbctl_text(0, &["services"]);
    assert!(text.contains("Cluster west: ") && text.contains("forbidden"), "{text}");
    condition(&home, "Synced", "False", "forbidden");
    announced(&controllers, &["west/shop/web/http/v4"]);
    may("depot");
    announced(&controllers, &["west/depot/web/http/v4", "west/shop/web/http/v4"]);
    shown(&controllers, "west", "is in order again", is_in_order);
    condition(&home, "Synced", "True", "");

    // One less.
    cluster(&["depot"]);
    announced(&controllers, &["west/depot/web/http/v4"]);
    let private = west.get_in("private", "service", "web").unwrap();
    assert_eq!(private["metadata"]["finalizers"], Value::Null, "{private}");

    // Credentials that count no more: the cluster is stale; others take their place.
    run("-n guideway delete serviceaccount lb-controller");
    shown(&controllers, "west", "does not know us", |west| {
        west["reachable"] == false && says(west, "nauthorized")
    });
    announced(&controllers, &["west/depot/web/http/v4"]);
    run("-n guideway create serviceaccount lb-controller");
    let token = run("-n guideway create token lb-controller --duration 2h");
    home.apply(&secret(&with_token(&west, token.trim())));
    shown(&controllers, "west", "is in order with another token", is_in_order);
    announced(&controllers, &["west/depot/web/http/v4"]);
}

/// The kubeconfig of the cluster, with a token in place of the administrator's certificate.
fn with_token(site: &Site, token: &str) -> String {
    let text = site.kubectl(&["config", "view", "--raw", "--flatten", "-o", "json"], None).unwrap();
    let mut kubeconfig: Value = serde_json::from_str(&text).unwrap();
    kubeconfig["users"][0]["user"] = json!({ "token": token });
    kubeconfig.to_string()
}

/// One whose kubeconfig is wrong from the beginning keeps others waiting for a moment only; and nothing is said any more of a
/// Service that is not ours any more.
#[test]
fn a_cluster_that_nobody_ever_reached_is_not_waited_for() {
    let home = Site::home();
    home.apply(&pool("all", "192.0.2.0/24"));
    home.apply(&json!({
        "apiVersion": "guideway.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": "nowhere", "namespace": "guideway" },
        "spec": { "kubeconfigSecret": { "name": "nowhere" } },
    }));
    let mut controllers = Controllers::new(&home);
    controllers.start();
    home.apply(&service("web", json!({})));
    address(&home, "web");

    let mut plain = service("web", json!({}));
    plain["spec"]["type"] = json!("ClusterIP");
    plain["spec"]["loadBalancerClass"] = json!(null);
    home.apply(&plain);
    until("nothing is left of it", || {
        let web = home.get("service", "web")?;
        let is_empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
        let [metadata, status] = [&web["metadata"], &web["status"]];
        let lists = [&metadata["finalizers"], &status["conditions"], &status["loadBalancer"]["ingress"]];
        Some(()).filter(|()| lists.into_iter().all(is_empty))
    });
}

/// It may have many Services: new ones elsewhere get addresses all the same, and never one of its own, served or not.
#[test]
fn a_cluster_that_is_away_after_a_restart_keeps_its_addresses_and_nobody_waiting() {
    let (home, mut west) = (Site::home(), Site::new("west"));
    home.apply(&pool("all", "192.0.2.0/24"));
    home.apply(&secret(&kubeconfig(&home, &west).1));
    home.apply(&json!({
        "apiVersion": "guideway.dev/v1alpha1", "kind": "Cluster",
        "metadata": { "name": "west", "namespace": "guideway" },
        "spec": { "kubeconfigSecret": { "name": "west" } },
    }));
    let mut controllers = Controllers::new(&home);
    controllers.start();
    let served = web(&west, "10.0.0.2");
    west.apply(&service("idle", json!({})));
    let idle = address(&west, "idle");
    announced(&controllers, &[WEST]);
    until("the Cluster says which addresses it has", || {
        let cluster = home.get_in("guideway", "clusters.guideway.dev", "west")?;
        Some(()).filter(|()| cluster["status"]["addresses"] == json!([format!("{served}-{idle}")]))
    });

    west.server.kill();
    controllers.kill(0);
    controllers.start();
    let here = web(&home, "10.0.0.1");
    assert!(here != served && here != idle, "{here}");
    announced(&controllers, &[EAST, WEST]);
    for taken in [&served, &idle] {
        home.apply(&service("greedy", json!({ "metallb.io/loadBalancerIPs": taken })));
        until("it is told who has the address", || {
            let greedy = home.get("service", "greedy")?;
            let conditions = greedy["status"]["conditions"].as_array()?.clone();
            let words = format!("{taken} is in use in the cluster west, which has not answered yet");
            let is_told = |one: &&Value| one["message"].as_str().is_some_and(|text| text.contains(&words));
            conditions.iter().find(is_told).map(|_| ())
        });
    }
    // What it has is not forgotten by those who have not heard of it.
    let cluster = home.get_in("guideway", "clusters.guideway.dev", "west").unwrap();
    assert_eq!(cluster["status"]["addresses"], json!([format!("{served}-{idle}")]));

    west.server.spawn().unwrap();
    condition(&home, "Synced", "True", "");
    west.kubectl(&["delete", "service", "idle"], None).unwrap();
    assert_eq!(address(&home, "greedy"), idle, "it is free now");
    assert_eq!((address(&west, "web"), address(&home, "web")), (served, here));
    announced(&controllers, &[EAST, WEST]);
}
