use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Kind, Registry};

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

/// The cells of an object as kubectl prints them.
fn cells(group: &str, version: &str, resource: &str, mut object: Value) -> String {
    if object["metadata"].is_null() {
        object["metadata"] = json!({});
    }
    object["metadata"]["name"] = "x".into();
    if !object["metadata"].as_object().unwrap().contains_key("creationTimestamp") {
        object["metadata"]["creationTimestamp"] = "2026-11-20T09:55:00Z".into();
    }
    let found = Registry::built_in().find(group, version, resource).unwrap();
    let table =
        table(found.version(), [&object], json!({}), Definitions::Shown, IncludeObject::None, "v1", now());
    let columns = table["columnDefinitions"].as_array().unwrap().len();
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    assert_eq!(cells.len(), columns, "{resource}");
    cells.iter().map(crate::json::plain).collect::<Vec<_>>().join("|")
}

fn pod(spec: Value, status: Value) -> String {
    let text = cells("", "v1", "pods", json!({"spec": spec, "status": status}));
    text.split('|').skip(1).take(3).collect::<Vec<_>>().join("|")
}

#[test]
fn pods_say_how_they_are() {
    let one = || json!({"containers": [{"name": "a"}]});
    let with_init =
        || json!({"containers": [{"name": "a"}], "initContainers": [{"name": "i"}, {"name": "j"}]});
    let running = |restarts: i64| json!({"name": "a", "ready": true, "restartCount": restarts, "state": {"running": {}}});
    let cases = [
        (one(), json!({"phase": "Pending"}), "0/1|Pending|0"),
        (one(), json!({"phase": "Running", "containerStatuses": [running(0)]}), "1/1|Running|0"),
        (
            one(),
            json!({"phase": "Running", "containerStatuses": [{
                "name": "a", "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"finishedAt": "2026-11-20T09:58:00Z"}},
            }]}),
            "0/1|CrashLoopBackOff|5 (2m ago)",
        ),
        (
            with_init(),
            json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "restartCount": 0, "state": {"running": {}}}]}),
            "0/1|Init:0/2|0",
        ),
        (
            with_init(),
            json!({"phase": "Pending", "initContainerStatuses": [
                {"name": "i", "state": {"terminated": {"exitCode": 0}}},
                {"name": "j", "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            ]}),
            "0/1|Init:CrashLoopBackOff|2",
        ),
        (
            with_init(),
            json!({"phase": "Pending", "initContainerStatuses": [{"name": "i", "state": {"terminated": {"exitCode": 7}}}]}),
            "0/1|Init:ExitCode:7|0",
        ),
        (
            json!({"containers": [{"name": "a"}], "initContainers": [{"name": "s", "restartPolicy": "Always"}]}),
            json!({"phase": "Running", "containerStatuses": [running(1)], "initContainerStatuses": [
                {"name": "s", "started": true, "ready": true, "restartCount": 2, "state": {"running": {}}},
            ]}),
            "2/2|Running|3",
        ),
        (
            one(),
            json!({"phase": "Succeeded", "containerStatuses": [{"name": "a", "state": {"terminated": {"reason": "Completed"}}}]}),
            "0/1|Completed|0",
        ),
        (
            one(),
            json!({"phase": "Failed", "containerStatuses": [{"name": "a", "state": {"terminated": {"signal": 9}}}]}),
            "0/1|Signal:9|0",
        ),
        (
            json!({"containers": [{"name": "a"}, {"name": "b"}]}),
            json!({"phase": "Running", "containerStatuses": [
                {"name": "b", "state": {"terminated": {"reason": "Completed"}}}, running(0),
            ]}),
            "1/2|NotReady|0",
        ),
        (one(), json!({"phase": "Failed", "reason": "Evicted"}), "0/1|Evicted|0"),
        (
            one(),
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]}),
            "0/1|SchedulingGated|0",
        ),
    ];
    for (spec, status, wanted) in cases {
        assert_eq!(pod(spec, status.clone()), wanted, "{status}");
    }
    let going = json!({
        "metadata": {"deletionTimestamp": "2026-11-20T10:00:00Z"}, "spec": {"containers": [{"name": "a"}]},
        "status": {"phase": "Running", "containerStatuses": [running(0)]},
    });
    assert_eq!(cells("", "v1", "pods", going), "x|1/1|Terminating|0|5m|<none>|<none>|<none>|<none>");
}

