use serde_json::json;

use super::*;
use crate::objects::fake::Cluster;

/// A request to create something in the namespace `d`.
pub(super) struct Ask {
    pub(super) cluster: Cluster,
    pub(super) index: Index,
    pub(super) identity: Identity,
    pub(super) operation: Operation,
    pub(super) old: Option<Value>,
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
    pub(super) subresource: &'static str,
}

impl Ask {
    pub(super) fn of(cluster: Cluster) -> Self {
        Self {
            cluster,
            index: Index::default(),
            identity: Identity::user("alice", &[]),
            operation: Operation::Create,
            old: None,
            namespace: "d",
            name: "",
            subresource: "",
        }
    }

    fn request<'a>(&'a self, group: &'a str, resource: &'a str) -> Request<'a> {
        Request {
            operation: self.operation,
            group,
            version: "v1",
            resource,
            subresource: self.subresource,
            kind: "",
            namespace: self.namespace,
            name: self.name,
            identity: &self.identity,
            old: self.old.as_ref(),
            index: &self.index,
            objects: &self.cluster,
            random: "abcde",
        }
    }

    pub(super) fn mutate(&self, group: &str, resource: &str, object: &Value) -> Result<Value, String> {
        let mut object = object.clone();
        let result = mutate(&self.request(group, resource), &mut object, &mut Warnings::new());
        result.map(|()| object).map_err(|refusal| refusal.message.clone())
    }

    pub(super) fn validate(&self, group: &str, resource: &str, object: &Value) -> Result<Warnings, String> {
        let mut warnings = Warnings::new();
        let object = (self.operation != Operation::Delete).then_some(object);
        let result = validate(&self.request(group, resource), object, &mut warnings);
        result.map(|()| warnings).map_err(|refusal| refusal.message.clone())
    }
}

/// A cluster with the namespace `d` and its default account.
pub(super) fn cluster() -> Cluster {
    Cluster::default().with("", "namespaces", json!({"metadata": {"name": "d"}})).with(
        "",
        "serviceaccounts",
        json!({"metadata": {"namespace": "d", "name": "default"}}),
    )
}

fn pod(spec: Value) -> Value {
    let mut pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}});
    pod["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    pod
}

fn put(ask: &Ask, spec: Value) -> Result<Value, String> {
    ask.mutate("", "pods", &pod(spec)).map(|pod| pod["spec"].clone())
}

#[test]
fn objects_need_a_namespace_that_stays() {
    let gone = Ask { namespace: "nope", ..Ask::of(cluster()) };
    assert_eq!(gone.mutate("", "configmaps", &json!({})), Err("namespaces \"nope\" not found".to_owned()));
    let leaving = json!({"metadata": {"name": "d"}, "status": {"phase": "Terminating"}});
    let leaving = Ask::of(cluster().with("", "namespaces", leaving));
    let object = json!({"metadata": {"name": "x"}});
    assert_eq!(
        leaving.mutate("", "configmaps", &object),
        Err("configmaps \"x\" is forbidden: unable to create new content in namespace d because it is being terminated".to_owned())
    );
    let refusal =
        mutate(&leaving.request("", "configmaps"), &mut object.clone(), &mut Warnings::new()).unwrap_err();
    assert_eq!(refusal.details.as_ref().unwrap().causes[0].reason, "NamespaceTerminating");
    let update = Ask { operation: Operation::Update, ..leaving };
    assert!(update.mutate("", "configmaps", &object).is_ok());
    let new = Ask { namespace: "e", ..Ask::of(cluster()) };
    assert!(new.mutate("", "namespaces", &json!({"metadata": {"name": "e"}})).is_ok());
}

#[test]
fn namespaces_of_the_system_stay() {
    for (name, allowed) in [("default", false), ("kube-system", false), ("kube-public", false), ("d", true)] {
        let ask = Ask { operation: Operation::Delete, namespace: "", name, ..Ask::of(cluster()) };
        let result = ask.validate("", "namespaces", &Value::Null);
        let words = format!("namespaces {name:?} is forbidden: this namespace may not be deleted");
        assert_eq!(result.err(), (!allowed).then_some(words));
    }
}

