//! Changes come in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use guideway_controller_crds::guideway::{Cluster, EndpointMode};
use guideway_controller_ipam::{AddressRange, ReservedBy, ServiceKey};
use k8s_openapi::api::core::v1;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::{ClusterState, Contact, Index, Kept, Patience};
use crate::change::{Change, Watched};
use crate::names::ObjectName;
use crate::node::{Node, Nodes};
use crate::service::Service;
use crate::slice::Slice;

impl Index {
    /// Takes note of a change. Whether [`project`](Index::project) has something to do now.
    ///
    /// Objects of clusters that are not ours are ignored.
    pub fn apply(&mut self, change: Change) -> bool {
        match change {
            Change::Cluster(name, spec) => self.cluster_is(name.as_str(), *spec),
            Change::Synced(name) => self.contact(name.as_str(), Contact::Live),
            Change::Stale(name) => self.contact(name.as_str(), Contact::Stale),
            Change::Held(name, ranges) => self.held_before(name.as_str(), ranges),
            Change::Overdue(name) => self.wait_less(name.as_str(), Patience::Over),
            Change::Unmet(name) => self.wait_less(name.as_str(), Patience::Unmet),
            Change::ClusterGone(name) => self.cluster_gone(name.as_str()),
            Change::Service(cluster, service) => self.service(cluster.as_str(), &service),
            Change::ServiceGone(cluster, name) => self.service_gone(cluster.as_str(), &name),
            Change::Slice(cluster, slice) => self.slice(cluster.as_str(), &slice),
            Change::SliceGone(cluster, name) => self.slice_gone(cluster.as_str(), &name),
            Change::Node(cluster, node) => {
                if let Some(name) = &node.metadata.name {
                    self.node(cluster.as_str(), name, Some(Node::read(&node)));
                }
            }
            Change::NodeGone(cluster, name) => self.node(cluster.as_str(), &name, None),
            Change::Namespace(cluster, namespace) => {
                let labels = namespace.metadata.labels.unwrap_or_default();
                if let Some(name) = &namespace.metadata.name {
                    self.namespace(cluster.as_str(), name, Some(labels));
                }
            }
            Change::NamespaceGone(cluster, name) => self.namespace(cluster.as_str(), &name, None),
            Change::Listed(cluster, what, names) => self.listed(cluster.as_str(), what, &names),
            Change::Resource(object, resource) => {
                let affected = self.resources.put(object, *resource);
                self.affect(affected);
            }
            Change::ResourceGone(kind, name) => {
                let affected = self.resources.remove(kind, &name);
                self.affect(affected);
            }
            Change::ResourcesListed(kind, names) => {
                for name in self.resources.names(kind).iter().filter(|name| !names.contains(*name)) {
                    let affected = self.resources.remove(kind, name);
                    self.affect(affected);
                }
            }
            Change::Password(secret, password) => {
                let before = match password {
                    Some(password) => self.resources.passwords.insert(secret.clone(), password),
                    None => self.resources.passwords.remove(&secret),
                };
                self.affected.routing |= before.as_ref() != self.resources.passwords.get(&secret);
            }
            Change::Live(forwarder, live) => {
                let changed = match live {
                    true => self.resources.live.insert(forwarder),
                    false => self.resources.live.remove(&forwarder),
                };
                if changed {
                    self.dirty.extend(self.linked.iter().cloned());
                }
            }
        }
        self.is_dirty()
    }

    fn affect(&mut self, more: crate::resources::Affected) {
        let affected = &mut self.affected;
        affected.pools |= more.pools;
        affected.routing |= more.routing;
        affected.services |= more.services;
    }

    fn cluster_is(&mut self, name: &str, spec: Cluster) {
        match self.clusters.get_mut(name) {
            Some(state) if state.spec == spec => {}
            Some(state) => {
                state.spec = spec;
                self.dirty.extend(self.keys(name, None));
            }
            None => {
                let state = ClusterState {
                    spec,
                    contact: Contact::Syncing,
                    nodes: Nodes::new(),
                    namespaces: BTreeMap::new(),
                    slices: HashMap::new(),
                    kept: Kept::default(),
                    patience: Patience::Waiting,
                    held: None,
                };
                self.clusters.insert(name.into(), state);
                self.keep(name);
            }
        }
    }

    fn contact(&mut self, name: &str, contact: Contact) {
        let Some(state) = self.clusters.get_mut(name) else { return };
        let before = state.contact;
        // What was never known cannot be out of date.
        if before == contact || (before == Contact::Syncing && contact == Contact::Stale) {
            return;
        }
        state.contact = contact;
        if contact == Contact::Live {
            self.forget_kept(name);
            self.dirty.extend(self.keys(name, None));
            // They may have waited for the records of this cluster.
            self.dirty.extend(self.waiting.iter().cloned());
        }
    }

    fn held_before(&mut self, name: &str, ranges: Vec<AddressRange>) {
        let Some((name, state)) = self.clusters.get_key_value(name) else { return };
        if state.contact != Contact::Syncing || state.held.is_some() {
            return;
        }
        let by = ReservedBy::Cluster(Arc::clone(name));
        ranges
            .iter()
            .flat_map(AddressRange::addresses)
            .for_each(|address| self.ipam.reserve(address, by.clone()));
        if let Some(state) = self.clusters.get_mut(&*Arc::clone(name)) {
            state.held = Some(ranges);
        }
        self.dirty.extend(self.waiting.iter().cloned());
    }

    fn wait_less(&mut self, name: &str, patience: Patience) {
        let Some(state) = self.clusters.get_mut(name).filter(|state| state.patience < patience) else {
            return;
        };
        state.patience = patience;
        self.dirty.extend(self.waiting.iter().cloned());
    }

