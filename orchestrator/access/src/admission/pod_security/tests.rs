use serde_json::{Value, json};

use crate::admission::Operation;
use crate::admission::tests::{Ask, cluster};

fn with(labels: Value) -> Ask {
    Ask::of(cluster().with("", "namespaces", json!({"metadata": {"name": "d", "labels": labels}})))
}

fn level(mode: &str, level: &str) -> Ask {
    with(json!({format!("pod-security.kubernetes.io/{mode}"): level}))
}

/// A pod that even `restricted` lets in, changed.
fn pod(change: impl FnOnce(&mut Value)) -> Value {
    let mut pod = json!({
        "metadata": {"name": "p"},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "c",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    });
    change(&mut pod);
    pod
}

fn violates(of: &str, pod: &Value) -> Option<String> {
    let refusal = level("enforce", of).validate("", "pods", pod).err()?;
    let words = format!("pods \"p\" is forbidden: violates PodSecurity \"{of}:latest\": ");
    Some(refusal.strip_prefix(&words).unwrap_or(&refusal).to_owned())
}

#[test]
fn an_ordinary_pod_breaks_restricted_in_the_words_of_kubernetes() {
    let ordinary = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}, {"name": "b"}]}});
    assert_eq!(
        violates("restricted", &ordinary).unwrap(),
        "allowPrivilegeEscalation != false (containers \"a\", \"b\" must set \
         securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (containers \"a\", \"b\" must set \
         securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod or containers \"a\", \"b\" must set \
         securityContext.runAsNonRoot=true), seccompProfile (pod or containers \"a\", \"b\" must set \
         securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
    );
    assert_eq!(violates("baseline", &ordinary), None);
    assert_eq!(violates("restricted", &pod(|_| {})), None);
}

type Change = fn(&mut Value);

#[test]
fn every_rule_finds_what_breaks_it() {
    let baseline: [(Change, &str); 11] = [
        (|pod| pod["spec"]["hostNetwork"] = json!(true), "host namespaces (hostNetwork=true)"),
        (|pod| pod["spec"]["hostPID"] = json!(true), "host namespaces (hostPID=true)"),
        (
            |pod| pod["spec"]["volumes"] = json!([{"name": "v", "hostPath": {"path": "/"}}]),
            "hostPath volumes (volume \"v\")",
        ),
        (
            |pod| pod["spec"]["containers"][0]["ports"] = json!([{"hostPort": 80}]),
            "hostPort (container \"c\" uses hostPort 80)",
        ),
        (
            |pod| pod["spec"]["containers"][0]["securityContext"]["privileged"] = json!(true),
            "privileged (container \"c\" must not set securityContext.privileged=true)",
        ),
        (
            |pod| {
                pod["spec"]["containers"][0]["securityContext"]["capabilities"]["add"] = json!(["NET_ADMIN"]);
            },
            "non-default capabilities (container \"c\" must not include \"NET_ADMIN\" in securityContext.capabilities.add)",
        ),
        (
            |pod| pod["spec"]["containers"][0]["securityContext"]["procMount"] = json!("Unmasked"),
            "procMount (container \"c\" must not set securityContext.procMount to \"Unmasked\")",
        ),
        (
            |pod| pod["spec"]["securityContext"]["seLinuxOptions"] = json!({"user": "x"}),
            "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: user may not be set)",
        ),
        (
            |pod| pod["spec"]["securityContext"]["seccompProfile"] = json!({"type": "Unconfined"}),
            "seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\")",
        ),
        (
            |pod| pod["spec"]["securityContext"]["sysctls"] = json!([{"name": "kernel.msgmax"}]),
            "forbidden sysctls (kernel.msgmax)",
        ),
        (
            |pod| pod["spec"]["securityContext"]["appArmorProfile"] = json!({"type": "Unconfined"}),
            "forbidden AppArmor profile (pod must not set AppArmor profile type to \"Unconfined\")",
        ),
    ];
    for (change, words) in baseline {
        let broken = pod(change);
        assert_eq!(violates("baseline", &broken).as_deref(), Some(words));
        assert!(violates("restricted", &broken).is_some(), "{words}");
        assert_eq!(violates("privileged", &broken), None);
    }
    let restricted: [(Change, &str); 7] = [
        (
            |pod| pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true),
            "allowPrivilegeEscalation != false (container \"c\" must set securityContext.allowPrivilegeEscalation=false)",
        ),
        (
            |pod| pod["spec"]["containers"][0]["securityContext"]["capabilities"]["add"] = json!(["CHOWN"]),
            "unrestricted capabilities (container \"c\" must not include \"CHOWN\" in securityContext.capabilities.add)",
        ),
        (
            |pod| pod["spec"]["volumes"] = json!([{"name": "v", "nfs": {}}]),
            "restricted volume types (volume \"v\" uses restricted volume type \"nfs\")",
        ),
        (
            |pod| pod["spec"]["securityContext"]["runAsNonRoot"] = json!(false),
            "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
        ),
        (
            |pod| pod["spec"]["securityContext"]["runAsNonRoot"] = Value::Null,
            "runAsNonRoot != true (pod or container \"c\" must set securityContext.runAsNonRoot=true)",
        ),
        (
            |pod| pod["spec"]["securityContext"]["runAsUser"] = json!(0),
            "runAsUser=0 (pod must not set runAsUser=0)",
        ),
        (
            |pod| pod["spec"]["securityContext"]["seccompProfile"] = Value::Null,
            "seccompProfile (pod or container \"c\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")",
        ),
    ];
    for (change, words) in restricted {
        let broken = pod(change);
        assert_eq!(violates("restricted", &broken).as_deref(), Some(words));
        assert_eq!(violates("baseline", &broken), None, "{words}");
    }
}

