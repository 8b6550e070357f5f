//! The resources of the group `metallb.io`, as MetalLB 0.13 to 0.15 has them.

pub(crate) mod advertisement;
pub(crate) mod bfd;
pub(crate) mod community;
pub(crate) mod other;
pub(crate) mod peer;
pub(crate) mod pool;
pub(crate) mod request;

use crate::fields::{Fate, Fields};

pub use advertisement::{BgpAdvertisement, L2Advertisement};
pub use bfd::BfdProfile;
pub use community::{Community, CommunityName, CommunityValue};
pub use peer::{BgpPeer, PasswordSource, PeerAddress, RemoteAs};
pub use pool::{IpAddressPool, PoolStatus, ServiceAllocation};
pub use request::requested_addresses;

/// MetalLB has speakers on nodes of the workload cluster, Guideway has forwarders.
pub(crate) const FORWARDER_LABELS: Fate = Fate::Differs(
    "the labels of Forwarder resources count, not those of Nodes; a forwarder also has its own \
                   kubernetes.io/hostname",
);

/// Of kinds of which nothing is written back.
pub(crate) const NO_STATUS: Fields = Fields { fields: &[], rules: &[] };
