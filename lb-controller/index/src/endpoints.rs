//! From EndpointSlices to the backends of a set.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use guideway_controller_core::SetName;
use guideway_controller_core::limits::MAX_BACKENDS;
use guideway_controller_crds::guideway::EndpointMode;
use guideway_controller_ipam::Family;
use guideway_dataplane_config::{Backend, EncapsulationKind};

use crate::node::{Nodes, OtherFamily, State};
use crate::options::Options;
use crate::service::{ExternalTraffic, Port, Unready};
use crate::slice::{Endpoint, Slice};

/// The slices of a Service by name.
pub(crate) type Slices = BTreeMap<Arc<str>, Slice>;

/// What the backends of a set follow from.
pub(crate) struct Question<'a> {
    pub(crate) slices: &'a Slices,
    pub(crate) nodes: &'a Nodes,
    pub(crate) options: &'a Options<'a>,
    pub(crate) family: Family,
    pub(crate) traffic: ExternalTraffic,
    pub(crate) unready: Unready,
    /// Where the forwarders of the VIP stand.
    pub(crate) zone: Option<&'a str>,
    /// Whether an address is one that VIPs are taken from: such a backend's packets would come back.
    pub(crate) is_vip: &'a dyn Fn(IpAddr) -> bool,
}

/// The backends of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// By name, each name and each address once.
    pub(crate) backends: Vec<Backend>,
    /// The ports to which packets go at last.
    pub(crate) targets: BTreeSet<u16>,
    /// What people should know, each once.
    pub(crate) problems: BTreeSet<String>,
}

/// Whether an endpoint takes packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It ends, and still answers.
    Draining,
    Ready,
}

struct Candidate<'a> {
    standing: Standing,
    endpoint: &'a Endpoint,
    slice_weight: Option<u16>,
}

