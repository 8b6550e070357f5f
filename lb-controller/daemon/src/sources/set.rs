//! Which workload clusters there are: sources come and go with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guideway_controller_crds::guideway::{Cluster, ClusterAccess};
use guideway_controller_index::{Change, ClusterName};
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::client::{self, ClientError};
use super::home::{self, Home, Met, Told};
use super::{Feed, Seen, cluster, file};
use crate::config::{Kubeconfig, Workload};

/// How long to wait before a client that could not be made is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How long a cluster that does not answer may keep others waiting for addresses.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one may that answers and does not tell all that it has: it may have much, or a right may be missing.
const PATIENCE_WITH_ANSWERS: Duration = Duration::from_secs(60);

/// What the configuration file says of sources. Sent again when it was read again.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Static {
    /// Clusters of the file.
    pub(crate) clusters: Vec<Workload>,
    /// The file of Services.
    pub(crate) services_file: Option<PathBuf>,
}

/// How a client is made. Another one means another connection.
#[derive(Clone, Debug, PartialEq)]
enum Access {
    /// With a hash over what it says.
    File(Kubeconfig, [u8; 32]),
    Home,
    Text(String, Option<String>),
}

/// A cluster that is ours.
struct Known {
    settings: Cluster,
    running: Option<Running>,
    /// Tells when nobody has to wait for it any more.
    patience: JoinHandle<()>,
}

struct Running {
    access: Access,
    /// Whether there was a client by it when it began.
    is_usable: bool,
    /// That are watched.
    namespaces: BTreeSet<String>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

struct Set {
    home: Option<Home>,
    feed: Feed,
    config: Arc<Static>,
    objects: BTreeMap<ClusterName, Cluster>,
    /// Clusters of objects that somebody has reached.
    met: BTreeMap<ClusterName, Met>,
    secrets: BTreeMap<String, Secret>,
    known: BTreeMap<ClusterName, Known>,
    file: file::Source,
    /// What kubeconfigs of the file say, as they were read last.
    kubeconfigs: BTreeMap<ClusterName, [u8; 32]>,
}

/// Feeds the projector with everything until it is stopped.
pub(crate) async fn run(
    home: Option<Home>,
    mut config: watch::Receiver<Arc<Static>>,
    feed: Feed,
    stop: CancellationToken,
) {
    let (told, mut tellings) = mpsc::channel(64);
    let mut home_task = JoinSet::new();
    if let Some(home) = home.clone() {
        home_task.spawn(home::run(home, feed.clone(), told));
    }
    let now = config.borrow_and_update().clone();
    let mut set = Set {
        file: file::Source::new(home.is_some()),
        home,
        feed,
        config: now,
        objects: BTreeMap::new(),
        met: BTreeMap::new(),
        secrets: BTreeMap::new(),
        known: BTreeMap::new(),
        kubeconfigs: BTreeMap::new(),
    };
    set.read_kubeconfigs();
    set.read_file().await;
    set.reconcile().await;
    if set.home.is_none() {
        set.feed.tell(Seen::Complete).await;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(told) = tellings.recv() => set.told(told).await,
            Ok(()) = config.changed() => {
                set.config = config.borrow_and_update().clone();
                set.read_kubeconfigs();
                set.read_file().await;
                set.reconcile().await;
            }
        }
    }
    home_task.shutdown().await;
    for (_, known) in set.known {
        known.patience.abort();
        end(known.running).await;
    }
}

async fn end(running: Option<Running>) {
    if let Some(running) = running {
        running.stop.cancel();
        let _ended = running.task.await;
    }
}

impl Set {
    async fn told(&mut self, told: Told) {
        match told {
            Told::Cluster(name, cluster, met) => {
                if let Some(met) = met {
                    self.met.insert(name.clone(), met);
                }
                self.objects.insert(name, *cluster);
            }
            Told::ClusterGone(name) => {
                self.met.remove(&name);
                self.objects.remove(&name);
            }
            Told::Clusters(names) => {
                self.met.retain(|name, _| names.contains(name));
                self.objects.retain(|name, _| names.contains(name));
            }
            Told::Secret(name, Some(secret)) => {
                self.secrets.insert(name, *secret);
            }
            Told::Secret(name, None) => {
                self.secrets.remove(&name);
            }
            Told::Complete => {
                self.reconcile().await;
                return self.feed.tell(Seen::Complete).await;
            }
        }
        self.reconcile().await;
    }

    async fn read_file(&mut self) {
        let path = self.config.services_file.clone();
        self.file.read(path.as_deref(), &self.feed).await;
    }

    /// One that cannot be read counts as it was.
    fn read_kubeconfigs(&mut self) {
        for workload in &self.config.clusters {
            if let Some(now) = client::fingerprint(&workload.kubeconfig) {
                self.kubeconfigs.insert(workload.name.clone(), now);
            }
        }
    }

