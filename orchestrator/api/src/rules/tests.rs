use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Kind, Registry, Resource, convert, meta, options};

mod refusals;
mod samples;
mod words;

fn resource(group: &str, resource: &str) -> Resource {
    let registry = Registry::built_in();
    let version = registry.by_name(group, resource).unwrap().versions[0].name.clone();
    registry.find(group, &version, resource).unwrap()
}

/// An object as it is stored when a client creates it.
fn created(group: &str, name: &str, mut object: Value) -> (Value, Vec<String>) {
    let found = resource(group, name);
    let rules = found.kind().rules;
    meta::prepare_create(&mut object, "uid-1", "2026-11-20T10:00:00Z");
    rules.default(&found.version().name, &mut object);
    rules.prepare_create(&mut object);
    let causes = rules.validate(&object).iter().map(ToString::to_string).collect();
    (object, causes)
}

fn updated(group: &str, name: &str, mut new: Value, old: &Value) -> (Value, Vec<String>) {
    let found = resource(group, name);
    let rules = found.kind().rules;
    rules.default(&found.version().name, &mut new);
    meta::prepare_update(&mut new, old);
    rules.prepare_update(&mut new, old);
    let causes = rules.validate_update(&new, old).iter().map(ToString::to_string).collect();
    (new, causes)
}

fn pod_spec() -> Value {
    json!({"containers": [{"name": "a", "image": "nginx"}]})
}

#[test]
fn a_deployment_gets_what_kubernetes_gives_it() {
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": pod_spec()});
    let spec = json!({"selector": {"matchLabels": {"app": "web"}}, "template": template});
    let (object, causes) = created(
        "apps",
        "deployments",
        json!({"metadata": {"name": "d"}, "spec": spec, "status": {"replicas": 9}}),
    );
    assert_eq!(causes, Vec::<String>::new());
    assert_eq!((&object["status"], &object["metadata"]["generation"]), (&json!({}), &json!(1)));
    let wanted = json!({
        "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
            "containers": [{
                "name": "a", "image": "nginx", "imagePullPolicy": "Always", "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            }],
            "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
            "securityContext": {}, "terminationGracePeriodSeconds": 30,
        }},
    });
    assert_eq!(object["spec"], wanted);
}

#[test]
fn a_pod_gets_its_class_and_requests() {
    let spec = json!({"containers": [{
        "name": "a", "image": "i:1", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
        "livenessProbe": {"httpGet": {"port": 80}}, "ports": [{"containerPort": 80}],
    }], "volumes": [{"name": "v", "configMap": {"name": "c"}}, {"name": "e"}]});
    let (object, causes) = created("", "pods", json!({"metadata": {"name": "p"}, "spec": spec}));
    assert_eq!(causes, Vec::<String>::new());
    assert_eq!(object["status"], json!({"phase": "Pending", "qosClass": "Guaranteed"}));
    let container = &object["spec"]["containers"][0];
    assert_eq!(container["resources"]["requests"], json!({"cpu": "1", "memory": "1Gi"}));
    assert_eq!(container["imagePullPolicy"], "IfNotPresent");
    assert_eq!(container["ports"][0]["protocol"], "TCP");
    let probe = json!({
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10,
        "successThreshold": 1, "failureThreshold": 3,
    });
    assert_eq!(container["livenessProbe"], probe);
    assert_eq!(object["spec"]["enableServiceLinks"], true);
    assert_eq!(object["spec"]["volumes"][0]["configMap"]["defaultMode"], 420);
    assert_eq!(object["spec"]["volumes"][1]["emptyDir"], json!({}));
    let class = |resources: Value| {
        let spec = json!({"containers": [{"name": "a", "image": "i", "resources": resources}]});
        created("", "pods", json!({"spec": spec})).0["status"]["qosClass"].clone()
    };
    assert_eq!(class(json!({})), "BestEffort");
    assert_eq!(class(json!({"requests": {"cpu": "100m"}})), "Burstable");
}

