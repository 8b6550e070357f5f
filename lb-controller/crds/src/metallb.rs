//! The resources of the group `metallb.io`, as MetalLB 0.13 to 0.15 has them.

mod advertisement;
mod bfd;
mod community;
mod peer;
mod pool;

pub use advertisement::{BgpAdvertisement, L2Advertisement};
pub use bfd::BfdProfile;
pub use community::{Community, CommunityName, CommunityValue};
pub use peer::{BgpPeer, PasswordSource, PeerAddress, RemoteAs};
pub use pool::{IpAddressPool, ServiceAllocation};
