//! Plugins about who asks.

use super::*;
use crate::rbac::RbacKind;
use crate::{MASTERS, NODES};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Alice with these rules everywhere.
fn alice(rules: Value) -> Ask {
    let mut ask = Ask::of(cluster());
    ask.index.put(RbacKind::ClusterRole, &json!({"metadata": {"name": "own"}, "rules": rules}));
    let strong = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    ask.index.put(RbacKind::ClusterRole, &json!({"metadata": {"name": "strong"}, "rules": strong}));
    ask.index.put(
        RbacKind::ClusterRoleBinding,
        &json!({
            "metadata": {"name": "b"},
            "roleRef": {"kind": "ClusterRole", "name": "own"},
            "subjects": [{"kind": "User", "name": "alice"}],
        }),
    );
    ask
}

fn secrets() -> Value {
    json!({"metadata": {"name": "r"}, "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]})
}

#[test]
fn roles_give_only_what_their_writer_has() {
    let pods = json!([{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}]);
    let escalate = json!([{"verbs": ["escalate"], "apiGroups": [GROUP], "resources": ["roles"]}]);
    assert_eq!(
        alice(pods.clone()).validate(GROUP, "roles", &secrets()).unwrap_err(),
        "roles.rbac.authorization.k8s.io \"r\" is forbidden: user \"alice\" (groups=[\"system:authenticated\"]) is \
         attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], \
         Verbs:[\"get\"]}"
    );
    assert!(alice(escalate).validate(GROUP, "roles", &secrets()).is_ok());
    assert!(alice(secrets()["rules"].clone()).validate(GROUP, "roles", &secrets()).is_ok());
    let root = Ask { identity: Identity::user("root", &[MASTERS]), ..alice(json!([])) };
    assert!(root.validate(GROUP, "roles", &secrets()).is_ok());
    let gathers = json!({"metadata": {"name": "g"}, "aggregationRule": {"clusterRoleSelectors": []}});
    assert!(alice(pods).validate(GROUP, "clusterroles", &gathers).is_err());
    assert!(root.validate(GROUP, "clusterroles", &gathers).is_ok());

    let mut owned = secrets();
    owned["metadata"]["ownerReferences"] = json!([{"name": "x"}]);
    let update = Ask { operation: Operation::Update, old: Some(owned), ..alice(json!([])) };
    assert!(update.validate(GROUP, "roles", &secrets()).is_ok(), "only owners change");
}

#[test]
fn bindings_give_only_what_their_writer_has_or_may_bind() {
    let binding = |name: &str| json!({"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": name}, "subjects": []});
    let bind = json!([{"verbs": ["bind"], "apiGroups": [GROUP], "resources": ["clusterroles"], "resourceNames": ["strong"]}]);
    assert!(alice(json!([])).validate(GROUP, "rolebindings", &binding("own")).is_ok());
    assert!(alice(json!([])).validate(GROUP, "rolebindings", &binding("strong")).is_err());
    assert!(alice(bind).validate(GROUP, "rolebindings", &binding("strong")).is_ok());
    assert_eq!(
        alice(json!([])).validate(GROUP, "clusterrolebindings", &binding("no")).unwrap_err(),
        "clusterroles.rbac.authorization.k8s.io \"no\" not found"
    );
}

/// The node `n1` asks.
fn node(operation: Operation, name: &'static str, subresource: &'static str, old: Option<Value>) -> Ask {
    let pod = |name: &str, node: &str| json!({"metadata": {"namespace": "d", "name": name, "uid": "u"}, "spec": {"nodeName": node}});
    Ask {
        operation,
        name,
        subresource,
        old,
        identity: Identity::user("system:node:n1", &[NODES]),
        ..Ask::of(cluster().with("", "pods", pod("own", "n1")).with("", "pods", pod("far", "n2")))
    }
}

#[test]
fn a_node_changes_its_pods_only() {
    use Operation::{Create, Delete, Update};
    let on = |node: &str| json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}, "spec": {"nodeName": node}});
    let mut with_secret = on("n1");
    with_secret["spec"]["volumes"] = json!([{"name": "s", "secret": {"secretName": "s"}}]);
    let relabelled = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"nodeName": "n1"}});
    let cases = [
        (node(Create, "m", "", None), on("n1"), None),
        (
            node(Create, "m", "", None),
            on("n2"),
            Some("node \"n1\" can only create pods with spec.nodeName set to itself"),
        ),
        (
            node(Create, "m", "", None),
            json!({"spec": {"nodeName": "n1"}}),
            Some(
                "pod does not have \"kubernetes.io/config.mirror\" annotation, node \"n1\" can only create mirror pods",
            ),
        ),
        (node(Update, "own", "status", Some(on("n1"))), on("n1"), None),
        (
            node(Update, "own", "status", Some(on("n1"))),
            relabelled,
            Some("node \"n1\" cannot update labels through pod status"),
        ),
        (
            node(Update, "far", "status", Some(on("n2"))),
            on("n1"),
            Some("node \"n1\" can only update pod status for pods with spec.nodeName set to itself"),
        ),
        (
            node(Update, "own", "", Some(on("n1"))),
            on("n1"),
            Some("unexpected operation Update of \"\" by a node"),
        ),
        (node(Delete, "own", "", None), Value::Null, None),
        (
            node(Delete, "far", "", None),
            Value::Null,
            Some("node \"n1\" can only delete pods with spec.nodeName set to itself"),
        ),
        (node(Delete, "own", "eviction", None), Value::Null, None),
        (node(Create, "own", "eviction", None), json!({}), None),
        (
            node(Create, "far", "eviction", None),
            json!({}),
            Some("node n1 can only evict pods with spec.nodeName set to itself"),
        ),
    ];
    for (ask, object, why) in cases {
        let expected = why.map(|why| format!("pods {:?} is forbidden: {why}", ask.name));
        assert_eq!(ask.validate("", "pods", &object).err(), expected);
    }
    assert!(node(Create, "m", "", None).validate("", "pods", &with_secret).is_err());
}