#[test]
fn only_a_few_things_of_a_pod_can_change() {
    let (old, _) = created("", "pods", json!({"metadata": {"name": "p"}, "spec": pod_spec()}));
    let mut new = old.clone();
    new["spec"]["containers"][0]["image"] = "nginx:2".into();
    new["spec"]["tolerations"] = json!([{"key": "a", "operator": "Exists"}]);
    let (new, causes) = updated("", "pods", new, &old);
    assert_eq!(causes, Vec::<String>::new());
    assert_eq!(new["metadata"]["generation"], 2);
    let mut new = old.clone();
    new["spec"]["nodeName"] = "n1".into();
    let (_, causes) = updated("", "pods", new, &old);
    assert!(
        causes[0].starts_with("spec: Forbidden: pod updates may not change fields other than"),
        "{causes:?}"
    );
    assert!(causes[0].ends_with("changed: spec.nodeName"), "{causes:?}");
}

#[test]
fn ephemeral_containers_are_only_added() {
    let (mut old, _) = created("", "pods", json!({"metadata": {"name": "p"}, "spec": pod_spec()}));
    old["spec"]["ephemeralContainers"] = json!([{"name": "d", "image": "i", "imagePullPolicy": "Always"}]);
    let rules = resource("", "pods").kind().rules;
    assert_eq!(rules.validate_part(&old, &old), []);
    let mut new = old.clone();
    new["spec"]["ephemeralContainers"] =
        json!([{"name": "e", "image": "i", "imagePullPolicy": "Always", "targetContainerName": "z"}]);
    let words: Vec<String> = rules.validate_part(&new, &old).iter().map(ToString::to_string).collect();
    assert_eq!(words[0], "spec.ephemeralContainers[0].targetContainerName: Not found: \"z\"");
    assert!(words[1].contains("\"d\" may not be removed"), "{words:?}");
}

#[test]
fn a_service_asks_for_what_it_needs_and_keeps_it() {
    let spec = json!({"type": "NodePort", "ports": [{"port": 80}], "selector": {"a": "b"}});
    let (mut object, causes) = created("", "services", json!({"metadata": {"name": "s"}, "spec": spec}));
    assert_eq!(causes, Vec::<String>::new());
    assert_eq!(object["spec"]["ports"][0], json!({"port": 80, "protocol": "TCP", "targetPort": 80}));
    let rules = &service::Service;
    rules.choose_families(&mut object, &[Family::V4]);
    for (field, value) in [
        ("sessionAffinity", "None"),
        ("internalTrafficPolicy", "Cluster"),
        ("externalTrafficPolicy", "Cluster"),
        ("ipFamilyPolicy", "SingleStack"),
    ] {
        assert_eq!(object["spec"][field], value, "{field}");
    }
    let wanted = [
        Allocation::ClusterIp { index: 0, family: Family::V4 },
        Allocation::NodePort { index: 0, protocol: "TCP".into() },
    ];
    assert_eq!(rules.allocations(&object, None), wanted);
    object["spec"]["clusterIP"] = "10.96.0.9".into();
    object["spec"]["clusterIPs"] = json!(["10.96.0.9"]);
    object["spec"]["ports"][0]["nodePort"] = 30080.into();
    assert!(rules.allocations(&object, None).is_empty());
    let keys: Vec<String> = rules.claims(&object).iter().map(Claim::key).collect();
    assert_eq!(keys, ["/registry/claims/clusterips/10.96.0.9", "/registry/claims/nodeports/30080-TCP"]);

    // Whoever replaces it without naming them keeps address and port.
    let again = json!({"metadata": {"name": "s"}, "spec": {"type": "NodePort", "ports": [{"port": 80}]}});
    let (kept, causes) = updated("", "services", again, &object);
    assert_eq!(causes, Vec::<String>::new());
    assert_eq!(
        (&kept["spec"]["clusterIP"], &kept["spec"]["ports"][0]["nodePort"]),
        (&json!("10.96.0.9"), &json!(30080))
    );

    // The port goes with the type, the address too if there is none any more.
    let mut inner = object.clone();
    inner["spec"]["type"] = "ClusterIP".into();
    let (inner, causes) = updated("", "services", inner, &object);
    assert_eq!(causes, Vec::<String>::new());
    assert!(inner["spec"]["ports"][0].get("nodePort").is_none());
    assert!(inner["spec"].get("externalTrafficPolicy").is_none());
    let mut outer = object.clone();
    outer["spec"]["type"] = "ExternalName".into();
    outer["spec"]["externalName"] = "a.b".into();
    let (outer, causes) = updated("", "services", outer, &object);
    assert_eq!(causes, Vec::<String>::new());
    assert!(outer["spec"].get("clusterIP").is_none());
    assert!(rules.claims(&outer).is_empty());

    let mut moved = object.clone();
    moved["spec"]["clusterIP"] = "10.96.0.10".into();
    let (_, causes) = updated("", "services", moved, &object);
    assert_eq!(causes, ["spec.clusterIPs[0]: Invalid value: [\"10.96.0.10\"]: may not change once set"]);
}

