//! Services out of Kubernetes: those that a controller of Guideway serves, for the endpoints on this node.
//!
//! The API server is watched; what is known stays when it does not answer. Nothing is known before it has answered once, and
//! until then nothing that is installed is changed.

mod leaving;
mod services;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use guideway_bpf::{Service, ServiceKey};
use guideway_pauses::Pauses;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Config, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

pub(crate) use services::Mode;

use leaving::Leaving;
use services::Projection;

/// Before another attempt at credentials that cannot be used.
const RETRY: Duration = Duration::from_secs(5);
/// Before an API server is asked again that has failed: there is an agent on each node.
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);
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

/// Keeps `found` true for as long as the process lives. `installed` are the services that an earlier process left.
pub(crate) async fn follow(
    source: Source,
    installed: BTreeMap<ServiceKey, Service>,
    found: watch::Sender<Found>,
) {
    let leaving = Leaving::new(installed, guideway_abi::DECAP_SERVICES_MAX as usize / 2);
    loop {
        match client(&source).await {
            Ok(client) => return watch_all(client, &source, leaving, &found).await,
            Err(error) => {
                publish(&found, None, Some(vec![format!("kubernetes: no credentials: {error:#}")]));
            }
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

async fn watch_all(client: Client, source: &Source, mut leaving: Leaving, found: &watch::Sender<Found>) {
    let (signals, mut signalled) = tokio::sync::mpsc::channel(16);
    let (services, watch_services) = reflect::<core::Service>(client.clone(), "Services", signals.clone());
    let (slices, watch_slices) = reflect::<EndpointSlice>(client, "EndpointSlices", signals);
    let work = async {
        // As it was last.
        let mut there = Projection::default();
        loop {
            let signal = match leaving.next() {
                None => signalled.recv().await,
                Some(end) => match tokio::time::timeout_at(end.into(), signalled.recv()).await {
                    Ok(signal) => signal,
                    Err(_) => {
                        let services = with_leaving(&mut leaving, &there);
                        publish(found, Some(services), None);
                        continue;
                    }
                },
            };
            match signal {
                None => return,
                Some(Err(problem)) => {
                    publish(found, None, Some(vec![problem]));
                    continue;
                }
                Some(Ok(())) => {}
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
            match now {
                Ok(now) => {
                    there = now;
                    let services = with_leaving(&mut leaving, &there);
                    publish(found, Some(services), Some(Vec::from_iter(problem)));
                }
                // What is too much for the maps changes nothing.
                Err(error) => publish(found, None, Some(vec![error.to_string()])),
            }
        }
    };
    tokio::join!(watch_services, watch_slices, work);
}

fn with_leaving(leaving: &mut Leaving, there: &Projection) -> BTreeMap<ServiceKey, Service> {
    let (services, forgotten) = leaving.follow(there, Instant::now());
    if forgotten > 0 {
        tracing::warn!(
            forgotten,
            "more services than the maps hold: flows of endpoints that left may end early"
        );
    }
    services
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
    let events = watcher(Api::<K>::all(client), watcher::Config::default());
    let events = events.backoff(Pauses::between(SHORTEST, LONGEST));
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

/// What is given takes the place of what was known.
fn publish(
    found: &watch::Sender<Found>,
    services: Option<BTreeMap<ServiceKey, Service>>,
    problems: Option<Vec<String>>,
) {
    found.send_if_modified(|known| {
        let before = known.clone();
        if let Some(services) = services {
            known.services = Some(Arc::new(services));
        }
        if let Some(problems) = problems {
            known.problems = problems;
        }
        *known != before
    });
}
