//! What programs written with kube-rs do: custom kinds, server-side apply, finalizers, leases, watches.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::{TryStreamExt, pin_mut};
use guideway_kube_tests::Server;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::api::events::v1::Event as KubeEvent;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, PropagationPolicy};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::PartialObjectMetaExt;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::finalizer::{Event as Finalizer, finalizer};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Config, CustomResource, CustomResourceExt, Resource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(group = "example.org", version = "v1", kind = "Widget", namespaced, status = "WidgetStatus")]
#[kube(scale(spec_replicas_path = ".spec.replicas", status_replicas_path = ".status.replicas"))]
struct WidgetSpec {
    size: i32,
    #[serde(default)]
    replicas: i32,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
struct WidgetStatus {
    replicas: i32,
}

/// A server and a client of its administrator.
struct Site {
    client: Client,
    _server: Server,
}

impl Site {
    async fn new() -> Self {
        let server = Server::start().unwrap();
        let kubeconfig = Kubeconfig::read_from(server.kubeconfig()).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        Self { client: Client::try_from(config).unwrap(), _server: server }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::default_namespaced(self.client.clone())
    }

    /// Installs the kind, and waits until it is there.
    async fn widgets(&self) -> Api<Widget> {
        let crds: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let apply = PatchParams::apply("kube-rs").force();
        crds.patch(Widget::crd_name(), &apply, &Patch::Apply(Widget::crd())).await.unwrap();
        let established = await_condition(crds, Widget::crd_name(), conditions::is_crd_established());
        tokio::time::timeout(PATIENCE, established).await.expect("never established").unwrap();
        self.api()
    }
}

fn config_map(name: &str, value: &str) -> ConfigMap {
    serde_json::from_value(json!({ "metadata": { "name": name }, "data": { "a": value } })).unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> u16 {
    match result {
        Err(kube::Error::Api(status)) => status.code,
        other => panic!("no refusal: {other:?}"),
    }
}

#[tokio::test]
async fn a_custom_kind_comes_and_goes() {
    let site = Site::new().await;
    let widgets = site.widgets().await;
    let widget = Widget::new("w", WidgetSpec { size: 3, replicas: 1 });
    let made = widgets.create(&PostParams::default(), &widget).await.unwrap();
    assert_eq!((made.spec.size, made.metadata.generation), (3, Some(1)));

    let status = json!({ "status": { "replicas": 7 }, "spec": { "size": 9 } });
    let patched = widgets.patch_status("w", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    assert_eq!((patched.status.unwrap().replicas, patched.spec.size), (7, 3));

    let scale = json!({ "spec": { "replicas": 5 } });
    let scale = widgets.patch_scale("w", &PatchParams::default(), &Patch::Merge(scale)).await.unwrap();
    assert_eq!((scale.spec.unwrap().replicas, scale.status.unwrap().replicas), (Some(5), 7));
    assert_eq!(widgets.get("w").await.unwrap().metadata.generation, Some(2));

    let wrong = json!({ "apiVersion": "example.org/v1", "kind": "Widget", "metadata": { "name": "x" }, "spec": { "size": "3" } });
    let refused = widgets.patch("x", &PatchParams::apply("kube-rs"), &Patch::Apply(wrong)).await;
    assert_eq!(code(refused), 422);

    let crds: Api<CustomResourceDefinition> = Api::all(site.client.clone());
    let crd = crds.get(Widget::crd_name()).await.unwrap();
    crds.delete(Widget::crd_name(), &DeleteParams::default()).await.unwrap();
    let uid = crd.uid().unwrap();
    let gone = await_condition(crds, Widget::crd_name(), conditions::is_deleted(&uid));
    tokio::time::timeout(PATIENCE, gone).await.expect("never gone").unwrap();
    assert_eq!(code(widgets.get("w").await), 404);
}

#[tokio::test]
async fn fields_have_owners() {
    let site = Site::new().await;
    let maps: Api<ConfigMap> = site.api();
    let apply = |value: &str, manager: &str| {
        let patch = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": value } });
        (PatchParams::apply(manager), Patch::Apply(patch))
    };
    let (params, patch) = apply("1", "one");
    maps.patch("m", &params, &patch).await.unwrap();
    let (params, patch) = apply("2", "two");
    let refused = maps.patch("m", &params, &patch).await;
    match refused {
        Err(kube::Error::Api(status)) => {
            assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
            let causes = &status.details.as_ref().unwrap().causes;
            assert_eq!(
                (causes[0].reason.as_str(), causes[0].field.as_str()),
                ("FieldManagerConflict", ".data.a")
            );
        }
        other => panic!("{other:?}"),
    }
    let forced = maps.patch("m", &params.force(), &patch).await.unwrap();
    let owners: BTreeSet<String> =
        forced.managed_fields().iter().map(|fields| fields.manager.clone().unwrap()).collect();
    assert_eq!(owners, BTreeSet::from(["two".to_owned()]));
    assert_eq!(forced.data.unwrap()["a"], "2");
}

#[tokio::test]
async fn one_holder_of_a_lease() {
    let site = Site::new().await;
    let leases: Api<Lease> = site.api();
    let hold = |holder: &str| {
        Patch::Apply(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "spec": { "holderIdentity": holder, "leaseDurationSeconds": 15, "acquireTime": "2026-01-02T03:04:05.000006Z" },
        }))
    };
    let first = leases.patch("leader", &PatchParams::apply("a"), &hold("a")).await.unwrap();
    assert_eq!(first.spec.unwrap().holder_identity.as_deref(), Some("a"));
    assert_eq!(code(leases.patch("leader", &PatchParams::apply("b"), &hold("b")).await), 409);
    // Two that take it over at once: one of them.
    let old = leases.get("leader").await.unwrap();
    let take = |holder: &str| {
        let mut lease = old.clone();
        lease.spec.as_mut().unwrap().holder_identity = Some(holder.to_owned());
        lease
    };
    let (b, c) = (take("b"), take("c"));
    let params = PostParams::default();
    let (b, c) = tokio::join!(leases.replace("leader", &params, &b), leases.replace("leader", &params, &c));
    assert!(b.is_ok() != c.is_ok(), "{b:?} {c:?}");
}

#[tokio::test]
async fn a_finalizer_runs_before_the_object_goes() {
    let site = Site::new().await;
    let maps: Api<ConfigMap> = site.api();
    maps.create(&PostParams::default(), &config_map("m", "1")).await.unwrap();
    let step = async |maps: &Api<ConfigMap>| {
        let object = std::sync::Arc::new(maps.get("m").await.unwrap());
        let cleaned = std::cell::Cell::new(false);
        finalizer(maps, "example.org/clean", object, |event| {
            cleaned.set(matches!(event, Finalizer::Cleanup(_)));
            async { Ok::<_, std::io::Error>(kube::runtime::controller::Action::await_change()) }
        })
        .await
        .unwrap();
        cleaned.get()
    };
    step(&maps).await;
    assert_eq!(maps.get("m").await.unwrap().finalizers(), ["example.org/clean"]);
    let left = maps.delete("m", &DeleteParams::default()).await.unwrap();
    assert!(left.left().is_some_and(|object| object.metadata.deletion_timestamp.is_some()));
    assert!(step(&maps).await);
    assert_eq!(code(maps.get("m").await), 404);
}

/// The objects that a watcher has after each of its events, until `end` says that they are enough.
async fn follow(maps: Api<ConfigMap>, config: watcher::Config, end: impl Fn(&BTreeSet<String>) -> bool) {
    let events = watcher(maps, config).default_backoff();
    pin_mut!(events);
    let mut names = BTreeSet::new();
    let followed = async {
        while let Some(event) = events.try_next().await.unwrap() {
            match event {
                watcher::Event::Init => names.clear(),
                watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
                    names.insert(object.name_any());
                }
                watcher::Event::Delete(object) => drop(names.remove(&object.name_any())),
                watcher::Event::InitDone => {}
            }
            if end(&names) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, followed)
        .await
        .unwrap_or_else(|_| panic!("the watcher stays at {names:?}"));
}

#[tokio::test]
async fn both_ways_to_list_and_watch() {
    let site = Site::new().await;
    for (name, config) in
        [("listed", watcher::Config::default()), ("streamed", watcher::Config::default().streaming_lists())]
    {
        let maps: Api<ConfigMap> = site.api();
        let labelled = |key: &str| {
            let mut map = config_map(&format!("{name}-{key}"), "1");
            map.labels_mut().insert("way".into(), name.into());
            map
        };
        for key in ["a", "b"] {
            maps.create(&PostParams::default(), &labelled(key)).await.unwrap();
        }
        let config = config.labels(&format!("way={name}"));
        let all = |names: &BTreeSet<String>| {
            names.iter().map(String::as_str).eq([&*format!("{name}-b"), &*format!("{name}-c")])
        };
        let change = async {
            maps.create(&PostParams::default(), &labelled("c")).await.unwrap();
            // One leaves the selection by its label, which a watcher sees as a deletion.
            let patch = Patch::Merge(json!({ "metadata": { "labels": { "way": null } } }));
            maps.patch(&format!("{name}-a"), &PatchParams::default(), &patch).await.unwrap();
        };
        tokio::join!(follow(maps.clone(), config, all), change);
    }
}

#[tokio::test]
async fn pages_are_of_one_revision() {
    let site = Site::new().await;
    let maps: Api<ConfigMap> = site.api();
    for number in 0..25 {
        maps.create(&PostParams::default(), &config_map(&format!("m{number:02}"), "1")).await.unwrap();
    }
    let first = maps.list(&ListParams::default().limit(10)).await.unwrap();
    maps.delete("m24", &DeleteParams::default()).await.unwrap();
    maps.create(&PostParams::default(), &config_map("m99", "1")).await.unwrap();
    let mut names: Vec<String> = first.items.iter().map(ResourceExt::name_any).collect();
    let mut token = first.metadata.continue_.clone();
    let mut pages = 1;
    while let Some(next) = token.filter(|token| !token.is_empty()) {
        let page = maps.list(&ListParams::default().limit(10).continue_token(&next)).await.unwrap();
        assert_eq!(page.metadata.resource_version, first.metadata.resource_version);
        names.extend(page.items.iter().map(ResourceExt::name_any));
        token = page.metadata.continue_;
        pages += 1;
    }
    let expected: Vec<String> = (0..25).map(|number| format!("m{number:02}")).collect();
    names.retain(|name| name != "kube-root-ca.crt");
    assert_eq!((names, pages), (expected, 3));
    assert_eq!(code(maps.list(&ListParams::default().continue_token("nonsense")).await), 400);
}

#[tokio::test]
async fn metadata_events_collections_and_restarts() {
    let site = Site::new().await;
    let maps: Api<ConfigMap> = site.api();
    maps.create(&PostParams::default(), &config_map("m", "1")).await.unwrap();
    let meta = maps.get_metadata("m").await.unwrap();
    assert_eq!(meta.types.as_ref().unwrap().kind, "PartialObjectMetadata");
    let labels =
        kube::core::ObjectMeta { labels: Some([("a".into(), "b".into())].into()), ..Default::default() };
    let patch = Patch::Apply(labels.into_request_partial::<ConfigMap>());
    maps.patch_metadata("m", &PatchParams::apply("meta"), &patch).await.unwrap();
    assert_eq!(maps.list_metadata(&ListParams::default().labels("a=b")).await.unwrap().items.len(), 1);

    let object = maps.get("m").await.unwrap().object_ref(&());
    let recorder =
        Recorder::new(site.client.clone(), Reporter { controller: "tests".into(), instance: None });
    let event = Event {
        type_: EventType::Normal,
        reason: "Tested".into(),
        note: Some("it was seen".into()),
        action: "Test".into(),
        secondary: None,
    };
    recorder.publish(&event, &object).await.unwrap();
    recorder.publish(&event, &object).await.unwrap();
    let events: Api<KubeEvent> = site.api();
    let events = events.list(&ListParams::default().fields("regarding.name=m")).await.unwrap();
    assert_eq!(events.items.len(), 1);
    assert_eq!(events.items[0].series.as_ref().unwrap().count, 2);

    let deployments: Api<Deployment> = site.api();
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": { "name": "d" },
        "spec": {
            "selector": { "matchLabels": { "a": "b" } },
            "template": {
                "metadata": { "labels": { "a": "b" } },
                "spec": { "containers": [{ "name": "c", "image": "i" }] },
            },
        },
    }))
    .unwrap();
    deployments.create(&PostParams::default(), &deployment).await.unwrap();
    let restarted = deployments.restart("d").await.unwrap();
    assert_eq!(restarted.metadata.generation, Some(2));
    let foreground =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Foreground), ..Default::default() };
    deployments.delete("d", &foreground).await.unwrap();
    let uid = restarted.uid().unwrap();
    let gone = await_condition(deployments, "d", conditions::is_deleted(&uid));
    tokio::time::timeout(PATIENCE, gone).await.expect("never gone").unwrap();

    maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("a=b")).await.unwrap();
    assert_eq!(code(maps.get("m").await), 404);
}

#[tokio::test]
async fn names_groups_and_versions_are_discovered() {
    let site = Site::new().await;
    let _ = site.widgets().await;
    assert_eq!(site.client.apiserver_version().await.unwrap().minor, "33");
    let found = kube::discovery::Discovery::new(site.client.clone()).run_aggregated().await.unwrap();
    let plain = kube::discovery::Discovery::new(site.client.clone()).run().await.unwrap();
    for discovery in [found, plain] {
        let widgets = discovery.get("example.org").unwrap().recommended_kind("Widget").unwrap().0;
        assert_eq!((widgets.plural.as_str(), widgets.version.as_str()), ("widgets", "v1"));
        assert!(discovery.get("apps").unwrap().recommended_kind("Deployment").is_some());
    }
    let namespaces: Api<Namespace> = Api::all(site.client.clone());
    assert!(namespaces.list(&ListParams::default()).await.unwrap().items.len() >= 4);
}
