//! Services that stand in a file, for networks without Kubernetes.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use guideway_bgp_daemon::file::{self, ConfigError};
use guideway_controller_crds::guideway::{Cluster, ClusterAccess, EndpointMode};
use guideway_controller_crds::{Kind, Object, Resource};
use guideway_controller_index::{Change, ClusterName, ObjectName, Watched};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::Feed;

/// The name of the cluster that they count as.
pub(super) const CLUSTER: &str = "static";

/// What a file says.
#[derive(Debug, Default)]
struct Document {
    services: Vec<Service>,
    slices: Vec<EndpointSlice>,
    resources: Vec<(Kind, Object, Resource)>,
}

/// The file, and what of it was told.
pub(super) struct Source {
    has_home: bool,
    told: bool,
    kinds: BTreeSet<Kind>,
}

impl Source {
    /// Pools and the like come from the home cluster, if there is one, and else from the file.
    pub(super) fn new(has_home: bool) -> Self {
        Self { has_home, told: false, kinds: BTreeSet::new() }
    }

    /// Reads it and tells everything. A file that is wrong changes nothing.
    pub(super) async fn read(&mut self, path: Option<&Path>, feed: &Feed) {
        let Ok(cluster) = ClusterName::new(CLUSTER) else { return };
        let document = match path {
            Some(path) => match load(path, self.has_home) {
                Ok(document) => document,
                Err(error) => {
                    for problem in error.to_string().lines() {
                        tracing::error!("services of the file stay as they are: {problem}");
                    }
                    return;
                }
            },
            None if self.told => {
                self.told = false;
                self.resources(Vec::new(), feed).await;
                return feed.change(Change::ClusterGone(cluster)).await;
            }
            None => return,
        };
        tracing::info!(services = document.services.len(), "services of the file are read");
        self.told = true;
        self.resources(document.resources, feed).await;
        feed.change(Change::Cluster(cluster.clone(), Box::new(settings()))).await;
        let names = document.services.iter().map(|service| name_of(&service.metadata)).collect();
        for service in document.services {
            feed.change(Change::Service(cluster.clone(), Box::new(service))).await;
        }
        feed.change(Change::Listed(cluster.clone(), Watched::Services, names)).await;
        let names = document.slices.iter().map(|slice| name_of(&slice.metadata)).collect();
        for slice in document.slices {
            feed.change(Change::Slice(cluster.clone(), Box::new(slice))).await;
        }
        feed.change(Change::Listed(cluster.clone(), Watched::Slices, names)).await;
        feed.change(Change::Synced(cluster)).await;
    }

    async fn resources(&mut self, resources: Vec<(Kind, Object, Resource)>, feed: &Feed) {
        let mut names: BTreeMap<Kind, BTreeSet<String>> =
            std::mem::take(&mut self.kinds).into_iter().map(|kind| (kind, BTreeSet::new())).collect();
        for (kind, object, resource) in resources {
            names.entry(kind).or_default().insert(object.name.clone());
            self.kinds.insert(kind);
            feed.change(Change::Resource(object, Box::new(resource))).await;
        }
        for (kind, names) in names {
            feed.change(Change::ResourcesListed(kind, names)).await;
        }
    }
}

fn name_of(metadata: &kube::api::ObjectMeta) -> ObjectName {
    ObjectName::new(
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

/// All of its Services are served.
fn settings() -> Cluster {
    Cluster {
        access: ClusterAccess::Home,
        load_balancer_class: None,
        default_class: true,
        namespaces: BTreeSet::new(),
        endpoints: EndpointMode::Pod,
        shard: None,
        backend_policy: None,
    }
}

/// Whether a file of Services can be used.
pub(crate) fn check(path: &Path, has_home: bool) -> Result<(), ConfigError> {
    load(path, has_home).map(drop)
}

fn load(path: &Path, has_home: bool) -> Result<Document, ConfigError> {
    file::load(path, |text, _| parse::document(text, has_home))
}
