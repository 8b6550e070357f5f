//! The server over a store in memory, asked as clients ask.

mod access;
mod connections;
mod definitions;
mod deletion;
mod documents;
mod health;
mod lists;
mod nonsense;
mod parts;
mod patches;
mod services;
mod streams;
mod watches;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use guideway_access::{Identity, MASTERS};
use guideway_store::MemoryStore;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{ApiServer, Config, Limits};

/// Generous: machines are slow and noisy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Made for these tests.
const TOKEN_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNCClOgI50kXjxfBV\n\
sW0PAhXWmdK3NEMqQ+3QdM6mOtihRANCAATDZRolGwPhcQcQf+zLFGE6DtMcvAd6\n\
Q4ojp8H451UA/blbWFnl3ilupu9YtBGusPiSRP7guQAAGyLA5VDviMKg\n\
-----END PRIVATE KEY-----\n";

/// A server.
struct Lab {
    server: Arc<ApiServer>,
}

/// A reply, whole.
#[derive(Debug)]
struct Reply {
    code: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
    json: Value,
}

fn config() -> Config {
    Config {
        service_networks: vec!["10.96.0.0/24".parse().unwrap()],
        node_ports: 30000..=30019,
        advertise: Some("10.1.2.3:6443".parse().unwrap()),
        issuer: "https://kubernetes.default.svc".to_owned(),
        token_keys: vec![TOKEN_KEY.to_owned()],
        node_tls: None,
        limits: Limits::default(),
        checks: Vec::new(),
    }
}

fn administrator() -> Identity {
    Identity::user("admin", &[MASTERS])
}

impl Lab {
    async fn start() -> Self {
        Self::with(config()).await
    }

    async fn with(config: Config) -> Self {
        let server = ApiServer::start(Arc::new(MemoryStore::new()), config).await.unwrap();
        Self { server }
    }

    /// Sends a request as an identity.
    async fn send(
        &self,
        who: Identity,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.server.in_process(who).oneshot(request.body(body).unwrap()).await.unwrap()
    }

    /// The whole reply to a request of an identity.
    async fn ask_as(
        &self,
        who: Identity,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let response = self.send(who, method, path, headers, body.into()).await;
        let (parts, body) = response.into_parts();
        let bytes = tokio::time::timeout(PATIENCE, body.collect()).await.unwrap().unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { code: parts.status, headers: parts.headers, bytes, json }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
        self.ask_as(administrator(), method, path, headers, body).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.ask("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    async fn put(&self, path: &str, body: &Value) -> Reply {
        self.ask("PUT", path, &[("content-type", "application/json")], body.to_string()).await
    }

    async fn patch(&self, path: &str, kind: &str, body: &Value) -> Reply {
        let kind = format!("application/{kind}");
        self.ask("PATCH", path, &[("content-type", &kind), ("user-agent", "test/1.0")], body.to_string())
            .await
    }

    async fn delete(&self, path: &str, body: &Value) -> Reply {
        self.ask("DELETE", path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// Puts an object there that must be taken.
    async fn made(&self, path: &str, body: &Value) -> Value {
        let reply = self.post(path, body).await;
        assert_eq!(reply.code, 201, "{path}: {}", reply.json);
        reply.json
    }
}

impl Reply {
    fn reason(&self) -> &str {
        self.json["reason"].as_str().unwrap_or_default()
    }

    fn message(&self) -> &str {
        self.json["message"].as_str().unwrap_or_default()
    }
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}], "automountServiceAccountToken": false},
    })
}

/// The service account that every pod needs, which a controller makes elsewhere.
async fn default_account(lab: &Lab) {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    lab.made("/api/v1/namespaces/default/serviceaccounts", &account).await;
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const PODS: &str = "/api/v1/namespaces/default/pods";

/// The events of a watch, one after the other.
struct Events {
    body: Body,
    rest: Vec<u8>,
}

impl Events {
    async fn of(lab: &Lab, path: &str, headers: &[(&str, &str)]) -> Self {
        let response = lab.send(administrator(), "GET", path, headers, Body::empty()).await;
        assert_eq!(response.status(), 200, "{path}");
        Self { body: response.into_body(), rest: Vec::new() }
    }

    /// The next one. None at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.unwrap()?;
            self.rest.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
    }

    /// Type and name of the next event.
    async fn brief(&mut self) -> (String, String) {
        let event = self.next().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    }
}

fn event(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}
