use serde_json::json;

use super::*;
use crate::controller::Failure;
use crate::sim::{Server, Sim};
use crate::{Answers, Outcome};

fn sim() -> Sim {
    let resources = vec![kinds::namespaces(), kinds::pods(), kinds::config_maps()];
    let mut sim = Sim::new(Server::new(resources), vec![Box::new(NamespaceController)]);
    sim.server.create(&kinds::namespaces(), json!({ "metadata": { "name": "blue" } })).unwrap();
    sim
}

fn key() -> ObjectRef {
    ObjectRef::new(&kinds::namespaces().id, "", "blue")
}

fn delete(sim: &mut Sim) {
    sim.server.delete(&key(), crate::Propagation::Background).unwrap();
}

fn look(sim: &Sim, change: impl Fn(&mut Answers), failures: &[Failure]) -> Outcome {
    let mut answers = Answers::new();
    loop {
        let observed = Observed { world: &sim.world, answers: &answers, failures, now: sim.server.now };
        let outcome = NamespaceController.reconcile(&observed, &key());
        if outcome.questions.is_empty() {
            return outcome;
        }
        for question in outcome.questions {
            answers.insert(question.clone(), sim.server.answer(&question));
        }
        change(&mut answers);
    }
}

fn conditions(outcome: &Outcome) -> BTreeMap<String, (String, String)> {
    let patch = outcome.actions.iter().find_map(|action| match action {
        Action::Patch { subresource: Some("status"), patch, .. } => Some(patch),
        _ => None,
    });
    let conditions = patch.unwrap()["status"]["conditions"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    conditions
        .iter()
        .filter(|condition| condition["status"] == "True")
        .map(|condition| {
            (text(&condition["type"]), (text(&condition["reason"]), text(&condition["message"])))
        })
        .collect()
}

#[test]
fn a_namespace_that_lives_is_left_alone() {
    let mut sim = sim();
    sim.restart();
    assert_eq!(look(&sim, |_| (), &[]), Outcome::done());
}

#[test]
fn an_empty_namespace_is_finalized() {
    let mut sim = sim();
    delete(&mut sim);
    sim.restart();
    let outcome = look(&sim, |_| (), &[]);
    let [Action::Finalize { namespace }] = &outcome.actions[..] else { panic!("{outcome:?}") };
    assert_eq!(namespace["spec"]["finalizers"], json!([]));
    sim.converge();
    assert!(sim.object(&key()).is_none());
}

#[test]
fn pods_go_first_and_what_remains_is_told() {
    let mut sim = sim();
    let mut pod = json!({ "metadata": { "name": "p", "namespace": "blue" } });
    pod["metadata"]["finalizers"] = json!(["example.com/hold"]);
    sim.server.create(&kinds::pods(), pod).unwrap();
    sim.server
        .create(&kinds::config_maps(), json!({ "metadata": { "name": "c", "namespace": "blue" } }))
        .unwrap();
    delete(&mut sim);
    sim.restart();
    let outcome = look(&sim, |_| (), &[]);
    let collections: Vec<_> = outcome
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::DeleteCollection { resource, .. } => Some(resource.id.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(collections, ["pods"]);
    let told = conditions(&outcome);
    assert_eq!(
        told["NamespaceContentRemaining"].1,
        "Some resources are remaining: configmaps. has 1 resource instances, pods. has 1 resource instances"
    );
    assert_eq!(
        told["NamespaceFinalizersRemaining"].1,
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    );
    assert_eq!(told.len(), 2);
    sim.converge();
    assert!(sim.object(&key()).is_some(), "somebody holds the pod");
    let pod = ObjectRef::new(&kinds::pods().id, "blue", "p");
    sim.server.patch(&pod, &json!({ "metadata": { "finalizers": null } })).unwrap();
    sim.converge();
    assert!(sim.object(&key()).is_none());
}

#[test]
fn one_that_others_hold_says_that_it_is_empty() {
    let mut sim = sim();
    let held = json!({ "metadata": { "finalizers": ["example.com/hold"] } });
    sim.server.patch(&key(), &held).unwrap();
    sim.server
        .create(&kinds::config_maps(), json!({ "metadata": { "name": "c", "namespace": "blue" } }))
        .unwrap();
    delete(&mut sim);
    sim.converge();
    let left = sim.object(&key()).unwrap();
    assert_eq!(left["spec"]["finalizers"], json!([]), "what was in it is gone");
    let conditions = left["status"]["conditions"].as_array().unwrap();
    let remaining = conditions.iter().find(|one| one["type"] == "NamespaceContentRemaining").unwrap();
    assert_eq!(
        (&remaining["status"], &remaining["message"]),
        (&json!("False"), &json!("All content successfully removed"))
    );
    sim.server.patch(&key(), &json!({ "metadata": { "finalizers": null } })).unwrap();
    assert!(sim.object(&key()).is_none());
}

#[test]
fn what_cannot_be_known_or_deleted_keeps_the_namespace() {
    let mut sim = sim();
    delete(&mut sim);
    sim.restart();
    let failed = |question: fn(&Question) -> bool| {
        move |answers: &mut Answers| {
            for (asked, answer) in answers.iter_mut().filter(|(asked, _)| question(asked)) {
                let _ = asked;
                *answer = Answer::Failed("down".to_owned());
            }
        }
    };
    let outcome = look(&sim, failed(|question| *question == Question::Discover), &[]);
    assert_eq!(conditions(&outcome)["NamespaceDeletionDiscoveryFailure"].0, "DiscoveryFailed");
    assert!(!outcome.actions.iter().any(|action| matches!(action, Action::Finalize { .. })));

    let outcome = look(&sim, failed(|question| matches!(question, Question::List(..))), &[]);
    let (reason, message) = &conditions(&outcome)["NamespaceDeletionContentFailure"];
    assert_eq!(reason, "ContentDeletionFailed");
    assert!(message.contains("pods: down"), "{message}");
    assert!(!outcome.actions.iter().any(|action| matches!(action, Action::Finalize { .. })));
    assert_eq!(outcome.again, Some(PATIENCE));

    let failures = [Failure { resource: kinds::pods().id, message: "forbidden".to_owned() }];
    let outcome = look(&sim, |_| (), &failures);
    assert!(conditions(&outcome).contains_key("NamespaceDeletionContentFailure"));
}
