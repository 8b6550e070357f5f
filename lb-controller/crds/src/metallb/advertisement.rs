use super::CommunityName;
use crate::Selector;

/// How the addresses of pools are announced to routers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpAdvertisement {
    /// Pools by name. With no name and no selector it is for all pools.
    pub pools: Vec<String>,
    /// Pools by label, any of them.
    pub pool_selectors: Vec<Selector>,
    /// Services by label, any of them; empty: all.
    pub service_selectors: Vec<Selector>,
    /// Forwarders by label, any of them; empty: all.
    pub node_selectors: Vec<Selector>,
    /// BGPPeers by name; empty: all.
    pub peers: Vec<String>,
    /// Prefix length of IPv4 routes: 1 to 32.
    pub aggregation_length_v4: u8,
    /// Prefix length of IPv6 routes: 1 to 128.
    pub aggregation_length_v6: u8,
    /// For internal peers; `None`: what the speaker has.
    pub local_pref: Option<u32>,
    /// Communities and aliases of them, each once.
    pub communities: Vec<CommunityName>,
}

/// Which pools' addresses are answered for on the link, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L2Advertisement {
    /// Pools by name. With no name and no selector it is for all pools.
    pub pools: Vec<String>,
    /// Pools by label, any of them.
    pub pool_selectors: Vec<Selector>,
    /// Services by label, any of them; empty: all.
    pub service_selectors: Vec<Selector>,
    /// Forwarders by label, any of them; empty: all.
    pub node_selectors: Vec<Selector>,
    /// Interfaces of forwarders; empty: all.
    pub interfaces: Vec<String>,
}
