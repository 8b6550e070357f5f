//! Clusters in memory whose objects are JSON, and a daemon that writes what the index says.

use std::collections::{BTreeMap, BTreeSet};

use guideway_controller_core::{Content, Vip};
use guideway_controller_crds::guideway::{Cluster, ClusterAccess, EndpointMode};
use guideway_controller_crds::parse;
use guideway_dataplane_config::{BackendSet, Seed};
use serde_json::{Value, json};

use crate::{
    Change, ClusterName, Defaults, FINALIZER, FinalizerChange, Index, IndexConfig, ObjectName, ServiceEvent,
    ServiceStatus,
};

pub(super) struct World {
    pub(super) index: Index,
    /// By cluster, kind (`Service`, ...) and `namespace/name`.
    pub(super) objects: BTreeMap<(String, &'static str, String), Value>,
    pub(super) events: Vec<ServiceEvent>,
    version: u64,
}

pub(super) fn cluster(name: &str) -> ClusterName {
    ClusterName::new(name).unwrap()
}

pub(super) fn spec() -> Cluster {
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

/// A custom resource as a user writes it.
pub(super) fn resource(group: &str, kind: &str, name: &str, spec: Value) -> Change {
    let version = match (group, kind) {
        ("metallb.io", "BGPPeer") => "v1beta2",
        ("metallb.io", _) => "v1beta1",
        _ => "v1alpha1",
    };
    let object = json!({
        "apiVersion": format!("{group}/{version}"), "kind": kind,
        "metadata": {"name": name, "namespace": "guideway", "labels": {"name": name}}, "spec": spec
    });
    let parsed = parse(&object).unwrap();
    Change::Resource(parsed.object, Box::new(parsed.resource.unwrap()))
}

pub(super) fn pool(name: &str, ranges: &[&str]) -> Change {
    resource("metallb.io", "IPAddressPool", name, json!({"addresses": ranges}))
}

pub(super) fn bgp(name: &str, pools: &[&str]) -> Change {
    let spec = if pools.is_empty() { json!({}) } else { json!({"ipAddressPools": pools}) };
    resource("metallb.io", "BGPAdvertisement", name, spec)
}

pub(super) fn l2(name: &str, interfaces: &[&str]) -> Change {
    let spec = if interfaces.is_empty() { json!({}) } else { json!({"interfaces": interfaces}) };
    resource("metallb.io", "L2Advertisement", name, spec)
}

pub(super) fn forwarder(name: &str, zone: Option<&str>, drain: bool) -> Change {
    let mut spec = json!({"drain": drain});
    if let Some(zone) = zone {
        spec["zone"] = json!(zone);
    }
    resource("guideway.dev", "Forwarder", name, spec)
}

pub(super) fn pinned(name: &str, members: &[&str]) -> Change {
    resource("guideway.dev", "Shard", name, json!({"members": members}))
}

pub(super) fn shuffled(name: &str, size: u16) -> Change {
    resource("guideway.dev", "Shard", name, json!({"size": size, "default": true}))
}

/// A Service of one port, 80 of TCP.
pub(super) fn service(name: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"type": "LoadBalancer", "ipFamilies": ["IPv4"], "ports": [{"port": 80, "targetPort": 8080}]}
    })
}

/// An endpoint that is ready: Pod `NAME` on node `NODE`.
pub(super) fn endpoint(address: &str, pod: &str, node: &str) -> Value {
    json!({"addresses": [address], "nodeName": node, "targetRef": {"kind": "Pod", "namespace": "shop", "name": pod}})
}

pub(super) fn slice(service: &str, suffix: &str, endpoints: &[Value]) -> Value {
    json!({
        "metadata": {
            "namespace": "shop", "name": format!("{service}-{suffix}"),
            "labels": {"kubernetes.io/service-name": service}
        },
        "addressType": "IPv4",
        "ports": [{"port": 8080}],
        "endpoints": endpoints
    })
}

pub(super) fn node(name: &str, address: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True"}]
        }
    })
}

/// A Service `web` with two Pods on two nodes, changed by `change`.
pub(super) fn web(change: impl Fn(&mut Value)) -> World {
    let mut world = World::new();
    let mut web = service("web");
    change(&mut web);
    world.put("east", "Service", web);
    let pods = [endpoint("10.1.0.1", "web-0", "n1"), endpoint("10.1.0.2", "web-1", "n2")];
    world.put("east", "EndpointSlice", slice("web", "a", &pods));
    world
}

