//! What of MetalLB is not among the kinds that are read.

use crate::fields::Fate;

/// Something of MetalLB by name, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Its name.
    pub name: &'static str,
    /// What becomes of it.
    pub fate: Fate,
}

/// Annotations of Services, without their prefix.
pub const ANNOTATIONS: &[Foreign] = &[
    Foreign { name: "loadBalancerIPs", fate: Fate::Carries },
    Foreign { name: "address-pool", fate: Fate::Carries },
    Foreign { name: "allow-shared-ip", fate: Fate::Carries },
    Foreign {
        name: "ip-allocated-from-pool",
        fate: Fate::Ignored("MetalLB writes it for people to see; here the status says it"),
    },
];

/// The prefixes of [`ANNOTATIONS`], the older one last.
pub const ANNOTATION_PREFIXES: [&str; 2] = ["metallb.io/", "metallb.universe.tf/"];

/// Kinds of MetalLB that are not read.
pub const FOREIGN_KINDS: &[Foreign] = &[
    Foreign {
        name: "AddressPool",
        fate: Fate::Refused(
            "MetalLB itself dropped it: write an IPAddressPool, and an L2Advertisement or a BGPAdvertisement",
        ),
    },
    Foreign { name: "ServiceL2Status", fate: Fate::Ignored("MetalLB writes it") },
    Foreign { name: "ServiceBGPStatus", fate: Fate::Ignored("MetalLB writes it") },
    Foreign { name: "ConfigurationState", fate: Fate::Ignored("MetalLB writes it") },
    Foreign {
        name: "FRRConfiguration",
        fate: Fate::Refused("write what it says into the configuration of bgp-speaker; there is no FRR here"),
    },
    Foreign { name: "FRRNodeState", fate: Fate::Ignored("MetalLB writes it") },
    Foreign { name: "BGPSessionState", fate: Fate::Ignored("MetalLB writes it") },
];
