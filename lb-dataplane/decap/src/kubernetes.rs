//! Services out of Kubernetes: those that a controller of Guideway serves, for the endpoints on this node.
//!
//! The API server is watched; what is known stays when it does not answer. Nothing is known before it has answered once, and
//! until then nothing that is installed is changed.

mod services;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use guideway_bpf::{Service, ServiceKey};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Config, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

pub(crate) use services::Mode;

/// Before another attempt at credentials that cannot be used.
const RETRY: Duration = Duration::from_secs(5);
/// Changes that come within this time are looked at together.
const COALESCE: Duration = Duration::from_millis(5);

/// Where Services come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The credentials; those of a Pod when there is no file.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The name of this node, as EndpointSlices have it.
    pub(crate) node: String,
    /// Of Services that do not say theirs.
    pub(crate) mode: Mode,
}

/// What is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// None until the API server has told everything once.
    pub(crate) services: Option<Arc<BTreeMap<ServiceKey, Service>>>,
    /// What is wrong, each in a sentence.
    pub(crate) problems: Vec<String>,
}

/// Keeps `found` true for as long as the process lives.
pub(crate) async fn follow(source: Source, found: watch::Sender<Found>) {
    loop {
        match client(&source).await {
            Ok(client) => return watch_all(client, &source, &found).await,
            Err(error) => tell(&found, vec![format!("kubernetes: no credentials: {error:#}")]),
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn client(source: &Source) -> anyhow::Result<Client> {
    let config = match &source.kubeconfig {
        None => Config::incluster()?,
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path)?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?
        }
    };
    Ok(Client::try_from(config)?)
}

/// What a watch says besides its objects: something changed, or why it is interrupted.
type Signal = Result<(), String>;

async fn watch_all(client: Client, source: &Source, found: &watch::Sender<Found>) {
    let (signals, mut signalled) = tokio::sync::mpsc::channel(16);
    let (services, watch_services) = reflect::<core::Service>(client.clone(), "Services", signals.clone());
    let (slices, watch_slices) = reflect::<EndpointSlice>(client, "EndpointSlices", signals);
    let work = async {
        while let Some(signal) = signalled.recv().await {
            if let Err(problem) = signal {
                tell(found, vec![problem]);
                continue;
            }
            tokio::time::sleep(COALESCE).await;
            let mut problem = None;
            while let Ok(signal) = signalled.try_recv() {
                problem = signal.err().or(problem);
            }
            if !is_ready(&services).await || !is_ready(&slices).await {
                continue;
            }
            let now = services::project(&services.state(), &slices.state(), &source.node, source.mode);
            let (services, problems) = match now {
                Ok(services) => (Some(Arc::new(services)), Vec::from_iter(problem)),
                // What is too much for the maps changes nothing.
                Err(error) => (found.borrow().services.clone(), vec![error.to_string()]),
            };
            found.send_if_modified(|before| {
                let now = Found { services, problems };
                let differs = *before != now;
                *before = now;
                differs
            });
        }
    };
    tokio::join!(watch_services, watch_slices, work);
}

async fn is_ready<K>(store: &Store<K>) -> bool
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    tokio::time::timeout(Duration::ZERO, store.wait_until_ready()).await.is_ok()
}

fn reflect<K>(
    client: Client,
    what: &'static str,
    signals: tokio::sync::mpsc::Sender<Signal>,
) -> (Store<K>, impl Future<Output = ()>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let (store, writer) = reflector::store();
    let events = watcher(Api::<K>::all(client), watcher::Config::default()).default_backoff();
    let work = async move {
        let mut events = std::pin::pin!(events.reflect(writer));
        while let Some(event) = events.next().await {
            let signal = match event {
                Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => continue,
                Ok(_) => Ok(()),
                Err(error) => Err(format!("kubernetes: {what} as they were before: {error}")),
            };
            if signals.send(signal).await.is_err() {
                return;
            }
        }
    };
    (store, work)
}

fn tell(found: &watch::Sender<Found>, problems: Vec<String>) {
    found.send_if_modified(|before| {
        let differs = before.problems != problems;
        before.problems = problems;
        differs
    });
}
