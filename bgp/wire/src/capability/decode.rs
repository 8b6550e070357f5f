//! Reading capabilities.

use super::{AddPathMode, Capability, GracefulRestart, LlgrFamily, Role};
use crate::error::DecodeError;
use crate::iana::capability as code;
use crate::reader::Reader;

impl Capability {
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
        let known = match (code, value) {
            (code::MULTIPROTOCOL, &[high, low, _reserved, safi]) => {
                Some(Self::MultiProtocol { afi: u16::from_be_bytes([high, low]), safi })
            }
            (code::ROUTE_REFRESH, []) => Some(Self::RouteRefresh),
            (code::FOUR_OCTET_AS, value) => {
                value.try_into().ok().map(|asn| Self::FourOctetAs(u32::from_be_bytes(asn)))
            }
            (code::ENHANCED_ROUTE_REFRESH, []) => Some(Self::EnhancedRouteRefresh),
            (code::EXTENDED_MESSAGE, []) => Some(Self::ExtendedMessage),
            (code::EXTENDED_NEXT_HOP, value) => extended_next_hop(value).map(Self::ExtendedNextHop),
            (code::GRACEFUL_RESTART, value) => graceful_restart(value).map(Self::GracefulRestart),
            (code::LONG_LIVED_GRACEFUL_RESTART, value) => {
                long_lived(value).map(Self::LongLivedGracefulRestart)
            }
            (code::ADD_PATH, value) => add_path(value).map(Self::AddPath),
            (code::ROLE, &[value]) => Role::from_value(value).map(Self::Role),
            _ => None,
        };
        match known {
            Some(capability) => Ok(capability),
            // Whoever gets these wrong cannot be talked to.
            None if [code::MULTIPROTOCOL, code::ROUTE_REFRESH, code::FOUR_OCTET_AS].contains(&code) => {
                Err(DecodeError::MalformedOpen("a capability has a wrong length"))
            }
            // The others count as not understood, which RFC 5492 section 3 lets everyone ignore.
            None => Ok(Self::Other { code, value: value.to_vec() }),
        }
    }
}

/// Entries of equal size to the end of the value; `None` when the last one is cut off.
fn entries<T>(value: &[u8], mut read: impl FnMut(&mut Reader<'_>) -> Option<T>) -> Option<Vec<T>> {
    let mut reader = Reader::new(value);
    let mut entries = Vec::new();
    while !reader.is_empty() {
        entries.push(read(&mut reader)?);
    }
    Some(entries)
}

/// RFC 8950 section 4.
fn extended_next_hop(value: &[u8]) -> Option<Vec<(u16, u16, u16)>> {
    entries(value, |reader| Some((reader.u16()?, reader.u16()?, reader.u16()?)))
}

/// RFC 4724 section 3, RFC 8538 section 2.
fn graceful_restart(value: &[u8]) -> Option<GracefulRestart> {
    let (head, families) = value.split_first_chunk::<2>()?;
    let head = u16::from_be_bytes(*head);
    Some(GracefulRestart {
        restarting: head & code::RESTART_STATE != 0,
        notification: head & code::RESTART_NOTIFICATION != 0,
        restart_time: head & code::RESTART_TIME,
        families: entries(families, |reader| {
            Some((reader.u16()?, reader.u8()?, reader.u8()? & code::FORWARDING_STATE != 0))
        })?,
    })
}

/// RFC 9494 section 3.1.
fn long_lived(value: &[u8]) -> Option<Vec<LlgrFamily>> {
    entries(value, |reader| {
        let (afi, safi, flags) = (reader.u16()?, reader.u8()?, reader.u8()?);
        let [a, b, c] = reader.array()?;
        let forwarding = flags & code::FORWARDING_STATE != 0;
        Some(LlgrFamily { afi, safi, forwarding, stale_time: u32::from_be_bytes([0, a, b, c]) })
    })
}

/// RFC 7911 section 4: with any other mode than these three the capability is ignored.
fn add_path(value: &[u8]) -> Option<Vec<(u16, u8, AddPathMode)>> {
    entries(value, |reader| {
        let (afi, safi) = (reader.u16()?, reader.u8()?);
        let mode = match reader.u8()? {
            1 => AddPathMode::Receive,
            2 => AddPathMode::Send,
            3 => AddPathMode::Both,
            _ => return None,
        };
        Some((afi, safi, mode))
    })
}
