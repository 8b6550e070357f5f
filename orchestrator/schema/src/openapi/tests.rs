use super::*;

const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

fn deployments() -> Resource<'static> {
    let sub = |name, group, version, kind| Subresource {
        name,
        kind: (group, version, kind),
        verbs: &["get", "patch", "update"],
    };
    Resource {
        group: "apps",
        version: "v1",
        kind: "Deployment",
        plural: "deployments",
        namespaced: true,
        verbs: &VERBS,
        returns_deleted: false,
        subresources: vec![
            sub("scale", "autoscaling", "v1", "Scale"),
            sub("status", "apps", "v1", "Deployment"),
        ],
        custom: None,
    }
}

/// References of a document that lead nowhere.
fn dangling(document: &Value, prefix: &str) -> Vec<String> {
    let text = document.to_string();
    let names = text.split(prefix).skip(1).filter_map(|part| part.split('"').next());
    let definitions = if prefix.starts_with("#/components") {
        &document["components"]["schemas"]
    } else {
        &document["definitions"]
    };
    names.filter(|name| definitions.get(name).is_none()).map(str::to_owned).collect()
}

#[test]
fn a_document_has_what_kubectl_looks_for() {
    let document = v3("apps", "v1", &[deployments()]);
    assert_eq!(document.hash.len(), 128);
    assert_eq!(v3("apps", "v1", &[deployments()]), document);
    let value: Value = serde_json::from_slice(&document.bytes).unwrap();
    let path = &value["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"];
    let patch = &path["patch"];
    assert_eq!(patch["operationId"], "patchAppsV1NamespacedDeployment");
    assert_eq!(
        patch["x-kubernetes-group-version-kind"],
        json!({"group": "apps", "version": "v1", "kind": "Deployment"})
    );
    let names: Vec<&Value> = patch["parameters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    assert!(value["paths"]["/apis/apps/v1/deployments"]["get"].is_object());
    let scale = &value["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]["get"];
    assert_eq!(scale["operationId"], "readAppsV1NamespacedDeploymentScale");
    assert_eq!(scale["x-kubernetes-group-version-kind"]["kind"], "Scale");
    let schemas = &value["components"]["schemas"];
    assert_eq!(
        schemas["io.k8s.api.apps.v1.Deployment"]["x-kubernetes-group-version-kind"][0]["kind"],
        "Deployment"
    );
    assert!(schemas["io.k8s.api.core.v1.Container"].is_object());
    assert!(schemas.get("io.k8s.api.core.v1.Node").is_none());
    assert_eq!(dangling(&value, "#/components/schemas/"), [""; 0]);
}

#[test]
fn custom_kinds_have_definitions_of_their_own() {
    let schema = json!({
        "type": "object",
        "description": "A pool.",
        "properties": {"spec": {"type": "object", "properties": {"addresses": {
            "type": "array", "items": {"type": "string"},
        }}}},
    });
    let pools = Resource {
        group: "metallb.io",
        version: "v1beta1",
        kind: "IPAddressPool",
        plural: "ipaddresspools",
        namespaced: true,
        verbs: &VERBS,
        returns_deleted: false,
        subresources: vec![Subresource {
            name: "status",
            kind: ("metallb.io", "v1beta1", "IPAddressPool"),
            verbs: &["get", "patch", "update"],
        }],
        custom: Some(Custom { schema: &schema, list_kind: "IPAddressPoolList" }),
    };
    let document = v3("metallb.io", "v1beta1", std::slice::from_ref(&pools));
    let value: Value = serde_json::from_slice(&document.bytes).unwrap();
    let pool = &value["components"]["schemas"]["io.metallb.v1beta1.IPAddressPool"];
    assert_eq!(pool["properties"]["spec"], schema["properties"]["spec"]);
    assert!(pool["properties"]["metadata"]["allOf"][0]["$ref"].as_str().unwrap().ends_with("ObjectMeta"));
    assert!(value["components"]["schemas"]["io.metallb.v1beta1.IPAddressPoolList"].is_object());
    assert_eq!(dangling(&value, "#/components/schemas/"), [""; 0]);

    let document = v2(&[pools, deployments()]);
    let value: Value = serde_json::from_slice(&document.bytes).unwrap();
    assert_eq!(value["swagger"], "2.0");
    assert_eq!(dangling(&value, "#/definitions/"), [""; 0]);
    assert_eq!(dangling(&value, "#/components/schemas/"), [""; 0]);
    let patch = &value["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(patch["parameters"][0]["in"], "body");
    assert_eq!(patch["parameters"][1]["type"], "string");
    assert_eq!(value["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["type"], "string");
}
