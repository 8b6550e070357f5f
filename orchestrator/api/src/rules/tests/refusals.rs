//! Objects that are wrong as a whole, and all that they are told.

use super::*;

#[test]
fn each_fault_is_named() {
    let refused = |group: &str, kind: &str, object: Value| created(group, kind, object).1;
    let cases = [
        (
            refused("", "replicationcontrollers", json!({"spec": {"selector": {"a": "b"}}})),
            vec!["spec.template: Required value"],
        ),
        (
            refused("", "configmaps", json!({"data": {"a": "1"}, "binaryData": {"a": "MQ=="}})),
            vec!["data[a]: Invalid value: \"a\": duplicate of key present in binaryData"],
        ),
        (
            refused(
                "",
                "secrets",
                json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{"}}),
            ),
            vec![
                "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": unexpected end of JSON input",
            ],
        ),
        (
            refused(
                "",
                "limitranges",
                json!({"spec": {"limits": [
                    {"type": "Pod", "default": {"cpu": "1"}}, {"type": "PersistentVolumeClaim"}, {"type": "Foo"},
                    {"type": "Container", "maxLimitRequestRatio": {"cpu": "500m"}},
                ]}}),
            ),
            vec![
                "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
                "spec.limits[1].limits: Required value: either minimum or maximum storage value is required, but neither \
                 was provided",
                "spec.limits[2].type: Invalid value: \"Foo\": must be a standard limit type or fully qualified",
                "spec.limits[3].maxLimitRequestRatio[cpu]: Invalid value: \"500m\": ratio 500m is less than 1",
            ],
        ),
        (
            refused(
                "",
                "resourcequotas",
                json!({"spec": {"hard": {
                "foo": "1", "storage": "1", "example.org/a": "1", "count/a.b": "1", "hugepages-2Mi": "1"}}}),
            ),
            vec![
                "spec.hard[foo]: Invalid value: \"foo\": must be a standard resource type or fully qualified",
                "spec.hard[foo]: Invalid value: \"foo\": must be a standard resource for quota",
                "spec.hard[storage]: Invalid value: \"storage\": must be a standard resource for quota",
            ],
        ),
        (
            refused(
                "",
                "resourcequotas",
                json!({"spec": {"hard": {"pods": "1", "secrets": "1"}, "scopes": ["BestEffort", "NotBestEffort", "X"]}}),
            ),
            vec![
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\",\"X\"]: unsupported scope applied to \
                 resource",
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\",\"X\"]: unsupported scope applied to \
                 resource",
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\",\"X\"]: unsupported scope",
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\",\"X\"]: unsupported scope applied to \
                 resource",
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\",\"X\"]: conflicting scopes",
            ],
        ),
        (
            refused(
                "",
                "resourcequotas",
                json!({"spec": {"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [
                    {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]},
                    {"scopeName": "Terminating", "operator": "Exists"},
                    {"scopeName": "PriorityClass", "operator": "NotIn"},
                    {"scopeName": "BestEffort", "operator": "In", "values": ["x"]},
                    {"scopeName": "PriorityClass", "operator": "Exists", "values": ["x"]},
                    {"scopeName": "PriorityClass", "operator": "Equals"},
                ]}}}),
            ),
            vec![
                "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` \
                 is 'In' or 'NotIn' for scope selector",
                "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exists' for any scope \
                 but PriorityClass",
                "spec.scopeSelector.matchExpressions.values: Invalid value: [\"x\"]: must be no value when `operator` is \
                 'Exist' or 'DoesNotExist' for scope selector",
                "spec.scopeSelector.matchExpressions.operator: Invalid value: \"Equals\": not a valid selector operator",
            ],
        ),
        (
            refused(
                "",
                "resourcequotas",
                json!({"spec": {"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [
                    {"scopeName": "X", "operator": "Exists"},
                ]}}}),
            ),
            vec!["spec.scopeSelector.matchExpressions.scopeName: Invalid value: \"X\": unsupported scope"],
        ),
        (
            refused(
                "",
                "services",
                json!({"spec": {"ports": [{"port": 80}], "externalIPs": ["127.0.0.1", "224.0.0.9", "192.0.2.1"]}}),
            ),
            vec![
                "spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, \
                 ::1/128)",
                "spec.externalIPs[1]: Invalid value: \"224.0.0.9\": may not be in the link-local multicast range \
                 (224.0.0.0/24, ff02::/10)",
            ],
        ),
        (
            refused(
                "storage.k8s.io",
                "csidrivers",
                json!({"spec": {"volumeLifecycleModes": ["x"], "fsGroupPolicy": "y"}}),
            ),
            vec![
                "spec.volumeLifecycleModes: Unsupported value: \"x\": supported values: \"Ephemeral\", \"Persistent\"",
                "spec.fsGroupPolicy: Unsupported value: \"y\": supported values: \"File\", \"None\", \
                 \"ReadWriteOnceWithFSType\"",
            ],
        ),
        (
            refused(
                "batch",
                "jobs",
                json!({"metadata": {"name": "j"}, "spec": {
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}}}}),
            ),
            vec![
                "spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\",\"batch.kubernetes.io/controller-uid\":\
                 \"uid-1\"}}: `selector` not auto-generated",
                "spec.template.metadata.labels: Invalid value: {\"batch.kubernetes.io/controller-uid\":\"uid-1\",\
                 \"batch.kubernetes.io/job-name\":\"j\",\"controller-uid\":\"uid-1\",\"job-name\":\"j\"}: `selector` does \
                 not match template `labels`",
            ],
        ),
    ];
    for (found, wanted) in cases {
        assert_eq!(found, wanted);
    }
    let nameless = refused("storage.k8s.io", "csistoragecapacities", json!({}));
    assert!(nameless[0].starts_with("storageClassName: Invalid value: \"\": a lowercase RFC 1123 subdomain"));
}

