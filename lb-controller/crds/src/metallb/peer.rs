use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use crate::Selector;

/// A router, and how forwarders talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpPeer {
    /// Own AS number: 1 to 4294967295, not 23456.
    pub local_as: u32,
    /// The router's.
    pub remote_as: RemoteAs,
    /// Where the router is.
    pub address: PeerAddress,
    /// The address to connect from, of the family of `address`; `None`: the kernel chooses.
    pub source_address: Option<IpAddr>,
    /// The router's port.
    pub port: NonZeroU16,
    /// Proposed hold time: 0, or whole seconds from 3 to 65535. `None`: what the speaker has.
    pub hold_time: Option<Duration>,
    /// Wait between attempts to connect: whole seconds from 1 to 65535. `None`: what the speaker has.
    pub connect_time: Option<Duration>,
    /// BGP identifier. `None`: what the speaker has.
    pub router_id: Option<Ipv4Addr>,
    /// Forwarders that talk to it, by their labels, any of them; empty: all.
    pub node_selectors: Vec<Selector>,
    /// TCP-MD5 password.
    pub password: Option<PasswordSource>,
    /// Name of the BFDProfile; `None`: no BFD.
    pub bfd_profile: Option<String>,
    /// Whether the router is asked to keep routes while the speaker is away.
    pub graceful_restart: bool,
    /// Whether an external router may be more than one hop away.
    pub multihop: bool,
    /// Whether both families go over the session, whatever its address is.
    pub both_families: bool,
}

/// The AS number that a router must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteAs {
    /// This one: 1 to 4294967295, not 23456.
    Number(u32),
    /// The own one.
    Internal,
    /// Any but the own one.
    External,
}

/// Where a router is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerAddress {
    /// At a unicast address.
    Address(IpAddr),
    /// The one router on the link behind an interface.
    Interface(String),
}

/// Where a password is. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// In the object itself: 1 to 80 octets.
    Text(String),
    /// Under the key `password` of a Secret.
    Secret {
        /// Its name.
        name: String,
        /// Its namespace; `None`: that of the BGPPeer.
        namespace: Option<String>,
    },
}

impl std::fmt::Debug for PasswordSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::Secret { name, namespace } => {
                f.debug_struct("Secret").field("name", name).field("namespace", namespace).finish()
            }
        }
    }
}
