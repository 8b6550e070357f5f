//! Everything that forwarders are to do.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use guideway_dataplane_config::{Backend, BackendSet, Protocol, Seed};
use imbl::{OrdMap, OrdSet};
use ipnet::IpNet;

use crate::canonical::{self, Canonical};
use crate::{
    Digest, ForwarderName, Generation, NameError, Pool, PoolName, Routing, SetName, Shard, ShardName, Vip,
    VipName,
};

mod check;
mod normal;

pub use check::{ContentError, Item};

/// Backends that are compared one by one.
const FEW: usize = 16;

/// Everything that forwarders are to do, with its [`Digest`]. A clone shares all of it.
///
/// What is put in takes a normal form: lists without an order are sorted and hold each thing once. It is checked by
/// [`check`](Self::check) only.
#[derive(Clone)]
pub struct Content {
    pub(crate) seed: Seed,
    pub(crate) sets: OrdMap<SetName, Arc<BackendSet>>,
    pub(crate) vips: OrdMap<VipName, Arc<Vip>>,
    pub(crate) pools: OrdMap<PoolName, Arc<Pool>>,
    pub(crate) shards: OrdMap<ShardName, Arc<Shard>>,
    pub(crate) routing: Arc<Routing>,
    digest: Digest,
    /// VIPs by what follows from them, so that a check costs what has changed.
    of_set: OrdSet<(SetName, VipName)>,
    of_shard: OrdSet<(ShardName, VipName)>,
    of_address: OrdSet<(IpNet, Protocol, VipName)>,
    /// How many VIPs have a prefix of this family (IPv6: true) and length.
    lengths: OrdMap<(bool, u8), usize>,
    /// The sets that have a backend with an address.
    of_backend: OrdSet<(IpAddr, SetName)>,
}

/// A content with its generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Its number.
    pub generation: Generation,
    /// What it is.
    pub content: Content,
}

impl Snapshot {
    /// That of the content: the generation is not in it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.content.digest()
    }
}

impl Content {
    /// A content without VIPs.
    #[must_use]
    pub fn new(seed: Seed, routing: Routing) -> Self {
        let routing = Arc::new(normal::routing(routing));
        Self {
            seed,
            sets: OrdMap::new(),
            vips: OrdMap::new(),
            pools: OrdMap::new(),
            shards: OrdMap::new(),
            digest: canonical::digest(&seed, &*routing),
            routing,
            of_set: OrdSet::new(),
            of_shard: OrdSet::new(),
            of_address: OrdSet::new(),
            lengths: OrdMap::new(),
            of_backend: OrdSet::new(),
        }
    }

    /// What stands for it.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The key of all hashes.
    #[must_use]
    pub const fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The backend sets.
    #[must_use]
    pub const fn sets(&self) -> &OrdMap<SetName, Arc<BackendSet>> {
        &self.sets
    }

    /// The VIPs.
    #[must_use]
    pub const fn vips(&self) -> &OrdMap<VipName, Arc<Vip>> {
        &self.vips
    }

    /// The pools.
    #[must_use]
    pub const fn pools(&self) -> &OrdMap<PoolName, Arc<Pool>> {
        &self.pools
    }

    /// The shards.
    #[must_use]
    pub const fn shards(&self) -> &OrdMap<ShardName, Arc<Shard>> {
        &self.shards
    }

    /// What reaches the BGP speakers.
    #[must_use]
    pub const fn routing(&self) -> &Arc<Routing> {
        &self.routing
    }

    /// The VIPs that the set serves, by name. Costs what it gives.
    pub fn vips_of_set<'a>(&'a self, set: &'a SetName) -> impl Iterator<Item = &'a Arc<Vip>> {
        self.of_set
            .range((set.clone(), VipName::lowest())..)
            .take_while(move |(name, _)| name == set)
            .filter_map(|(_, vip)| self.vips.get(vip))
    }