#[test]
fn who_processes_are() {
    let mut spec = pod_spec();
    spec["securityContext"] = json!({
        "runAsUser": -1, "supplementalGroups": [5_000_000_000_u64], "seccompProfile": {"type": "Localhost"},
        "sysctls": [{"name": "net/ipv4/a"}, {"name": "_"}, {"name": "net/ipv4/a"}],
    });
    spec["hostPID"] = true.into();
    spec["shareProcessNamespace"] = true.into();
    spec["containers"][0]["securityContext"] = json!({"seccompProfile": {}});
    let found = created("", "pods", json!({"metadata": {"name": "p"}, "spec": spec})).1;
    let wanted = [
        "spec.containers[0].securityContext.seccompProfile.type: Required value: type is required when seccompProfile \
         is set",
        "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
        "spec.securityContext.supplementalGroups[0]: Invalid value: 5000000000: must be between 0 and 2147483647, \
         inclusive",
        "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both \
         be enabled",
        "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is \
         Localhost",
        "spec.securityContext.sysctls[1].name: Invalid value: \"_\": must have at most 253 characters and match regex \
         ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$",
        "spec.securityContext.sysctls[2].name: Duplicate value: \"net/ipv4/a\"",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn no_fault_of_a_definition_hides_another() {
    let schema = |kind: &str| {
        json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "a": {"type": kind}, "l": {"type": "array", "items": {"type": "string"}}}}}}})
    };
    let definition = json!({"metadata": {"name": "ws.example.org"}, "spec": {
        "group": "example.org", "scope": "Everywhere", "names": {"plural": "ws", "kind": "W"},
        "versions": [
            {"name": "v1", "served": true, "storage": true, "schema": schema("text"),
             "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".a["}],
             "subresources": {"scale": {"specReplicasPath": "x", "statusReplicasPath": ".status.n"}}},
            {"name": "v2", "served": true, "schema": schema("string"), "selectableFields": [
                {"jsonPath": ".spec.a"}, {"jsonPath": ".spec.a"}, {"jsonPath": ".spec.b"}, {"jsonPath": ".spec.l"}]},
        ],
    }});
    let found = created("apiextensions.k8s.io", "customresourcedefinitions", definition).1;
    let fields: Vec<&str> = found.iter().filter_map(|cause| cause.split(": ").next()).collect();
    assert_eq!(
        fields,
        [
            "spec.scope",
            "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[a].type",
            "spec.versions[0].subresources.scale.specReplicasPath",
            "spec.versions[0].additionalPrinterColumns[0].jsonPath",
            "spec.versions[1].selectableFields[1]",
            "spec.versions[1].selectableFields[2].jsonPath",
            "spec.versions[1].selectableFields[3]",
        ]
    );
}

#[test]
fn a_version_goes_when_nothing_is_stored_in_it() {
    let version = |name: &str, storage: bool| json!({"name": name, "served": true, "storage": storage, "schema": {"openAPIV3Schema": {"type": "object"}}});
    let definition = json!({"metadata": {"name": "ws.example.org"}, "spec": {
        "group": "example.org", "scope": "Cluster", "names": {"plural": "ws", "kind": "W"},
        "versions": [version("v1", true)],
    }});
    let (old, causes) = created("apiextensions.k8s.io", "customresourcedefinitions", definition);
    assert_eq!(causes, [""; 0]);
    let mut new = old.clone();
    new["spec"]["versions"] = json!([version("v2", true)]);
    let (_, causes) = updated("apiextensions.k8s.io", "customresourcedefinitions", new.clone(), &old);
    assert_eq!(
        causes,
        [
            "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions; v1 was previously a storage \
             version, and must remain in spec.versions until a storage migration ensures no data remains persisted in \
             v1 and removes v1 from status.storedVersions"
        ]
    );
    let mut migrated = old.clone();
    migrated["status"]["storedVersions"] = json!(["v2"]);
    assert_eq!(updated("apiextensions.k8s.io", "customresourcedefinitions", new, &migrated).1, [""; 0]);
}

