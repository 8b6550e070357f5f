use super::CommunityName;
use crate::definition::{Column, Definition, Spec, Version};
use crate::fields::{Fate, Field, Fields, Shape, list};
use crate::findings::Findings;
use crate::formats::{Format, community_name};
use crate::view::View;
use crate::{Kind, Selector};

/// How the addresses of pools are announced to routers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpAdvertisement {
    /// Pools by name. With no name and no selector it is for all pools.
    pub pools: Vec<String>,
    /// Pools by label, any of them.
    pub pool_selectors: Vec<Selector>,
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

const SELECTORS: Shape = list(&Shape::Selector, 0, 100);
const NAMES: Shape = list(&Shape::Text(Format::Name), 0, 1000);

const POOLS: Field = Field::optional(
    "ipAddressPools",
    NAMES,
    "Pools by name; with none, and no selector of pools, all of them.",
);
const POOL_SELECTORS: Field =
    Field::optional("ipAddressPoolSelectors", SELECTORS, "Pools by their labels; one selector must match.");
const SERVICE_SELECTORS: Field =
    Field::optional("serviceSelectors", SELECTORS, "Services by their labels; one selector must match.");
const NODE_SELECTORS: Field = Field::optional(
    "nodeSelectors",
    SELECTORS,
    "From where it is announced; one selector must match, with none all do.",
)
.fate(super::FORWARDER_LABELS);

const BGP_SPEC: Fields = Fields {
    fields: &[
        POOLS,
        POOL_SELECTORS,
        SERVICE_SELECTORS.fate(Fate::Refused(
            "give these Services an IPAddressPool of their own, and name it in ipAddressPools",
        )),
        NODE_SELECTORS,
        Field::optional("peers", NAMES, "BGPPeers by name that are told; with none all of them."),
        Field::optional(
            "aggregationLength",
            Shape::Number(1, 32),
            "Length of the IPv4 prefix around an address that is announced in its place.",
        )
        .default("32"),
        Field::optional(
            "aggregationLengthV6",
            Shape::Number(1, 128),
            "Length of the IPv6 prefix around an address that is announced in its place.",
        )
        .default("128"),
        Field::optional("localPref", Shape::Number(0, u32::MAX as i64), "LOCAL_PREF for internal peers."),
        Field::optional(
            "communities",
            list(&Shape::Text(Format::CommunityName), 0, 64),
            "Communities, and names of Community resources.",
        ),
    ],
    rules: &[],
};

const L2_SPEC: Fields = Fields {
    fields: &[
        POOLS,
        POOL_SELECTORS,
        SERVICE_SELECTORS,
        NODE_SELECTORS,
        Field::optional(
            "interfaces",
            list(&Shape::Text(Format::Interface), 0, 64),
            "Interfaces that it is announced on; with none all of them.",
        ),
    ],
    rules: &[],
};

const POOL_COLUMNS: [Column; 2] = [
    Column::new("IPAddressPools", "string", ".spec.ipAddressPools"),
    Column::new("IPAddressPool Selectors", "string", ".spec.ipAddressPoolSelectors"),
];

pub(crate) const BGP: Definition = Definition {
    kind: Kind::BgpAdvertisement,
    about: "How the addresses of pools are announced to routers.",
    short_names: &[],
    columns: &[
        POOL_COLUMNS[0],
        POOL_COLUMNS[1],
        Column::new("Peers", "string", ".spec.peers"),
        Column::new("Node Selectors", "string", ".spec.nodeSelectors").wide(),
    ],
    versions: &[Version { name: "v1beta1", deprecated: None, fields: &BGP_SPEC }],
    spec: Spec::Optional,
    status: &super::NO_STATUS,
};

pub(crate) const L2: Definition = Definition {
    kind: Kind::L2Advertisement,
    about: "Which pools' addresses are answered for on the link, without BGP.",
    short_names: &[],
    columns: &[
        POOL_COLUMNS[0],
        POOL_COLUMNS[1],
        Column::new("Interfaces", "string", ".spec.interfaces"),
        Column::new("Node Selectors", "string", ".spec.nodeSelectors").wide(),
    ],
    versions: &[Version { name: "v1beta1", deprecated: None, fields: &L2_SPEC }],
    spec: Spec::Optional,
    status: &super::NO_STATUS,
};

pub(crate) fn read_bgp(spec: &View<'_>, findings: &mut Findings) -> BgpAdvertisement {
    let mut communities: Vec<CommunityName> = Vec::new();
    for (index, text) in spec.list("communities").iter().enumerate() {
        let Some(Ok(community)) = text.as_str().map(community_name) else { continue };
        if communities.contains(&community) {
            findings.note(format!("{}[{index}]", spec.place("communities")), "is there twice");
        } else {
            communities.push(community);
        }
    }
    BgpAdvertisement {
        pools: spec.texts("ipAddressPools"),
        pool_selectors: spec.selectors("ipAddressPoolSelectors"),
        node_selectors: spec.selectors("nodeSelectors"),
        peers: spec.texts("peers"),
        aggregation_length_v4: spec.number("aggregationLength").unwrap_or(32),
        aggregation_length_v6: spec.number("aggregationLengthV6").unwrap_or(128),
        // Go leaves out what is 0.
        local_pref: spec.number("localPref").filter(|preference| *preference != 0),
        communities,
    }
}

pub(crate) fn read_l2(spec: &View<'_>) -> L2Advertisement {
    L2Advertisement {
        pools: spec.texts("ipAddressPools"),
        pool_selectors: spec.selectors("ipAddressPoolSelectors"),
        service_selectors: spec.selectors("serviceSelectors"),
        node_selectors: spec.selectors("nodeSelectors"),
        interfaces: spec.texts("interfaces"),
    }
}