    /// Clusters as they should be: those of objects, then those of the file.
    fn wanted(&self) -> BTreeMap<ClusterName, (Cluster, Result<Access, String>)> {
        let mut wanted = BTreeMap::new();
        for workload in &self.config.clusters {
            let content = self.kubeconfigs.get(&workload.name).copied().unwrap_or_default();
            let access = Access::File(workload.kubeconfig.clone(), content);
            wanted.insert(workload.name.clone(), (workload.settings.clone(), Ok(access)));
        }
        for (name, cluster) in &self.objects {
            if wanted.contains_key(name) {
                tracing::debug!(cluster = %name, "the Cluster object counts, not the configuration file");
            }
            wanted.insert(name.clone(), (cluster.clone(), self.access(cluster)));
        }
        wanted.retain(|name, _| {
            let taken = name.as_str() == file::CLUSTER && self.config.services_file.is_some();
            if taken {
                tracing::warn!(cluster = %name, "the name is that of the services in a file: it is not used");
            }
            !taken
        });
        wanted
    }

    fn access(&self, cluster: &Cluster) -> Result<Access, String> {
        let ClusterAccess::Secret { name, key, context } = &cluster.access else { return Ok(Access::Home) };
        let secret = self.secrets.get(name).ok_or_else(|| format!("there is no Secret {name}"))?;
        let value = secret.data.as_ref().and_then(|data| data.get(key));
        let value = value.ok_or_else(|| format!("the Secret {name} has no key {key}"))?;
        let text = String::from_utf8(value.0.clone())
            .map_err(|_| format!("the key {key} of Secret {name} is no text"))?;
        Ok(Access::Text(text, context.clone()))
    }

    async fn reconcile(&mut self) {
        let wanted = self.wanted();
        let names: BTreeSet<ClusterName> = self.known.keys().chain(wanted.keys()).cloned().collect();
        for name in names {
            match wanted.get(&name) {
                Some((settings, access)) => self.cluster_is(name, settings.clone(), access.clone()).await,
                None => self.cluster_gone(&name).await,
            }
        }
    }

    async fn cluster_gone(&mut self, name: &ClusterName) {
        let Some(known) = self.known.remove(name) else { return };
        known.patience.abort();
        end(known.running).await;
        self.feed.tell(Seen::Writable(name.clone(), None)).await;
        self.feed.change(Change::ClusterGone(name.clone())).await;
        self.feed.contacts().forget(name);
        tracing::info!(cluster = %name, "the cluster is no longer ours");
    }

    async fn cluster_is(&mut self, name: ClusterName, settings: Cluster, access: Result<Access, String>) {
        let before = self.known.remove(&name);
        if before.as_ref().is_none_or(|known| known.settings != settings) {
            self.feed.change(Change::Cluster(name.clone(), Box::new(settings.clone()))).await;
        }
        let (running, patience) = match before {
            Some(known) => (known.running, known.patience),
            None => {
                if let Some(held) = self.met.get(&name).and_then(|met| met.addresses.clone()) {
                    self.feed.change(Change::Held(name.clone(), held)).await;
                }
                (None, self.patience(&name))
            }
        };
        if access.is_ok() {
            self.feed.contacts().missing(&name, None);
        }
        let running = match access {
            Ok(access)
                if running.as_ref().is_some_and(|running| {
                    running.access == access && running.namespaces == settings.namespaces
                }) =>
            {
                if running.as_ref().is_some_and(|running| running.is_usable) {
                    self.feed.contacts().unusable(&name, None);
                }
                running
            }
            Ok(access) => self.other_access(&name, running, access, &settings).await,
            Err(error) => {
                // What runs goes on: a Secret that is being replaced is gone for a moment.
                if self.feed.contacts().missing(&name, Some(error.clone())) {
                    tracing::warn!(cluster = %name, error, "there is no kubeconfig for the cluster");
                }
                running
            }
        };
        self.known.insert(name, Known { settings, running, patience });
    }

    /// What runs goes on until there is something better: of another kubeconfig that is of no use nothing is known that could
    /// take its place.
    async fn other_access(
        &self,
        name: &ClusterName,
        running: Option<Running>,
        access: Access,
        settings: &Cluster,
    ) -> Option<Running> {
        let made = client_by(&access, self.home.as_ref().map(|home| &home.client)).await;
        let running = match (&made, running) {
            (Some(Err(error)), Some(running)) if running.is_usable => {
                if self.feed.contacts().unusable(name, Some(error.to_string())) {
                    tracing::warn!(cluster = %name, %error, "the kubeconfig cannot be used: the one before is used on");
                }
                return Some(running);
            }
            (_, running) => running,
        };
        let reads_others = running.as_ref().is_some_and(|running| running.namespaces != settings.namespaces);
        end(running).await;
        self.feed.contacts().update(name, |contact| {
            contact.unusable = None;
            contact.synced &= !reads_others;
        });
        tracing::info!(cluster = %name, "the cluster is watched");
        let is_usable = matches!(made, Some(Ok(_)));
        Some(self.start(name.clone(), access, is_usable, settings.namespaces.clone()))
    }

