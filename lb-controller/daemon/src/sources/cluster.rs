//! The objects of a workload cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_index::{Change, ClusterName, ObjectName, Watched};
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, watch};
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

/// Feeds the projector with a cluster until it is stopped. Of Services and EndpointSlices those of `namespaces` are read; with
/// none all are.
pub(super) async fn run(
    name: ClusterName,
    client: Client,
    namespaces: BTreeSet<String>,
    feed: Feed,
    stop: CancellationToken,
) {
    feed.tell(Seen::Writable(name.clone(), Some(client.clone()))).await;
    let work = async {
        let mut probe = Probe::new();
        loop {
            // A connection that went silent may never say so: after each time without answers, everything is new.
            let (listed, mut all_listed) = watch::channel(0_usize);
            let mut watches = JoinSet::new();
            start(&mut watches, &name, &client, &namespaces, &feed, &listed);
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
    namespaces: &BTreeSet<String>,
    feed: &Feed,
    listed: &watch::Sender<usize>,
) {
    let mut kind = Start { watches, name, client, feed, listed };
    let parts: Vec<&str> = namespaces.iter().map(String::as_str).collect();
    kind.parts::<Service>(&parts, Watched::Services, Change::Service, Change::ServiceGone);
    kind.parts::<EndpointSlice>(&parts, Watched::Slices, Change::Slice, Change::SliceGone);
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
        let kind = self.kind(what, is, gone, None);
        self.watches.spawn(round::watch(Api::<K>::all(self.client.clone()), kind));
    }

    /// A watch of each namespace; without any, one of all.
    fn parts<K>(
        &mut self,
        namespaces: &[&str],
        what: Watched,
        is: fn(ClusterName, Box<K>) -> Change,
        gone: fn(ClusterName, ObjectName) -> Change,
    ) where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        if namespaces.is_empty() {
            return self.watch(what, is, gone);
        }
        let whole = Arc::new(Mutex::new(Whole { of: namespaces.len(), ..Whole::default() }));
        for namespace in namespaces {
            let part = Part { namespace: (*namespace).to_owned(), whole: Arc::clone(&whole) };
            let kind = self.kind(what, is, gone, Some(part));
            let api = Api::<K>::namespaced(self.client.clone(), namespace);
            self.watches.spawn(round::watch(api, kind));
        }
    }

    fn kind<K>(
        &self,
        what: Watched,
        is: fn(ClusterName, Box<K>) -> Change,
        gone: fn(ClusterName, ObjectName) -> Change,
        part: Option<Part>,
    ) -> Kind<K> {
        Kind {
            name: self.name.clone(),
            feed: self.feed.clone(),
            listed: self.listed.clone(),
            what,
            is,
            gone,
            names: BTreeSet::new(),
            listing: false,
            counted: false,
            fails: false,
            part,
        }
    }
}

/// One namespace of a kind.
struct Part {
    namespace: String,
    whole: Arc<Mutex<Whole>>,
}

/// What all parts of a kind have: a list is whole when each of them has listed. Who tells something holds it meanwhile, so that
/// nothing is told between a list and its end.
#[derive(Default)]
struct Whole {
    of: usize,
    listed: BTreeSet<String>,
    /// Whether that was told.
    counted: bool,
    names: BTreeMap<String, BTreeSet<ObjectName>>,
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
    /// It could not be read when that was tried last.
    fails: bool,
    part: Option<Part>,
}

