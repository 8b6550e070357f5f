//! From MetalLB's resources to what reaches the BGP speakers.

use std::time::Duration;

use guideway_controller_core::{
    Advertisement, BfdProfile, Community, ForwarderName, LargeCommunity, Peer, PoolName, RemoteAs, Routing,
    Scope,
};
use guideway_controller_crds::metallb::{
    self, BgpAdvertisement, BgpPeer, CommunityName, CommunityValue, PasswordSource, PeerAddress,
};
use guideway_controller_crds::{Kind, Object, Selector};

use crate::names::ObjectName;
use crate::resources::{ResourceProblem, Resources, any};

/// What MetalLB's profiles mean that say nothing.
const BFD_INTERVAL: Duration = Duration::from_millis(300);
const BFD_MULTIPLIER: u8 = 3;
/// The longest wait of bgp-speaker between attempts.
const LONGEST_RETRY: Duration = Duration::from_secs(600);

impl Resources {
    /// All of it, and what is wrong with single parts.
    pub(crate) fn routing(&self, problems: &mut Vec<ResourceProblem>) -> Routing {
        let mut report = |kind, object: &Object, problem: String| {
            problems.push(ResourceProblem { kind, name: object.name.clone(), problem });
        };
        for (object, l2) in self.l2.values() {
            self.unknown_pools(&l2.pools, |problem| report(Kind::L2Advertisement, object, problem));
        }
        Routing {
            peers: self
                .peers
                .values()
                .filter_map(|(object, peer)| {
                    self.peer(object, peer, |problem| report(Kind::BgpPeer, object, problem))
                })
                .collect(),
            advertisements: self
                .bgp
                .values()
                .map(|(object, advertisement)| {
                    self.advertisement(object, advertisement, |problem| {
                        report(Kind::BgpAdvertisement, object, problem);
                    })
                })
                .collect(),
            bfd_profiles: self.bfd.values().map(|(object, profile)| bfd(object, profile)).collect(),
        }
    }

    fn scope(&self, selectors: &[Selector]) -> Scope<ForwarderName> {
        if selectors.is_empty() {
            return Scope::All;
        }
        Scope::Only(self.forwarders(selectors).map(|(name, _)| name).collect())
    }

    fn peer(&self, object: &Object, peer: &BgpPeer, mut report: impl FnMut(String)) -> Option<Peer> {
        let password = match &peer.password {
            None => None,
            Some(PasswordSource::Text(text)) => Some(text.clone()),
            Some(PasswordSource::Secret { name, namespace }) => {
                let secret = ObjectName::new(namespace.as_deref().unwrap_or(&object.namespace), name);
                let Some(password) = self.passwords.get(&secret) else {
                    report(format!(
                        "the Secret {secret} has no password: the peer is left out until it has one"
                    ));
                    return None;
                };
                Some(password.clone())
            }
        };
        let bfd_profile = peer.bfd_profile.clone().filter(|profile| {
            let known = self.bfd.contains_key(profile);
            if !known {
                report(format!("there is no BFDProfile {profile}: the session is without BFD"));
            }
            known
        });
        let (address, interface) = match &peer.address {
            PeerAddress::Address(address) => (Some(*address), None),
            PeerAddress::Interface(interface) => (None, Some(interface.clone())),
        };
        Some(Peer {
            name: object.name.clone(),
            forwarders: self.scope(&peer.node_selectors),
            address,
            interface,
            remote_as: match peer.remote_as {
                metallb::RemoteAs::Number(number) => RemoteAs::Number(number),
                metallb::RemoteAs::Internal => RemoteAs::Internal,
                metallb::RemoteAs::External => RemoteAs::External,
            },
            local_as: peer.local_as,
            router_id: peer.router_id,
            port: peer.port.get(),
            local_address: peer.source_address,
            hold_time: peer.hold_time,
            connect_retry: peer.connect_time.map(|time| time.min(LONGEST_RETRY)),
            password,
            multihop: peer.multihop.then_some(u8::MAX),
            // MetalLB's users have to ask for it.
            graceful_restart: if peer.graceful_restart { None } else { Some(Duration::ZERO) },
            bfd_profile,
            dual_family: peer.both_families,
        })
    }

