use std::sync::Arc;

use http::{Method, Request, Response};
use kube::client::Body;

use super::*;

fn record(generation: u64) -> Record {
    Record {
        term: Term(3),
        leader: "a".to_owned(),
        proposed: Generation(generation + 1),
        committed: Some(Stamp { generation: Generation(generation), digest: Digest::from_bytes([7; 32]) }),
        rolled_back_to: None,
    }
}

#[test]
fn what_is_written_is_read() {
    let mut status = RolloutStatus::default();
    for generation in [1, 2, 2, 5] {
        write(&mut status, &record(generation), "2026-01-01T00:00:00Z");
        let value = serde_json::to_value(&status).unwrap();
        let read: RolloutStatus = serde_json::from_value(value).unwrap();
        assert_eq!(from_object(&read.record.unwrap()), Ok(record(generation)));
    }
    let history: Vec<u64> = status.history.iter().map(|committed| committed.generation).collect();
    assert_eq!(history, [5, 2, 1], "each once, the latest first");
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    assert_eq!(past(&status)[0], (record(5).committed.unwrap(), at));
    for generation in 6..200 {
        write(&mut status, &record(generation), "2026-01-01T00:00:00Z");
    }
    assert_eq!(status.history.len(), HISTORY);
}

/// An API server with one object, and what it was asked.
#[derive(Default)]
struct Server {
    object: Option<Value>,
    version: u64,
    asked: Vec<Method>,
}

impl Server {
    fn answer(&mut self, method: &Method, body: &[u8]) -> (u16, Value) {
        self.asked.push(method.clone());
        let refusal = |code: u16, reason: &str| {
            let status = json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": "" });
            (code, status)
        };
        let sent = || serde_json::from_slice::<Value>(body).unwrap();
        let there = self.object.as_ref().map(|object| object["metadata"]["resourceVersion"].clone());
        match (method, there) {
            (&Method::GET, Some(_)) => (200, self.object.clone().unwrap()),
            (&Method::PUT, Some(there)) if sent()["metadata"]["resourceVersion"] == there => {
                let written = sent()["status"].clone();
                (200, self.change(|object| object["status"] = written))
            }
            (&Method::POST, None) => {
                self.object = Some(sent());
                (201, self.change(|_| {}))
            }
            (&Method::PUT, Some(_)) | (&Method::POST, _) => refusal(409, "Conflict"),
            _ => refusal(404, "NotFound"),
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Value)) -> Value {
        self.version += 1;
        let object = self.object.as_mut().unwrap();
        change(object);
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        object.clone()
    }
}

fn store() -> (RolloutObject, Arc<Mutex<Server>>) {
    let server = Arc::new(Mutex::new(Server::default()));
    let answers = Arc::clone(&server);
    let service = tower::service_fn(move |request: Request<Body>| {
        let answers = Arc::clone(&answers);
        async move {
            let method = request.method().clone();
            let body = request.into_body().collect_bytes().await?;
            let (code, answer) = answers.lock().unwrap().answer(&method, &body);
            let answer = Response::builder().status(code).body(Body::from(serde_json::to_vec(&answer)?))?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer)
        }
    });
    (RolloutObject::new(Client::new(service, "guideway"), "guideway", "default"), server)
}

fn asked(server: &Mutex<Server>) -> Vec<Method> {
    std::mem::take(&mut server.lock().unwrap().asked)
}

#[tokio::test]
async fn a_commit_is_one_request() {
    let (store, server) = store();
    assert_eq!(store.read().await, Ok(Stored::default()));
    let mut version = store.write(&record(1), None).await.unwrap();
    assert_eq!(asked(&server), [Method::GET, Method::POST, Method::PUT]);
    for generation in 2..5 {
        version = store.write(&record(generation), Some(&version)).await.unwrap();
        assert_eq!(asked(&server), [Method::PUT]);
    }
    let stored = store.read().await.unwrap();
    assert_eq!((stored.record, stored.version), (Some(record(4)), Some(version.clone())));
    assert_eq!(store.history().await.unwrap().len(), 4);

    // A controller that has written nothing yet has read it.
    store.remember(None);
    store.read().await.unwrap();
    asked(&server);
    store.write(&record(5), Some(&version)).await.unwrap();
    assert_eq!(asked(&server), [Method::PUT]);
}

#[tokio::test]
async fn what_others_change_stays() {
    let (store, server) = store();
    let version = store.write(&record(1), None).await.unwrap();
    let spec = json!({ "history": 3 });
    server.lock().unwrap().change(|object| object["spec"] = spec.clone());
    asked(&server);
    assert_eq!(store.write(&record(2), Some(&version)).await, Err(WriteFault::Conflict));
    assert_eq!(asked(&server), [Method::PUT]);
    let stored = store.read().await.unwrap();
    assert_eq!(stored.record, Some(record(1)), "nothing was written");
    store.write(&record(2), stored.version.as_ref()).await.unwrap();
    assert_eq!(server.lock().unwrap().object.as_ref().unwrap()["spec"], spec);

    // One that is gone is no reason to make another one: what was in it is lost, which is for the leader to find out.
    let version = store.read().await.unwrap().version;
    server.lock().unwrap().object = None;
    assert_eq!(store.write(&record(3), version.as_ref()).await, Err(WriteFault::Conflict));
    assert_eq!(store.read().await, Ok(Stored::default()));
    assert_eq!(store.write(&record(3), version.as_ref()).await, Err(WriteFault::Conflict));
}