    /// Says when nobody has to wait for a cluster any more. One that nobody has reached yet, such as one whose kubeconfig is
    /// wrong, has no address of ours at all.
    fn patience(&self, name: &ClusterName) -> JoinHandle<()> {
        let is_unmet = !self.met.contains_key(name) && self.objects.contains_key(name);
        let (name, feed) = (name.clone(), self.feed.clone());
        tokio::spawn(async move {
            tokio::time::sleep(PATIENCE).await;
            if is_unmet {
                feed.change(Change::Unmet(name.clone())).await;
            }
            if feed.contacts().all(Instant::now()).get(&name).is_some_and(|contact| contact.reachable) {
                tokio::time::sleep(PATIENCE_WITH_ANSWERS - PATIENCE).await;
            }
            feed.change(Change::Overdue(name)).await;
        })
    }

    fn start(
        &self,
        name: ClusterName,
        access: Access,
        is_usable: bool,
        namespaces: BTreeSet<String>,
    ) -> Running {
        let stop = CancellationToken::new();
        let (feed, home) = (self.feed.clone(), self.home.as_ref().map(|home| home.client.clone()));
        let task = tokio::spawn(connect(name, access.clone(), namespaces.clone(), home, feed, stop.clone()));
        Running { access, is_usable, namespaces, stop, task }
    }
}

/// `None`: there is no home cluster.
async fn client_by(access: &Access, home: Option<&Client>) -> Option<Result<Client, ClientError>> {
    Some(match access {
        Access::Home => Ok(home?.clone()),
        Access::File(kubeconfig, _) => client::by_config(kubeconfig).await,
        Access::Text(text, context) => client::by_text(text, context.clone()).await,
    })
}

async fn connect(
    name: ClusterName,
    access: Access,
    namespaces: BTreeSet<String>,
    home: Option<Client>,
    feed: Feed,
    stop: CancellationToken,
) {
    loop {
        let Some(made) = client_by(&access, home.as_ref()).await else { return };
        match made {
            Ok(client) => {
                feed.contacts().unusable(&name, None);
                return cluster::run(name, client, namespaces, feed, stop).await;
            }
            Err(error) => {
                if feed.contacts().unusable(&name, Some(error.to_string())) {
                    tracing::warn!(cluster = %name, %error, "the kubeconfig cannot be used");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use guideway_controller_crds::guideway::EndpointMode;
    use k8s_openapi::ByteString;

    use super::*;
    use crate::forwarders::Admission;
    use crate::sources::Contacts;

    fn east() -> ClusterName {
        ClusterName::new("east").unwrap()
    }

    /// A Secret with this kubeconfig.
    fn secret(text: &str) -> Told {
        let data = [("kubeconfig".to_owned(), ByteString(text.as_bytes().to_vec()))];
        Told::Secret(
            "east".to_owned(),
            Some(Box::new(Secret { data: Some(data.into()), ..Secret::default() })),
        )
    }

    /// Of a server that nobody is.
    fn kubeconfig(token: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
             clusters: [{{name: k, cluster: {{server: 'https://127.0.0.1:1'}}}}]\n\
             users: [{{name: u, user: {{token: {token}}}}}]\n"
        )
    }

    #[tokio::test]
    async fn a_kubeconfig_of_no_use_takes_nothing_away() {
        let (feed, mut told) = Feed::new(Contacts::default(), Admission::default());
        tokio::spawn(async move { while told.recv().await.is_some() {} });
        let access =
            ClusterAccess::Secret { name: "east".to_owned(), key: "kubeconfig".to_owned(), context: None };
        let cluster = Cluster {
            access,
            load_balancer_class: None,
            default_class: false,
            namespaces: BTreeSet::new(),
            endpoints: EndpointMode::Pod,
            shard: None,
            backend_policy: None,
        };
        let mut set = Set {
            home: None,
            feed,
            config: Arc::default(),
            objects: [(east(), cluster)].into(),
            met: BTreeMap::new(),
            secrets: BTreeMap::new(),
            known: BTreeMap::new(),
            file: file::Source::new(true),
            kubeconfigs: BTreeMap::new(),
        };
        let unusable = |set: &Set| set.feed.contacts().all(Instant::now())[&east()].unusable.clone();
        let text = |set: &Set| match set.known[&east()].running.as_ref().map(|running| &running.access) {
            Some(Access::Text(text, _)) => text.clone(),
            other => panic!("{other:?}"),
        };
        // Before anything was of use, each is tried.
        set.told(secret("{")).await;
        assert_eq!(text(&set), "{");
        set.told(secret(&kubeconfig("a"))).await;
        assert_eq!((text(&set), unusable(&set)), (kubeconfig("a"), None));
        set.told(secret("{")).await;
        set.told(secret("[")).await;
        assert_eq!(text(&set), kubeconfig("a"), "it is watched on");
        assert!(unusable(&set).is_some());
        set.told(secret(&kubeconfig("a"))).await;
        assert_eq!((text(&set), unusable(&set)), (kubeconfig("a"), None));
        set.told(secret("{")).await;
        set.told(secret(&kubeconfig("b"))).await;
        assert_eq!((text(&set), unusable(&set)), (kubeconfig("b"), None));
    }
}
