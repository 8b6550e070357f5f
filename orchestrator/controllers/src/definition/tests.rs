use serde_json::json;

use super::*;
use crate::Answers;
use crate::sim::{Server, Sim};

fn sim() -> Sim {
    let widgets = Resource::new("example.com", "v1", "Widget", "widgets", Scope::Namespaced);
    let resources = vec![kinds::namespaces(), kinds::custom_resource_definitions(), widgets];
    let mut sim = Sim::new(Server::new(resources), vec![Box::new(DefinitionController)]);
    sim.server.create(&kinds::namespaces(), json!({ "metadata": { "name": "default" } })).unwrap();
    sim
}

fn definition(plural: &str, kind: &str, short: &[&str]) -> Value {
    json!({
        "metadata": { "name": format!("{plural}.example.com") },
        "spec": {
            "group": "example.com",
            "names": {
                "plural": plural,
                "singular": plural.trim_end_matches('s'),
                "kind": kind,
                "listKind": format!("{kind}List"),
                "shortNames": short,
            },
            "scope": "Namespaced",
            "versions": [{ "name": "v1", "served": true, "storage": true }],
        },
    })
}

fn at(plural: &str) -> ObjectRef {
    ObjectRef::new(&kinds::custom_resource_definitions().id, "", &format!("{plural}.example.com"))
}

fn state(sim: &Sim, plural: &str, wanted: &str) -> (String, String) {
    let object = sim.object(&at(plural)).unwrap();
    let conditions = object["status"]["conditions"].as_array().unwrap();
    let found = conditions.iter().find(|condition| condition["type"] == wanted).unwrap();
    (found["status"].as_str().unwrap().to_owned(), found["reason"].as_str().unwrap().to_owned())
}

fn pair(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

#[test]
fn a_definition_is_established() {
    let mut sim = sim();
    let created = definition("widgets", "Widget", &["w"]);
    let names = created["spec"]["names"].clone();
    sim.server.create(&kinds::custom_resource_definitions(), created).unwrap();
    sim.converge();
    assert_eq!(state(&sim, "widgets", "Established"), pair("True", "InitialNamesAccepted"));
    assert_eq!(state(&sim, "widgets", "NamesAccepted"), pair("True", "NoConflicts"));
    let object = sim.object(&at("widgets")).unwrap();
    assert_eq!(object["status"]["acceptedNames"], names);
    assert_eq!(object["metadata"]["finalizers"], json!([CLEANUP]));
}

#[test]
fn names_belong_to_the_first_until_it_goes() {
    let mut sim = sim();
    let definitions = kinds::custom_resource_definitions();
    sim.server.create(&definitions, definition("widgets", "Widget", &["w"])).unwrap();
    sim.server.now += std::time::Duration::from_secs(1);
    sim.server.create(&definitions, definition("wodgets", "Widget", &["w"])).unwrap();
    sim.server.create(&definitions, definition("gadgets", "Gadget", &["w"])).unwrap();
    sim.converge();
    assert_eq!(state(&sim, "widgets", "Established").0, "True");
    assert_eq!(state(&sim, "wodgets", "NamesAccepted"), pair("False", "ListKindConflict"));
    assert_eq!(state(&sim, "wodgets", "Established"), pair("False", "NotAccepted"));
    assert_eq!(state(&sim, "gadgets", "NamesAccepted"), pair("False", "ShortNamesConflict"));
    sim.server.delete(&at("widgets"), Propagation::Background).unwrap();
    sim.converge();
    assert_eq!(state(&sim, "wodgets", "Established").0, "True");
}

#[test]
fn instances_go_before_their_definition() {
    let mut sim = sim();
    sim.server.create(&kinds::custom_resource_definitions(), definition("widgets", "Widget", &[])).unwrap();
    sim.converge();
    let widgets = sim.server.discovery().kind("example.com", "Widget").unwrap().clone();
    let mut widget = json!({ "metadata": { "name": "w", "namespace": "default" } });
    widget["metadata"]["finalizers"] = json!(["example.com/hold"]);
    sim.server.create(&widgets, widget).unwrap();
    sim.server.delete(&at("widgets"), Propagation::Background).unwrap();
    sim.converge();
    assert_eq!(state(&sim, "widgets", "Terminating"), pair("True", "InstanceDeletionInProgress"));
    let place = ObjectRef::new(&widgets.id, "default", "w");
    assert!(!sim.object(&place).unwrap()["metadata"]["deletionTimestamp"].is_null());
    sim.server.patch(&place, &json!({ "metadata": { "finalizers": null } })).unwrap();
    sim.converge();
    assert!(sim.object(&at("widgets")).is_none());
}

#[test]
fn a_list_that_fails_keeps_the_definition() {
    let mut sim = sim();
    sim.server.create(&kinds::custom_resource_definitions(), definition("widgets", "Widget", &[])).unwrap();
    sim.converge();
    sim.server.delete(&at("widgets"), Propagation::Background).unwrap();
    while sim.deliver(&kinds::custom_resource_definitions().id, false) {}
    let mut answers = Answers::new();
    let look = |answers: &Answers| {
        let observed = Observed { world: &sim.world, answers, failures: &[], now: sim.server.now };
        DefinitionController.reconcile(&observed, &at("widgets"))
    };
    for question in look(&answers).questions {
        answers.insert(question, Answer::Failed("down".to_owned()));
    }
    let outcome = look(&answers);
    assert!(
        outcome
            .actions
            .iter()
            .all(|action| { matches!(action, Action::Patch { subresource: Some("status"), .. }) })
    );
    assert_eq!(outcome.again, Some(PATIENCE));
}

#[test]
fn protected_groups_say_who_agreed() {
    let cases = [
        ("example.com", None, None),
        ("gateway.networking.k8s.io", Some("https://github.com/x"), Some(("True", "ApprovedAnnotation"))),
        ("gateway.networking.k8s.io", Some("unapproved, trial"), Some(("False", "UnapprovedAnnotation"))),
        ("x.kubernetes.io", None, Some(("False", "MissingAnnotation"))),
        ("notk8s.io", None, None),
    ];
    for (group, annotation, expected) in cases {
        let body = json!({
            "metadata": { "name": "a", "uid": "b", "annotations": { APPROVED: annotation } },
            "spec": { "group": group },
        });
        let object = Object::new(&kinds::custom_resource_definitions(), body).unwrap();
        let found = approval(&object);
        assert_eq!(found.map(|condition| (condition.status, condition.reason)), expected, "{group}");
    }
}
