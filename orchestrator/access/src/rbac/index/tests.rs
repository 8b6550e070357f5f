use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::objects::fake::Cluster;
use crate::rbac::ResourceAttributes;

fn pods(verb: &'static str, namespace: &'static str) -> Attributes<'static> {
    let to = ResourceAttributes { resource: "pods", namespace, ..Default::default() };
    Attributes { verb, target: Target::Resource(to) }
}

fn role(namespace: &str, name: &str) -> Value {
    let rules = json!([{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}]);
    json!({"metadata": {"namespace": namespace, "name": name}, "rules": rules})
}

fn binding(namespace: &str, kind: &str, role: &str, subjects: Value) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": "b"},
        "roleRef": {"kind": kind, "name": role},
        "subjects": subjects,
    })
}

#[test]
fn reasons_name_binding_role_and_subject() {
    let mut index = Index::default();
    index.put(RbacKind::Role, &role("default", "r"));
    index.put(RbacKind::ClusterRole, &role("", "c"));
    let subjects = json!([{"kind": "Group", "name": "g"}, {"kind": "ServiceAccount", "name": "sa"}]);
    index.put(RbacKind::RoleBinding, &binding("default", "Role", "r", subjects.clone()));
    let account = Identity::service_account("default", "sa", "");
    let decision = index.authorize(&account, &pods("list", "default"));
    assert_eq!(
        decision.reason,
        r#"RBAC: allowed by RoleBinding "b/default" of Role "r" to ServiceAccount "sa/default""#
    );
    assert!(!index.authorize(&account, &pods("list", "other")).allowed);
    assert!(!index.authorize(&account, &pods("list", "")).allowed);

    let everywhere = binding("", "ClusterRole", "c", json!([{"kind": "Group", "name": "g"}]));
    index.put(RbacKind::ClusterRoleBinding, &everywhere);
    let member = Identity::user("alice", &["g"]);
    let decision = index.authorize(&member, &pods("list", ""));
    assert_eq!(decision.reason, r#"RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "c" to Group "g""#);

    index.remove(RbacKind::ClusterRole, "", "c");
    let decision = index.authorize(&member, &pods("list", ""));
    let reason = r#"RBAC: clusterrole.rbac.authorization.k8s.io "c" not found"#;
    assert_eq!(decision, Decision { allowed: false, reason: reason.to_owned() });
    index.remove(RbacKind::ClusterRoleBinding, "", "b");
    index.remove(RbacKind::RoleBinding, "default", "b");
    assert!(index.scopes.is_empty() && index.bindings.is_empty());
}

#[test]
fn a_binding_of_the_cluster_gives_no_role_of_a_namespace() {
    let mut index = Index::default();
    index.put(RbacKind::Role, &role("default", "r"));
    index
        .put(RbacKind::ClusterRoleBinding, &binding("", "Role", "r", json!([{"kind": "User", "name": "a"}])));
    assert!(!index.authorize(&Identity::user("a", &[]), &pods("list", "default")).allowed);
}

#[test]
fn a_changed_binding_gives_nothing_to_whom_it_left() {
    let mut index = Index::default();
    index.put(RbacKind::Role, &role("default", "r"));
    for name in ["a", "b"] {
        let subjects = json!([{"kind": "User", "name": name}]);
        index.put(RbacKind::RoleBinding, &binding("default", "Role", "r", subjects));
    }
    assert!(!index.authorize(&Identity::user("a", &[]), &pods("list", "default")).allowed);
    assert!(index.authorize(&Identity::user("b", &[]), &pods("list", "default")).allowed);
}

/// The same question answered from the objects themselves, without an index.
fn naive(objects: &dyn Objects, who: &Identity, attributes: &Attributes<'_>) -> bool {
    let scope = match attributes.target {
        Target::Resource(to) => to.namespace,
        Target::Path(_) => "",
    };
    let bindings = objects.list(GROUP, "clusterrolebindings", "");
    let local = if scope.is_empty() { Vec::new() } else { objects.list(GROUP, "rolebindings", scope) };
    bindings.iter().chain(&local).any(|binding| {
        let namespace = binding["metadata"]["namespace"].as_str().unwrap_or_default();
        let subjects = binding["subjects"].as_array().unwrap();
        let is_subject = subjects.iter().any(|subject| {
            let name = subject["name"].as_str().unwrap();
            match subject["kind"].as_str().unwrap() {
                "User" => who.name == name,
                "Group" => who.is_in(name),
                _ => {
                    let own = subject["namespace"].as_str().unwrap_or(namespace);
                    !own.is_empty() && who.name == format!("system:serviceaccount:{own}:{name}")
                }
            }
        });
        let role = match binding["roleRef"]["kind"].as_str().unwrap() {
            "ClusterRole" => {
                objects.get(GROUP, "clusterroles", "", binding["roleRef"]["name"].as_str().unwrap())
            }
            _ => objects.get(GROUP, "roles", namespace, binding["roleRef"]["name"].as_str().unwrap()),
        };
        is_subject && role.is_some_and(|role| Rule::of_role(&role).iter().any(|rule| rule.allows(attributes)))
    })
}

/// One of a few texts.
fn of(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(texts)
}

fn some(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(of(texts), 0..3)
}

const NAMES: &[&str] = &["a", "b", "c"];
const NAMESPACES: &[&str] = &["n1", "n2"];
const VERBS: &[&str] = &["get", "list", "*"];
const GROUPS: &[&str] = &["", "apps", "*"];
const RESOURCES: &[&str] = &["pods", "pods/log", "*/scale", "deployments/scale", "*", "pods/*"];
const URLS: &[&str] = &["/api*", "/api", "/healthz/*", "*"];

prop_compose! {
    fn any_rule()(verbs in some(VERBS), groups in some(GROUPS), resources in some(RESOURCES), names in some(NAMES), urls in some(URLS)) -> Value {
        json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names, "nonResourceURLs": urls})
    }
}

