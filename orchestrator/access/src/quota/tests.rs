use proptest::prelude::*;

use super::*;
use crate::Identity;
use crate::objects::fake::Cluster;
use crate::rbac::Index;

fn request<'a>(
    objects: &'a dyn Objects,
    identity: &'a Identity,
    index: &'a Index,
    resource: &'a str,
) -> Request<'a> {
    Request {
        operation: Operation::Create,
        group: "",
        version: "v1",
        resource,
        subresource: "",
        kind: "",
        namespace: "d",
        name: "",
        identity,
        old: None,
        index,
        objects,
        random: "abcde",
    }
}

fn charge_in(cluster: &Cluster, resource: &str, object: &Value) -> Result<Vec<Value>, Status> {
    charge(&request(cluster, &Identity::anonymous(), &Index::default(), resource), object)
}

fn quota(spec: Value) -> Value {
    json!({"metadata": {"namespace": "d", "name": "q", "resourceVersion": "1"}, "spec": spec})
}

fn pod(name: &str, requests: Value) -> Value {
    let container = json!({"name": "c", "resources": {"requests": requests}});
    json!({"metadata": {"namespace": "d", "name": name}, "spec": {"containers": [container]}})
}

fn with(spec: Value) -> Cluster {
    Cluster::default().with("", "resourcequotas", quota(spec))
}

#[test]
fn what_is_charged_is_in_the_quota() {
    let cluster = with(json!({"hard": {"pods": "2", "requests.cpu": "2", "limits.cpu": "9"}}));
    let mut new = pod("a", json!({"cpu": "500m"}));
    new["spec"]["containers"][0]["resources"]["limits"] = json!({"cpu": "1"});
    let charged = charge_in(&cluster, "pods", &new).unwrap();
    assert_eq!(
        charged[0]["status"],
        json!({
            "hard": {"pods": "2", "requests.cpu": "2", "limits.cpu": "9"},
            "used": {"pods": "1", "requests.cpu": "500m", "limits.cpu": "1"},
        })
    );
    assert_eq!(charged[0]["metadata"]["resourceVersion"], "1");
    assert_eq!(charge_in(&cluster, "configmaps", &json!({})).unwrap(), Vec::<Value>::new());
}

#[test]
fn what_is_too_much_is_refused_in_the_words_of_kubernetes() {
    let mut full = quota(json!({"hard": {"pods": "2", "requests.cpu": "2"}}));
    full["status"] =
        json!({"hard": {"pods": "2", "requests.cpu": "2"}, "used": {"pods": "2", "requests.cpu": "1"}});
    let cluster = Cluster::default().with("", "resourcequotas", full);
    let refusal =
        |cpu: &str| charge_in(&cluster, "pods", &pod("p", json!({"cpu": cpu}))).unwrap_err().message.clone();
    assert_eq!(
        refusal("1"),
        "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"
    );
    assert_eq!(
        refusal("1500m"),
        "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=1500m, used: \
         pods=2,requests.cpu=1, limited: pods=2,requests.cpu=2"
    );
}

#[test]
fn pods_must_say_what_is_counted() {
    let cluster = with(json!({"hard": {"requests.cpu": "2", "limits.memory": "1Gi", "pods": "1"}}));
    assert_eq!(
        charge_in(&cluster, "pods", &pod("p", json!({}))).unwrap_err().message,
        "pods \"p\" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c"
    );
}