#[test]
fn load_balancers_say_where_they_are() {
    let rules = resource("", "services").kind().rules;
    let spec = json!({"type": "LoadBalancer", "ports": [{"port": 80}]});
    let (old, _) = created("", "services", json!({"metadata": {"name": "s"}, "spec": spec}));
    let status = |spec_type: &str, ingress: Value| {
        let mut new = old.clone();
        new["spec"]["type"] = spec_type.into();
        new["status"] = json!({"loadBalancer": {"ingress": ingress}});
        rules.default("v1", &mut new);
        (rules.validate_status(&new, &old).iter().map(ToString::to_string).collect::<Vec<_>>(), new)
    };
    let (causes, good) = status("LoadBalancer", json!([{"ip": "192.0.2.1"}, {"hostname": "a.example"}]));
    assert_eq!(causes, [""; 0]);
    assert_eq!(good["status"]["loadBalancer"]["ingress"][0]["ipMode"], "VIP");
    let (causes, _) = status(
        "LoadBalancer",
        json!([
        {"ip": "999"}, {"ip": "192.0.2.1", "ipMode": "X"}, {"hostname": "192.0.2.1"}, {"hostname": "a", "ipMode": "VIP"}]),
    );
    assert_eq!(
        causes,
        [
            "status.loadBalancer.ingress[0].ip: Invalid value: \"999\": must be a valid IP address, (e.g. 10.9.8.7 or \
             2001:db8::ffff)",
            "status.loadBalancer.ingress[1].ipMode: Unsupported value: \"X\": supported values: \"Proxy\", \"VIP\"",
            "status.loadBalancer.ingress[2].hostname: Invalid value: \"192.0.2.1\": must be a DNS name, not an IP address",
            "status.loadBalancer.ingress[3].ipMode: Forbidden: may not be specified when `ip` is not set",
        ]
    );
    let (causes, _) = status("ClusterIP", json!([{"ip": "192.0.2.1"}]));
    assert_eq!(
        causes,
        ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is \"LoadBalancer\""]
    );
    let mut other = good.clone();
    other["spec"]["type"] = "ClusterIP".into();
    assert_eq!(updated("", "services", other, &good).0["status"]["loadBalancer"], json!({}));
}

/// A definition of one version, whose `spec.tags` has a rule.
fn with_rule(rule: &str, most: Option<u64>) -> Value {
    let mut tags = json!({"type": "array", "items": {"type": "string", "maxLength": 63},
        "x-kubernetes-validations": [{"rule": rule, "message": "m"}]});
    if let Some(most) = most {
        tags["maxItems"] = most.into();
    }
    json!({"metadata": {"name": "ws.example.org"}, "spec": {
        "group": "example.org", "scope": "Cluster", "names": {"plural": "ws", "kind": "W"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
            "properties": {"spec": {"type": "object", "properties": {"tags": tags}}}}}}],
    }})
}

#[test]
fn definitions_with_rules_that_could_take_too_long_are_refused() {
    let (group, resource) = ("apiextensions.k8s.io", "customresourcedefinitions");
    let rule = "self.all(x, self.exists_one(y, x == y))";
    let schema = "spec.validation.openAPIV3Schema";
    let field = format!("{schema}.properties[spec].properties[tags].x-kubernetes-validations[0].rule");
    let fields = |causes: &[String]| -> Vec<String> {
        causes.iter().filter_map(|cause| Some(cause.split_once(": ")?.0.to_owned())).collect()
    };
    let refused = created(group, resource, with_rule(rule, None)).1;
    assert_eq!(fields(&refused), [&field, &field, schema]);
    assert!(
        refused[0].contains("Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try")
    );
    assert_eq!(created(group, resource, with_rule(rule, Some(100))).1, [""; 0]);

    // Two versions that differ are told apart, two that do not have one schema.
    let mut two = with_rule(rule, None);
    let mut second = two["spec"]["versions"][0].clone();
    second["name"] = "v2".into();
    second["storage"] = false.into();
    two["spec"]["versions"].as_array_mut().unwrap().push(second);
    assert_eq!(fields(&created(group, resource, two.clone()).1), [&field, &field, schema]);
    two["spec"]["versions"][0]["schema"] = json!({"openAPIV3Schema": {"type": "object"}});
    assert_eq!(
        created(group, resource, two).1.last().unwrap().split_once(": ").unwrap().0,
        "spec.versions[1].schema.openAPIV3Schema"
    );

    // What is there already may stay as it is, and nothing else.
    let (old, _) = created(group, resource, with_rule(rule, None));
    let mut new = old.clone();
    new["spec"]["names"]["shortNames"] = json!(["w"]);
    assert_eq!(updated(group, resource, new.clone(), &old).1, [""; 0]);
    new["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "changed".into();
    assert_eq!(fields(&updated(group, resource, new, &old).1), [&field, &field, schema]);
}

#[test]
fn the_definitions_of_this_repository_are_accepted() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let definition: Value = serde_saphyr::from_str(&text).unwrap();
        let name = definition["metadata"]["name"].clone();
        assert_eq!(
            created("apiextensions.k8s.io", "customresourcedefinitions", definition).1,
            [""; 0],
            "{name}"
        );
        count += 1;
    }
    assert!(count >= 10, "{count} definitions");
}
