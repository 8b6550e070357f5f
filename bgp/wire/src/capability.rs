//! Capabilities of OPEN (RFC 5492).

use crate::error::{DecodeError, EncodeError};
use crate::family::Family;
use crate::iana::capability as code;
use crate::reader::Reader;

/// Something that the sender of an OPEN can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Routes of this family (RFC 4760).
    MultiProtocol {
        /// Address family identifier.
        afi: u16,
        /// Subsequent address family identifier.
        safi: u8,
    },
    /// ROUTE-REFRESH is understood (RFC 2918).
    RouteRefresh,
    /// AS numbers have four octets; this is the sender's (RFC 6793).
    FourOctetAs(u32),
    /// Anything else, kept as it came.
    Other {
        /// Capability code.
        code: u8,
        /// Capability value.
        value: Vec<u8>,
    },
}

impl Capability {
    /// The multiprotocol capability of `family`.
    #[must_use]
    pub fn family(family: Family) -> Self {
        Self::MultiProtocol { afi: family.afi(), safi: family.safi() }
    }

    /// Reads the value of one Capabilities parameter: any number of capabilities.
    pub(crate) fn decode_all(parameter: &[u8], into: &mut Vec<Self>) -> Result<(), DecodeError> {
        let mut reader = Reader::new(parameter);
        while !reader.is_empty() {
            let code = reader.u8();
            let value = reader.u8().and_then(|length| reader.take(usize::from(length)));
            let (Some(code), Some(value)) = (code, value) else {
                return Err(DecodeError::MalformedOpen("a capability is longer than its parameter"));
            };
            into.push(Self::decode(code, value)?);
        }
        Ok(())
    }

    fn decode(code: u8, value: &[u8]) -> Result<Self, DecodeError> {
        match (code, value) {
            (code::MULTIPROTOCOL, &[high, low, _reserved, safi]) => {
                Ok(Self::MultiProtocol { afi: u16::from_be_bytes([high, low]), safi })
            }
            (code::ROUTE_REFRESH, []) => Ok(Self::RouteRefresh),
            (code::FOUR_OCTET_AS, &[a, b, c, d]) => Ok(Self::FourOctetAs(u32::from_be_bytes([a, b, c, d]))),
            (code::MULTIPROTOCOL | code::ROUTE_REFRESH | code::FOUR_OCTET_AS, _) => {
                Err(DecodeError::MalformedOpen("a capability has a wrong length"))
            }
            _ => Ok(Self::Other { code, value: value.to_vec() }),
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut put = |code: u8, value: &[u8]| {
            let length =
                u8::try_from(value.len()).map_err(|_| EncodeError::CapabilityTooLong(value.len()))?;
            out.extend_from_slice(&[code, length]);
            out.extend_from_slice(value);
            Ok(())
        };
        match self {
            Self::MultiProtocol { afi, safi } => {
                let [high, low] = afi.to_be_bytes();
                put(code::MULTIPROTOCOL, &[high, low, 0, *safi])
            }
            Self::RouteRefresh => put(code::ROUTE_REFRESH, &[]),
            Self::FourOctetAs(asn) => put(code::FOUR_OCTET_AS, &asn.to_be_bytes()),
            Self::Other { code, value } => put(*code, value),
        }
    }
}