impl World {
    /// The cluster `east` with nodes n1 and n2, pools of both families, everything announced by lb1 and lb2.
    pub(super) fn new() -> Self {
        let mut world = Self::empty();
        world.index.apply(Change::Cluster(cluster("east"), Box::new(spec())));
        world.put("east", "Node", node("n1", "10.0.0.1"));
        world.put("east", "Node", node("n2", "10.0.0.2"));
        world.index.apply(Change::Synced(cluster("east")));
        world
    }

    /// Without clusters.
    pub(super) fn empty() -> Self {
        let mut world = Self { index: index(), objects: BTreeMap::new(), events: Vec::new(), version: 0 };
        for change in resources() {
            world.index.apply(change);
        }
        world
    }

    /// As `kubectl apply`, but that the status stays.
    pub(super) fn put(&mut self, of: &str, kind: &'static str, mut object: Value) {
        let id = (of.to_owned(), kind, id(&object));
        if let Some(before) = self.objects.get(&id) {
            for (part, field) in [("metadata", "finalizers"), ("metadata", "deletionTimestamp")] {
                if !before[part][field].is_null() {
                    object[part][field] = before[part][field].clone();
                }
            }
            if object["status"].is_null() {
                object["status"] = before["status"].clone();
            }
        }
        self.store(id, object);
    }