#[test]
fn objects_use_what_kubernetes_counts() {
    let shown = |group: &str, resource: &str, object: Value| -> Vec<String> {
        usage::of(group, resource, &object).iter().map(|(name, amount)| format!("{name}={amount}")).collect()
    };
    let service = |kind: &str, more: Value| {
        let mut spec = json!({"type": kind, "ports": [{"port": 80}, {"port": 81, "nodePort": 30000}]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "spec": spec })
    };
    let claim = json!({"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}});
    let gpu = pod("p", json!({"example.com/gpu": "2", "hugepages-2Mi": "4Mi"}));
    let mut ended = pod("p", json!({"cpu": "1"}));
    ended["status"] = json!({"phase": "Succeeded"});
    let cases = [
        (shown("apps", "deployments", json!({})), vec!["count/deployments.apps=1"]),
        (shown("", "secrets", json!({})), vec!["count/secrets=1", "secrets=1"]),
        (shown("", "events", json!({})), vec![]),
        (shown("", "services", service("ClusterIP", json!({}))), vec!["count/services=1", "services=1"]),
        (
            shown("", "services", service("NodePort", json!({}))),
            vec!["count/services=1", "services=1", "services.nodeports=2"],
        ),
        (
            shown("", "services", service("LoadBalancer", json!({"allocateLoadBalancerNodePorts": false}))),
            vec!["count/services=1", "services=1", "services.loadbalancers=1", "services.nodeports=1"],
        ),
        (
            shown("", "persistentvolumeclaims", claim),
            vec![
                "count/persistentvolumeclaims=1",
                "fast.storageclass.storage.k8s.io/persistentvolumeclaims=1",
                "fast.storageclass.storage.k8s.io/requests.storage=1Gi",
                "persistentvolumeclaims=1",
                "requests.storage=1Gi",
            ],
        ),
        (
            shown("", "pods", gpu),
            vec![
                "count/pods=1",
                "hugepages-2Mi=4Mi",
                "pods=1",
                "requests.example.com/gpu=2",
                "requests.hugepages-2Mi=4Mi",
            ],
        ),
        (shown("", "pods", ended), vec!["count/pods=1"]),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn every_name_that_counts_says_where_from() {
    let cases = [
        ("count/deployments.apps", Some(("apps", "deployments"))),
        ("count/widgets.example.com", Some(("example.com", "widgets"))),
        ("count/pods", Some(("", "pods"))),
        ("count/events", None),
        ("requests.example.com/gpu", Some(("", "pods"))),
        ("requests.storage", Some(("", "persistentvolumeclaims"))),
        ("fast.storageclass.storage.k8s.io/requests.storage", Some(("", "persistentvolumeclaims"))),
        ("services.nodeports", Some(("", "services"))),
        ("secrets", Some(("", "secrets"))),
        ("moon", None),
    ];
    for (name, source) in cases {
        let found = usage::source(name);
        assert_eq!(
            found.as_ref().map(|(group, resource)| (group.as_str(), resource.as_str())),
            source,
            "{name}"
        );
    }
}

#[test]
fn scopes_choose_pods() {
    let best_effort = pod("p", json!({}));
    let burstable = pod("p", json!({"cpu": "1"}));
    let mut short = burstable.clone();
    short["spec"]["activeDeadlineSeconds"] = json!(10);
    let mut high = burstable.clone();
    high["spec"]["priorityClassName"] = json!("high");
    let mut far = burstable.clone();
    far["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
        json!([{"namespaces": ["other"]}]);
    let scoped = |scope: &str| json!({"hard": {"pods": "1"}, "scopes": [scope]});
    let selected = |operator: &str, values: &[&str]| {
        let expression = json!({"scopeName": "PriorityClass", "operator": operator, "values": values});
        json!({"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [expression]}})
    };
    let cases = [
        (scoped("BestEffort"), [true, false, false, false, false]),
        (scoped("NotBestEffort"), [false, true, true, true, true]),
        (scoped("Terminating"), [false, false, true, false, false]),
        (scoped("NotTerminating"), [true, true, false, true, true]),
        (scoped("CrossNamespacePodAffinity"), [false, false, false, false, true]),
        (selected("In", &["high"]), [false, false, false, true, false]),
        (selected("NotIn", &["high"]), [true, true, true, false, true]),
        (selected("Exists", &[]), [false, false, false, true, false]),
        (selected("DoesNotExist", &[]), [true, true, true, false, true]),
    ];
    for (spec, expected) in cases {
        let found = [&best_effort, &burstable, &short, &high, &far]
            .map(|pod| !charge_in(&with(spec.clone()), "pods", pod).unwrap().is_empty());
        assert_eq!(found, expected, "{spec}");
    }
    assert!(charge_in(&with(scoped("BestEffort")), "services", &json!({})).unwrap().is_empty());
}

#[test]
fn an_update_is_charged_for_what_it_adds() {
    let cluster = with(json!({"hard": {"services": "1", "services.nodeports": "3"}}));
    let service = |kind: &str| json!({"metadata": {"namespace": "d", "name": "s"}, "spec": {"type": kind, "ports": [{"port": 1}, {"port": 2}]}});
    let cluster = cluster.with("", "services", service("ClusterIP"));
    let (identity, index) = (Identity::anonymous(), Index::default());
    let (old, new) = (service("ClusterIP"), service("NodePort"));
    let update = Request {
        operation: Operation::Update,
        old: Some(&old),
        ..request(&cluster, &identity, &index, "services")
    };
    let charged = charge(&update, &new).unwrap();
    assert_eq!(charged[0]["status"]["used"], json!({"services": "1", "services.nodeports": "2"}));
    let back = Request { old: Some(&new), ..update };
    assert!(charge(&back, &old).unwrap().is_empty(), "what is given back is counted later");
}

#[test]
fn a_recount_gives_what_is_there() {
    let mut cluster =
        with(json!({"hard": {"pods": "5", "requests.cpu": "5", "count/deployments.apps": "1"}}));
    cluster.put("", "pods", pod("a", json!({"cpu": "1"})));
    cluster.put("", "pods", pod("b", json!({"cpu": "250m"})));
    let stored = cluster.get("", "resourcequotas", "d", "q").unwrap();
    let counted = recount(&stored, &cluster).unwrap();
    assert_eq!(
        counted["status"]["used"],
        json!({"pods": "2", "requests.cpu": "1250m", "count/deployments.apps": "0"})
    );
    assert_eq!(recount(&counted, &cluster), None);
    let sources: Vec<(String, String)> = counted_resources(&stored).into_iter().collect();
    assert_eq!(sources, [(String::new(), "pods".to_owned()), ("apps".to_owned(), "deployments".to_owned())]);
}

/// What one of several servers and a controller do, each with what it read when it began.
#[derive(Clone, Debug)]
enum Step {
    /// Reads, and charges a pod of so many thousandths of a CPU.
    Begin(usize, u32),
    /// Writes what it began, if the quota is still the same.
    Commit(usize),
    Delete(usize),
    BeginRecount,
    CommitRecount,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, 1..1500_u32).prop_map(|(server, cpu)| Step::Begin(server, cpu)),
        4 => (0..3_usize).prop_map(Step::Commit),
        2 => (0..8_usize).prop_map(Step::Delete),
        1 => Just(Step::BeginRecount),
        2 => Just(Step::CommitRecount),
    ]
}

/// A store of pods and one quota whose writes are conditional, as the server's transactions are.
struct Model {
    cluster: Cluster,
    revision: u64,
    pods: Vec<String>,
}

impl Model {
    fn quota_is(&self, read: &Value) -> bool {
        let stored = self.cluster.get("", "resourcequotas", "d", "q").unwrap();
        stored["metadata"]["resourceVersion"] == read["metadata"]["resourceVersion"]
    }

    fn write_quota(&mut self, mut quota: Value) {
        self.revision += 1;
        quota["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        self.cluster.put("", "resourcequotas", quota);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_quota_is_never_exceeded(steps in proptest::collection::vec(any_step(), 0..60)) {
        let hard = json!({"pods": "4", "requests.cpu": "3"});
        let mut model = Model { cluster: with(json!({ "hard": hard })), revision: 1, pods: Vec::new() };
        let mut begun: [Option<(Value, Value)>; 3] = [None, None, None];
        let mut counted: Option<Value> = None;
        for (index, step) in steps.into_iter().enumerate() {
            match step {
                Step::Begin(server, cpu) => {
                    let new = pod(&format!("p{index}"), json!({"cpu": format!("{cpu}m")}));
                    begun[server] =
                        charge_in(&model.cluster, "pods", &new).ok().map(|mut quotas| (new, quotas.remove(0)));
                }
                Step::Commit(server) => {
                    if let Some((pod, quota)) = begun[server].take()
                        && model.quota_is(&quota)
                    {
                        model.pods.push(pod["metadata"]["name"].as_str().unwrap().to_owned());
                        model.cluster.put("", "pods", pod);
                        model.write_quota(quota);
                    }
                }
                Step::Delete(at) if at < model.pods.len() => {
                    let name = model.pods.remove(at);
                    model.cluster.remove("", "pods", "d", &name);
                }
                Step::Delete(_) => {}
                Step::BeginRecount => {
                    let stored = model.cluster.get("", "resourcequotas", "d", "q").unwrap();
                    counted = recount(&stored, &model.cluster);
                }
                Step::CommitRecount => {
                    if let Some(quota) = counted.take()
                        && model.quota_is(&quota)
                    {
                        model.write_quota(quota);
                    }
                }
            }
            let quota = model.cluster.get("", "resourcequotas", "d", "q").unwrap();
            let hard = amounts(&quota["spec"]["hard"]);
            let real = count(&quota, &hard, &model.cluster);
            let used = amounts(&quota["status"]["used"]);
            for (name, limit) in &hard {
                prop_assert!(real[name] <= *limit, "{name}: {} of {limit}", real[name]);
                if let Some(used) = used.get(name) {
                    prop_assert!(real[name] <= *used, "{name}: {} used, {used} counted", real[name]);
                }
            }
        }
    }
}
