//! Why a peer's OPEN is not accepted.

use std::net::Ipv4Addr;

use guideway_bgp_wire::iana::{capability, error_code, open_error};
use guideway_bgp_wire::{Families, Notification, Role};
use thiserror::Error;

use crate::config::RemoteAs;

/// What does not fit between the peer's OPEN and the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    /// RFC 4271 section 6.2.
    #[error("the peer has AS {theirs}, but {wanted} is configured")]
    PeerAs { theirs: u32, wanted: RemoteAs },
    /// RFC 6286 section 2.2.
    #[error("the peer has the own AS and the own router id {0}: two speakers of an AS need different ones")]
    Identifier(Ipv4Addr),
    /// RFC 5492 section 5.
    #[error("the peer has none of the configured address families")]
    Families(Families),
    /// RFC 9234 section 4.2.
    #[error("the peer says that it is {theirs}, which does not fit the own role {own}")]
    RoleMismatch { own: Role, theirs: Role },
    /// RFC 9234 section 4.2, strict mode.
    #[error("the peer says no role, and the own role {0} is strict")]
    NoRole(Role),
    /// RFC 9234 section 4.2.
    #[error("the peer says several roles or an undefined one; the own role is {0}")]
    AmbiguousRole(Role),
}

impl Refusal {
    pub(crate) fn notification(&self) -> Notification {
        let open = |subcode| Notification::new(error_code::OPEN, subcode);
        match self {
            Self::PeerAs { .. } => open(open_error::PEER_AS),
            Self::Identifier(_) => open(open_error::BGP_IDENTIFIER),
            Self::Families(wanted) => {
                // RFC 5492 section 5: the data lists the capabilities that are wanted.
                let capability = |family: guideway_bgp_wire::Family| {
                    let [high, low] = family.afi().to_be_bytes();
                    [capability::MULTIPROTOCOL, 4, high, low, 0, family.safi()]
                };
                Notification {
                    data: wanted.iter().flat_map(capability).collect(),
                    ..open(open_error::CAPABILITY)
                }
            }
            Self::RoleMismatch { .. } | Self::NoRole(_) | Self::AmbiguousRole(_) => {
                Notification::role_mismatch()
            }
        }
    }
}
