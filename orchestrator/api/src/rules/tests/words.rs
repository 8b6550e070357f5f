//! What people get wrong, and what they are told.

use super::*;

/// A good pod with something else in one place.
fn pod(place: &str, value: Value) -> Vec<String> {
    let mut spec = json!({
        "containers": [{"name": "a", "image": "i:1"}], "volumes": [{"name": "v", "emptyDir": {}}],
    });
    let (above, key) = place.rsplit_once('/').unwrap();
    spec.pointer_mut(above).unwrap()[key] = value;
    created("", "pods", json!({"metadata": {"name": "p"}, "spec": spec})).1
}

#[test]
fn pods() {
    let cases = [
        ("/containers", json!([]), "spec.containers: Required value"),
        (
            "/containers/0/name",
            json!("A"),
            "spec.containers[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case \
             alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  \
             or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        ),
        ("/containers/0/image", json!(""), "spec.containers[0].image: Required value"),
        (
            "/containers",
            json!([{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]),
            "spec.containers[1].name: Duplicate value: \"a\"",
        ),
        (
            "/containers/0/imagePullPolicy",
            json!("Sometimes"),
            "spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \
             \"IfNotPresent\", \"Never\"",
        ),
        (
            "/containers/0/ports",
            json!([{"containerPort": 70000}]),
            "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        (
            "/containers/0/ports",
            json!([{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]),
            "spec.containers[0].ports[1].name: Duplicate value: \"a\"",
        ),
        (
            "/containers/0/volumeMounts",
            json!([{"name": "w", "mountPath": "/w"}]),
            "spec.containers[0].volumeMounts[0].name: Not found: \"w\"",
        ),
        (
            "/containers/0/volumeMounts",
            json!([{"name": "v", "mountPath": "/w"}, {"name": "v", "mountPath": "/w"}]),
            "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/w\": must be unique",
        ),
        (
            "/containers/0/resources",
            json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}),
            "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1500m",
        ),
        (
            "/containers/0/resources",
            json!({"limits": {"cpu": "-1"}, "requests": {"cpu": "-1"}}),
            "spec.containers[0].resources.limits[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
        ),
        (
            "/containers/0/livenessProbe",
            json!({"periodSeconds": 1}),
            "spec.containers[0].livenessProbe: Required value: must specify a handler type",
        ),
        (
            "/containers/0/livenessProbe",
            json!({"exec": {"command": ["x"]}, "successThreshold": 2}),
            "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        ("/containers/0/env", json!([{"value": "x"}]), "spec.containers[0].env[0].name: Required value"),
        (
            "/volumes",
            json!([{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]),
            "spec.volumes[1].name: Duplicate value: \"v\"",
        ),
        (
            "/volumes",
            json!([{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]),
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        (
            "/restartPolicy",
            json!("Maybe"),
            "spec.restartPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", \"OnFailure\", \"Never\"",
        ),
        (
            "/tolerations",
            json!([{"operator": "Equal"}]),
            "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which \
             means \"match all values and all keys\"",
        ),
    ];
    for (place, value, words) in cases {
        let causes = pod(place, value);
        assert!(causes.first().is_some_and(|first| first == words), "{words}\n{causes:?}");
    }
}

/// The first thing that is wrong with a new object.
fn first(group: &str, name: &str, object: Value) -> String {
    created(group, name, object).1.into_iter().next().unwrap_or_default()
}

#[test]
fn new_objects() {
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": pod_spec()});
    let cases = [
        ("apps", "deployments", json!({"spec": {"template": template}}), "spec.selector: Required value"),
        (
            "apps",
            "deployments",
            json!({"spec": {"selector": {"matchLabels": {"a": "c"}}, "template": template}}),
            "spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`",
        ),
        (
            "apps",
            "deployments",
            json!({"spec": {"replicas": -1, "selector": {"matchLabels": {"a": "b"}}, "template": template}}),
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            "batch",
            "jobs",
            json!({"spec": {"template": {"spec": pod_spec()}}}),
            "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
        ),
        ("", "services", json!({"spec": {}}), "spec.ports: Required value"),
        (
            "",
            "services",
            json!({"spec": {"ports": [{"port": 80}, {"port": 81}]}}),
            "spec.ports[0].name: Required value",
        ),
        (
            "",
            "services",
            json!({"spec": {"ports": [{"port": 0}]}}),
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        (
            "",
            "services",
            json!({"spec": {"type": "Best", "ports": [{"port": 80}]}}),
            "spec.type: Unsupported value: \"Best\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \
             \"NodePort\"",
        ),
        (
            "",
            "services",
            json!({"spec": {"ports": [{"port": 80, "nodePort": 30000}]}}),
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        (
            "",
            "services",
            json!({"spec": {"clusterIP": "x", "ports": [{"port": 80}]}}),
            "spec.clusterIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        ),
        (
            "",
            "configmaps",
            json!({"data": {"a b": "c"}}),
            "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or \
             '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        ),
        (
            "",
            "secrets",
            json!({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}),
            "data[tls.key]: Required value",
        ),
        (
            "",
            "persistentvolumeclaims",
            json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}}),
            "spec.accessModes: Required value: at least 1 access mode is required",
        ),
        (
            "batch",
            "cronjobs",
            json!({"spec": {"schedule": "x", "jobTemplate": {"spec": {"template": {"spec": pod_spec()}}}}}),
            "spec.schedule: Invalid value: \"x\": expected exactly 5 fields, found 1: [x]",
        ),
        (
            "batch",
            "cronjobs",
            json!({"spec": {
                "schedule": "@daily", "timeZone": "Europe/Nowhere", "jobTemplate": {"spec": {"template": {"spec": pod_spec()}}},
            }}),
            "spec.timeZone: Invalid value: \"Europe/Nowhere\": unknown time zone Europe/Nowhere",
        ),
        (
            "rbac.authorization.k8s.io",
            "roles",
            json!({"rules": [{"apiGroups": [""], "resources": ["pods"]}]}),
            "rules[0].verbs: Required value: verbs must contain at least one value",
        ),
        (
            "networking.k8s.io",
            "ingresses",
            json!({"spec": {}}),
            "spec: Invalid value: {}: either `defaultBackend` or `rules` must be specified",
        ),
        (
            "autoscaling",
            "horizontalpodautoscalers",
            json!({"spec": {"minReplicas": 5, "maxReplicas": 2, "scaleTargetRef": {"kind": "D", "name": "d"}}}),
            "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`",
        ),
        (
            "policy",
            "poddisruptionbudgets",
            json!({"spec": {"minAvailable": 1, "maxUnavailable": 1}}),
            "spec: Invalid value: {\"maxUnavailable\":1,\"minAvailable\":1}: minAvailable and maxUnavailable cannot be \
             both set",
        ),
        (
            "",
            "events",
            json!({"metadata": {"namespace": "a"}, "involvedObject": {"namespace": "b"}}),
            "involvedObject.namespace: Invalid value: \"b\": does not match event.namespace",
        ),
        (
            "apiextensions.k8s.io",
            "customresourcedefinitions",
            json!({"metadata": {"name": "x"}, "spec": {}}),
            "metadata.name: Invalid value: \"x\": must be spec.names.plural+\".\"+spec.group",
        ),
        (
            "",
            "limitranges",
            json!({"spec": {"limits": [{"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]}}),
            "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
        ),
    ];
    for (group, name, object, words) in cases {
        assert_eq!(first(group, name, object), words, "{name}");
    }
}

#[test]
fn schedules() {
    let causes = |schedule: &str| {
        let template =
            json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "i"}]}});
        let spec = json!({"schedule": schedule, "jobTemplate": {"spec": {"template": template}}});
        created("batch", "cronjobs", json!({"spec": spec})).1
    };
    for good in [
        "* * * * *",
        "*/5 0-6,22 1 JAN-MAR MON",
        "0 0 * * 7",
        "@hourly",
        "@daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "@annually",
        "@every 1h30m",
    ] {
        assert_eq!(causes(good), Vec::<String>::new(), "{good}");
    }
    for bad in [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "x * * * *",
        "@often",
        "@every x",
        "TZ=UTC * * * * *",
        "0 * * * * *",
    ] {
        assert_eq!(causes(bad).len(), 1, "{bad}: {:?}", causes(bad));
    }
}

#[test]
fn changes() {
    let change = |group: &str, name: &str, old: Value, new: fn(&mut Value)| {
        let (old, _) = created(group, name, old);
        let mut next = old.clone();
        new(&mut next);
        updated(group, name, next, &old).1.into_iter().next().unwrap_or_default()
    };
    let template = json!({"metadata": {"labels": {"a": "b", "c": "d"}}, "spec": pod_spec()});
    let workload = json!({"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}});
    assert_eq!(
        change("apps", "deployments", workload.clone(), |one| one["spec"]["selector"] =
            json!({"matchLabels": {"c": "d"}})),
        "spec.selector: Invalid value: {\"matchLabels\":{\"c\":\"d\"}}: field is immutable"
    );
    assert_eq!(
        change("apps", "statefulsets", workload, |one| one["spec"]["serviceName"] = "x".into()),
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
         'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are \
         forbidden"
    );
    assert_eq!(
        change("", "configmaps", json!({"immutable": true, "data": {"a": "b"}}), |one| one["data"]["a"] =
            "c".into()),
        "data: Forbidden: field is immutable when `immutable` is set"
    );
    assert_eq!(
        change("", "secrets", json!({"data": {}}), |one| one["type"] = "x/y".into()),
        "type: Invalid value: \"x/y\": field is immutable"
    );
    let binding = json!({"roleRef": {"kind": "Role", "name": "a"}});
    assert_eq!(
        change("rbac.authorization.k8s.io", "rolebindings", binding, |one| one["roleRef"]["name"] =
            "b".into()),
        "roleRef: Invalid value: {\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"b\"}: cannot \
         change roleRef"
    );
    let class = json!({"provisioner": "a/b"});
    assert_eq!(
        change("storage.k8s.io", "storageclasses", class, |one| one["parameters"] = json!({"a": "b"})),
        "parameters: Forbidden: updates to parameters are forbidden."
    );
    let claim =
        json!({"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    assert_eq!(
        change("", "persistentvolumeclaims", claim, |one| one["spec"]["accessModes"] =
            json!(["ReadWriteMany"])),
        "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for \
         bound claims"
    );
}

#[test]
fn what_is_kept_without_effect_is_said() {
    let hooks = json!({"webhooks": [{"name": "a.b.c"}]});
    let rules = resource("admissionregistration.k8s.io", "validatingwebhookconfigurations");
    assert_eq!(
        rules.kind().rules.warnings(&hooks),
        ["webhooks: admission webhooks are kept, but not called by this server"]
    );
    let pod = json!({"spec": {"containers": [{"env": [{"name": "A"}, {"name": "A"}]}]}});
    assert_eq!(
        resource("", "pods").kind().rules.warnings(&pod),
        [
            "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply"
        ]
    );
}