    fn store(&mut self, id: (String, &'static str, String), mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.index.apply(change(&id.0, id.1, &object));
        self.objects.insert(id, object);
    }

    /// As `kubectl delete`.
    pub(super) fn delete(&mut self, of: &str, kind: &'static str, name: &str) {
        let id = (of.to_owned(), kind, name.to_owned());
        let Some(mut object) = self.objects.get(&id).cloned() else { return };
        let held = object["metadata"]["finalizers"].as_array().is_some_and(|held| !held.is_empty());
        if held {
            object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
            self.store(id, object);
        } else {
            self.index.apply(gone(of, kind, name));
            self.objects.remove(&id);
        }
    }

    /// One round of the daemon, without anything being committed.
    pub(super) fn project(&mut self) -> Content {
        let projection = self.index.project();
        for status in projection.services {
            self.write(status);
        }
        projection.content
    }

    pub(super) fn write(&mut self, status: ServiceStatus) {
        let key = &status.service;
        let name = format!("{}/{}", key.namespace, key.name);
        let id = (key.cluster.to_string(), "Service", name);
        let Some(mut object) = self.objects.get(&id).cloned() else { return };
        if object["metadata"]["resourceVersion"].as_str() != status.resource_version.as_deref() {
            self.index.retry(key, &status.events);
            return;
        }
        self.events.extend(status.events);
        let mut changed = false;
        if status.finalizer == Some(FinalizerChange::Add) {
            object["metadata"]["finalizers"] = json!([FINALIZER]);
            changed = true;
        }
        if let Some(ingress) = status.ingress {
            let elements = ingress.iter().map(|i| json!({"ip": i.ip, "ipMode": i.ip_mode.as_str()}));
            object["status"]["loadBalancer"]["ingress"] = elements.collect();
            changed = true;
        }
        for condition in status.conditions {
            let mut all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            all.retain(|one| one["type"] != condition.kind.as_str());
            all.push(json!({
                "type": condition.kind.as_str(), "status": if condition.holds { "True" } else { "False" },
                "reason": condition.reason, "message": condition.message, "lastTransitionTime": "2026-01-01T00:00:00Z"
            }));
            object["status"]["conditions"] = json!(all);
            changed = true;
        }
        for kind in status.void {
            if let Some(all) = object["status"]["conditions"].as_array_mut() {
                all.retain(|one| one["type"] != kind.as_str());
            }
            changed = true;
        }
        if status.finalizer == Some(FinalizerChange::Remove) {
            object["metadata"]["finalizers"] = json!([]);
            changed = true;
        }
        if !object["metadata"]["deletionTimestamp"].is_null() && object["metadata"]["finalizers"] == json!([])
        {
            self.index.apply(gone(&id.0, id.1, &id.2));
            self.objects.remove(&id);
        } else if changed {
            self.store(id, object);
        }
    }

    /// Rounds of the daemon, each committed at once, until nothing changes any more.
    pub(super) fn settle(&mut self) -> Content {
        for _ in 0..50 {
            let content = self.project();
            self.index.settled(&content);
            if !self.index.is_dirty() {
                return content;
            }
        }
        panic!("it never comes to rest");
    }

    /// Applies these changes, and settles.
    pub(super) fn tell_all(&mut self, changes: Vec<Change>) {
        changes.into_iter().for_each(|change| _ = self.index.apply(change));
        self.settle();
    }

    /// A new index that is told what there is now.
    pub(super) fn restarted(&self) -> Self {
        self.restarted_with(&[])
    }

    /// The same, with these resources besides the usual ones.
    pub(super) fn restarted_with(&self, more: &[Change]) -> Self {
        let mut world =
            Self { index: index(), objects: self.objects.clone(), events: Vec::new(), version: self.version };
        let clusters: BTreeSet<&String> = self.objects.keys().map(|(of, _, _)| of).collect();
        let forwarders = self.index.resources.forwarders.keys().map(|name| forwarder(name, None, false));
        for change in resources().into_iter().chain(forwarders).chain(more.iter().cloned()) {
            world.index.apply(change);
        }
        for name in &clusters {
            world.index.apply(Change::Cluster(cluster(name), Box::new(spec())));
        }
        for ((of, kind, _), object) in &self.objects {
            world.index.apply(change(of, kind, object));
        }
        for name in &clusters {
            world.index.apply(Change::Synced(cluster(name)));
        }
        world
    }

    pub(super) fn addresses(&self, name: &str) -> Vec<String> {
        let id = ("east".to_owned(), "Service", format!("shop/{name}"));
        let ingress =
            self.objects[&id]["status"]["loadBalancer"]["ingress"].as_array().cloned().unwrap_or_default();
        ingress.iter().map(|element| element["ip"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn told(&self, part: &str) -> bool {
        self.events.iter().any(|event| event.message.contains(part) || event.reason.contains(part))
    }
}

pub(super) fn index() -> Index {
    Index::new(IndexConfig { seed: Seed::new([7; 16]), defaults: Defaults::default() })
}

pub(super) fn resources() -> Vec<Change> {
    vec![
        pool("web", &["203.0.113.0/28", "2001:db8::/124"]),
        bgp("all", &[]),
        forwarder("lb1", None, false),
        forwarder("lb2", None, false),
    ]
}

fn id(object: &Value) -> String {
    let metadata = &object["metadata"];
    match metadata["namespace"].as_str() {
        Some(namespace) => format!("{namespace}/{}", metadata["name"].as_str().unwrap()),
        None => metadata["name"].as_str().unwrap().to_owned(),
    }
}

pub(super) fn change(of: &str, kind: &str, object: &Value) -> Change {
    let of = cluster(of);
    let object = object.clone();
    match kind {
        "Service" => Change::Service(of, serde_json::from_value(object).unwrap()),
        "EndpointSlice" => Change::Slice(of, serde_json::from_value(object).unwrap()),
        "Node" => Change::Node(of, serde_json::from_value(object).unwrap()),
        "Namespace" => Change::Namespace(of, serde_json::from_value(object).unwrap()),
        other => panic!("{other}"),
    }
}

pub(super) fn gone(of: &str, kind: &str, name: &str) -> Change {
    let of = cluster(of);
    let object = || {
        let (namespace, name) = name.split_once('/').unwrap();
        ObjectName::new(namespace, name)
    };
    match kind {
        "Service" => Change::ServiceGone(of, object()),
        "EndpointSlice" => Change::SliceGone(of, object()),
        "Node" => Change::NodeGone(of, name.to_owned()),
        "Namespace" => Change::NamespaceGone(of, name.to_owned()),
        other => panic!("{other}"),
    }
}

/// `name=weight` of the backends of a set.
pub(super) fn backends(content: &Content, set: &str) -> Vec<String> {
    let set: Option<&BackendSet> = content.sets().get(set).map(|set| &**set);
    set.map(|set| set.backends.iter().map(|b| format!("{}={}", b.name, b.weight)).collect())
        .unwrap_or_default()
}

pub(super) fn set<'c>(content: &'c Content, name: &str) -> &'c BackendSet {
    content
        .sets()
        .get(name)
        .unwrap_or_else(|| panic!("no set {name} in {:?}", content.sets().keys().collect::<Vec<_>>()))
}

pub(super) fn vip<'c>(content: &'c Content, name: &str) -> &'c Vip {
    content
        .vips()
        .get(name)
        .unwrap_or_else(|| panic!("no VIP {name} in {:?}", content.vips().keys().collect::<Vec<_>>()))
}

pub(super) fn vips(content: &Content) -> Vec<String> {
    content.vips().keys().map(ToString::to_string).collect()
}
