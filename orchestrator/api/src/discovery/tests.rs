use super::*;
use crate::Kind;

/// What a real server said about the core group.
const CORE: &str = include_str!("core.json");

#[test]
fn the_core_group_is_described_as_a_real_server_does() {
    let real: Value = serde_json::from_str(CORE).unwrap();
    let ours = aggregated(&Registry::built_in(), Root::Core, "v2");
    let resources =
        |document: &Value| document["items"][0]["versions"][0]["resources"].as_array().unwrap().clone();
    for (ours, real) in resources(&ours).iter().zip(resources(&real)) {
        assert_eq!(*ours, real);
    }
    assert_eq!(ours, real);
}

#[test]
fn groups_are_listed_in_order_with_the_preferred_version_first() {
    let registry = Registry::built_in();
    let list = group_list(&registry);
    let groups = list["groups"].as_array().unwrap();
    let names: Vec<&str> = groups.iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["apiregistration.k8s.io", "apps", "events.k8s.io"]);
    let scaling = group(&registry, "autoscaling").unwrap();
    assert_eq!(scaling["preferredVersion"], json!({"groupVersion": "autoscaling/v2", "version": "v2"}));
    assert_eq!(scaling["versions"].as_array().unwrap().len(), 2);
    assert!(group(&registry, "none.io").is_none());
    assert_eq!(
        api_versions("10.0.0.1:6443")["serverAddressByClientCIDRs"][0]["serverAddress"],
        "10.0.0.1:6443"
    );
}

#[test]
fn drain_finds_evictions_in_the_old_form() {
    let list = resource_list(&Registry::built_in(), "", "v1").unwrap();
    let resources = list["resources"].as_array().unwrap();
    let eviction = resources.iter().find(|one| one["name"] == "pods/eviction").unwrap();
    let wanted = json!({
        "name": "pods/eviction", "singularName": "", "namespaced": true, "group": "policy", "version": "v1",
        "kind": "Eviction", "verbs": ["create"],
    });
    assert_eq!(*eviction, wanted);
    let names: Vec<&str> = resources.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(resource_list(&Registry::built_in(), "apps", "v2").is_none());
}

#[test]
fn custom_kinds_follow_with_all_versions_that_are_served() {
    let definition = json!({"spec": {
        "group": "b.example.com", "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
        "versions": [
            {"name": "v1alpha1", "served": true, "storage": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
            {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}},
            {"name": "v2beta1", "served": false, "storage": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
        ],
    }});
    let registry = Registry::built_in().with_custom(vec![Kind::from_crd(&definition).unwrap().into()]);
    let document = aggregated(&registry, Root::Groups, "v2beta1");
    assert_eq!(document["apiVersion"], "apidiscovery.k8s.io/v2beta1");
    let last = document["items"].as_array().unwrap().last().unwrap();
    assert_eq!(last["metadata"]["name"], "b.example.com");
    let versions: Vec<&Value> =
        last["versions"].as_array().unwrap().iter().map(|one| &one["version"]).collect();
    assert_eq!(versions, ["v1", "v1alpha1"]);
    let kind = &last["versions"][0]["resources"][0]["responseKind"];
    assert_eq!(*kind, json!({"group": "b.example.com", "version": "v1", "kind": "Widget"}));
}
