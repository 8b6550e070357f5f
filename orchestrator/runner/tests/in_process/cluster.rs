//! A server with a runner, and plain requests to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _};
use guideway_access::{Identity, MASTERS};
use guideway_apiserver::{ApiServer, Config, Limits};
use guideway_runner::{ElectionConfig, Metrics};
use guideway_store::MemoryStore;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What stands for a certificate.
pub(crate) const CA: &str = "certificate";

pub(crate) struct Cluster {
    server: Arc<ApiServer>,
    client: Client,
    runner: Runner,
}

pub(crate) struct Runner {
    stop: CancellationToken,
    task: JoinHandle<Result<(), guideway_runner::RunError>>,
    metrics: Metrics,
}

impl Runner {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(60), self.task).await.unwrap().unwrap().unwrap();
    }

    pub(crate) async fn until_not_leading(&self) {
        let start = Instant::now();
        while self.metrics.is_leading() {
            assert!(start.elapsed() < Duration::from_secs(60), "still leading");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    pub(crate) async fn start_with(identity: Option<&str>) -> Self {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let config = Config {
            service_networks: vec!["10.96.0.0/16".parse().unwrap()],
            node_ports: 30_000..=32_767,
            advertise: None,
            issuer: "https://kubernetes.default.svc".to_owned(),
            token_keys: vec![key],
            node_tls: None,
            limits: Limits::default(),
            checks: Vec::new(),
        };
        let server = ApiServer::start(Arc::new(MemoryStore::new()), config).await.unwrap();
        let client = client(&server);
        let runner = run(&server, identity);
        Self { server, client, runner }
    }

    /// Another runner before the same server.
    pub(crate) fn runner(&self, identity: Option<&str>) -> Runner {
        run(&self.server, identity)
    }

    pub(crate) async fn stop_runner(&self) {
        self.runner.stop.cancel();
        let start = Instant::now();
        while !self.runner.task.is_finished() {
            assert!(start.elapsed() < Duration::from_secs(60), "the runner does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn stop(self) {
        self.runner.stop().await;
        self.server.stop();
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        content: &str,
        body: &Value,
    ) -> Result<Value, kube::Error> {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content)
            .body(if body.is_null() { Vec::new() } else { body.to_string().into_bytes() })
            .unwrap();
        self.client.request::<Value>(request).await
    }

    pub(crate) async fn create(&self, path: &str, body: Value) -> Value {
        self.send("POST", path, "application/json", &body)
            .await
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Value {
        let content = "application/merge-patch+json";
        self.send("PATCH", path, content, &body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) async fn delete(&self, path: &str, body: Value) {
        let sent = self.send("DELETE", path, "application/json", &body).await;
        sent.unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// The object, if there is one.
    pub(crate) async fn get(&self, path: &str) -> Option<Value> {
        match self.send("GET", path, "application/json", &Value::Null).await {
            Ok(object) => Some(object),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// The states of all objects of a kind, as a watch shows them.
    pub(crate) fn watch(
        &self,
        group: &str,
        version: &str,
        kind: &str,
        plural: &str,
    ) -> impl Stream<Item = Value> + use<> {
        let resource =
            ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural);
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        let events = watcher(api, watcher::Config::default()).applied_objects();
        events.filter_map(|object| async { serde_json::to_value(object.ok()?).ok() })
    }

    /// Waits for what a condition wants.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(Option<&Value>) -> bool) {
        let start = Instant::now();
        loop {
            let object = self.get(path).await;
            if wanted(object.as_ref()) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{path} stays as it is: {object:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn client(server: &Arc<ApiServer>) -> Client {
    let identity = Identity::user("system:kube-controller-manager", &[MASTERS]);
    Client::new(server.in_process(identity), "default")
}

fn run(server: &Arc<ApiServer>, identity: Option<&str>) -> Runner {
    let stop = CancellationToken::new();
    let mut config = guideway_runner::Config::new();
    config.root_ca = Some(CA.to_owned());
    config.election = identity.map(|identity| {
        let mut election = ElectionConfig::new("kube-system", "guideway-controllers", identity);
        election.retry_period = Duration::from_millis(200);
        election
    });
    let metrics = config.metrics.clone();
    let task = tokio::spawn(guideway_runner::run(client(server), config, stop.clone()));
    Runner { stop, task, metrics }
}