#[test]
fn what_restricted_allows_is_allowed() {
    let allowed: [Change; 3] = [
        |pod| {
            pod["spec"]["containers"][0]["securityContext"]["capabilities"]["add"] =
                json!(["NET_BIND_SERVICE"]);
        },
        |pod| {
            pod["spec"]["volumes"] = json!([{"name": "v", "configMap": {}}, {"name": "w", "projected": {}}]);
        },
        |pod| pod["spec"]["securityContext"]["sysctls"] = json!([{"name": "net.ipv4.tcp_syncookies"}]),
    ];
    for change in allowed {
        assert_eq!(violates("restricted", &pod(change)), None);
    }
}

#[test]
fn warnings_are_told_for_pods_and_what_makes_pods() {
    let privileged = pod(|pod| pod["spec"]["hostNetwork"] = json!(true));
    let words = "would violate PodSecurity \"baseline:v1.33\": host namespaces (hostNetwork=true)";
    let labels = json!({"pod-security.kubernetes.io/warn": "baseline", "pod-security.kubernetes.io/warn-version": "v1.33"});
    assert_eq!(with(labels.clone()).validate("", "pods", &privileged).unwrap(), [words]);
    let deployment = json!({"spec": {"template": privileged}});
    assert_eq!(with(labels).validate("apps", "deployments", &deployment).unwrap(), [words]);
    assert!(level("enforce", "baseline").validate("apps", "deployments", &deployment).unwrap().is_empty());
}

#[test]
fn an_update_that_changes_no_spec_is_let_through() {
    let privileged = pod(|pod| pod["spec"]["hostNetwork"] = json!(true));
    let mut labelled = privileged.clone();
    labelled["metadata"]["labels"] = json!({"a": "b"});
    let update = |old: &Value| Ask {
        operation: Operation::Update,
        old: Some(old.clone()),
        ..level("enforce", "baseline")
    };
    assert!(update(&privileged).validate("", "pods", &labelled).is_ok());
    assert!(update(&pod(|_| {})).validate("", "pods", &labelled).is_err());
}

#[test]
fn labels_of_namespaces_must_make_sense() {
    let namespace = |key: &str, value: &str| json!({"metadata": {"name": "d", "labels": {format!("pod-security.kubernetes.io/{key}"): value}}});
    let ask = Ask { namespace: "", ..Ask::of(cluster()) };
    assert_eq!(
        ask.validate("", "namespaces", &namespace("enforce", "strict")).unwrap_err(),
        "Namespace \"d\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"strict\": must be one of privileged, baseline, restricted"
    );
    assert!(ask.validate("", "namespaces", &namespace("warn-version", "1.2")).is_err());
    assert!(ask.validate("", "namespaces", &namespace("audit-version", "v1.30")).is_ok());
}

#[test]
fn whoever_makes_a_namespace_stricter_is_told_what_breaks_it() {
    let mut running = pod(|pod| pod["spec"]["hostNetwork"] = json!(true));
    running["metadata"]["namespace"] = json!("d");
    let ask = Ask {
        operation: Operation::Update,
        namespace: "",
        old: Some(json!({"metadata": {"name": "d"}})),
        ..Ask::of(cluster().with("", "pods", running))
    };
    let stricter =
        json!({"metadata": {"name": "d", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}});
    assert_eq!(
        ask.validate("", "namespaces", &stricter).unwrap(),
        [
            "existing pods in namespace \"d\" violate the new PodSecurity enforce level \"baseline:latest\"",
            "p: host namespaces",
        ]
    );
}