#[test]
fn a_node_changes_itself_only() {
    use Operation::{Create, Update};
    let object = |labels: Value, taints: Value| json!({"metadata": {"name": "n1", "labels": labels}, "spec": {"taints": taints}});
    let plain = || Some(object(json!({}), Value::Null));
    let cases = [
        (
            node(Update, "n1", "", plain()),
            object(json!({"kubernetes.io/os": "linux", "rack": "1"}), Value::Null),
            None,
        ),
        (
            node(Update, "n2", "", plain()),
            object(json!({}), Value::Null),
            Some("node \"n1\" is not allowed to modify node \"n2\""),
        ),
        (
            node(Update, "n1", "", plain()),
            object(json!({}), json!([{"key": "k"}])),
            Some("node \"n1\" is not allowed to modify taints"),
        ),
        (
            node(Create, "n1", "", None),
            object(json!({"node-role.kubernetes.io/control-plane": ""}), Value::Null),
            Some("is not allowed to modify labels: node-role.kubernetes.io/control-plane"),
        ),
        (
            node(Create, "n1", "", None),
            object(
                json!({"x.node-restriction.kubernetes.io/y": "1", "kubelet.kubernetes.io/z": "1"}),
                Value::Null,
            ),
            Some("is not allowed to modify labels: x.node-restriction.kubernetes.io/y"),
        ),
    ];
    for (ask, object, why) in cases {
        let expected = why.map(|why| format!("nodes {:?} is forbidden: {why}", ask.name));
        let ask = Ask { namespace: "", ..ask };
        assert_eq!(ask.validate("", "nodes", &object).err(), expected);
    }
    let lease = |namespace, name| Ask { namespace, ..node(Update, name, "", None) };
    let group = "coordination.k8s.io";
    assert!(lease("kube-node-lease", "n1").validate(group, "leases", &json!({})).is_ok());
    assert!(lease("kube-node-lease", "n2").validate(group, "leases", &json!({})).is_err());
    assert!(lease("d", "n1").validate(group, "leases", &json!({})).is_err());
}

#[test]
fn certificates_need_the_right_to_their_signer() {
    let group = "certificates.k8s.io";
    let resource = "certificatesigningrequests";
    let asked = json!({"spec": {"signerName": "example.com/x"}});
    let ask = |rules, subresource| Ask {
        operation: Operation::Update,
        name: "c",
        namespace: "",
        subresource,
        old: Some(asked.clone()),
        ..alice(rules)
    };
    let signer = |verb: &str, name: &str| json!([{"verbs": [verb], "apiGroups": [group], "resources": ["signers"], "resourceNames": [name]}]);
    let signed = json!({"spec": asked["spec"], "status": {"certificate": "eA=="}});
    assert_eq!(
        ask(json!([]), "approval").validate(group, resource, &asked).unwrap_err(),
        "certificatesigningrequests.certificates.k8s.io \"c\" is forbidden: user not permitted to approve requests with signerName \"example.com/x\""
    );
    assert!(ask(signer("approve", "example.com/x"), "approval").validate(group, resource, &asked).is_ok());
    assert!(ask(signer("approve", "example.com/*"), "approval").validate(group, resource, &asked).is_ok());
    assert!(ask(signer("approve", "example.com/x"), "status").validate(group, resource, &signed).is_err());
    assert!(ask(signer("sign", "example.com/x"), "status").validate(group, resource, &signed).is_ok());
    assert!(ask(json!([]), "status").validate(group, resource, &asked).is_ok(), "no certificate comes");
}

#[test]
fn who_asks_for_a_certificate_is_known() {
    let (group, resource) = ("certificates.k8s.io", "certificatesigningrequests");
    let mut ask = Ask { namespace: "", ..alice(json!([])) };
    let forged = json!({"spec": {"username": "admin", "groups": [MASTERS], "uid": "1", "extra": {"a": ["b"]}, "request": "x"}});
    let asked = ask.mutate(group, resource, &forged).unwrap();
    assert_eq!(
        asked["spec"],
        json!({"username": "alice", "groups": ["system:authenticated"], "request": "x"})
    );
    // What was asked is not asked again.
    ask.operation = Operation::Update;
    assert_eq!(ask.mutate(group, resource, &forged).unwrap(), forged);
}

#[test]
fn nobody_asks_for_the_certificate_of_a_master() {
    use base64::Engine as _;
    let request = |group: &str| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, group);
        let pem = params.serialize_request(&key).unwrap().pem().unwrap();
        let encoded = base64::engine::general_purpose::STANDARD.encode(pem);
        json!({"metadata": {"name": "c"}, "spec": {"signerName": "kubernetes.io/kube-apiserver-client", "request": encoded}})
    };
    let ask = Ask { namespace: "", ..Ask::of(cluster()) };
    let why =
        |object: &Value| ask.validate("certificates.k8s.io", "certificatesigningrequests", object).err();
    assert_eq!(why(&request("devs")), None);
    assert!(why(&request(MASTERS)).unwrap().ends_with(
        "use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"
    ));
    assert_eq!(
        why(&json!({"spec": {"signerName": "kubernetes.io/kube-apiserver-client", "request": "?"}})),
        None
    );
}
