use super::*;

#[test]
fn every_definition_parses_and_refers_to_what_there_is() {
    assert!(DEFINITIONS.len() > 500);
    for definition in DEFINITIONS.values() {
        let raw: Raw = serde_json::from_str(definition.json).expect(definition.name);
        drop(raw);
        for part in definition.json.split(REFERENCE).skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(Definition::named(name).is_some(), "{} refers to {name}", definition.name);
        }
    }
    for (kind, name) in &*KINDS {
        assert!(Definition::named(name).is_some(), "{kind:?}");
        assert_eq!(Schema::builtin(kind[0], kind[1], kind[2]).unwrap().kind(), Type::Object);
    }
}

#[test]
fn lists_say_how_they_are_merged() {
    let pod = Schema::builtin("", "v1", "Pod").unwrap();
    let spec = pod.property("spec").unwrap();
    let containers = spec.property("containers").unwrap();
    assert_eq!(containers.list_type(), ListType::Map);
    assert_eq!(containers.list_map_keys().collect::<Vec<_>>(), ["name"]);
    assert_eq!(containers.patch_merge_key(), Some("name"));
    assert!(containers.patch_strategy().merge);
    let ports = containers.items().unwrap().property("ports").unwrap();
    assert_eq!(ports.list_map_keys().collect::<Vec<_>>(), ["containerPort", "protocol"]);
    assert_eq!(ports.patch_merge_key(), Some("containerPort"));
    let protocol = ports.items().unwrap().property("protocol").unwrap();
    assert_eq!(protocol.default_value(), Some(&Value::from("TCP")));
    let volumes = spec.property("volumes").unwrap();
    assert!(volumes.patch_strategy().retain_keys && volumes.patch_strategy().merge);
    assert_eq!(spec.property("nodeSelector").unwrap().map_type(), MapType::Atomic);
    assert_eq!(spec.property("tolerations").unwrap().list_type(), ListType::Atomic);
    let finalizers = pod.property("metadata").unwrap().property("finalizers").unwrap();
    assert_eq!(finalizers.list_type(), ListType::Set);
}

#[test]
fn a_reference_may_add_to_its_definition() {
    let deployment = Schema::builtin("apps", "v1", "Deployment").unwrap();
    let spec = deployment.property("spec").unwrap();
    let strategy = spec.property("strategy").unwrap();
    assert!(strategy.patch_strategy().retain_keys);
    assert!(strategy.property("rollingUpdate").is_some());
    assert_eq!(spec.property("selector").unwrap().map_type(), MapType::Atomic);
    let volume = Schema::builtin("", "v1", "PersistentVolume").unwrap();
    let claim = volume.property("spec").unwrap().property("claimRef").unwrap();
    assert_eq!(claim.map_type(), MapType::Granular);
}

#[test]
fn definitions_may_hold_themselves() {
    let crd = Schema::builtin("apiextensions.k8s.io", "v1", "CustomResourceDefinition").unwrap();
    let version = crd.property("spec").unwrap().property("versions").unwrap().items().unwrap();
    let mut schema = version.property("schema").unwrap().property("openAPIV3Schema").unwrap();
    for _ in 0..100 {
        schema = schema.property("properties").unwrap().additional().unwrap();
    }
    assert_eq!(schema.property("properties").unwrap().kind(), Type::Object);
}