impl Question<'_> {
    /// The backends of `port`.
    pub(crate) fn answer(&self, port: &Port) -> Chosen {
        let mut chosen = Chosen::default();
        let found = self.candidates(port, &mut chosen);
        match self.options.mode {
            EndpointMode::Pod => self.pods(&found, &mut chosen),
            EndpointMode::Node => self.nodes(&found, &mut chosen),
        }
        self.limit(&mut chosen);
        chosen
    }

    /// The endpoints of a port by address. One that several slices have counts once, as the best that is said of it: a
    /// slice that lags behind must not take it away.
    fn candidates(&self, port: &Port, chosen: &mut Chosen) -> BTreeMap<IpAddr, Candidate<'_>> {
        let mut found: BTreeMap<IpAddr, Candidate<'_>> = BTreeMap::new();
        for slice in self.slices.values().filter(|slice| self.counts(slice)) {
            let named =
                |(name, protocol, _): &&(Arc<str>, _, _)| *name == port.name && *protocol == port.protocol;
            let Some((_, _, target)) = slice.ports.iter().find(named) else { continue };
            let mut used = false;
            for endpoint in &slice.endpoints {
                let Some(standing) = self.standing(endpoint) else { continue };
                if (self.is_vip)(endpoint.address) {
                    let address = endpoint.address;
                    chosen
                        .problems
                        .insert(format!("the endpoint {address} is an address of a pool: it is left out"));
                    continue;
                }
                used = true;
                let candidate = Candidate { standing, endpoint, slice_weight: slice.weight };
                match found.get_mut(&endpoint.address) {
                    Some(known) if known.standing >= standing => {}
                    Some(known) => *known = candidate,
                    None => {
                        found.insert(endpoint.address, candidate);
                    }
                }
            }
            if used {
                chosen.targets.insert(target.unwrap_or(port.number));
            }
        }
        // Nobody but those that end: better they than nobody.
        if found.values().all(|candidate| candidate.standing == Standing::Draining) {
            found.values_mut().for_each(|candidate| candidate.standing = Standing::Ready);
        }
        found
    }

    /// Pods are reached by addresses of the VIP's family; to which node a Pod belongs does not depend on it.
    fn counts(&self, slice: &Slice) -> bool {
        match self.options.mode {
            EndpointMode::Pod => slice.family == Some(self.family),
            EndpointMode::Node => slice.family.is_some(),
        }
    }

    fn standing(&self, endpoint: &Endpoint) -> Option<Standing> {
        let conditions = endpoint.conditions;
        if conditions.ready || self.unready == Unready::Published {
            return Some(Standing::Ready);
        }
        (conditions.terminating && conditions.serving).then_some(Standing::Draining)
    }

    fn pods(&self, found: &BTreeMap<IpAddr, Candidate<'_>>, chosen: &mut Chosen) {
        let near = self.zone.filter(|zone| hints_hold(found, zone));
        let mut names: BTreeSet<String> = BTreeSet::new();
        for (address, candidate) in found {
            let endpoint = candidate.endpoint;
            if let Some(zone) = near
                && candidate.standing == Standing::Ready
                && !endpoint.zones.iter().any(|hint| **hint == *zone)
            {
                continue;
            }
            let mut name = pod_name(endpoint);
            if !names.insert(name.clone()) {
                name = address.to_string();
                names.insert(name.clone());
            }
            let weight = match candidate.standing {
                Standing::Draining => 0,
                Standing::Ready => self.weight(&name, endpoint.node.as_deref(), candidate.slice_weight),
            };
            chosen.backends.push(Backend { name, address: *address, weight });
        }
    }

    fn nodes(&self, found: &BTreeMap<IpAddr, Candidate<'_>>, chosen: &mut Chosen) {
        let other = match self.options.encapsulation {
            EncapsulationKind::L2 => OtherFamily::Impossible,
            _ => OtherFamily::Carried,
        };
        let local = self.local_endpoints(found, chosen);
        let mut addresses = BTreeSet::new();
        for (name, node) in self.nodes {
            let here = match &local {
                None => Some((Standing::Ready, 1)),
                Some(local) => local.get(&**name).copied(),
            };
            let Some((standing, endpoints)) = here.filter(|_| node.state != State::Excluded) else {
                continue;
            };
            let Some(address) = node.address(self.family, other).filter(|address| !(self.is_vip)(*address))
            else {
                let family = self.family;
                chosen
                    .problems
                    .insert(format!("the node {name} has no InternalIP for {family}: it is left out"));
                continue;
            };
            if !is_name(name) {
                chosen.problems.insert(format!(
                    "the node {name:?} has a name that forwarders do not take: it is left out"
                ));
                continue;
            }
            if !addresses.insert(address) {
                chosen
                    .problems
                    .insert(format!("the node {name} has the address {address} of another: it is left out"));
                continue;
            }
            let weight = if standing == Standing::Draining || node.state == State::Draining {
                0
            } else {
                self.weight(name, Some(name), None).saturating_mul(endpoints)
            };
            chosen.backends.push(Backend { name: name.to_string(), address, weight });
        }
    }

    /// With `externalTrafficPolicy: Local`, the nodes that have endpoints, and how many; `None`: it does not matter.
    fn local_endpoints<'f>(
        &self,
        found: &'f BTreeMap<IpAddr, Candidate<'_>>,
        chosen: &mut Chosen,
    ) -> Option<BTreeMap<&'f str, (Standing, u16)>> {
        if self.traffic == ExternalTraffic::Cluster {
            return None;
        }
        let mut local: BTreeMap<&str, (Standing, u16)> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for candidate in found.values() {
            let endpoint = candidate.endpoint;
            let Some(node) = endpoint.node.as_deref() else {
                let address = endpoint.address;
                chosen
                    .problems
                    .insert(format!("the endpoint {address} has no nodeName: Local does not find it"));
                continue;
            };
            // Of a Pod with two families each address is an endpoint.
            if endpoint.pod.as_ref().is_some_and(|pod| !seen.insert((node, &**pod))) {
                continue;
            }
            let (standing, count) = local.entry(node).or_insert((candidate.standing, 0));
            if candidate.standing > *standing {
                (*standing, *count) = (candidate.standing, 0);
            }
            if candidate.standing == *standing {
                *count = count.saturating_add(1);
            }
        }
        Some(local)
    }

    /// The Service's annotation, the slice's, the policies' by the labels of the node, 1.
    fn weight(&self, name: &str, node: Option<&str>, slice: Option<u16>) -> u16 {
        let plain = name.rsplit_once('/').map_or(name, |(_, plain)| plain);
        let by_rule = || {
            let labels = &self.nodes.get(node?)?.labels;
            self.options.weight_rules.iter().find(|rule| rule.nodes.matches(labels)).map(|rule| rule.weight)
        };
        self.options.weights.of(plain).or(slice).or_else(by_rule).unwrap_or(1)
    }

    fn limit(&self, chosen: &mut Chosen) {
        chosen.backends.sort_by(|a, b| a.name.cmp(&b.name));
        let slots = usize::try_from(self.options.table_size.slots()).unwrap_or(usize::MAX);
        let most = slots.min(MAX_BACKENDS);
        if chosen.backends.len() > most {
            let count = chosen.backends.len();
            chosen.problems.insert(format!(
                "{count} backends, a table of {slots} slots takes {most}: some are left out"
            ));
            chosen.backends.truncate(most);
        }
        if !chosen.backends.is_empty() && chosen.backends.iter().all(|backend| backend.weight == 0) {
            chosen.problems.insert("every backend has the weight 0: nobody serves".to_owned());
        }
    }
}

/// Topology hints count when every endpoint has some and one is for the zone, as in kube-proxy.
fn hints_hold(found: &BTreeMap<IpAddr, Candidate<'_>>, zone: &str) -> bool {
    let mut ready = found.values().filter(|candidate| candidate.standing == Standing::Ready).peekable();
    let all = ready.peek().is_some() && ready.all(|candidate| !candidate.endpoint.zones.is_empty());
    let hinted = |candidate: &Candidate<'_>| {
        candidate.standing == Standing::Ready && candidate.endpoint.zones.iter().any(|hint| **hint == *zone)
    };
    all && found.values().any(hinted)
}

/// Whether forwarders take it for a name.
fn is_name(text: &str) -> bool {
    SetName::new(text).is_ok()
}

/// The Maglev identity: it outlives a change of the address.
fn pod_name(endpoint: &Endpoint) -> String {
    let fits = |name: &&Arc<str>| is_name(name);
    endpoint.pod.as_ref().filter(fits).map_or_else(|| endpoint.address.to_string(), ToString::to_string)
}