#[test]
fn headless_services_get_nothing() {
    let spec = json!({"clusterIP": "None", "selector": {"a": "b"}});
    let (object, causes) = created("", "services", json!({"metadata": {"name": "s"}, "spec": spec}));
    assert_eq!(causes, Vec::<String>::new());
    assert_eq!(object["spec"]["clusterIPs"], json!(["None"]));
    assert!(service::Service.allocations(&object, None).is_empty());
    assert!(service::Service.claims(&object).is_empty());
    let spec = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}], "ipFamilies": ["IPv4", "IPv6"]});
    let (object, _) = created("", "services", json!({"metadata": {"name": "s"}, "spec": spec}));
    let wanted = service::Service.allocations(&object, None);
    assert_eq!(wanted.len(), 4, "{wanted:?}");
    assert_eq!(wanted[3], Allocation::HealthCheckNodePort);
}

#[test]
fn generations_count_changes_of_the_spec_alone() {
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": pod_spec()});
    let spec = json!({"selector": {"matchLabels": {"app": "web"}}, "template": template});
    let (mut old, _) = created("apps", "deployments", json!({"metadata": {"name": "d"}, "spec": spec}));
    old["status"] = json!({"replicas": 1});
    let mut labelled = old.clone();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    labelled["metadata"]["generation"] = 77.into();
    labelled["status"] = json!({"replicas": 99});
    let (labelled, _) = updated("apps", "deployments", labelled, &old);
    assert_eq!(
        (&labelled["metadata"]["generation"], &labelled["status"]),
        (&json!(1), &json!({"replicas": 1}))
    );
    let (map, _) = created("", "configmaps", json!({"metadata": {"name": "m", "generation": 7}}));
    assert!(map["metadata"].get("generation").is_none());
    let mut next = map.clone();
    next["metadata"]["generation"] = 7.into();
    assert!(updated("", "configmaps", next, &map).0["metadata"].get("generation").is_none());
    let mut scaled = old.clone();
    scaled["spec"]["replicas"] = 5.into();
    let (scaled, _) = updated("apps", "deployments", scaled, &old);
    assert_eq!(scaled["metadata"]["generation"], 2);

    let mut status = scaled.clone();
    status["status"] = json!({"replicas": 5});
    status["spec"]["replicas"] = 7.into();
    status["metadata"]["labels"] = json!({"no": "no"});
    status["metadata"]["resourceVersion"] = "12".into();
    resource("apps", "deployments").kind().rules.prepare_status(&mut status, &scaled);
    assert_eq!((&status["spec"]["replicas"], &status["status"]["replicas"]), (&json!(5), &json!(5)));
    assert!(status["metadata"].get("labels").is_none());
    assert_eq!(status["metadata"]["resourceVersion"], "12");
}

#[test]
fn metadata_is_written_through_status_where_kubernetes_lets_it() {
    let sent = json!({"name": "x", "labels": {"a": "new"}, "annotations": {"a": "new"}, "finalizers": ["new/a"],
        "ownerReferences": ["new"]});
    let old = json!({"metadata": {"name": "x", "labels": {"a": "old"}}, "spec": {"a": 1}});
    let written = |group: &str, plural: &str| {
        let mut new = json!({"metadata": sent, "spec": {"a": 2}, "status": {"phase": "Running"}});
        resource(group, plural).kind().rules.prepare_status(&mut new, &old);
        assert_eq!(new["spec"], old["spec"], "{plural}");
        ["labels", "annotations", "finalizers", "ownerReferences"].map(|field| new["metadata"][field].clone())
    };
    let all = ["labels", "annotations", "finalizers", "ownerReferences"].map(|field| sent[field].clone());
    assert_eq!(written("", "nodes"), all);
    let [labels, annotations, finalizers, owners] = all;
    assert_eq!(written("", "pods"), [labels, annotations.clone(), finalizers.clone(), Value::Null]);
    let kept = json!({"a": "old"});
    assert_eq!(written("apps", "deployments"), [kept.clone(), annotations, finalizers, owners]);
    let definitions = written("apiextensions.k8s.io", "customresourcedefinitions");
    assert_eq!(definitions, [kept, Value::Null, Value::Null, Value::Null]);
}