prop_compose! {
    fn any_subject()(kind in of(&["User", "Group", "ServiceAccount"]), name in of(NAMES), namespace in proptest::option::of(of(NAMESPACES))) -> Value {
        match namespace {
            Some(namespace) => json!({"kind": kind, "name": name, "namespace": namespace}),
            None => json!({"kind": kind, "name": name}),
        }
    }
}

/// A change of the cluster: the kind, namespace and name of an object, and what it becomes (nothing: it goes).
fn any_change() -> impl Strategy<Value = (RbacKind, String, String, Option<Value>)> {
    let kind = proptest::sample::select(RbacKind::ALL.to_vec());
    let body = (
        proptest::collection::vec(any_rule(), 0..3),
        proptest::collection::vec(any_subject(), 0..3),
        of(&["Role", "ClusterRole"]),
        of(NAMES),
    );
    (kind, of(NAMESPACES), of(NAMES), proptest::option::weighted(0.85, body)).prop_map(
        |(kind, namespace, name, body)| {
            let namespace = kind.namespace(namespace);
            let object = body.map(|(rules, subjects, role_kind, role)| {
                let mut metadata = json!({"name": name});
                if !namespace.is_empty() {
                    metadata["namespace"] = json!(namespace);
                }
                if kind.is_role() {
                    json!({"metadata": metadata, "rules": rules})
                } else {
                    json!({"metadata": metadata, "roleRef": {"kind": role_kind, "name": role}, "subjects": subjects})
                }
            });
            (kind, namespace.to_owned(), name.to_owned(), object)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_index_answers_as_a_walk_over_all_objects(changes in proptest::collection::vec(any_change(), 0..40)) {
        let mut cluster = Cluster::default();
        let mut index = Index::default();
        for (kind, namespace, name, object) in changes {
            if let Some(object) = object {
                index.put(kind, &object);
                cluster.put(GROUP, kind.resource(), object);
            } else {
                index.remove(kind, &namespace, &name);
                cluster.remove(GROUP, kind.resource(), &namespace, &name);
            }
        }
        let fresh = Index::from_objects(&cluster);
        let users = [
            Identity::user("a", &["b", "c"]),
            Identity::user("b", &[]),
            Identity::service_account("n1", "a", ""),
        ];
        for who in &users {
            for verb in ["get", "list"] {
                for path in ["/api", "/apis", "/healthz/x"] {
                    let attributes = Attributes { verb, target: Target::Path(path) };
                    let expected = naive(&cluster, who, &attributes);
                    prop_assert_eq!(index.authorize(who, &attributes).allowed, expected);
                }
                for namespace in ["", "n1", "n2"] {
                    for (group, resource, subresource, name) in [
                        ("", "pods", "", ""), ("", "pods", "log", "a"), ("apps", "deployments", "scale", "b"), ("apps", "deployments", "", "c"),
                    ] {
                        let to = ResourceAttributes { group, version: "v1", resource, subresource, namespace, name };
                        let attributes = Attributes { verb, target: Target::Resource(to) };
                        let expected = naive(&cluster, who, &attributes);
                        prop_assert_eq!(index.authorize(who, &attributes).allowed, expected, "{:?}", attributes);
                        prop_assert_eq!(fresh.authorize(who, &attributes).allowed, expected, "{:?}", attributes);
                    }
                }
            }
        }
    }
}
