//! Requests that are almost right, or nowhere near: an answer to each, none of them a defect.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};

use super::*;

#[path = "../../../api/src/rules/tests/samples.rs"]
mod samples;

/// Bodies that kubectl sent.
const RECORDED: &str = include_str!("../../../protobuf/src/tests/kubectl.jsonl");
const QUERIES: [&str; 26] = [
    "",
    "dryRun=All",
    "dryRun=x",
    "fieldValidation=Warn",
    "fieldValidation=Strict",
    "fieldManager=m",
    "force=true",
    "force=x",
    "limit=1",
    "limit=-1",
    "limit=99999999999999999999",
    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ",
    "continue=%00",
    "resourceVersion=0",
    "resourceVersion=1",
    "resourceVersion=x",
    "resourceVersionMatch=Exact",
    "labelSelector=a%20in%20(b",
    "labelSelector=%21a",
    "fieldSelector=metadata.name%3D%3D%2C",
    "fieldSelector=%5C",
    "propagationPolicy=Foreground",
    "gracePeriodSeconds=-5",
    "pretty=true",
    "includeObject=Object",
    "%ff=%ff&&=",
];
const ACCEPTED: [&str; 7] = [
    "application/json",
    "application/yaml",
    "application/json;as=Table;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/vnd.kubernetes.protobuf,*/*",
    "text/html;q=0.5,*/*;q=x",
    ";;;,",
];
const CONTENT_TYPES: [&str; 7] = [
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "x",
];
const PARTS: [&str; 10] = [
    "status",
    "scale",
    "binding",
    "eviction",
    "token",
    "approval",
    "finalize",
    "ephemeralcontainers",
    "log",
    "nope",
];
const OTHERS: [&str; 10] = [
    "/",
    "/api",
    "/apis/apps",
    "/openapi/v3/api/v1",
    "/openapi/v2",
    "/metrics",
    "/readyz",
    "//api/v1",
    "/api/v1/%2e%2e/%00",
    "/apis/a/b/c/d/e/f/g/h",
];

/// What stands in the place of something that is right.
#[derive(Clone, Debug)]
enum Change {
    Put(Value),
    Remove,
    Twice,
}

#[derive(Clone, Debug)]
struct Asked {
    method: &'static str,
    sample: Index,
    changes: Vec<(Index, Change)>,
    named: bool,
    part: &'static str,
    other: Option<&'static str>,
    query: Vec<&'static str>,
    accept: &'static str,
    /// None: one that fits the method.
    content_type: Option<&'static str>,
    bytes: Option<Vec<u8>>,
    recorded: Option<(Index, Vec<(Index, u8)>)>,
}

fn value() -> impl Strategy<Value = Value> {
    let odd = [
        json!(null),
        json!(-1),
        json!(0),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1.5),
        json!(1e308),
        json!(true),
        json!(""),
        json!("\u{0}"),
        json!("é\u{202e}"),
        json!("x".repeat(300)),
        json!("1Ei"),
        json!("-0.0001m"),
        json!("100%"),
        json!("2026-01-01T00:00:00Z"),
        json!([]),
        json!({}),
        json!([null]),
        json!([[{}]]),
        json!({"": null}),
        json!({"a/b/c": {"$patch": "replace"}}),
        json!([{"$patch": "delete"}]),
        json!({"$retainKeys": 1}),
        json!([{"op": "add", "path": "/metadata", "value": null}]),
        json!([{"op": "move", "from": "", "path": "/a/b"}]),
    ];
    select(odd.to_vec())
}

fn asked() -> impl Strategy<Value = Asked> {
    let change = prop_oneof![value().prop_map(Change::Put), Just(Change::Remove), Just(Change::Twice)];
    let body = (
        any::<Index>(),
        prop::collection::vec((any::<Index>(), change), 0..4),
        prop::option::weighted(0.1, prop::collection::vec(any::<u8>(), 0..200)),
        prop::option::weighted(
            0.15,
            (any::<Index>(), prop::collection::vec((any::<Index>(), any::<u8>()), 0..4)),
        ),
    );
    let path = (
        any::<bool>(),
        prop::option::weighted(0.2, select(PARTS.to_vec())).prop_map(Option::unwrap_or_default),
        prop::option::weighted(0.05, select(OTHERS.to_vec())),
    );
    let heads = (
        select(vec!["GET", "POST", "POST", "PUT", "PATCH", "PATCH", "DELETE", "HEAD", "OPTIONS", "X"]),
        prop_oneof![Just(Vec::new()), prop::collection::vec(select(QUERIES.to_vec()), 1..3)],
        prop_oneof![2 => Just("application/json"), 1 => select(ACCEPTED.to_vec())],
        prop::option::weighted(0.4, select(CONTENT_TYPES.to_vec())),
    );
    (body, path, heads).prop_map(|(body, path, heads)| Asked {
        method: heads.0,
        sample: body.0,
        changes: body.1,
        named: path.0,
        part: path.1,
        other: path.2,
        query: heads.1,
        accept: heads.2,
        content_type: heads.3,
        bytes: body.2,
        recorded: body.3,
    })
}

