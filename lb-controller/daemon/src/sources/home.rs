//! The controller's own objects: custom resources, and Secrets that they name.

use std::collections::BTreeSet;
use std::sync::Arc;

use guideway_controller_crds::{self as crds, Kind, Resource};
use guideway_controller_index::{Change, ClusterName, ObjectName};
use guideway_controller_ipam::AddressRange;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::round::{self, Takes, Trouble};
use super::{Feed, Seen};
use crate::status::resources::{Subject, Told as Said};

/// The key of a password in a Secret of type `kubernetes.io/basic-auth`.
const PASSWORD: &str = "password";

/// Addresses of one cluster that are kept for it. A status with more was written by somebody else.
const MOST_ADDRESSES: usize = 1 << 20;

/// The cluster with the controller's own objects.
#[derive(Clone)]
pub(crate) struct Home {
    /// How it is spoken to.
    pub(crate) client: Client,
    /// Where the objects are.
    pub(crate) namespace: String,
    /// The name of the Rollout object.
    pub(crate) rollout: String,
    /// Takes objects that something may have to be said about.
    pub(crate) said: mpsc::Sender<Said>,
}

/// What the set of workload clusters is told.
pub(super) enum Told {
    /// A Cluster object as it is, and what its status says, if somebody has reached the cluster.
    Cluster(ClusterName, Box<crds::guideway::Cluster>, Option<Met>),
    /// There is none any more, or it cannot be read.
    ClusterGone(ClusterName),
    /// Exactly these Cluster objects are there.
    Clusters(BTreeSet<ClusterName>),
    /// A Secret as it is; `None`: it is gone.
    Secret(String, Option<Box<Secret>>),
    /// Everything was listed once.
    Complete,
}

/// What is known of a cluster that somebody has reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Met {
    /// What its Services held; `None`: nobody has told.
    pub(super) addresses: Option<Vec<AddressRange>>,
}

impl Met {
    /// As the status of a Cluster says.
    fn read(status: &Value) -> Option<Self> {
        status["version"].as_str()?;
        let ranges = status["addresses"].as_array();
        let ranges = ranges.map(|ranges| {
            let mut room = MOST_ADDRESSES;
            ranges
                .iter()
                .map(|range| {
                    let range: AddressRange = range.as_str()?.parse().ok()?;
                    room = room.checked_sub(range.addresses().take(room + 1).count())?;
                    Some(range)
                })
                .collect::<Option<Vec<AddressRange>>>()
        });
        Some(Self { addresses: ranges.flatten() })
    }
}

/// Never ends.
pub(super) async fn run(home: Home, feed: Feed, told: mpsc::Sender<Told>) {
    let (listed, mut all_listed) = watch::channel(0_usize);
    let mut watches = JoinSet::new();
    for kind in Kind::ALL {
        let resource = ApiResource {
            group: kind.group().to_owned(),
            version: kind.versions().first().copied().unwrap_or_default().to_owned(),
            api_version: api_version(kind),
            kind: kind.as_str().to_owned(),
            plural: kind.plural().to_owned(),
        };
        let api: Api<DynamicObject> = Api::namespaced_with(home.client.clone(), &home.namespace, &resource);
        let takes = Resources {
            kind,
            resource,
            said: home.said.clone(),
            rollout: home.rollout.clone(),
            feed: feed.clone(),
            told: told.clone(),
            names: BTreeSet::new(),
            listing: false,
            once: Once::new(&listed),
            trouble: Trouble::default(),
        };
        watches.spawn(round::watch(api, takes));
    }
    let secrets: Api<Secret> = Api::namespaced(home.client.clone(), &home.namespace);
    let takes = Secrets {
        namespace: home.namespace.clone().into(),
        feed,
        told: told.clone(),
        known: BTreeSet::new(),
        listing: BTreeSet::new(),
        once: Once::new(&listed),
        trouble: Trouble::default(),
    };
    watches.spawn(round::watch(secrets, takes));
    let _listed = all_listed.wait_for(|count| *count > Kind::ALL.len()).await.is_ok();
    let _ended = told.send(Told::Complete).await;
    // They never end.
    let _ended = watches.join_next().await;
}

