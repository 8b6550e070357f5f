//! What a content must be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use guideway_dataplane_config::{self as config, Backend, BackendSet, Ports, ServiceError, Subject};
use ipnet::IpNet;
use thiserror::Error;

use super::Content;
use crate::limits::{
    MAX_BACKENDS, MAX_FORWARDERS, MAX_INTERFACES, MAX_POOLS, MAX_PREFIXES, MAX_SETS, MAX_SHARDS,
    MAX_TEXT_BYTES, MAX_VIPS,
};
use crate::{Delta, Pool, PoolName, SetName, Shard, ShardName, Vip, VipName, diff};

mod routing;

/// What an error is about, and what is taken out of a content to be rid of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A set.
    Set(SetName),
    /// A VIP.
    Vip(VipName),
    /// A pool.
    Pool(PoolName),
    /// A shard.
    Shard(ShardName),
    /// The routing.
    Routing,
    /// All of it.
    Whole,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(name) => write!(f, "set {name:?}"),
            Self::Vip(name) => write!(f, "VIP {name:?}"),
            Self::Pool(name) => write!(f, "pool {name:?}"),
            Self::Shard(name) => write!(f, "shard {name:?}"),
            Self::Routing => f.write_str("routing"),
            Self::Whole => f.write_str("content"),
        }
    }
}

/// What is wrong with a content. Displays as `VIP "NAME": FIELD: reason`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
#[error("{item}: {field}: {reason}")]
pub struct ContentError {
    /// What it is about.
    pub item: Item,
    /// The field.
    pub field: String,
    /// What is wrong with it and what is allowed.
    pub reason: String,
}

impl Content {
    /// Checks all of it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the items.
    pub fn check(&self) -> Result<(), Vec<ContentError>> {
        self.check_since(&Self::new(self.seed, crate::Routing::default()))
    }

    /// Checks what differs from `base`, in which nothing is wrong. Costs what differs.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the items.
    pub fn check_since(&self, base: &Self) -> Result<(), Vec<ContentError>> {
        let mut check = Check { content: self, errors: BTreeSet::new() };
        check.delta(&diff(base, self));
        if check.errors.is_empty() { Ok(()) } else { Err(check.errors.into_iter().collect()) }
    }

    /// This content without that which is wrong in it and what needs that, and what was wrong: one bad item leaves the
    /// others alone. Bad routing is that of `base`, in which nothing is wrong. What cannot be helped by taking out is
    /// answered with `base`.
    #[must_use]
    pub fn purged(&self, base: &Self) -> (Self, Vec<ContentError>) {
        let (mut content, mut all) = (self.clone(), Vec::new());
        while let Err(errors) = content.check_since(base) {
            for error in &errors {
                match &error.item {
                    Item::Set(name) => content.remove_with_vips(name),
                    Item::Vip(name) => _ = content.remove_vip(name),
                    Item::Pool(name) => _ = content.remove_pool(name),
                    Item::Shard(name) => _ = content.remove_shard(name),
                    Item::Routing => content.put_routing(base.routing.as_ref().clone()),
                    Item::Whole => content = base.clone(),
                }
            }
            all.extend(errors);
        }
        (content, all)
    }

    fn remove_with_vips(&mut self, set: &SetName) {
        let vips: Vec<VipName> = self.vips_of_set(set).map(|vip| vip.name.clone()).collect();
        for vip in &vips {
            self.remove_vip(vip);
        }
        self.remove_set(set);
    }
}

struct Check<'a> {
    content: &'a Content,
    errors: BTreeSet<ContentError>,
}