    /// The VIPs of a shard, by name. Costs what it gives.
    pub fn vips_of_shard<'a>(&'a self, shard: &'a ShardName) -> impl Iterator<Item = &'a Arc<Vip>> {
        self.of_shard
            .range((shard.clone(), VipName::lowest())..)
            .take_while(move |(name, _)| name == shard)
            .filter_map(|(_, vip)| self.vips.get(vip))
    }

    /// The VIPs of an address and protocol, by name. Costs what it gives.
    pub fn vips_of_address(&self, address: IpNet, protocol: Protocol) -> impl Iterator<Item = &Arc<Vip>> {
        self.of_address
            .range((address, protocol, VipName::lowest())..)
            .take_while(move |(at, of, _)| (*at, *of) == (address, protocol))
            .filter_map(|(_, _, vip)| self.vips.get(vip))
    }

    /// A VIP that `address` is in.
    fn vip_around(&self, address: IpAddr) -> Option<&Arc<Vip>> {
        let lengths = self.lengths.keys().filter(|(is_v6, _)| *is_v6 == address.is_ipv6());
        check::prefixes_of(address, lengths.map(|(_, length)| *length)).find_map(|net| {
            [Protocol::Tcp, Protocol::Udp]
                .into_iter()
                .find_map(|protocol| self.vips_of_address(net, protocol).next())
        })
    }

    /// How `forwarder` announces `vip`.
    #[must_use]
    pub fn announcement(&self, vip: &Vip, forwarder: &ForwarderName) -> Announcement {
        let in_shard =
            || self.shards.get(&vip.shard).is_some_and(|shard| shard.announces(forwarder.as_str()));
        let owner = vip.advertise.l2.as_ref().and_then(|l2| l2.owner.as_ref());
        Announcement { bgp: vip.advertise.bgp && in_shard(), l2: owner == Some(forwarder) }
    }

    /// Puts a set in, in place of the one with its name.
    ///
    /// # Errors
    ///
    /// When the name of the set is none; nothing is changed.
    pub fn put_set(&mut self, set: impl Into<Arc<BackendSet>>) -> Result<(), NameError> {
        let set = normal::set(set.into());
        let name = SetName::new(&set.name)?;
        self.digest = self.digest.plus(self.digest_of(&*set));
        let old = self.sets.insert(name.clone(), Arc::clone(&set));
        // Most backends of a set that has changed are still in it.
        let before = old.as_ref().map_or(&[][..], |old| &*old.backends);
        for gone in addresses_beyond(before, &set.backends) {
            self.of_backend.remove(&(gone, name.clone()));
        }
        for new in addresses_beyond(&set.backends, before) {
            self.of_backend.insert((new, name.clone()));
        }
        self.subtract(old.as_deref());
        Ok(())
    }

    /// Takes a set out; whether it was there.
    pub fn remove_set(&mut self, name: &SetName) -> bool {
        let old = self.sets.remove(name);
        for backend in old.iter().flat_map(|set| &*set.backends) {
            self.of_backend.remove(&(backend.address, name.clone()));
        }
        self.subtract(old.as_deref())
    }

    /// Puts a VIP in, in place of the one with its name.
    pub fn put_vip(&mut self, vip: impl Into<Arc<Vip>>) {
        let vip = normal::vip(vip.into());
        self.digest = self.digest.plus(self.digest_of(&*vip));
        let old = self.vips.insert(vip.name.clone(), Arc::clone(&vip));
        self.forget_vip(old.as_deref());
        let name = &vip.name;
        self.of_set.insert((vip.set.clone(), name.clone()));
        self.of_shard.insert((vip.shard.clone(), name.clone()));
        self.of_address.insert((vip.address, vip.protocol, name.clone()));
        *self.lengths.entry(length_of(vip.address)).or_default() += 1;
    }

    /// Takes a VIP out; whether it was there.
    pub fn remove_vip(&mut self, name: &VipName) -> bool {
        let old = self.vips.remove(name);
        self.forget_vip(old.as_deref())
    }