fn api_version(kind: Kind) -> String {
    format!("{}/{}", kind.group(), kind.versions().first().copied().unwrap_or_default())
}

/// Counts once.
struct Once {
    counter: watch::Sender<usize>,
    counted: bool,
}

impl Once {
    fn new(counter: &watch::Sender<usize>) -> Self {
        Self { counter: counter.clone(), counted: false }
    }

    fn count(&mut self) {
        if !std::mem::replace(&mut self.counted, true) {
            self.counter.send_modify(|count| *count += 1);
        }
    }
}

struct Resources {
    kind: Kind,
    resource: ApiResource,
    said: mpsc::Sender<Said>,
    rollout: String,
    feed: Feed,
    told: mpsc::Sender<Told>,
    names: BTreeSet<String>,
    listing: bool,
    once: Once,
    trouble: Trouble,
}

impl Resources {
    async fn taken(&mut self, object: &DynamicObject) {
        let name = object.name_any();
        let Ok(mut value) = serde_json::to_value(object) else { return };
        // Objects of a list do not say what they are.
        value["apiVersion"] = api_version(self.kind).into();
        value["kind"] = self.kind.as_str().into();
        let parsed = match crds::parse(&value) {
            Ok(parsed) => parsed,
            Err(error) => return tracing::warn!(kind = self.kind.as_str(), name, %error, "not understood"),
        };
        let errors = parsed.resource.as_ref().err().into_iter().flatten();
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        let mut notes: Vec<String> = parsed.notes.iter().map(ToString::to_string).collect();
        if self.kind == Kind::Rollout && name != self.rollout {
            notes.push(format!("the Rollout {} counts, and no other: without effect", self.rollout));
        }
        let subject = Subject::new(self.kind, &self.resource, object.clone(), &errors, &notes);
        self.say(Said::Is(Box::new(subject))).await;
        // What it said before stays: a slip of the pen withdraws nothing.
        let Ok(resource) = parsed.resource else {
            for error in &errors {
                tracing::warn!(kind = self.kind.as_str(), name, error, "the object is wrong and not used");
            }
            return;
        };
        match resource {
            Resource::Cluster(cluster) => match ClusterName::new(&name) {
                Ok(name) => {
                    let met = Met::read(&value["status"]);
                    self.tell(Told::Cluster(name, Box::new(cluster), met)).await;
                }
                Err(error) => tracing::warn!(%error, "the Cluster is not used"),
            },
            Resource::Rollout(rollout) if name == self.rollout => {
                self.feed.tell(Seen::Rollout(Some(rollout))).await;
            }
            Resource::Rollout(_) => {}
            resource => self.feed.change(Change::Resource(parsed.object, Box::new(resource))).await,
        }
    }

    async fn without(&mut self, name: &str) {
        match self.kind {
            Kind::Cluster => {
                if let Ok(name) = ClusterName::new(name) {
                    self.tell(Told::ClusterGone(name)).await;
                }
            }
            Kind::Rollout if name == self.rollout => self.feed.tell(Seen::Rollout(None)).await,
            Kind::Rollout => {}
            kind => self.feed.change(Change::ResourceGone(kind, name.to_owned())).await,
        }
    }

    async fn say(&self, said: Said) {
        let _ended = self.said.send(said).await;
    }

    async fn tell(&self, told: Told) {
        let _ended = self.told.send(told).await;
    }
}

impl Takes<DynamicObject> for Resources {
    async fn is(&mut self, object: DynamicObject) {
        if self.listing {
            self.names.insert(object.name_any());
        }
        self.taken(&object).await;
    }

    async fn gone(&mut self, object: DynamicObject) {
        self.say(Said::Gone(self.kind, object.name_any())).await;
        self.without(&object.name_any()).await;
    }

