//! OPEN (RFC 4271 section 4.2).

use std::net::Ipv4Addr;

use thiserror::Error;

use crate::VERSION;
use crate::capability::{Capability, GracefulRestart, Role};
use crate::error::{DecodeError, EncodeError};
use crate::family::{Families, Family};
use crate::iana::{AS_TRANS, capability, parameter};
use crate::reader::Reader;

/// The first message of each side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The My Autonomous System field; AS_TRANS when the number has more than two octets. [`Open::asn`] is the one to
    /// ask.
    pub my_as: u16,
    /// Proposed hold time in seconds: 0 or at least 3.
    pub hold_time: u16,
    /// BGP identifier, never 0.0.0.0.
    pub router_id: Ipv4Addr,
    /// Capabilities in the order of the message.
    pub capabilities: Vec<Capability>,
}

impl Open {
    /// An OPEN of AS `asn` with the 4-octet AS capability put first and the field filled to match (RFC 6793 section
    /// 4.1).
    #[must_use]
    pub fn new(asn: u32, hold_time: u16, router_id: Ipv4Addr, capabilities: Vec<Capability>) -> Self {
        let mut all = vec![Capability::FourOctetAs(asn)];
        all.extend(capabilities);
        Self { my_as: u16::try_from(asn).unwrap_or(AS_TRANS), hold_time, router_id, capabilities: all }
    }

    /// The sender's AS number, from the capability when there is one.
    #[must_use]
    pub fn asn(&self) -> u32 {
        self.four_octet_as().unwrap_or(u32::from(self.my_as))
    }

    /// The AS number of the 4-octet AS capability.
    #[must_use]
    pub fn four_octet_as(&self) -> Option<u32> {
        self.capabilities.iter().find_map(|capability| match capability {
            Capability::FourOctetAs(asn) => Some(*asn),
            _ => None,
        })
    }

    /// The known families that the sender wants. One that sends no multiprotocol capability means IPv4 unicast (RFC
    /// 4760 section 8).
    #[must_use]
    pub fn families(&self) -> Families {
        let mut any = false;
        let families = self
            .capabilities
            .iter()
            .filter_map(|capability| match capability {
                Capability::MultiProtocol { afi, safi } => {
                    any = true;
                    Family::from_afi_safi(*afi, *safi)
                }
                _ => None,
            })
            .collect();
        if any { families } else { Families::NONE.with(Family::Ipv4) }
    }

    /// The graceful restart capability; of several the last one counts (RFC 4724 section 3).
    #[must_use]
    pub fn graceful_restart(&self) -> Option<&GracefulRestart> {
        self.capabilities.iter().rev().find_map(|capability| match capability {
            Capability::GracefulRestart(restart) => Some(restart),
            _ => None,
        })
    }

    /// The sender's role, if it says one.
    ///
    /// # Errors
    ///
    /// When it says several, or one that is not defined. RFC 9234 section 4.2 has the session refused with
    /// [`Notification::role_mismatch`](crate::Notification::role_mismatch).
    pub fn role(&self) -> Result<Option<Role>, AmbiguousRole> {
        let mut role = None;
        for capability in &self.capabilities {
            match capability {
                Capability::Role(found) if role.is_none_or(|role| role == *found) => role = Some(*found),
                Capability::Role(_) | Capability::Other { code: capability::ROLE, .. } => {
                    return Err(AmbiguousRole);
                }
                _ => {}
            }
        }
        Ok(role)
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let short = || DecodeError::MalformedOpen("the message is too short");
        let mut reader = Reader::new(body);
        // The version comes first: the rest has no meaning when it is another one.
        let version = reader.u8().ok_or_else(short)?;
        if version != VERSION {
            return Err(DecodeError::UnsupportedVersion(version));
        }
        let my_as = reader.u16().ok_or_else(short)?;
        let hold_time = reader.u16().ok_or_else(short)?;
        let router_id = reader.array::<4>().map(Ipv4Addr::from).ok_or_else(short)?;
        let capabilities = decode_parameters(&mut reader)?;

        let open = Self { my_as, hold_time, router_id, capabilities };
        if open.my_as == 0 || open.asn() == 0 {
            return Err(DecodeError::AsZero);
        }
        // RFC 4271 section 6.2: hold times of one or two seconds MUST be rejected.
        if matches!(hold_time, 1 | 2) {
            return Err(DecodeError::UnacceptableHoldTime(hold_time));
        }
        // RFC 6286 section 2.1: any value but zero.
        if router_id.is_unspecified() {
            return Err(DecodeError::BadBgpIdentifier(router_id));
        }
        Ok(open)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.push(VERSION);
        out.extend_from_slice(&self.my_as.to_be_bytes());
        out.extend_from_slice(&self.hold_time.to_be_bytes());
        out.extend_from_slice(&self.router_id.octets());

        let mut capabilities = Vec::new();
        for capability in &self.capabilities {
            capability.encode(&mut capabilities)?;
        }
        if capabilities.is_empty() {
            out.push(0);
        } else if let Ok(length @ ..=253) = u8::try_from(capabilities.len()) {
            out.extend_from_slice(&[length + 2, parameter::CAPABILITIES, length]);
        } else {
            // RFC 9072 section 2.
            let too_long = |_| EncodeError::TooLong(capabilities.len());
            let length = u16::try_from(capabilities.len()).map_err(too_long)?;
            let all = u16::try_from(capabilities.len() + 3).map_err(too_long)?;
            out.extend_from_slice(&[255, parameter::EXTENDED_LENGTH]);
            out.extend_from_slice(&all.to_be_bytes());
            out.push(parameter::CAPABILITIES);
            out.extend_from_slice(&length.to_be_bytes());
        }
        out.extend_from_slice(&capabilities);
        Ok(())
    }
}

/// An OPEN does not say one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the peer says several BGP roles, or one that is not defined")]
pub struct AmbiguousRole;

fn decode_parameters(reader: &mut Reader<'_>) -> Result<Vec<Capability>, DecodeError> {
    let malformed = || DecodeError::MalformedOpen("the optional parameters do not fill the message");
    let mut length = usize::from(reader.u8().ok_or_else(malformed)?);
    // RFC 9072 section 2: a first parameter of type 255 behind any non-zero length marks the extended form.
    let extended = length != 0 && reader.rest().first() == Some(&parameter::EXTENDED_LENGTH);
    if extended {
        reader.u8();
        length = usize::from(reader.u16().ok_or_else(malformed)?);
    }
    if reader.rest().len() != length {
        return Err(malformed());
    }
    let mut capabilities = Vec::new();
    while !reader.is_empty() {
        let kind = reader.u8().ok_or_else(malformed)?;
        let length = if extended { reader.u16() } else { reader.u8().map(u16::from) };
        let value = length.and_then(|length| reader.take(usize::from(length))).ok_or_else(malformed)?;
        if kind != parameter::CAPABILITIES {
            return Err(DecodeError::UnsupportedParameter(kind));
        }
        Capability::decode_all(value, &mut capabilities)?;
    }
    Ok(capabilities)
}