    fn advertisement(
        &self,
        object: &Object,
        advertisement: &BgpAdvertisement,
        mut report: impl FnMut(String),
    ) -> Advertisement {
        self.unknown_pools(&advertisement.pools, &mut report);
        for peer in advertisement.peers.iter().filter(|peer| !self.peers.contains_key(*peer)) {
            report(format!("there is no BGPPeer {peer}: nobody is told in its place"));
        }
        let mut communities = Vec::new();
        let mut large_communities = Vec::new();
        for name in &advertisement.communities {
            let value = match name {
                CommunityName::Value(value) => Some(*value),
                CommunityName::Alias(alias) => {
                    let value = self.alias(alias);
                    if value.is_none() {
                        report(format!("no Community has the alias {alias}: routes are sent without it"));
                    }
                    value
                }
            };
            match value {
                Some(CommunityValue::Standard(high, low)) => {
                    communities.push(Community(u32::from(high) << 16 | u32::from(low)));
                }
                Some(CommunityValue::Large(a, b, c)) => large_communities.push(LargeCommunity(a, b, c)),
                None => {}
            }
        }
        let peers = &advertisement.peers;
        Advertisement {
            name: object.name.clone(),
            pools: self.pool_scope(&advertisement.pools, &advertisement.pool_selectors),
            forwarders: self.scope(&advertisement.node_selectors),
            peers: if peers.is_empty() { Scope::All } else { Scope::Only(peers.iter().cloned().collect()) },
            aggregation_v4: advertisement.aggregation_length_v4,
            aggregation_v6: advertisement.aggregation_length_v6,
            local_pref: advertisement.local_pref,
            communities,
            extended_communities: Vec::new(),
            large_communities,
        }
    }

    fn unknown_pools(&self, pools: &[String], mut report: impl FnMut(String)) {
        for pool in pools.iter().filter(|pool| !self.pools.contains_key(*pool)) {
            report(format!("there is no IPAddressPool {pool}: nothing is announced in its place"));
        }
    }

    fn alias(&self, alias: &str) -> Option<CommunityValue> {
        let all = self.communities.values().flat_map(|(_, community)| &community.aliases);
        all.into_iter().find(|(name, _)| name == alias).map(|(_, value)| *value)
    }

    fn pool_scope(&self, names: &[String], selectors: &[Selector]) -> Scope<PoolName> {
        if names.is_empty() && selectors.is_empty() {
            return Scope::All;
        }
        let chosen = self.pools.keys().filter(|pool| self.pool_is_meant(Some(pool), names, selectors));
        Scope::Only(chosen.filter_map(|pool| PoolName::new(pool).ok()).collect())
    }

    /// Whether an advertisement is for the addresses of a pool; `None`: for addresses of no pool.
    pub(crate) fn pool_is_meant(&self, pool: Option<&str>, names: &[String], selectors: &[Selector]) -> bool {
        if names.is_empty() && selectors.is_empty() {
            return true;
        }
        let Some(pool) = pool else { return false };
        let labels = self.pool_labels(pool);
        names.iter().any(|name| name == pool)
            || (!selectors.is_empty() && labels.is_some_and(|labels| any(selectors, labels)))
    }
}

fn bfd(object: &Object, profile: &metallb::BfdProfile) -> BfdProfile {
    BfdProfile {
        name: object.name.clone(),
        receive: profile.receive_interval.unwrap_or(BFD_INTERVAL),
        transmit: profile.transmit_interval.unwrap_or(BFD_INTERVAL),
        multiplier: profile.detect_multiplier.map_or(BFD_MULTIPLIER, u8::from),
        echo: profile.echo,
        passive: profile.passive,
        minimum_ttl: profile.minimum_ttl,
    }
}