    fn forget_vip(&mut self, old: Option<&Vip>) -> bool {
        if let Some(vip) = old {
            let name = &vip.name;
            self.of_set.remove(&(vip.set.clone(), name.clone()));
            self.of_shard.remove(&(vip.shard.clone(), name.clone()));
            self.of_address.remove(&(vip.address, vip.protocol, name.clone()));
            let length = length_of(vip.address);
            match self.lengths.get_mut(&length) {
                Some(count) if *count > 1 => *count -= 1,
                _ => _ = self.lengths.remove(&length),
            }
        }
        self.subtract(old)
    }

    /// Puts a pool in, in place of the one with its name.
    pub fn put_pool(&mut self, pool: impl Into<Arc<Pool>>) {
        let pool = normal::pool(pool.into());
        self.digest = self.digest.plus(self.digest_of(&*pool));
        let old = self.pools.insert(pool.name.clone(), pool);
        self.subtract(old.as_deref());
    }

    /// Takes a pool out; whether it was there.
    pub fn remove_pool(&mut self, name: &PoolName) -> bool {
        let old = self.pools.remove(name);
        self.subtract(old.as_deref())
    }

    /// Puts a shard in, in place of the one with its name.
    pub fn put_shard(&mut self, shard: impl Into<Arc<Shard>>) {
        let shard = shard.into();
        self.digest = self.digest.plus(self.digest_of(&*shard));
        let old = self.shards.insert(shard.name.clone(), shard);
        self.subtract(old.as_deref());
    }

    /// Takes a shard out; whether it was there.
    pub fn remove_shard(&mut self, name: &ShardName) -> bool {
        let old = self.shards.remove(name);
        self.subtract(old.as_deref())
    }

    /// Puts other routing in.
    pub fn put_routing(&mut self, routing: Routing) {
        let routing = Arc::new(normal::routing(routing));
        self.digest = self.digest.minus(self.digest_of(&*self.routing)).plus(self.digest_of(&*routing));
        self.routing = routing;
    }

    /// Puts another seed in. Costs what the whole content costs: every digest and every table is another one.
    pub fn put_seed(&mut self, seed: Seed) {
        if seed == self.seed {
            return;
        }
        self.seed = seed;
        let mut digest = self.digest_of(&*self.routing);
        let sets = self.sets.values().map(|set| self.digest_of(&**set));
        let vips = self.vips.values().map(|vip| self.digest_of(&**vip));
        let pools = self.pools.values().map(|pool| self.digest_of(&**pool));
        let shards = self.shards.values().map(|shard| self.digest_of(&**shard));
        for item in sets.chain(vips).chain(pools).chain(shards) {
            digest = digest.plus(item);
        }
        self.digest = digest;
    }

    fn digest_of(&self, item: &impl Canonical) -> Digest {
        canonical::digest(&self.seed, item)
    }

    fn subtract(&mut self, old: Option<&impl Canonical>) -> bool {
        if let Some(old) = old {
            self.digest = self.digest.minus(self.digest_of(old));
        }
        old.is_some()
    }
}

/// The addresses of `backends` that none of the `others` has.
fn addresses_beyond(backends: &[Backend], others: &[Backend]) -> impl Iterator<Item = IpAddr> {
    // A few are found fastest as they are.
    let sorted = (others.len() > FEW).then(|| {
        let mut sorted: Vec<_> = others.iter().map(|other| other.address).collect();
        sorted.sort_unstable();
        sorted
    });
    let is_there = move |address: &IpAddr| match &sorted {
        Some(sorted) => sorted.binary_search(address).is_ok(),
        None => others.iter().any(|other| other.address == *address),
    };
    backends.iter().map(|backend| backend.address).filter(move |address| !is_there(address))
}

fn length_of(address: IpNet) -> (bool, u8) {
    (address.addr().is_ipv6(), address.prefix_len())
}

/// How a forwarder announces a VIP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// By BGP.
    pub bgp: bool,
    /// By ARP and NDP.
    pub l2: bool,
}

/// By digest.
impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.seed == other.seed && self.digest == other.digest
    }
}

impl Eq for Content {}

/// A summary: a content may hold a hundred thousand items.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("digest", &self.digest)
            .field("sets", &self.sets.len())
            .field("vips", &self.vips.len())
            .field("pools", &self.pools.len())
            .field("shards", &self.shards.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