#[test]
fn events_have_their_times_even_without_any() {
    let mut core = json!({"message": "m", "eventTime": "t"});
    event::Event.default("v1", &mut core);
    assert_eq!(
        core,
        json!({
            "message": "m", "eventTime": "t", "firstTimestamp": null, "lastTimestamp": null, "source": {},
            "reportingComponent": "", "reportingInstance": "",
        })
    );
    let mut new = json!({});
    event::NewEvent.default("v1", &mut new);
    let times = json!({"eventTime": null, "deprecatedFirstTimestamp": null, "deprecatedLastTimestamp": null, "deprecatedSource": {}});
    assert_eq!(new, times);
}

#[test]
fn claims_of_stateful_sets_wait_whoever_sends_them() {
    // Clients in Go send the empty status, others none: the same set, which is not to look changed.
    for status in [json!(null), json!({})] {
        let mut claim = json!({"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"]}});
        if !status.is_null() {
            claim["status"] = status;
        }
        let set = json!({"metadata": {"name": "s"}, "spec": {"volumeClaimTemplates": [claim]}});
        let (set, _) = created("apps", "statefulsets", set);
        assert_eq!(set["spec"]["volumeClaimTemplates"][0]["status"], json!({"phase": "Pending"}));
    }
}

#[test]
fn small_kinds_get_their_defaults() {
    let (secret, _) = created("", "secrets", json!({"stringData": {"a": "b"}}));
    assert_eq!((&secret["type"], &secret["data"]), (&json!("Opaque"), &json!({"a": "Yg=="})));
    assert!(secret.get("stringData").is_none());
    let (namespace, _) = created("", "namespaces", json!({"metadata": {"name": "n"}}));
    assert_eq!(namespace["metadata"]["labels"], json!({"kubernetes.io/metadata.name": "n"}));
    assert_eq!(
        (&namespace["spec"]["finalizers"], &namespace["status"]["phase"]),
        (&json!(["kubernetes"]), &json!("Active"))
    );
    let (kept, _) = updated("", "namespaces", json!({"metadata": {"name": "n"}}), &namespace);
    assert_eq!(kept["spec"]["finalizers"], json!(["kubernetes"]));
    let job = json!({"metadata": {"name": "j"}, "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i"}]}}}});
    let (job, causes) = created("batch", "jobs", job);
    assert_eq!(causes, Vec::<String>::new());
    assert_eq!(
        job["spec"]["selector"],
        json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "uid-1"}})
    );
    assert_eq!(job["spec"]["template"]["metadata"]["labels"]["job-name"], "j");
    for (field, value) in [
        ("completions", json!(1)),
        ("parallelism", json!(1)),
        ("backoffLimit", json!(6)),
        ("suspend", json!(false)),
    ] {
        assert_eq!(job["spec"][field], value, "{field}");
    }
    let (range, _) =
        created("", "limitranges", json!({"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}}]}}));
    let limit = &range["spec"]["limits"][0];
    assert_eq!((&limit["default"]["cpu"], &limit["defaultRequest"]["cpu"]), (&json!("2"), &json!("2")));
    let (policy, _) =
        created("networking.k8s.io", "networkpolicies", json!({"spec": {"podSelector": {}, "egress": [{}]}}));
    assert_eq!(policy["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
    let (scaler, _) = created("autoscaling", "horizontalpodautoscalers", json!({"spec": {"maxReplicas": 3}}));
    assert_eq!(scaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 80);
    let (definition, _) = created(
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        json!({"spec": {"names": {"kind": "Widget"}, "versions": [{"name": "v1", "storage": true}]}}),
    );
    assert_eq!(definition["spec"]["names"]["listKind"], "WidgetList");
    assert_eq!(definition["spec"]["conversion"]["strategy"], "None");
    assert_eq!(definition["status"]["storedVersions"], json!(["v1"]));
}

#[test]
fn pods_go_at_once_where_nothing_runs() {
    let rules = resource("", "pods");
    let grace = |object: Value, asked| rules.kind().rules.grace_seconds(&object, asked);
    let running = json!({"spec": {"nodeName": "n", "terminationGracePeriodSeconds": 5}, "status": {"phase": "Running"}});
    assert_eq!(grace(running.clone(), None), Some(5));
    assert_eq!(grace(running, Some(0)), Some(0));
    assert_eq!(grace(json!({"spec": {}}), Some(9)), Some(0));
    assert_eq!(grace(json!({"spec": {"nodeName": "n"}, "status": {"phase": "Failed"}}), None), Some(0));
}

/// Objects that are nearly right: a sample in which one place holds something else. And some that are not at all.
pub(crate) fn any_object() -> impl Strategy<Value = Value> {
    let wrong = any_value();
    let broken = (0..samples::ALL.len(), any::<u64>(), wrong.clone()).prop_map(|(index, place, value)| {
        let mut object: Value = serde_json::from_str(samples::ALL[index]).unwrap();
        let places = places(&object, String::new());
        let place = &places[usize::try_from(place % places.len() as u64).unwrap()];
        *object.pointer_mut(place).unwrap() = value;
        object
    });
    prop_oneof![4 => broken, 1 => wrong]
}

fn any_value() -> impl Strategy<Value = Value> + Clone {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Z0-9%./:ä -]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = prop_oneof![
            Just("spec"),
            Just("metadata"),
            Just("name"),
            Just("containers"),
            Just("status"),
            Just("x")
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// JSON pointers of all places.
fn places(value: &Value, at: String) -> Vec<String> {
    let mut all = Vec::new();
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            all.extend(places(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))));
        }),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| all.extend(places(value, format!("{at}/{index}"))));
        }
        _ => (),
    }
    all.push(at);
    all
}

