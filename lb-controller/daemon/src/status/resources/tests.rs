use std::sync::{Arc, Mutex};

use guideway_controller_index::ResourceProblem;
use guideway_controller_ipam::{Family, PoolUse};
use http::{Request, Response, StatusCode};
use kube::client::Body;
use serde_json::json;

use super::*;
use crate::state::Summary;

fn resource(kind: Kind) -> ApiResource {
    let (group, version) = (kind.group().to_owned(), kind.versions()[0].to_owned());
    ApiResource {
        api_version: format!("{group}/{version}"),
        group,
        version,
        kind: kind.as_str().to_owned(),
        plural: kind.plural().to_owned(),
    }
}

fn subject(kind: Kind, name: &str, errors: &[&str], notes: &[&str]) -> Subject {
    let mut object = DynamicObject::new(name, &resource(kind));
    object.metadata.generation = Some(3);
    object.metadata.uid = Some("1".to_owned());
    object.metadata.resource_version = Some("7".to_owned());
    object.metadata.namespace = Some("guideway".to_owned());
    object.data = json!({ "spec": {} });
    let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    Subject::new(kind, &resource(kind), object, &own(errors), &own(notes))
}

fn facts() -> Facts {
    let content = guideway_controller_core::Content::new(
        guideway_dataplane_config::Seed::new([7; 16]),
        guideway_controller_core::Routing::default(),
    );
    let summary = Summary {
        content,
        services: BTreeMap::new(),
        addresses: BTreeMap::new(),
        pools: Vec::new(),
        problems: Vec::new(),
    };
    Facts {
        contacts: BTreeMap::new(),
        state: Arc::default(),
        seen: BTreeMap::new(),
        summary: Some(summary),
        is_settled: true,
    }
}

/// Methods and paths with what was sent.
type Log = Arc<Mutex<Vec<(String, Value)>>>;

/// An API server that remembers what it was asked, and answers with what it was sent, or that it is another one by now.
fn api(conflicts: bool) -> (Speaker, Log) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let service = tower::service_fn(move |request: Request<Body>| {
        let log = Arc::clone(&log);
        async move {
            let path = format!("{} {}", request.method(), request.uri().path());
            let bytes = request.into_body().collect_bytes().await?;
            let mut body: Value = serde_json::from_slice(&bytes)?;
            log.lock().unwrap().push((path, body.clone()));
            let status = if conflicts {
                body = json!({ "kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409, "message": "" });
                StatusCode::CONFLICT
            } else {
                body["metadata"]["resourceVersion"] = "8".into();
                StatusCode::OK
            };
            let answer = Response::builder().status(status).body(Body::from(serde_json::to_vec(&body)?))?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer)
        }
    });
    let client = Client::new(service, "guideway");
    let recorder = Recorder::new(client.clone(), "example.com/controller", "here");
    (Speaker { client, namespace: "guideway".to_owned(), recorder, faults: BTreeSet::new() }, asked)
}

#[tokio::test]
async fn what_is_said_is_said_once_and_for_the_object_that_was_seen() {
    let (mut speaker, asked) = api(false);
    let mut subjects = Subjects::default();
    subjects.take(Told::Is(Box::new(subject(Kind::BackendPolicy, "web", &["spec.a: x", "spec.b: y"], &[]))));
    speaker.say(&mut subjects, &facts()).await;
    speaker.say(&mut subjects, &facts()).await;
    let asked = std::mem::take(&mut *asked.lock().unwrap());
    let paths: Vec<&str> = asked.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "PUT /apis/guideway.dev/v1alpha1/namespaces/guideway/backendpolicies/web/status",
            "POST /apis/events.k8s.io/v1/namespaces/guideway/events",
        ]
    );
    let written = &asked[0].1;
    assert_eq!(written["metadata"]["resourceVersion"], "7");
    let condition = &written["status"]["conditions"][0];
    assert_eq!((&condition["type"], &condition["status"]), (&json!("Valid"), &json!("False")));
    assert_eq!(
        (&condition["message"], &condition["observedGeneration"]),
        (&json!("spec.a: x; spec.b: y"), &json!(3))
    );
    assert_eq!((&asked[1].1["reason"], &asked[1].1["type"]), (&json!("Invalid"), &json!("Warning")));
}

#[tokio::test]
async fn who_was_overtaken_waits_for_what_is_there() {
    let (mut speaker, asked) = api(true);
    let mut subjects = Subjects::default();
    subjects.take(Told::Is(Box::new(subject(Kind::Shard, "gold", &[], &[]))));
    speaker.say(&mut subjects, &facts()).await;
    speaker.say(&mut subjects, &facts()).await;
    assert_eq!(asked.lock().unwrap().len(), 1, "not again before the other one is seen");
    subjects.take(Told::Is(Box::new(subject(Kind::Shard, "gold", &[], &[]))));
    speaker.say(&mut subjects, &facts()).await;
    assert_eq!(asked.lock().unwrap().len(), 2);
    subjects.take(Told::Gone(Kind::Shard, "gold".to_owned()));
    speaker.say(&mut subjects, &facts()).await;
    assert_eq!(asked.lock().unwrap().len(), 2);
}

/// MetalLB's kinds have Events: what has no effect, what contradicts others, what is full.
#[tokio::test]
async fn a_pool_that_is_full_or_in_conflict_says_so_in_events() {
    let (mut speaker, asked) = api(false);
    let mut subjects = Subjects::default();
    let pool = Kind::IpAddressPool;
    subjects.take(Told::Is(Box::new(subject(pool, "web", &[], &["spec.x: unknown field, without effect"]))));
    let mut facts = facts();
    let used = PoolUse { name: "web".into(), family: Family::V4, capacity: 4, assigned: 3, leaving: 1 };
    let problem = "10.0.0.0/30 overlaps 10.0.0.1/32 of pool other: it is not used".to_owned();
    let summary = facts.summary.as_mut().unwrap();
    summary.pools = vec![used.clone(), PoolUse { family: Family::V6, capacity: 0, ..used }];
    summary.problems = vec![ResourceProblem { kind: pool, name: "web".to_owned(), problem: problem.clone() }];
    speaker.say(&mut subjects, &facts).await;
    speaker.say(&mut subjects, &facts).await;
    let status = asked.lock().unwrap().remove(0);
    assert_eq!(status.0, "PUT /apis/metallb.io/v1beta1/namespaces/guideway/ipaddresspools/web/status");
    let numbers = json!({ "assignedIPv4": 3, "availableIPv4": 0, "assignedIPv6": 3, "availableIPv6": 0 });
    assert_eq!(status.1["status"], numbers);
    let reasons = |asked: &Log| -> Vec<String> {
        let all = std::mem::take(&mut *asked.lock().unwrap());
        all.iter().map(|(_, event)| event["reason"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(reasons(&asked), ["Noted", "Conflict", "Exhausted"]);
    // It is full again after it was not.
    let summary = facts.summary.as_mut().unwrap();
    summary.problems.clear();
    summary.pools[0].leaving = 0;
    speaker.say(&mut subjects, &facts).await;
    assert_eq!(reasons(&asked), [""; 0]);
    facts.summary.as_mut().unwrap().pools[0].assigned = 4;
    speaker.say(&mut subjects, &facts).await;
    assert_eq!(asked.lock().unwrap().len(), 1);
}
