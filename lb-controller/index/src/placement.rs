//! Which forwarders announce a Service: shards, and owners on links.

use std::collections::BTreeSet;

use guideway_controller_core::{Advertise, ForwarderName, L2, NameError, ShardName, VipName, l2, shards};
use guideway_controller_crds::guideway::{Cluster, Members, Shard, Tenant};
use guideway_controller_ipam::{Assigned, Labels, ServiceKey};
use guideway_dataplane_config::Seed;

use crate::resources::{Resources, any};

/// The shard of Services for which there is no Shard: all forwarders. No resource can have this name.
const EVERYBODY: &str = "*";

/// The shard of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) shard: ShardName,
    pub(crate) members: BTreeSet<ForwarderName>,
    /// That of all members, if they have the same.
    pub(crate) zone: Option<String>,
}

impl Resources {
    /// Where a Service belongs; a Shard that it names and that does not exist is reported.
    pub(crate) fn place(
        &self,
        seed: &Seed,
        key: &ServiceKey,
        labels: &Labels,
        cluster: &Cluster,
        named: Option<&str>,
        mut report: impl FnMut(String),
    ) -> Placement {
        if let Some(missing) = named.filter(|name| !self.shards.contains_key(*name)) {
            report(format!(
                "guideway.dev/shard: there is no Shard {missing}: it is placed as if nothing were said"
            ));
        }
        let claims = |shard: &Shard| {
            shard
                .services
                .as_ref()
                .is_some_and(|services| services.matches(&key.cluster, &key.namespace, labels))
        };
        let by_name = |name: &str| self.shards.get_key_value(name);
        let chosen = named
            .and_then(by_name)
            .or_else(|| self.shards.iter().find(|(_, (_, shard))| claims(shard)))
            .or_else(|| cluster.shard.as_deref().and_then(by_name))
            .or_else(|| self.shards.iter().find(|(_, (_, shard))| shard.default));
        let placed = chosen.map(|(name, (_, shard))| self.members(seed, key, name, shard));
        match placed {
            Some(Ok(placement)) => placement,
            Some(Err(error)) => {
                report(format!("the name of its shard {error}: it is announced by all forwarders"));
                self.everybody()
            }
            None => self.everybody(),
        }
    }

    fn everybody(&self) -> Placement {
        let members = self.serving(&[]).map(|(name, _)| name).collect();
        self.placement(EVERYBODY, members).unwrap_or_else(|_| unreachable!("the name is printable"))
    }

    fn members(
        &self,
        seed: &Seed,
        key: &ServiceKey,
        name: &str,
        shard: &Shard,
    ) -> Result<Placement, NameError> {
        match &shard.members {
            Members::Pinned(names) => {
                let serving = self.serving(&[]).map(|(name, _)| name);
                self.placement(name, serving.filter(|name| names.contains(name.as_str())).collect())
            }
            Members::Selected { selector, zone, size, tenant } => {
                let all: BTreeSet<ForwarderName> = self
                    .serving(selector.as_slice())
                    .filter(|(_, forwarder_zone)| zone.is_none() || zone.as_deref() == *forwarder_zone)
                    .map(|(name, _)| name)
                    .collect();
                let Some(size) = size else { return self.placement(name, all) };
                let tenant = match tenant {
                    Tenant::Namespace => format!("{}/{}", key.cluster, key.namespace),
                    Tenant::Service => key.to_string(),
                    Tenant::Cluster => key.cluster.to_string(),
                };
                let members = shards::shuffle(seed, &tenant, &all, usize::from(size.get()));
                self.placement(&format!("{name}/{tenant}"), members)
            }
        }
    }

    fn placement(&self, name: &str, members: BTreeSet<ForwarderName>) -> Result<Placement, NameError> {
        let zone_of = |name: &ForwarderName| {
            self.forwarders.get(name.as_str()).and_then(|(_, forwarder)| forwarder.zone.clone())
        };
        let mut zones = members.iter().map(zone_of);
        let first = zones.next().flatten();
        let zone = first.filter(|first| zones.all(|zone| zone.as_ref() == Some(first)));
        Ok(Placement { shard: ShardName::new(name)?, members, zone })
    }

    /// Forwarders that are not being drained, and their zones.
    fn serving(
        &self,
        selectors: &[guideway_controller_crds::Selector],
    ) -> impl Iterator<Item = (ForwarderName, Option<&str>)> {
        let all = self.forwarders(selectors).filter(|(_, forwarder)| !forwarder.drain);
        all.map(|(name, forwarder)| (name, forwarder.zone.as_deref()))
    }

    /// How an address of a Service is announced. `announcers`: those of its shard; `None` when the address may be shared
    /// with Services of other shards: it has one owner on a link all the same.
    pub(crate) fn advertise(
        &self,
        seed: &Seed,
        assigned: &Assigned,
        labels: &Labels,
        announcers: Option<&BTreeSet<ForwarderName>>,
    ) -> Advertise {
        let pool = assigned.pool.as_deref();
        let bgp = self.bgp.values().any(|(_, bgp)| self.pool_is_meant(pool, &bgp.pools, &bgp.pool_selectors));
        let mut links = self
            .l2
            .values()
            .map(|(_, l2)| l2)
            .filter(|l2| {
                self.pool_is_meant(pool, &l2.pools, &l2.pool_selectors) && any(&l2.service_selectors, labels)
            })
            .peekable();
        if links.peek().is_none() {
            return Advertise { bgp, l2: None };
        }
        let mut candidates = BTreeSet::new();
        let mut interfaces = Some(Vec::new());
        for l2 in links {
            let selected = self.forwarders(&l2.node_selectors).filter(|(_, forwarder)| !forwarder.drain);
            candidates.extend(selected.map(|(name, _)| name));
            match &mut interfaces {
                Some(some) if !l2.interfaces.is_empty() => some.extend(l2.interfaces.iter().cloned()),
                _ => interfaces = None,
            }
        }
        let live = candidates.iter().filter(|name| {
            self.live.contains(*name) && announcers.is_none_or(|announcers| announcers.contains(*name))
        });
        // By the address: an address has one owner, however many VIPs it has.
        let owner = VipName::new(&assigned.address.to_string())
            .ok()
            .and_then(|address| l2::owner(seed, &address, live));
        Advertise { bgp, l2: Some(L2 { owner: owner.cloned(), interfaces: interfaces.unwrap_or_default() }) }
    }
}
