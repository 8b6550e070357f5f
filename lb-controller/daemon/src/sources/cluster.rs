//! The objects of a workload cluster.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_index::{Change, ClusterName, ObjectName, Watched};
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::round::{self, Takes};
use super::{Feed, Seen};

/// How often a cluster is asked whether it lives.
const PROBE: Duration = Duration::from_secs(1);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(3);
/// How long it may be silent before it counts as unreachable.
const SILENCE: Duration = Duration::from_secs(5);
/// Services, EndpointSlices, Nodes and namespaces.
const KINDS: usize = 4;

/// Feeds the projector with a cluster until it is stopped.
pub(super) async fn run(name: ClusterName, client: Client, feed: Feed, stop: CancellationToken) {
    feed.tell(Seen::Writable(name.clone(), Some(client.clone()))).await;
    let work = async {
        let mut probe = Probe::new();
        loop {
            // A connection that went silent may never say so: after each time without answers, everything is new.
            let (listed, mut all_listed) = watch::channel(0_usize);
            let mut watches = JoinSet::new();
            start(&mut watches, &name, &client, &feed, &listed);
            let synced = async {
                let _listed = all_listed.wait_for(|count| *count >= KINDS).await.is_ok();
                feed.contacts().update(&name, |contact| contact.synced = true);
                feed.change(Change::Synced(name.clone())).await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = probe.until_back(&name, &client, &feed) => {}
                () = synced => {}
            }
            watches.shutdown().await;
        }
    };
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}

fn start(
    watches: &mut JoinSet<()>,
    name: &ClusterName,
    client: &Client,
    feed: &Feed,
    listed: &watch::Sender<usize>,
) {
    let mut kind = Start { watches, name, client, feed, listed };
    kind.watch::<Service>(Watched::Services, Change::Service, Change::ServiceGone);
    kind.watch::<EndpointSlice>(Watched::Slices, Change::Slice, Change::SliceGone);
    kind.watch::<Node>(Watched::Nodes, Change::Node, |cluster, node| {
        Change::NodeGone(cluster, node.name.to_string())
    });
    kind.watch::<Namespace>(Watched::Namespaces, Change::Namespace, |cluster, namespace| {
        Change::NamespaceGone(cluster, namespace.name.to_string())
    });
}

struct Start<'a> {
    watches: &'a mut JoinSet<()>,
    name: &'a ClusterName,
    client: &'a Client,
    feed: &'a Feed,
    listed: &'a watch::Sender<usize>,
}

impl Start<'_> {
    fn watch<K>(
        &mut self,
        what: Watched,
        is: fn(ClusterName, Box<K>) -> Change,
        gone: fn(ClusterName, ObjectName) -> Change,
    ) where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let kind = Kind {
            name: self.name.clone(),
            feed: self.feed.clone(),
            listed: self.listed.clone(),
            what,
            is,
            gone,
            names: BTreeSet::new(),
            listing: false,
            counted: false,
        };
        self.watches.spawn(round::watch(Api::<K>::all(self.client.clone()), kind));
    }
}

struct Kind<K> {
    name: ClusterName,
    feed: Feed,
    listed: watch::Sender<usize>,
    what: Watched,
    is: fn(ClusterName, Box<K>) -> Change,
    gone: fn(ClusterName, ObjectName) -> Change,
    /// Of the list that is being read.
    names: BTreeSet<ObjectName>,
    listing: bool,
    counted: bool,
}

fn name_of<K: Resource>(object: &K) -> ObjectName {
    let metadata = object.meta();
    ObjectName::new(
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

impl<K: Resource + Send> Takes<K> for Kind<K> {
    async fn is(&mut self, object: K) {
        if self.listing {
            self.names.insert(name_of(&object));
        }
        self.feed.change((self.is)(self.name.clone(), Box::new(object))).await;
    }

    async fn gone(&mut self, object: K) {
        self.feed.change((self.gone)(self.name.clone(), name_of(&object))).await;
    }

    async fn listed(&mut self) {
        self.listing = false;
        let names = std::mem::take(&mut self.names);
        self.feed.change(Change::Listed(self.name.clone(), self.what, names)).await;
        if !std::mem::replace(&mut self.counted, true) {
            self.listed.send_modify(|count| *count += 1);
        }
    }

    fn begins(&mut self) {
        self.listing = true;
        self.names.clear();
    }

    async fn failed(&mut self, error: &watcher::Error) {
        tracing::debug!(cluster = %self.name, kind = ?self.what, %error, "watch interrupted");
        let error = format!("{:?}: {error}", self.what);
        self.feed.contacts().update(&self.name, |contact| contact.error = Some(error));
    }
}

/// Whether a cluster answers.
struct Probe {
    last: Instant,
    stale: bool,
}

impl Probe {
    fn new() -> Self {
        Self { last: Instant::now(), stale: false }
    }

    /// Asks again and again; ends when the cluster answers after it has not for long.
    async fn until_back(&mut self, name: &ClusterName, client: &Client, feed: &Feed) {
        loop {
            match tokio::time::timeout(ANSWER, client.apiserver_version()).await {
                Ok(Ok(version)) => {
                    self.last = Instant::now();
                    feed.contacts().update(name, |contact| {
                        if !contact.reachable {
                            contact.error = None;
                        }
                        contact.reachable = true;
                        contact.last = Some(SystemTime::now());
                        contact.version = Some(version.git_version);
                    });
                    if std::mem::take(&mut self.stale) {
                        tracing::info!(cluster = %name, "the cluster answers again");
                        return;
                    }
                }
                failed => {
                    let error = match failed {
                        Ok(Err(error)) => error.to_string(),
                        _ => format!("no answer within {ANSWER:?}"),
                    };
                    self.silent(name, feed, error).await;
                }
            }
            tokio::time::sleep(PROBE).await;
        }
    }

    async fn silent(&mut self, name: &ClusterName, feed: &Feed, error: String) {
        if self.stale || self.last.elapsed() < SILENCE {
            return;
        }
        self.stale = true;
        tracing::warn!(cluster = %name, error, "the cluster does not answer: it stays as it was");
        feed.contacts().update(name, |contact| {
            contact.reachable = false;
            contact.error = Some(error);
        });
        feed.change(Change::Stale(name.clone())).await;
    }
}
