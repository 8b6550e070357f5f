use super::*;
use crate::rbac::RbacKind;

/// Alice lists pods in the namespace `d` and reads `/metrics`.
fn index() -> Index {
    let mut index = Index::default();
    let pods = json!([{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}]);
    index.put(RbacKind::Role, &json!({"metadata": {"namespace": "d", "name": "pods"}, "rules": pods}));
    let metrics = json!([{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}]);
    index.put(RbacKind::ClusterRole, &json!({"metadata": {"name": "metrics"}, "rules": metrics}));
    let subjects = json!([{"kind": "User", "name": "alice"}]);
    index.put(
        RbacKind::RoleBinding,
        &json!({"metadata": {"namespace": "d", "name": "b"}, "roleRef": {"kind": "Role", "name": "pods"}, "subjects": subjects}),
    );
    index.put(
        RbacKind::ClusterRoleBinding,
        &json!({"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "metrics"}, "subjects": subjects}),
    );
    index
}

#[test]
fn one_can_ask_for_oneself_and_for_others() {
    let index = index();
    let alice = Identity::user("alice", &[]);
    let reviewer = Reviewer { index: &index, objects: &(), who: &alice };
    let pods = |namespace: &str| json!({"verb": "list", "resource": "pods", "namespace": namespace});
    let mine =
        |spec: Value| reviewer.self_subject_access(&json!({ "spec": spec })).unwrap()["status"].clone();
    assert_eq!(
        mine(json!({"resourceAttributes": pods("d")})),
        json!({"allowed": true, "reason": "RBAC: allowed by RoleBinding \"b/d\" of Role \"pods\" to User \"alice\""})
    );
    assert_eq!(mine(json!({"resourceAttributes": pods("e")})), json!({"allowed": false}));
    let metrics = json!({"nonResourceAttributes": {"verb": "get", "path": "/metrics"}});
    assert_eq!(mine(metrics.clone())["allowed"], true);

    let theirs = |user: &str| {
        let request = json!({"spec": {"user": user, "resourceAttributes": pods("d")}});
        reviewer.subject_access(&request).unwrap()["status"]["allowed"].clone()
    };
    assert_eq!((theirs("alice"), theirs("bob")), (json!(true), json!(false)));
    let local = json!({"spec": {"user": "alice", "resourceAttributes": pods("d")}});
    assert_eq!(reviewer.local_subject_access(&local, "d").unwrap()["status"]["allowed"], true);
    assert_eq!(reviewer.local_subject_access(&local, "e").unwrap_err().code, 422);
    let mut path = metrics;
    path["user"] = json!("alice");
    assert_eq!(reviewer.local_subject_access(&json!({ "spec": path }), "d").unwrap_err().code, 422);
}

#[test]
fn a_question_needs_one_subject_and_one_target() {
    let index = index();
    let alice = Identity::user("alice", &[]);
    let reviewer = Reviewer { index: &index, objects: &(), who: &alice };
    let none = reviewer.self_subject_access(&json!({"spec": {}})).unwrap_err();
    assert_eq!(
        none.message,
        "SelfSubjectAccessReview.authorization.k8s.io \"\" is invalid: spec.resourceAttributes: Invalid value: \"null\": exactly one of nonResourceAttributes or resourceAttributes must be specified"
    );
    let both = json!({"spec": {"resourceAttributes": {}, "nonResourceAttributes": {}}});
    assert_eq!(reviewer.self_subject_access(&both).unwrap_err().code, 422);
    assert_eq!(reviewer.subject_access(&json!({"spec": {"resourceAttributes": {}}})).unwrap_err().code, 422);
}

#[test]
fn rules_are_listed_for_a_namespace() {
    let index = index();
    let alice = Identity::user("alice", &[]);
    let reviewer = Reviewer { index: &index, objects: &(), who: &alice };
    let request = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "d"}});
    assert_eq!(
        reviewer.self_subject_rules(&request).unwrap()["status"],
        json!({
            "incomplete": false,
            "resourceRules": [{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}],
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}],
        })
    );
    assert_eq!(reviewer.self_subject_rules(&json!({"spec": {}})).unwrap_err().code, 400);
    let root = Identity::user("root", &[MASTERS]);
    let reviewer = Reviewer { who: &root, ..reviewer };
    let rules = reviewer.self_subject_rules(&request).unwrap();
    assert_eq!(rules["status"]["resourceRules"][0]["verbs"], json!(["*"]));
}

#[test]
fn whoami_says_who() {
    let mut alice = Identity::user("alice", &["devs"]);
    alice.extra.insert("authentication.kubernetes.io/credential-id".to_owned(), vec!["JTI=1".to_owned()]);
    let reviewer = Reviewer { index: &Index::default(), objects: &(), who: &alice };
    let answer = reviewer.self_subject(&json!({}));
    assert_eq!(
        answer,
        json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "SelfSubjectReview",
            "metadata": {},
            "status": {"userInfo": {
                "username": "alice",
                "groups": ["devs", "system:authenticated"],
                "extra": {"authentication.kubernetes.io/credential-id": ["JTI=1"]},
            }},
        })
    );
}