impl Check<'_> {
    fn add(&mut self, item: Item, field: &str, reason: impl fmt::Display) {
        self.errors.insert(ContentError { item, field: field.to_owned(), reason: reason.to_string() });
    }

    fn most(&mut self, item: Item, field: &str, count: usize, max: usize) {
        if count > max {
            self.add(item, field, format_args!("are {count}, at most {max} are allowed"));
        }
    }

    fn delta(&mut self, delta: &Delta) {
        let (content, changes) = (self.content, &delta.changes);
        self.most(Item::Whole, "sets", content.sets.len(), MAX_SETS);
        self.most(Item::Whole, "VIPs", content.vips.len(), MAX_VIPS);
        self.most(Item::Whole, "pools", content.pools.len(), MAX_POOLS);
        self.most(Item::Whole, "shards", content.shards.len(), MAX_SHARDS);
        changes.sets.iter().for_each(|set| self.set(set));
        let gone = changes.removed_sets.iter().flat_map(|name| content.vips_of_set(name));
        gone.for_each(|vip| self.set_of(vip));
        changes.pools.iter().for_each(|pool| self.pool(pool));
        changes.shards.iter().for_each(|shard| self.shard(shard));
        let gone = changes.removed_shards.iter().flat_map(|name| content.vips_of_shard(name));
        gone.for_each(|vip| self.shard_of(vip));
        changes.vips.iter().for_each(|vip| self.vip(vip));
        let addresses: BTreeSet<_> = changes.vips.iter().map(|vip| (vip.address, vip.protocol)).collect();
        for (address, protocol) in addresses {
            let vips: Vec<&Arc<Vip>> = content.vips_of_address(address, protocol).collect();
            self.ports(&vips);
        }
        if changes.routing.is_some() {
            routing::check(&content.routing, |field, reason| self.add(Item::Routing, &field, reason));
        }
    }

    fn set(&mut self, set: &Arc<BackendSet>) {
        // It was put in, so that it has a name.
        let Ok(name) = SetName::new(&set.name) else { return };
        let item = Item::Set(name.clone());
        self.most(item.clone(), "backends", set.backends.len(), MAX_BACKENDS);
        for ServiceError { subject, field, reason } in config::check_set(set) {
            match subject {
                Subject::Backend { backend, .. } => {
                    self.add(item.clone(), &format!("backend {backend:?}: {field}"), reason);
                }
                _ => self.add(item.clone(), field, reason),
            }
        }
        for backend in &*set.backends {
            self.around(&name, backend);
        }
        for vip in self.content.vips_of_set(&name) {
            self.values(vip);
        }
    }

    fn vip(&mut self, vip: &Arc<Vip>) {
        self.set_of(vip);
        self.shard_of(vip);
        self.values(vip);
        let item = || Item::Vip(vip.name.clone());
        self.most(item(), "owner: bytes", vip.owner.len(), MAX_TEXT_BYTES);
        if let Some(l2) = &vip.advertise.l2 {
            self.most(item(), "interfaces", l2.interfaces.len(), MAX_INTERFACES);
            if let Some(bad) = l2.interfaces.iter().find(|name| name.is_empty() || name.len() > 15) {
                self.add(item(), "interfaces", format_args!("{bad:?} is no interface: it has 1 to 15 bytes"));
            }
        }
        // Whose backend lies in a VIP is to blame: otherwise a backend could take away another tenant's VIP.
        let (first, last) = (vip.address.network(), vip.address.broadcast());
        let content = self.content;
        for (address, set) in content.of_backend.range((first, SetName::lowest())..) {
            if *address > last || address.is_ipv4() != first.is_ipv4() {
                break;
            }
            let backends = content.sets.get(set).into_iter().flat_map(|set| &*set.backends);
            for backend in backends.filter(|backend| backend.address == *address) {
                self.around(set, backend);
            }
        }
    }

    /// A backend lies in no VIP. Of several around it one is named, whichever of them or the backend has changed.
    fn around(&mut self, set: &SetName, backend: &Backend) {
        let address = backend.address;
        if let Some(vip) = self.content.vip_around(address) {
            let reason = format_args!(
                "{address} lies in the VIP {:?}: its packets would come back to the forwarder",
                vip.name
            );
            self.add(Item::Set(set.clone()), &format!("backend {:?}: address", backend.name), reason);
        }
    }

    /// By the rules of the forwarders.
    fn values(&mut self, vip: &Vip) {
        let Some(set) = self.content.sets.get(&vip.set) else { return };
        let values = config::Vip {
            name: vip.name.to_string(),
            address: vip.address,
            ports: vip.ports,
            protocol: vip.protocol,
            backend_set: Arc::clone(set),
            affinity: vip.affinity,
            flow_entries: vip.flow_entries,
            sources: vip.sources.clone(),
        };
        for ServiceError { field, reason, .. } in config::check_vip(&values) {
            self.add(Item::Vip(vip.name.clone()), field, reason);
        }
    }

    fn set_of(&mut self, vip: &Arc<Vip>) {
        if !self.content.sets.contains_key(&vip.set) {
            self.add(Item::Vip(vip.name.clone()), "set", format_args!("no set is called {:?}", vip.set));
        }
    }

    fn shard_of(&mut self, vip: &Arc<Vip>) {
        if !self.content.shards.contains_key(&vip.shard) {
            self.add(
                Item::Vip(vip.name.clone()),
                "shard",
                format_args!("no shard is called {:?}", vip.shard),
            );
        }
    }

    /// VIPs of one address and protocol. Of two that do not go together the one with the later name is wrong.
    fn ports(&mut self, vips: &[&Arc<Vip>]) {
        let mut seen: BTreeMap<Ports, &Vip> = BTreeMap::new();
        for vip in vips {
            if let Some(first) = seen.get(&vip.ports) {
                let reason = format_args!(
                    "{} port {} {} is the VIP {:?} already",
                    vip.address, vip.ports, vip.protocol, first.name
                );
                self.add(Item::Vip(vip.name.clone()), "ports", reason);
            } else {
                seen.insert(vip.ports, vip);
            }
        }
        // By the first port, the widest first, with those around on a stack: see the same check of lb-dataplane's file.
        let mut ranges: Vec<&Vip> =
            seen.into_values().filter(|vip| matches!(vip.ports, Ports::Range(..))).collect();
        ranges.sort_by_key(|vip| (vip.ports.bounds().0, std::cmp::Reverse(vip.ports.bounds().1)));
        let mut around: Vec<&Vip> = Vec::new();
        for vip in ranges {
            let (first, last) = vip.ports.bounds();
            while around.pop_if(|outer| outer.ports.bounds().1 < first).is_some() {}
            if let Some(outer) = around.last().filter(|outer| outer.ports.bounds().1 < last) {
                let (earlier, later) = if outer.name < vip.name { (*outer, vip) } else { (vip, *outer) };
                let reason = format_args!(
                    "{} crosses {} of the VIP {:?}: one must contain the other, or they must have no port in common",
                    later.ports, earlier.ports, earlier.name
                );
                self.add(Item::Vip(later.name.clone()), "ports", reason);
            }
            around.push(vip);
        }
    }

    fn pool(&mut self, pool: &Arc<Pool>) {
        let item = || Item::Pool(pool.name.clone());
        self.most(item(), "prefixes", pool.prefixes.len(), MAX_PREFIXES);
        for prefix in &pool.prefixes {
            if let Some(error) = config::check_pool(*prefix) {
                self.add(item(), "prefixes", error.reason);
            }
        }
    }

    fn shard(&mut self, shard: &Arc<Shard>) {
        let item = || Item::Shard(shard.name.clone());
        self.most(item(), "members", shard.members.len(), MAX_FORWARDERS);
        self.most(item(), "leaving", shard.leaving.len(), MAX_FORWARDERS);
        self.most(item(), "zone: bytes", shard.zone.as_ref().map_or(0, String::len), MAX_TEXT_BYTES);
    }
}

/// Prefixes of `address` that are as long as a VIP's.
pub(super) fn prefixes_of(address: IpAddr, lengths: impl Iterator<Item = u8>) -> impl Iterator<Item = IpNet> {
    lengths.filter_map(move |length| IpNet::new(address, length).ok()).map(|net| net.trunc())
}