#[test]
fn services_say_where_they_are() {
    let cases = [
        (
            json!({"type": "ClusterIP", "clusterIP": "10.96.0.1", "ports": [{"port": 443, "protocol": "TCP"}]}),
            "x|ClusterIP|10.96.0.1|<none>|443/TCP|5m|<none>",
        ),
        (
            json!({"type": "NodePort", "clusterIPs": ["10.96.0.2"], "selector": {"a": "b", "c": "d"}, "ports": [
                {"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"},
            ]}),
            "x|NodePort|10.96.0.2|<none>|80:30080/TCP,53/UDP|5m|a=b,c=d",
        ),
        (json!({"type": "LoadBalancer"}), "x|LoadBalancer|<none>|<pending>|<none>|5m|<none>"),
        (
            json!({"type": "ExternalName", "externalName": "a.b"}),
            "x|ExternalName|<none>|a.b|<none>|5m|<none>",
        ),
        (
            json!({"clusterIP": "None", "externalIPs": ["1.2.3.4"]}),
            "x|ClusterIP|None|1.2.3.4|<none>|5m|<none>",
        ),
    ];
    for (spec, wanted) in cases {
        assert_eq!(cells("", "v1", "services", json!({"spec": spec})), wanted);
    }
    let balanced = json!({"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "2.2.2.2"}, {"ip": "1.1.1.1"}]}}});
    assert_eq!(
        cells("", "v1", "services", balanced),
        "x|LoadBalancer|<none>|1.1.1.1,2.2.2.2|<none>|5m|<none>"
    );
}

#[test]
fn workloads_count_what_is_ready() {
    let template =
        json!({"spec": {"containers": [{"name": "a", "image": "i:1"}, {"name": "b", "image": "j"}]}});
    let workload = |spec: Value, status: Value| json!({"spec": spec, "status": status});
    let selector = json!({"matchLabels": {"app": "web"}});
    let spec = || json!({"replicas": 3, "selector": selector, "template": template});
    assert_eq!(
        cells(
            "apps",
            "v1",
            "deployments",
            workload(spec(), json!({"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1}))
        ),
        "x|2/3|3|1|5m|a,b|i:1,j|app=web"
    );
    assert_eq!(
        cells("apps", "v1", "replicasets", workload(spec(), json!({"replicas": 3}))),
        "x|3|3|0|5m|a,b|i:1,j|app=web"
    );
    assert_eq!(cells("apps", "v1", "statefulsets", workload(spec(), json!({}))), "x|0/3|5m|a,b|i:1,j");
    assert_eq!(
        cells(
            "apps",
            "v1",
            "daemonsets",
            workload(spec(), json!({"desiredNumberScheduled": 4, "numberReady": 1}))
        ),
        "x|4|0|1|0|0|<none>|5m|a,b|i:1,j|app=web"
    );
    assert_eq!(
        cells(
            "batch",
            "v1",
            "jobs",
            json!({
                "spec": {"completions": 1, "template": template, "selector": selector},
                "status": {"succeeded": 1, "startTime": "2026-11-20T09:55:00Z", "completionTime": "2026-11-20T09:55:07Z",
                           "conditions": [{"type": "Complete", "status": "True"}]},
            })
        ),
        "x|Complete|1/1|7s|5m|a,b|i:1,j|app=web"
    );
    assert_eq!(
        cells(
            "batch",
            "v1",
            "cronjobs",
            json!({
                "spec": {"schedule": "*/5 * * * *", "suspend": false, "jobTemplate": {"spec": {"template": template}}},
                "status": {"lastScheduleTime": "2026-11-20T09:59:00Z", "active": [{}]},
            })
        ),
        "x|*/5 * * * *|<none>|False|1|60s|5m|a,b|i:1,j|<none>"
    );
}

#[test]
fn the_rest_shows_what_kubectl_shows() {
    let cases = [
        ("", "v1", "configmaps", json!({"data": {"a": "b"}, "binaryData": {"c": "d"}}), "x|2|5m"),
        ("", "v1", "secrets", json!({"type": "Opaque", "data": {"a": "b"}}), "x|Opaque|1|5m"),
        ("", "v1", "namespaces", json!({"status": {"phase": "Active"}}), "x|Active|5m"),
        (
            "",
            "v1",
            "nodes",
            json!({
                "metadata": {"labels": {"node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "edge"}},
                "spec": {"unschedulable": true},
                "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.33.0"},
                           "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
            }),
            "x|Ready,SchedulingDisabled|control-plane,edge|5m|v1.33.0|10.0.0.1|<none>|<unknown>|<unknown>|<unknown>",
        ),
        (
            "",
            "v1",
            "endpoints",
            json!({"subsets": [{"addresses": [{"ip": "1.1.1.1"}, {"ip": "1.1.1.2"}, {"ip": "1.1.1.3"}, {"ip": "1.1.1.4"}], "ports": [{"port": 80}]}]}),
            "x|1.1.1.1:80,1.1.1.2:80,1.1.1.3:80 + 1 more...|5m",
        ),
        (
            "discovery.k8s.io",
            "v1",
            "endpointslices",
            json!({"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["1.1.1.1"]}]}),
            "x|IPv4|80|1.1.1.1|5m",
        ),
        (
            "",
            "v1",
            "events",
            json!({
                "involvedObject": {"kind": "Pod", "name": "p"}, "type": "Normal", "reason": "Started", "message": " m\n",
                "firstTimestamp": "2026-11-20T09:50:00Z", "lastTimestamp": "2026-11-20T09:59:00Z", "count": 3,
                "source": {"component": "kubelet", "host": "n1"},
            }),
            "60s|Normal|Started|pod/p||kubelet, n1|m|10m|3|x",
        ),
        (
            "events.k8s.io",
            "v1",
            "events",
            json!({"regarding": {"kind": "Pod", "name": "p"}, "eventTime": "2026-11-20T09:59:00.000000Z", "note": "n",
                   "reportingController": "c", "type": "Normal", "reason": "r"}),
            "60s|Normal|r|pod/p||c|n|60s|1|x",
        ),
        (
            "",
            "v1",
            "persistentvolumeclaims",
            json!({"spec": {"volumeName": "v", "storageClassName": "s", "volumeMode": "Filesystem"},
                   "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}}),
            "x|Bound|v|1Gi|RWO|s|<unset>|5m|Filesystem",
        ),
        (
            "storage.k8s.io",
            "v1",
            "storageclasses",
            json!({"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}, "provisioner": "p"}),
            "x (default)|p|Delete|Immediate|false|5m",
        ),
        (
            "autoscaling",
            "v2",
            "horizontalpodautoscalers",
            json!({"apiVersion": "autoscaling/v2", "spec": {
                "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 5,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}],
            }}),
            "x|Deployment/web|cpu: <unknown>/80%|1|5|0|5m",
        ),
        (
            "autoscaling",
            "v1",
            "horizontalpodautoscalers",
            json!({"apiVersion": "autoscaling/v1", "spec": {
                "scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5, "targetCPUUtilizationPercentage": 80,
            }, "status": {"currentCPUUtilizationPercentage": 12, "currentReplicas": 2}}),
            "x|Deployment/web|cpu: 12%/80%|<unset>|5|2|5m",
        ),
        (
            "policy",
            "v1",
            "poddisruptionbudgets",
            json!({"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 1}}),
            "x|50%|N/A|1|5m",
        ),
        (
            "rbac.authorization.k8s.io",
            "v1",
            "rolebindings",
            json!({"roleRef": {"kind": "Role", "name": "r"}, "subjects": [
                {"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "namespace": "n", "name": "s"},
            ]}),
            "x|Role/r|5m|u||n/s",
        ),
        (
            "networking.k8s.io",
            "v1",
            "ingresses",
            json!({"spec": {"ingressClassName": "c", "tls": [{}], "rules": [{"host": "a.b"}]}}),
            "x|c|a.b||80, 443|5m",
        ),
        (
            "certificates.k8s.io",
            "v1",
            "certificatesigningrequests",
            json!({"spec": {"signerName": "s/t", "username": "u", "expirationSeconds": 3600},
                   "status": {"certificate": "x", "conditions": [{"type": "Approved"}]}}),
            "x|5m|s/t|u|60m|Approved,Issued",
        ),
        (
            "",
            "v1",
            "resourcequotas",
            json!({"status": {"hard": {"pods": "10", "limits.cpu": "2"}, "used": {"pods": "1"}}}),
            "x|pods: 1/10|limits.cpu: 0/2|5m",
        ),
        (
            "apps",
            "v1",
            "controllerrevisions",
            json!({"revision": 2, "metadata": {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "controller": true}]}}),
            "x|statefulset.apps/s|2|5m",
        ),
        ("coordination.k8s.io", "v1", "leases", json!({"spec": {"holderIdentity": "h"}}), "x|h|5m"),
        ("rbac.authorization.k8s.io", "v1", "roles", json!({}), "x|2026-11-20T09:55:00Z"),
    ];
    for (group, version, resource, object, wanted) in cases {
        assert_eq!(cells(group, version, resource, object), wanted, "{resource}");
    }
}

#[test]
fn custom_columns_are_read_from_their_paths() {
    let definition = json!({"spec": {
        "group": "e.com", "scope": "Namespaced", "names": {"plural": "ws", "kind": "W"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}},
            "additionalPrinterColumns": [
                {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"},
                {"name": "Hosts", "type": "string", "jsonPath": ".spec.hosts"},
                {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                {"name": "None", "type": "string", "jsonPath": ".spec.none"},
            ]}],
    }});
    let kind = Kind::from_crd(&definition).unwrap();
    let object = json!({
        "metadata": {"name": "w", "creationTimestamp": "2026-11-20T09:59:00Z"},
        "spec": {"size": 3, "hosts": ["a", "b"]}, "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    });
    let table = table(
        &kind.versions[0],
        [&object],
        json!({"resourceVersion": "5"}),
        Definitions::Omitted,
        IncludeObject::Metadata,
        "v1",
        now(),
    );
    assert_eq!(table["rows"][0]["cells"], json!(["w", 3, "True", "[\"a\",\"b\"]", "60s", null]));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(
        (&table["columnDefinitions"], &table["metadata"]["resourceVersion"]),
        (&Value::Null, &json!("5"))
    );
    assert_eq!(IncludeObject::parse("includeObject=Object").unwrap(), IncludeObject::Object);
    assert!(IncludeObject::parse("includeObject=All").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_object_panics(object in crate::rules::tests::any_object()) {
        for kind in Registry::built_in().kinds() {
            for version in &kind.versions {
                let table = table(version, [&object], json!({}), Definitions::Shown, IncludeObject::Object, "v1", now());
                prop_assert_eq!(table["rows"][0]["cells"].as_array().unwrap().len(), version.columns().len());
            }
        }
    }
}
