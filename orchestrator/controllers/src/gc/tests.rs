use serde_json::json;

use super::*;
use crate::kinds;
use crate::resource::Resource;
use crate::sim::{Server, Sim};

fn widgets() -> Resource {
    Resource::new("example.com", "v1", "Widget", "widgets", Scope::Cluster)
}

fn sim() -> Sim {
    let resources = vec![kinds::namespaces(), kinds::config_maps(), kinds::secrets(), widgets()];
    let mut sim = Sim::new(Server::new(resources), vec![Box::new(GarbageCollector)]);
    for name in ["default", "other"] {
        sim.server.create(&kinds::namespaces(), json!({ "metadata": { "name": name } })).unwrap();
    }
    sim
}

/// `apiVersion`, kind, name and uid of an owner.
type Reference<'a> = (&'a str, &'a str, &'a str, &'a str);

fn owned(name: &str, owners: &[Reference<'_>]) -> Value {
    let owners: Vec<Value> = owners
        .iter()
        .map(|(api_version, kind, name, uid)| {
            json!({ "apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "blockOwnerDeletion": true })
        })
        .collect();
    json!({ "metadata": { "name": name, "namespace": "default", "ownerReferences": owners } })
}

fn create(sim: &mut Sim, resource: &Resource, object: Value) -> String {
    sim.server.create(resource, object).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned()
}

fn at(resource: &Resource, name: &str) -> ObjectRef {
    ObjectRef::new(&resource.id, if resource.scope == Scope::Cluster { "" } else { "default" }, name)
}

/// One look at an object, with the answers of the server. What is done, Events apart, and the reasons of Events.
fn look(sim: &mut Sim, key: &ObjectRef) -> (Vec<Action>, Vec<&'static str>) {
    let mut answers = crate::Answers::new();
    loop {
        let observed = Observed { world: &sim.world, answers: &answers, failures: &[], now: sim.server.now };
        let outcome = GarbageCollector.reconcile(&observed, key);
        if outcome.questions.is_empty() {
            let events = outcome.actions.iter().filter_map(|action| match action {
                Action::Event(event) => Some(event.reason),
                _ => None,
            });
            let events = events.collect();
            let actions = outcome.actions.into_iter().filter(|action| !matches!(action, Action::Event(_)));
            return (actions.collect(), events);
        }
        for question in outcome.questions {
            answers.insert(question.clone(), sim.server.answer(&question));
        }
    }
}

/// What the collector makes of an object with these owners: (owners, is it deleted, which Event).
#[test]
fn owners_decide() {
    const NONE: &[&str] = &[];
    let cases: [(&str, &[Reference<'_>], bool, &[&str]); 7] = [
        ("living owner", &[("v1", "Secret", "alive", "ALIVE")], false, NONE),
        ("owner that never was", &[("v1", "Secret", "never", "x")], true, NONE),
        ("another of its name", &[("v1", "Secret", "alive", "x")], true, NONE),
        ("one of two", &[("v1", "Secret", "never", "x"), ("v1", "Secret", "alive", "ALIVE")], false, NONE),
        ("kind that is not served", &[("no.example.com/v1", "Thing", "t", "x")], false, NONE),
        ("owner in the cluster", &[("example.com/v1", "Widget", "w", "WIDGET")], false, NONE),
        (
            "owner in another namespace",
            &[("v1", "Secret", "far", "FAR")],
            true,
            &["OwnerRefInvalidNamespace"],
        ),
    ];
    for (what, owners, deleted, expected) in cases {
        let mut sim = sim();
        let alive = create(&mut sim, &kinds::secrets(), owned("alive", &[]));
        let widget = create(&mut sim, &widgets(), json!({ "metadata": { "name": "w" } }));
        let mut far = owned("far", &[]);
        far["metadata"]["namespace"] = "other".into();
        let far = create(&mut sim, &kinds::secrets(), far);
        let owners: Vec<_> = owners
            .iter()
            .map(|(version, kind, name, uid)| {
                let uid = match *uid {
                    "ALIVE" => alive.as_str(),
                    "WIDGET" => widget.as_str(),
                    "FAR" => far.as_str(),
                    other => other,
                };
                (*version, *kind, *name, uid)
            })
            .collect();
        create(&mut sim, &kinds::config_maps(), owned("c", &owners));
        sim.restart();
        let key = at(&kinds::config_maps(), "c");
        let (actions, events) = look(&mut sim, &key);
        let deletes = actions.iter().any(|action| matches!(action, Action::Delete { .. }));
        assert_eq!((deletes, events.as_slice()), (deleted, expected), "{what}: {actions:?}");
        sim.converge();
        assert_eq!(sim.object(&key).is_none(), deleted, "{what}");
    }
}

#[test]
fn an_object_of_the_cluster_with_an_owner_in_a_namespace_stays_and_says_so() {
    let mut sim = sim();
    let secret = create(&mut sim, &kinds::secrets(), owned("s", &[]));
    let owners = owned("w", &[("v1", "Secret", "s", &secret)])["metadata"]["ownerReferences"].clone();
    create(&mut sim, &widgets(), json!({ "metadata": { "name": "w", "ownerReferences": owners } }));
    sim.restart();
    let (actions, events) = look(&mut sim, &at(&widgets(), "w"));
    assert_eq!((actions, events), (vec![], vec!["OwnerRefInvalidNamespace"]));
}

/// A chain of three: w (cluster) owns s owns c.
fn chain(sim: &mut Sim) {
    let w = create(sim, &widgets(), json!({ "metadata": { "name": "w" } }));
    let s = create(sim, &kinds::secrets(), owned("s", &[("example.com/v1", "Widget", "w", &w)]));
    create(sim, &kinds::config_maps(), owned("c", &[("v1", "Secret", "s", &s)]));
    sim.converge();
}

#[test]
fn background_takes_the_whole_chain() {
    let mut sim = sim();
    chain(&mut sim);
    sim.server.delete(&at(&widgets(), "w"), Propagation::Background).unwrap();
    sim.converge();
    assert!(
        sim.object(&at(&kinds::secrets(), "s")).is_none()
            && sim.object(&at(&kinds::config_maps(), "c")).is_none()
    );
}

#[test]
fn foreground_goes_from_the_end() {
    let mut sim = sim();
    chain(&mut sim);
    let last = at(&kinds::config_maps(), "c");
    // Somebody holds the last one.
    sim.server.patch(&last, &json!({ "metadata": { "finalizers": ["example.com/hold"] } })).unwrap();
    sim.server.delete(&at(&widgets(), "w"), Propagation::Foreground).unwrap();
    sim.converge();
    for (kind, name) in [(widgets(), "w"), (kinds::secrets(), "s"), (kinds::config_maps(), "c")] {
        let object = sim.object(&at(&kind, name)).unwrap_or_else(|| panic!("{name} is gone too early"));
        assert!(!object["metadata"]["deletionTimestamp"].is_null(), "{name}");
    }
    sim.server.patch(&last, &json!({ "metadata": { "finalizers": null } })).unwrap();
    sim.converge();
    assert!(sim.object(&at(&widgets(), "w")).is_none());
}

#[test]
fn orphans_stay_without_an_owner() {
    let mut sim = sim();
    chain(&mut sim);
    sim.server.delete(&at(&widgets(), "w"), Propagation::Orphan).unwrap();
    sim.converge();
    assert!(sim.object(&at(&widgets(), "w")).is_none());
    let secret = sim.object(&at(&kinds::secrets(), "s")).unwrap();
    assert!(secret["metadata"]["ownerReferences"].is_null(), "{secret}");
    assert!(sim.object(&at(&kinds::config_maps(), "c")).is_some());
}

#[test]
fn a_circle_that_waits_for_itself_goes() {
    let mut sim = sim();
    let a = create(&mut sim, &kinds::secrets(), owned("a", &[]));
    let b = create(&mut sim, &kinds::secrets(), owned("b", &[("v1", "Secret", "a", &a)]));
    let owners = owned("a", &[("v1", "Secret", "b", &b)])["metadata"]["ownerReferences"].clone();
    sim.server
        .patch(&at(&kinds::secrets(), "a"), &json!({ "metadata": { "ownerReferences": owners } }))
        .unwrap();
    sim.converge();
    sim.server.delete(&at(&kinds::secrets(), "a"), Propagation::Foreground).unwrap();
    sim.converge();
    assert!(
        sim.object(&at(&kinds::secrets(), "a")).is_none()
            && sim.object(&at(&kinds::secrets(), "b")).is_none()
    );
}

#[test]
fn nothing_is_let_go_before_every_kind_was_listed() {
    let mut sim = sim();
    chain(&mut sim);
    for propagation in [Propagation::Orphan, Propagation::Foreground] {
        let _ = sim.server.delete(&at(&widgets(), "w"), propagation);
    }
    let mut world = World::new();
    world.discovered(sim.server.discovery());
    for resource in sim.server.discovery().resources {
        world.watch(&resource, crate::Detail::Metadata);
        if resource.id != kinds::secrets().id {
            world.see(&resource.id, crate::Seen::ListBegins).unwrap();
            for object in sim.server.list(&resource.id, "") {
                world.see(&resource.id, crate::Seen::Listed(object)).unwrap();
            }
            world.see(&resource.id, crate::Seen::ListEnds).unwrap();
        }
    }
    let answers = crate::Answers::new();
    let observed = Observed { world: &world, answers: &answers, failures: &[], now: sim.server.now };
    let outcome = GarbageCollector.reconcile(&observed, &at(&widgets(), "w"));
    assert_eq!((outcome.actions, outcome.again), (vec![], Some(SYNC)));
}

#[test]
fn an_api_that_does_not_answer_deletes_nothing() {
    let mut sim = sim();
    create(&mut sim, &kinds::config_maps(), owned("c", &[("v1", "Secret", "never", "x")]));
    sim.restart();
    let question = Question::Get(at(&kinds::secrets(), "never"));
    let answers = crate::Answers::from([(question, Answer::Failed("timeout".to_owned()))]);
    let observed = Observed { world: &sim.world, answers: &answers, failures: &[], now: sim.server.now };
    let outcome = GarbageCollector.reconcile(&observed, &at(&kinds::config_maps(), "c"));
    assert_eq!((outcome.actions, outcome.again), (vec![], Some(PATIENCE)));
}