fn name_of<K: Resource>(object: &K) -> ObjectName {
    let metadata = object.meta();
    ObjectName::new(
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

impl<K> Kind<K> {
    /// As people know it.
    fn title(&self) -> String {
        let what = match self.what {
            Watched::Services => "Services",
            Watched::Slices => "EndpointSlices",
            Watched::Nodes => "Nodes",
            Watched::Namespaces => "namespaces",
        };
        match &self.part {
            Some(part) => format!("{what} in {}", part.namespace),
            None => what.to_owned(),
        }
    }

    fn works(&mut self) {
        if std::mem::take(&mut self.fails) {
            let (contacts, what, now) = (self.feed.contacts(), self.title(), Instant::now());
            contacts.reads(&self.name, &what, None, now);
            contacts.refuses(&self.name, &what, None, now);
        }
    }

    /// The names of this part, if it is one, for as long as something is told.
    async fn whole(&self) -> Option<OwnedMappedMutexGuard<Whole, BTreeSet<ObjectName>>> {
        let part = self.part.as_ref()?;
        let whole = Arc::clone(&part.whole).lock_owned().await;
        Some(OwnedMutexGuard::map(whole, |whole| whole.names.entry(part.namespace.clone()).or_default()))
    }
}

impl<K: Resource + Send> Takes<K> for Kind<K> {
    async fn is(&mut self, object: K) {
        self.works();
        if self.listing {
            self.names.insert(name_of(&object));
        }
        let mut whole = self.whole().await;
        if let Some(names) = whole.as_deref_mut().filter(|_| !self.listing) {
            names.insert(name_of(&object));
        }
        self.feed.change((self.is)(self.name.clone(), Box::new(object))).await;
    }

    async fn gone(&mut self, object: K) {
        self.works();
        let mut whole = self.whole().await;
        if let Some(names) = whole.as_deref_mut() {
            names.remove(&name_of(&object));
        }
        self.feed.change((self.gone)(self.name.clone(), name_of(&object))).await;
    }

    async fn listed(&mut self) {
        self.works();
        self.listing = false;
        let mut names = std::mem::take(&mut self.names);
        let mut whole = None;
        if let Some(part) = &self.part {
            let mut all = Arc::clone(&part.whole).lock_owned().await;
            all.names.insert(part.namespace.clone(), names);
            all.listed.insert(part.namespace.clone());
            if all.listed.len() < all.of {
                return;
            }
            self.counted = std::mem::replace(&mut all.counted, true);
            names = all.names.values().flatten().cloned().collect();
            whole = Some(all);
        }
        self.feed.change(Change::Listed(self.name.clone(), self.what, names)).await;
        drop(whole);
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
        self.fails = true;
        let (contacts, what, now) = (self.feed.contacts(), self.title(), Instant::now());
        let why = reason(error);
        let refusal = is_refusal(error).then(|| format!("{what} cannot be read: {why}"));
        contacts.refuses(&self.name, &what, refusal, now);
        contacts.reads(&self.name, &what, Some(why), now);
    }
}

/// What people are told: the words of the API, if it has said some.
fn reason(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
            if !status.message.is_empty() =>
        {
            status.message.clone()
        }
        other => other.to_string(),
    }
}

/// Whether this controller has no right to it.
fn is_refusal(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            super::is_refusal(error)
        }
        _ => false,
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
                        contact.silence = None;
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
            contact.silence = Some(error);
        });
        feed.change(Change::Stale(name.clone())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forwarders::Admission;
    use crate::sources::Contacts;
    use tokio::sync::mpsc;

    fn service(namespace: &str, name: &str) -> Service {
        let mut service = Service::default();
        service.metadata.namespace = Some(namespace.to_owned());
        service.metadata.name = Some(name.to_owned());
        service
    }

    fn names(told: &mut mpsc::Receiver<Seen>) -> Vec<Vec<String>> {
        let mut lists = Vec::new();
        while let Ok(seen) = told.try_recv() {
            if let Seen::Change(Change::Listed(_, Watched::Services, names), _) = seen {
                lists.push(names.iter().map(|name| format!("{}/{}", name.namespace, name.name)).collect());
            }
        }
        lists
    }

    /// What is gone is known only by lists of all namespaces together; one that is listed again takes nothing from the others.
    #[tokio::test]
    async fn namespaces_are_listed_as_one() {
        let (feed, mut told) = Feed::new(Contacts::default(), Admission::default());
        let (listed, all_listed) = watch::channel(0_usize);
        let whole = Arc::new(Mutex::new(Whole { of: 2, ..Whole::default() }));
        let mut parts = ["shop", "web"].map(|namespace| Kind {
            name: ClusterName::new("east").unwrap(),
            feed: feed.clone(),
            listed: listed.clone(),
            what: Watched::Services,
            is: Change::Service,
            gone: Change::ServiceGone,
            names: BTreeSet::new(),
            listing: false,
            counted: false,
            fails: false,
            part: Some(Part { namespace: namespace.to_owned(), whole: Arc::clone(&whole) }),
        });
        parts.iter_mut().for_each(Takes::begins);
        parts[0].is(service("shop", "a")).await;
        parts[1].is(service("web", "b")).await;
        parts[0].listed().await;
        assert!(names(&mut told).is_empty() && *all_listed.borrow() == 0, "web is not known yet");
        parts[1].listed().await;
        assert_eq!(names(&mut told), [["shop/a", "web/b"]]);
        assert_eq!(*all_listed.borrow(), 1);
        parts[0].is(service("shop", "c")).await;
        parts[0].gone(service("shop", "a")).await;
        parts[1].begins();
        parts[1].listed().await;
        assert_eq!(names(&mut told), [["shop/c"]]);
        parts[0].begins();
        parts[0].listed().await;
        assert_eq!(names(&mut told), [[""; 0]]);
        assert_eq!(*all_listed.borrow(), 1, "each kind counts once");
    }
}