/// All places in a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, below) in fields {
                places(below, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(elements) => {
            for (index, below) in elements.iter().enumerate() {
                places(below, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn change(object: &mut Value, place: Index, change: &Change) {
    let mut found = Vec::new();
    places(object, "", &mut found);
    let at = place.get(&found);
    if let Change::Put(value) = change {
        *object.pointer_mut(at).unwrap() = value.clone();
        return;
    }
    let Some((above, name)) = at.rsplit_once('/') else { return };
    match object.pointer_mut(above) {
        Some(Value::Object(fields)) => {
            fields.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(elements)) => {
            let element = elements.remove(name.parse().unwrap());
            if let Change::Twice = change {
                elements.extend([element.clone(), element]);
            }
        }
        _ => {}
    }
}

impl Asked {
    /// The path of the sample that it is about.
    fn path(&self, lab: &Lab, sample: &Value) -> String {
        if let Some(other) = self.other {
            return other.to_owned();
        }
        let version = sample["apiVersion"].as_str().unwrap();
        let kind = sample["kind"].as_str().unwrap();
        let (group, _) = version.split_once('/').unwrap_or(("", version));
        let catalogue = lab.server.catalogue();
        let kind = catalogue
            .registry
            .kinds()
            .iter()
            .find(|known| known.group == group && known.kind == kind)
            .unwrap();
        let root = if group.is_empty() { "/api" } else { "/apis" };
        let namespace =
            if kind.scope == guideway_api::Scope::Namespaced { "/namespaces/default" } else { "" };
        let mut path = format!("{root}/{version}{namespace}/{}", kind.plural);
        // What is made has its name in the body.
        if self.named && self.method != "POST" || !self.part.is_empty() {
            path = format!("{path}/{}", sample["metadata"]["name"].as_str().unwrap_or("x"));
        }
        if !self.part.is_empty() {
            path = format!("{path}/{}", self.part);
        }
        path
    }

    fn body(&self, sample: &Value) -> Vec<u8> {
        if let Some(bytes) = &self.bytes {
            return bytes.clone();
        }
        if let Some((which, changes)) = &self.recorded {
            let recorded: Vec<&str> = RECORDED.lines().collect();
            let recorded: Value = serde_json::from_str(which.get::<&str>(&recorded)).unwrap();
            let mut bytes = STANDARD.decode(recorded["body"].as_str().unwrap()).unwrap();
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            return bytes;
        }
        let mut object = sample.clone();
        for (place, how) in &self.changes {
            change(&mut object, *place, how);
        }
        serde_json::to_vec(&object).unwrap()
    }
}

/// Whether the request was good after all, and wrote something.
async fn check(lab: &Lab, asked: &Asked) -> bool {
    let mut sample: Value = serde_json::from_str(asked.sample.get::<&str>(samples::ALL)).unwrap();
    if let Some(metadata) = sample["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    let query = asked.query.join("&");
    let path = format!("{}?{query}", asked.path(lab, &sample));
    let usual = if asked.method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let headers = [("accept", asked.accept), ("content-type", asked.content_type.unwrap_or(usual))];
    let reply = lab.ask(asked.method, &path, &headers, asked.body(&sample)).await;
    let said = String::from_utf8_lossy(&reply.bytes);
    // This one Kubernetes answers with 500 itself.
    let is_known =
        query.contains("resourceVersion=x") && (asked.method == "HEAD" || said.contains("strconv.ParseUint"));
    assert!(reply.code != 500 || is_known, "{} {path}: {said}", asked.method);
    assert!(!reply.message().contains("defect"), "{} {path}: {said}", asked.method);
    if reply.json["kind"] == "Status" && reply.code.as_u16() >= 400 {
        assert_eq!(reply.json["code"], reply.code.as_u16(), "{} {path}: {said}", asked.method);
        assert!(!reply.message().is_empty(), "{} {path}: {said}", asked.method);
    }
    reply.code.is_success() && matches!(asked.method, "POST" | "PUT" | "PATCH")
}

/// Enough to find what is often wrong, and the same each time; `PROPTEST_CASES` asks for so many others.
const CASES: u32 = 600;

#[test]
fn nothing_that_is_sent_is_a_defect() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lab = runtime.block_on(async {
        let lab = Lab::start().await;
        default_account(&lab).await;
        lab
    });
    let others = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = others.unwrap_or(CASES);
    let written = std::cell::Cell::new(0);
    let config = Cases { cases, failure_persistence: None, ..Cases::default() };
    let mut runner = match others {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    runner
        .run(&asked(), |asked| {
            written.set(written.get() + u32::from(runtime.block_on(check(&lab, &asked))));
            Ok(())
        })
        .unwrap();
    assert!(
        written.get() * 50 > cases,
        "of {cases} requests only {} are so good that they write",
        written.get()
    );
}