    fn cluster_gone(&mut self, name: &str) {
        self.forget_kept(name);
        if self.clusters.remove(name).is_none() {
            return;
        }
        for key in self.keys(name, None) {
            if let Some(entry) = self.services.get_mut(&key) {
                entry.service = None;
                entry.slices.clear();
            }
            self.dirty.insert(key);
        }
        self.dirty.extend(self.waiting.iter().cloned());
    }

    fn service(&mut self, cluster: &str, service: &v1::Service) {
        let metadata = &service.metadata;
        let (Some(namespace), Some(name)) = (&metadata.namespace, &metadata.name) else { return };
        if !self.clusters.contains_key(cluster) {
            return;
        }
        let key = ServiceKey::new(cluster, namespace.as_str(), name.as_str());
        let entry = self.services.entry(key.clone()).or_default();
        let service = Service::read(service);
        if entry.service.as_ref() != Some(&service) {
            entry.service = Some(service);
            self.dirty.insert(key);
        }
    }

    fn service_gone(&mut self, cluster: &str, name: &ObjectName) {
        let key = ServiceKey::new(cluster, Arc::clone(&name.namespace), Arc::clone(&name.name));
        if let Some(entry) = self.services.get_mut(&key)
            && entry.service.take().is_some()
        {
            self.dirty.insert(key);
        }
    }

    fn slice(&mut self, cluster: &str, slice: &EndpointSlice) {
        let metadata = &slice.metadata;
        let (Some(namespace), Some(name)) = (&metadata.namespace, &metadata.name) else { return };
        let object = ObjectName::new(namespace, name);
        let Some(service) = Slice::service(slice) else { return self.slice_gone(cluster, &object) };
        let Some(state) = self.clusters.get_mut(cluster) else { return };
        let before = state.slices.insert(object.clone(), service.into());
        if let Some(before) = before.filter(|before| **before != *service) {
            self.drop_slice(cluster, &object, &before);
        }
        let key = ServiceKey::new(cluster, Arc::clone(&object.namespace), service);
        let entry = self.services.entry(key.clone()).or_default();
        let slice = Slice::read(slice);
        if entry.slices.get(&object.name) != Some(&slice) {
            entry.slices.insert(object.name, slice);
            self.dirty.insert(key);
        }
    }

    fn slice_gone(&mut self, cluster: &str, name: &ObjectName) {
        let Some(state) = self.clusters.get_mut(cluster) else { return };
        if let Some(service) = state.slices.remove(name) {
            self.drop_slice(cluster, name, &service);
        }
    }

    fn drop_slice(&mut self, cluster: &str, name: &ObjectName, service: &str) {
        let key = ServiceKey::new(cluster, Arc::clone(&name.namespace), service);
        if let Some(entry) = self.services.get_mut(&key)
            && entry.slices.remove(&name.name).is_some()
        {
            self.dirty.insert(key);
        }
    }

    fn node(&mut self, cluster: &str, name: &str, node: Option<Node>) {
        let Some(state) = self.clusters.get_mut(cluster) else { return };
        if state.nodes.get(name) == node.as_ref() {
            return;
        }
        match node {
            Some(node) => state.nodes.insert(name.into(), node),
            None => state.nodes.remove(name),
        };
        // Those whose backends are nodes, and those with an endpoint on it, as policies look at its labels.
        let concerned = self.keys(cluster, None).into_iter().filter(|key| {
            self.services.get(key).is_some_and(|entry| {
                let by_mode = entry.view.as_ref().is_some_and(|view| view.mode == EndpointMode::Node);
                let endpoints = entry.slices.values().flat_map(|slice| &slice.endpoints);
                by_mode || endpoints.into_iter().any(|endpoint| endpoint.node.as_deref() == Some(name))
            })
        });
        let concerned: Vec<ServiceKey> = concerned.collect();
        self.dirty.extend(concerned);
    }

    fn namespace(&mut self, cluster: &str, name: &str, labels: Option<BTreeMap<String, String>>) {
        let Some(state) = self.clusters.get_mut(cluster) else { return };
        if state.namespaces.get(name).map(|labels| &**labels) == labels.as_ref() {
            return;
        }
        match labels {
            Some(labels) => state.namespaces.insert(name.into(), Arc::new(labels)),
            None => state.namespaces.remove(name),
        };
        self.dirty.extend(self.keys(cluster, Some(name)));
    }

    /// Whatever is not named is no more.
    fn listed(&mut self, cluster: &str, what: Watched, names: &BTreeSet<ObjectName>) {
        let Some(state) = self.clusters.get(cluster) else { return };
        let gone = |name: &ObjectName| !names.contains(name);
        match what {
            Watched::Services => {
                let known = self
                    .keys(cluster, None)
                    .into_iter()
                    .map(|key| ObjectName { namespace: key.namespace, name: key.name });
                for name in known.filter(gone).collect::<Vec<_>>() {
                    self.service_gone(cluster, &name);
                }
            }
            Watched::Slices => {
                for name in state.slices.keys().filter(|name| gone(name)).cloned().collect::<Vec<_>>() {
                    self.slice_gone(cluster, &name);
                }
            }
            Watched::Nodes => {
                let plain = |name: &&Arc<str>| gone(&ObjectName::new("", name));
                for name in state.nodes.keys().filter(plain).cloned().collect::<Vec<_>>() {
                    self.node(cluster, &name, None);
                }
            }
            Watched::Namespaces => {
                let plain = |name: &&Arc<str>| gone(&ObjectName::new("", name));
                for name in state.namespaces.keys().filter(plain).cloned().collect::<Vec<_>>() {
                    self.namespace(cluster, &name, None);
                }
            }
        }
    }
}
