//! Writing capabilities.

use super::{AddPathMode, Capability, GracefulRestart, LlgrFamily};
use crate::error::EncodeError;
use crate::iana::capability as code;

/// The longest stale time: 24 bits (RFC 9494 section 3.1).
const MAX_STALE_TIME: u32 = 0x00ff_ffff;

impl Capability {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        out.extend_from_slice(&[self.code(), 0]);
        match self {
            Self::MultiProtocol { afi, safi } => {
                out.extend_from_slice(&afi.to_be_bytes());
                out.extend_from_slice(&[0, *safi]);
            }
            Self::RouteRefresh | Self::EnhancedRouteRefresh | Self::ExtendedMessage => {}
            Self::FourOctetAs(asn) => out.extend_from_slice(&asn.to_be_bytes()),
            Self::ExtendedNextHop(entries) => {
                let words = entries.iter().flat_map(|(afi, safi, next_hop_afi)| [*afi, *safi, *next_hop_afi]);
                out.extend(words.flat_map(u16::to_be_bytes));
            }
            Self::GracefulRestart(restart) => restart.encode(out),
            Self::LongLivedGracefulRestart(families) => families.iter().for_each(|family| family.encode(out)),
            Self::AddPath(entries) => {
                for (afi, safi, mode) in entries {
                    out.extend_from_slice(&afi.to_be_bytes());
                    out.push(*safi);
                    out.push(match mode {
                        AddPathMode::Receive => 1,
                        AddPathMode::Send => 2,
                        AddPathMode::Both => 3,
                    });
                }
            }
            Self::Role(role) => out.push(role.value()),
            Self::Other { value, .. } => out.extend_from_slice(value),
        }
        let length = out.len() - start - 2;
        out[start + 1] = u8::try_from(length).map_err(|_| EncodeError::CapabilityTooLong(length))?;
        Ok(())
    }

    /// The capability code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::MultiProtocol { .. } => code::MULTIPROTOCOL,
            Self::RouteRefresh => code::ROUTE_REFRESH,
            Self::EnhancedRouteRefresh => code::ENHANCED_ROUTE_REFRESH,
            Self::FourOctetAs(_) => code::FOUR_OCTET_AS,
            Self::ExtendedNextHop(_) => code::EXTENDED_NEXT_HOP,
            Self::GracefulRestart(_) => code::GRACEFUL_RESTART,
            Self::LongLivedGracefulRestart(_) => code::LONG_LIVED_GRACEFUL_RESTART,
            Self::AddPath(_) => code::ADD_PATH,
            Self::Role(_) => code::ROLE,
            Self::ExtendedMessage => code::EXTENDED_MESSAGE,
            Self::Other { code, .. } => *code,
        }
    }
}

impl GracefulRestart {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut head = self.restart_time.min(code::RESTART_TIME);
        head |= if self.restarting { code::RESTART_STATE } else { 0 };
        head |= if self.notification { code::RESTART_NOTIFICATION } else { 0 };
        out.extend_from_slice(&head.to_be_bytes());
        for (afi, safi, forwarding) in &self.families {
            out.extend_from_slice(&afi.to_be_bytes());
            out.extend_from_slice(&[*safi, if *forwarding { code::FORWARDING_STATE } else { 0 }]);
        }
    }
}

impl LlgrFamily {
    fn encode(&self, out: &mut Vec<u8>) {
        let [_, a, b, c] = self.stale_time.min(MAX_STALE_TIME).to_be_bytes();
        out.extend_from_slice(&self.afi.to_be_bytes());
        out.extend_from_slice(&[
            self.safi,
            if self.forwarding { code::FORWARDING_STATE } else { 0 },
            a,
            b,
            c,
        ]);
    }
}
