//! The desired state with its names resolved and its digests taken.

use std::collections::HashMap;
use std::sync::Arc;

use guideway_maglev::Seed;
use guideway_packet::Address;
use ipnet::IpNet;

use crate::cache::{Filled, sorted};
use crate::digest::{Digest, vip_identity};
use crate::key::{Match, Net};
use crate::sources::Borders;
use crate::{BackendSet, Member, Session, Shared, Vip};

/// A set that some VIP uses.
#[derive(Debug)]
pub(crate) struct ResolvedSet {
    pub(crate) seed: Seed,
    pub(crate) set: BackendSet,
    /// Digest of what decides about its packets, all but names of the set.
    pub(crate) digest: [u64; 2],
    pub(crate) filled: Arc<Filled>,
    /// For sets that announce what comes next.
    pub(crate) upcoming: Option<Arc<Filled>>,
}

/// The VIPs.
#[derive(Debug)]
pub(crate) struct VipPart {
    pub(crate) seed: Seed,
    pub(crate) vips: Shared<Vip>,
    /// Sorted, each once.
    pub(crate) pools: Vec<Net>,
    pub(crate) keys: Vec<Match>,
    /// Who may dial each; `None`: everybody.
    pub(crate) sources: Vec<Option<Borders>>,
    pub(crate) identities: Vec<u64>,
    /// Indexes of the VIPs, sorted by key.
    pub(crate) order: Vec<usize>,
    /// Names of the sets in use, in the order of the first VIP of each.
    pub(crate) set_names: Vec<String>,
    /// For each VIP, its set's place in `set_names`.
    pub(crate) sets: Vec<usize>,
    /// Over keys, sessions, sources and which VIPs share a set.
    pub(crate) digest: [u64; 2],
}

impl VipPart {
    pub(crate) fn new(seed: Seed, vips: &Shared<Vip>, pools: &[IpNet]) -> Self {
        let keys: Vec<Match> = vips.iter().map(|vip| vip.key.into()).collect();
        let sources: Vec<Option<Borders>> =
            vips.iter().zip(&keys).map(|(vip, key)| Borders::new(&vip.sources, key.net.is_v6)).collect();
        let mut order: Vec<usize> = (0..vips.len()).collect();
        order.sort_unstable_by_key(|&vip| keys[vip]);
        let mut names: HashMap<&str, usize> = HashMap::new();
        let mut set_names = Vec::new();
        let mut sets = vec![0; vips.len()];
        let mut digest = Digest::new(&seed, "vips");
        for &vip in &order {
            let Vip { set, session, flow_entries, .. } = &vips[vip];
            let place = *names.entry(set).or_insert_with(|| {
                set_names.push(set.clone());
                set_names.len() - 1
            });
            sets[vip] = place;
            let Match { net, protocol, first, last } = keys[vip];
            digest.bytes(&net.start.to_be_bytes());
            digest.number(u64::from(net.is_v6) << 32 | u64::from(net.length));
            digest.number(u64::from(protocol) << 32 | u64::from(first) << 16 | u64::from(last));
            let (mode, timeout) = match session {
                Session::Stateless => (0, std::time::Duration::ZERO),
                Session::Flow { timeout } => (1, *timeout),
                Session::ClientIp { timeout } => (2, *timeout),
            };
            digest.number(u64::from(timeout.subsec_nanos()) << 8 | mode);
            digest.number(timeout.as_secs());
            digest.number(flow_entries.map_or(0, |entries| u64::from(entries) + 1));
            digest.number(place as u64);
            digest.number(sources[vip].as_ref().map_or(0, |borders| borders.len() as u64 + 1));
            let borders = sources[vip].iter().flat_map(Borders::iter);
            borders.for_each(|border| digest.bytes(&border.to_be_bytes()));
        }
        let pools = sorted_pools(pools);
        for net in &pools {
            digest.bytes(&net.start.to_be_bytes());
            digest.number(1 << 63 | u64::from(net.is_v6) << 32 | u64::from(net.length));
        }
        Self {
            seed,
            pools,
            identities: keys.iter().map(vip_identity).collect(),
            vips: vips.clone(),
            keys,
            sources,
            order,
            set_names,
            sets,
            digest: digest.finish(),
        }
    }

    pub(crate) fn is_of(&self, seed: &Seed, vips: &Shared<Vip>, pools: &[IpNet]) -> bool {
        self.seed == *seed && self.vips == *vips && self.pools == sorted_pools(pools)
    }
}

fn sorted_pools(pools: &[IpNet]) -> Vec<Net> {
    let mut nets: Vec<Net> = pools.iter().copied().map(Net::from).collect();
    nets.sort_unstable();
    nets.dedup();
    nets
}

/// See [`ResolvedSet::digest`]. What the set had before is no part of it.
pub(crate) fn set_digest(seed: &Seed, set: &BackendSet) -> [u64; 2] {
    let mut digest = Digest::new(seed, "backend set");
    digest.size(set.table_size);
    digest.number(set.encapsulation as u64);
    digest.number(set.second_hop);
    digest.number(set.drain_window.as_secs());
    digest.number(set.drain_window.subsec_nanos());
    // What is announced or was before says nothing about what this generation is.
    members_digest(&mut digest, &set.members);
    digest.finish()
}

fn members_digest(digest: &mut Digest, members: &[Member]) {
    digest.number(members.len() as u64);
    for index in sorted(members) {
        let member = &members[index];
        digest.bytes(member.name.as_bytes());
        digest.bytes(&Address::from(member.address).to_bytes());
        digest.number(member.weight.0);
        digest.number(member.healthy);
    }
}

/// Whether two sets differ in nothing but weights, health and other things that no error of a configuration depends on.
pub(crate) fn same_shape(a: &BackendSet, b: &BackendSet) -> bool {
    fn same(a: &Shared<Member>, b: &Shared<Member>) -> bool {
        let same = |(a, b): (&Member, &Member)| a.address == b.address && a.name == b.name;
        a.is_clone_of(b) || a.len() == b.len() && std::iter::zip(a, b).all(same)
    }
    let upcoming = match (&a.upcoming, &b.upcoming) {
        (None, None) => true,
        (Some(a), Some(b)) => same(&a.members, &b.members),
        _ => false,
    };
    let earlier = a.earlier.is_clone_of(&b.earlier)
        || a.earlier.len() == b.earlier.len()
            && a.earlier.iter().zip(&b.earlier).all(|(a, b)| same(&a.members, &b.members));
    a.table_size == b.table_size
        && a.second_hop == b.second_hop
        && a.name == b.name
        && upcoming
        && earlier
        && same(&a.members, &b.members)
}