    async fn listed(&mut self) {
        self.trouble.is_over(self.kind.as_str());
        self.listing = false;
        let names = std::mem::take(&mut self.names);
        self.say(Said::Listed(self.kind, names.clone())).await;
        match self.kind {
            Kind::Cluster => {
                let names = names.iter().filter_map(|name| ClusterName::new(name).ok()).collect();
                self.tell(Told::Clusters(names)).await;
            }
            Kind::Rollout if !names.contains(&self.rollout) => self.feed.tell(Seen::Rollout(None)).await,
            Kind::Rollout => {}
            kind => self.feed.change(Change::ResourcesListed(kind, names)).await,
        }
        self.once.count();
    }

    fn begins(&mut self) {
        self.listing = true;
        self.names.clear();
    }

    async fn failed(&mut self, error: &watcher::Error) {
        let kind = self.kind.as_str();
        if is_not_served(error) {
            // Nobody has installed its definition: there are none.
            if !self.once.counted {
                tracing::info!(kind, "the cluster does not know this kind: there are none of it");
            }
            self.once.count();
        } else {
            self.trouble.is(kind, error);
        }
    }
}

fn is_not_served(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) => status.code == 404,
        _ => false,
    }
}

struct Secrets {
    namespace: Arc<str>,
    feed: Feed,
    told: mpsc::Sender<Told>,
    /// Those with a password.
    known: BTreeSet<String>,
    listing: BTreeSet<String>,
    once: Once,
    trouble: Trouble,
}

impl Secrets {
    async fn password(&mut self, name: &str, password: Option<String>) {
        let had = match &password {
            Some(_) => !self.known.insert(name.to_owned()),
            None => self.known.remove(name),
        };
        if password.is_some() || had {
            self.feed.change(Change::Password(ObjectName::new(&self.namespace, name), password)).await;
        }
    }

    async fn without(&mut self, name: &str) {
        self.password(name, None).await;
        let _ended = self.told.send(Told::Secret(name.to_owned(), None)).await;
    }
}

impl Takes<Secret> for Secrets {
    async fn is(&mut self, secret: Secret) {
        let name = secret.name_any();
        self.listing.insert(name.clone());
        let password = secret.data.as_ref().and_then(|data| data.get(PASSWORD));
        let password = password.and_then(|password| String::from_utf8(password.0.clone()).ok());
        self.password(&name, password).await;
        let _ended = self.told.send(Told::Secret(name, Some(Box::new(secret)))).await;
    }

    async fn gone(&mut self, secret: Secret) {
        self.without(&secret.name_any()).await;
    }

    async fn listed(&mut self) {
        self.trouble.is_over("Secret");
        let gone: Vec<String> = self.known.difference(&self.listing).cloned().collect();
        for name in gone {
            self.without(&name).await;
        }
        self.once.count();
    }

    fn begins(&mut self) {
        self.listing.clear();
    }

    async fn failed(&mut self, error: &watcher::Error) {
        self.trouble.is("Secret", error);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_cluster_held_counts_when_all_of_it_is_understood() {
        let read = |status: Value| Met::read(&status);
        let held = |addresses: Value| {
            let met = read(json!({"version": "v1.33.1", "addresses": addresses})).unwrap();
            met.addresses.map(|ranges| ranges.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(read(Value::Null), None);
        assert_eq!(read(json!({"addresses": []})), None, "nobody has reached it");
        assert_eq!(read(json!({"version": "v1.33.1"})), Some(Met { addresses: None }));
        assert_eq!(held(json!([])), Some(vec![]));
        let both = ["192.0.2.1-192.0.2.9", "2001:db8::1-2001:db8::1"].map(str::to_owned);
        assert_eq!(held(json!(both)), Some(both.to_vec()));
        for strange in [json!("192.0.2.1-192.0.2.9"), json!([7]), json!(["192.0.2.1-192.0.2.9", "x"])] {
            assert_eq!(held(strange.clone()), None, "{strange}");
        }
        assert!(held(json!(["10.0.0.0/12"])).is_some());
        for many in [json!(["10.0.0.0/8"]), json!(["::/0"]), json!(["10.0.0.0/12", "192.0.2.1-192.0.2.1"])] {
            assert_eq!(held(many.clone()), None, "{many}");
        }
    }
}
