use super::*;
use crate::objects::fake::Cluster;
use crate::rbac::{Attributes, Index, ResourceAttributes, Target};
use crate::{Identity, MASTERS};

fn cluster() -> Cluster {
    all()
        .into_iter()
        .fold(Cluster::default(), |cluster, (resource, object)| cluster.with(GROUP, resource, object))
}

fn to(
    verb: &'static str,
    group: &'static str,
    path: &'static str,
    namespace: &'static str,
) -> Attributes<'static> {
    let (resource, subresource) = path.split_once('/').unwrap_or((path, ""));
    let to = ResourceAttributes { group, resource, subresource, namespace, name: "x", ..Default::default() };
    Attributes { verb, target: Target::Resource(to) }
}

#[test]
fn names_are_unique_and_every_binding_finds_its_role() {
    let all = all();
    let mut keys: Vec<String> = all
        .iter()
        .map(|(resource, object)| {
            format!("{resource} {} {}", object["metadata"]["namespace"], object["metadata"]["name"])
        })
        .collect();
    keys.sort();
    let count = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), count);
    let cluster = cluster();
    for (resource, object) in &all {
        if resource.ends_with("bindings") {
            let kind = if *resource == "rolebindings" { "roles" } else { "clusterroles" };
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
            let role = object["roleRef"]["name"].as_str().unwrap();
            assert!(cluster.get(GROUP, kind, namespace, role).is_some(), "{role}");
        }
    }
}

#[test]
fn default_rights_are_those_of_kubernetes() {
    let index = Index::from_objects(&cluster());
    let anyone = Identity::user("alice", &[]);
    let scheduler = Identity::user("system:kube-scheduler", &[]);
    let account = Identity::service_account("kube-system", "generic-garbage-collector", "");
    let cases = [
        (&anyone, to("create", "authorization.k8s.io", "selfsubjectaccessreviews", ""), true),
        (&anyone, to("create", "authorization.k8s.io", "subjectaccessreviews", ""), false),
        (&anyone, to("get", "", "pods", "default"), false),
        (&anyone, Attributes { verb: "get", target: Target::Path("/apis/apps/v1") }, true),
        (&anyone, Attributes { verb: "get", target: Target::Path("/metrics") }, false),
        (&Identity::anonymous(), Attributes { verb: "get", target: Target::Path("/livez") }, true),
        (&Identity::anonymous(), Attributes { verb: "get", target: Target::Path("/apis") }, false),
        (&Identity::user("root", &[MASTERS]), to("delete", "", "nodes", ""), true),
        (&scheduler, to("create", "", "pods/binding", "default"), true),
        (&scheduler, to("create", "", "pods", "default"), false),
        (&account, to("delete", "example.com", "things", "default"), true),
        (&account, to("create", "", "pods", "default"), false),
    ];
    for (who, attributes, allowed) in cases {
        assert_eq!(index.authorize(who, &attributes).allowed, allowed, "{} {attributes:?}", who.name);
    }
}

#[test]
fn admin_has_what_edit_has_which_has_what_view_has() {
    let mut index = Index::from_objects(&cluster());
    for role in ["admin", "edit", "view"] {
        let binding = json!({
            "metadata": {"name": role, "namespace": "team"},
            "roleRef": {"kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "User", "name": role}],
        });
        index.put(crate::rbac::RbacKind::RoleBinding, &binding);
    }
    let cases = [
        (to("list", "", "pods", "team"), [true, true, true]),
        (to("get", "", "secrets", "team"), [true, true, false]),
        (to("create", "apps", "deployments", "team"), [true, true, false]),
        (to("create", "", "pods/exec", "team"), [true, true, false]),
        (to("create", "rbac.authorization.k8s.io", "rolebindings", "team"), [true, false, false]),
        (to("update", "", "resourcequotas", "team"), [false, false, false]),
        (to("list", "", "pods", "other"), [false, false, false]),
    ];
    for (attributes, allowed) in cases {
        let found = ["admin", "edit", "view"]
            .map(|name| index.authorize(&Identity::user(name, &[]), &attributes).allowed);
        assert_eq!(found, allowed, "{attributes:?}");
    }
}

#[test]
fn what_was_taken_away_comes_back_and_what_was_added_stays() {
    let mut cluster = cluster();
    assert_eq!(missing(&cluster), []);
    assert_eq!(missing(&()).len(), all().len());

    let mut role = (*cluster.get(GROUP, "clusterroles", "", "system:basic-user").unwrap()).clone();
    let own = json!({"verbs": ["get"], "apiGroups": ["example.com"], "resources": ["things"]});
    role["rules"] = json!([own]);
    role["metadata"]["resourceVersion"] = json!("7");
    cluster.put(GROUP, "clusterroles", role.clone());
    let changes = missing(&cluster);
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].write, DefaultWrite::Replace);
    assert_eq!(changes[0].object["rules"].as_array().unwrap().len(), 3);
    assert_eq!(changes[0].object["rules"][0], own);
    assert_eq!(changes[0].object["metadata"]["resourceVersion"], "7");

    role["metadata"]["annotations"][AUTOUPDATE] = json!("false");
    cluster.put(GROUP, "clusterroles", role);
    assert_eq!(missing(&cluster), []);
}