fn walk_all(kind: &Kind, object: &Value, old: &Value) {
    let rules = kind.rules;
    for version in &kind.versions {
        let mut new = object.clone();
        rules.default(&version.name, &mut new);
        let once = new.clone();
        rules.default(&version.name, &mut new);
        assert_eq!(new, once, "{} is not defaulted once and for all", kind.kind);
        convert::to_storage(kind, version, &mut new);
        convert::from_storage(kind, version, &mut new);
        meta::prepare_create(&mut new, "u", "t");
        rules.prepare_create(&mut new);
        rules.validate(&new);
        rules.warnings(&new);
        rules.claims(&new);
        rules.allocations(&new, None);
        rules.grace_seconds(&new, None);
        meta::validate(kind, &new);
        meta::prepare_update(&mut new, old);
        rules.prepare_update(&mut new, old);
        rules.validate_update(&new, old);
        meta::validate_update(kind, &new, old);
        rules.prepare_status(&mut new, old);
        rules.validate_status(&new, old);
        rules.validate_part(&new, old);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_object_panics_and_defaults_settle(object in any_object(), old in any_object()) {
        for kind in Registry::built_in().kinds() {
            walk_all(kind, &object, &old);
        }
        if let Ok(kind) = Kind::from_crd(&object) {
            walk_all(&kind, &old, &object);
        }
        let _ = options::DeleteOptions::parse("", &object);
    }
}

#[test]
fn samples_are_right() {
    for sample in samples::ALL {
        let object: Value = serde_json::from_str(sample).unwrap();
        let is_its_kind = |kind: &&Arc<Kind>| {
            object["kind"] == *kind.kind
                && kind.versions.iter().any(|version| object["apiVersion"] == *version.api_version())
        };
        let registry = Registry::built_in();
        let kind = registry.kinds().iter().find(is_its_kind).unwrap();
        let (_, causes) = created(&kind.group, &kind.plural, object.clone());
        assert_eq!(causes, Vec::<String>::new(), "{}", kind.kind);
    }
}