#[test]
fn pods_run_as_an_account_and_find_its_token() {
    let spec = put(&Ask::of(cluster()), json!({"initContainers": [{"name": "i"}]})).unwrap();
    assert_eq!(spec["serviceAccountName"], "default");
    assert_eq!(spec["serviceAccount"], "default");
    let mount = json!([{"name": "kube-api-access-abcde", "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]);
    assert_eq!(spec["containers"][0]["volumeMounts"], mount);
    assert_eq!(spec["initContainers"][0]["volumeMounts"], mount);
    assert_eq!(
        spec["volumes"],
        json!([{"name": "kube-api-access-abcde", "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
        ]}}])
    );
}

#[test]
fn a_token_is_mounted_where_it_is_wanted_and_missing() {
    let account = |more: Value| {
        let mut account = json!({"metadata": {"namespace": "d", "name": "sa"}});
        account.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Ask::of(cluster().with("", "serviceaccounts", account))
    };
    let mounts = |ask: &Ask, more: Value| {
        let mut spec = json!({"serviceAccountName": "sa"});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        !put(ask, spec).unwrap()["volumes"].is_null()
    };
    let never = json!({"automountServiceAccountToken": false});
    let always = json!({"automountServiceAccountToken": true});
    assert!(mounts(&account(json!({})), json!({})));
    assert!(!mounts(&account(never.clone()), json!({})));
    assert!(mounts(&account(never), always.clone()));
    assert!(!mounts(&account(always), json!({"automountServiceAccountToken": false})));
    let own = json!({"containers": [{"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]}]});
    assert!(!mounts(&account(json!({})), own));
    let pull = account(json!({"imagePullSecrets": [{"name": "s"}]}));
    assert_eq!(
        put(&pull, json!({"serviceAccountName": "sa"})).unwrap()["imagePullSecrets"],
        json!([{"name": "s"}])
    );
    assert_eq!(
        put(&Ask::of(cluster()), json!({"serviceAccountName": "no"})),
        Err(
            "pods \"p\" is forbidden: error looking up service account d/no: serviceaccount \"no\" not found"
                .to_owned()
        )
    );
}

#[test]
fn classes_become_priorities() {
    let class = |name: &str, value: i64, more: Value| {
        let mut class = json!({"metadata": {"name": name}, "value": value});
        class.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        class
    };
    let group = "scheduling.k8s.io";
    let with = |class: Value| Ask::of(cluster().with(group, "priorityclasses", class));
    let shown = |spec: Value| {
        (spec["priorityClassName"].clone(), spec["priority"].clone(), spec["preemptionPolicy"].clone())
    };
    let none = Ask::of(cluster());
    let preempt = json!("PreemptLowerPriority");
    assert_eq!(shown(put(&none, json!({})).unwrap()), (Value::Null, json!(0), preempt.clone()));
    let system = put(&none, json!({"priorityClassName": "system-node-critical"})).unwrap();
    assert_eq!(shown(system), (json!("system-node-critical"), json!(2_000_001_000), preempt.clone()));
    let high = with(class("high", 7, json!({"preemptionPolicy": "Never"})));
    let spec = put(&high, json!({"priorityClassName": "high"})).unwrap();
    assert_eq!(shown(spec), (json!("high"), json!(7), json!("Never")));
    let default = with(class("usual", 3, json!({"globalDefault": true})));
    assert_eq!(shown(put(&default, json!({})).unwrap()), (json!("usual"), json!(3), preempt));

    let words = |result: Result<Value, String>| result.unwrap_err();
    assert_eq!(
        words(put(&none, json!({"priorityClassName": "no"}))),
        "pods \"p\" is forbidden: no PriorityClass with name no was found"
    );
    assert_eq!(
        words(put(&high, json!({"priorityClassName": "high", "priority": 8}))),
        "pods \"p\" is forbidden: the integer value of priority (8) must not be provided in pod spec; priority \
         admission controller computed 7 from the given PriorityClass name"
    );
    assert!(
        words(put(&high, json!({"priorityClassName": "high", "preemptionPolicy": "x"})))
            .contains("computed Never")
    );
    let second = class("second", 1, json!({"globalDefault": true}));
    assert_eq!(
        default.validate(group, "priorityclasses", &second).unwrap_err(),
        "priorityclasses.scheduling.k8s.io \"second\" is forbidden: PriorityClass usual is already marked as default. Only one default can exist"
    );
    let same = class("usual", 4, json!({"globalDefault": true}));
    assert!(default.validate(group, "priorityclasses", &same).is_ok());
    let update =
        Ask { operation: Operation::Update, old: Some(pod(json!({"priority": 7}))), ..Ask::of(cluster()) };
    assert_eq!(put(&update, json!({})).unwrap()["priority"], 7);
}

#[test]
fn pods_stay_on_a_silent_node_for_five_minutes() {
    let spec = put(&Ask::of(cluster()), json!({})).unwrap();
    let toleration = |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    let both = [toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")];
    assert_eq!(spec["tolerations"], json!(both));
    let own = json!({"tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}]});
    assert_eq!(put(&Ask::of(cluster()), own).unwrap()["tolerations"].as_array().unwrap().len(), 2);
    let all = json!({"tolerations": [{"operator": "Exists"}]});
    assert_eq!(put(&Ask::of(cluster()), all).unwrap()["tolerations"].as_array().unwrap().len(), 1);
}

#[test]
fn the_youngest_default_class_counts() {
    let class = |name: &str, time: &str| json!({"metadata": {"name": name, "creationTimestamp": time, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
    let ask = Ask::of(
        cluster()
            .with("storage.k8s.io", "storageclasses", class("old", "2025-01-01T00:00:00Z"))
            .with("storage.k8s.io", "storageclasses", class("new", "2026-01-01T00:00:00Z"))
            .with(
                "storage.k8s.io",
                "storageclasses",
                json!({"metadata": {"name": "other", "creationTimestamp": "2027-01-01T00:00:00Z"}}),
            ),
    );
    let claim = |spec: Value| {
        ask.mutate("", "persistentvolumeclaims", &json!({ "spec": spec })).unwrap()["spec"]["storageClassName"].clone()
    };
    assert_eq!(claim(json!({})), "new");
    let mut warnings = Warnings::new();
    mutate(&ask.request("", "persistentvolumeclaims"), &mut json!({"spec": {}}), &mut warnings).unwrap();
    assert_eq!(warnings, ["2 storageclasses are annotated as the default; new, the youngest, was taken"]);
    assert_eq!(claim(json!({"storageClassName": ""})), "");
    let class = json!({"metadata": {"name": "nginx", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}});
    let ask = Ask::of(cluster().with("networking.k8s.io", "ingressclasses", class));
    let ingress = ask.mutate("networking.k8s.io", "ingresses", &json!({"spec": {}})).unwrap();
    assert_eq!(ingress["spec"]["ingressClassName"], "nginx");
}

#[test]
fn a_runtime_has_its_needs() {
    let class = json!({
        "metadata": {"name": "gvisor"},
        "overhead": {"podFixed": {"cpu": "250m"}},
        "scheduling": {"nodeSelector": {"sandbox": "yes"}, "tolerations": [{"key": "sandbox", "operator": "Exists"}]},
    });
    let ask = Ask::of(cluster().with("node.k8s.io", "runtimeclasses", class));
    let spec = put(&ask, json!({"runtimeClassName": "gvisor"})).unwrap();
    assert_eq!(spec["overhead"], json!({"cpu": "250m"}));
    assert_eq!(spec["nodeSelector"], json!({"sandbox": "yes"}));
    assert!(
        spec["tolerations"].as_array().unwrap().contains(&json!({"key": "sandbox", "operator": "Exists"}))
    );
    let refused = [
        (json!({"runtimeClassName": "no"}), "RuntimeClass \"no\" not found"),
        (
            json!({"overhead": {"cpu": "1"}}),
            "Pod Overhead set without corresponding RuntimeClass defined Overhead",
        ),
        (
            json!({"runtimeClassName": "gvisor", "overhead": {"cpu": "1"}}),
            "Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        ),
        (
            json!({"runtimeClassName": "gvisor", "nodeSelector": {"sandbox": "no"}}),
            "conflict: runtimeClass.scheduling.nodeSelector[sandbox] = yes; pod.spec.nodeSelector[sandbox] = no",
        ),
    ];
    for (spec, why) in refused {
        assert_eq!(put(&ask, spec), Err(format!("pods \"p\" is forbidden: pod rejected: {why}")));
    }
}

#[test]
fn claims_grow_where_their_class_can() {
    let claim = |size: &str| json!({"metadata": {"name": "c"}, "spec": {"storageClassName": "s", "resources": {"requests": {"storage": size}}}});
    let class = |grows: bool| json!({"metadata": {"name": "s"}, "allowVolumeExpansion": grows});
    let ask = |grows| Ask {
        operation: Operation::Update,
        old: Some(claim("1Gi")),
        ..Ask::of(cluster().with("storage.k8s.io", "storageclasses", class(grows)))
    };
    let resource = "persistentvolumeclaims";
    assert!(ask(true).validate("", resource, &claim("2Gi")).is_ok());
    assert!(ask(false).validate("", resource, &claim("1024Mi")).is_ok());
    assert!(ask(false).validate("", resource, &claim("2Gi")).unwrap_err().contains("must support resize"));
}

#[test]
fn nothing_panics_on_objects_of_the_wrong_form() {
    for spec in [json!(1), json!([]), json!("x"), json!({"containers": 1, "volumes": {}, "tolerations": "x"})]
    {
        let ask = Ask::of(cluster());
        for resource in ["pods", "services", "persistentvolumeclaims", "namespaces"] {
            let _ = ask.mutate("", resource, &json!({"metadata": 1, "spec": spec}));
            let _ = ask.validate("", resource, &json!({"metadata": [], "spec": spec}));
        }
    }
}

mod rights;
