//! Reading the list of path attributes.

use std::net::Ipv4Addr;

use super::{AsPath, Attributes, MpReach, MpUnreach, Origin, RawAttribute};
use crate::error::{Approach, DecodeError};
use crate::iana::{attribute as kind, attribute_flag as flag};
use crate::reader::Reader;
use crate::{AsWidth, Context};

/// One attribute as it stands in the message.
struct Found<'a> {
    flags: u8,
    kind: u8,
    value: &'a [u8],
    /// Flags, type, length and value.
    raw: &'a [u8],
}

impl Attributes {
    /// Reads all attributes. An error that RFC 7606 survives does not stop the reading, so that a worse one further on is
    /// still found; the first such error comes back beside the attributes.
    pub(crate) fn decode(list: &[u8], context: &Context) -> Result<(Self, Option<DecodeError>), DecodeError> {
        let mut attributes = Self::default();
        let mut survivable = None;
        let mut seen = [false; 256];
        let mut reader = Reader::new(list);
        while !reader.is_empty() {
            let found = match Found::read(&mut reader) {
                Ok(found) => found,
                Err(error) => {
                    survivable.get_or_insert(error);
                    break;
                }
            };
            let twice = std::mem::replace(&mut seen[usize::from(found.kind)], true);
            let outcome = match twice {
                // RFC 7606 section 3 (g).
                true if [kind::MP_REACH, kind::MP_UNREACH].contains(&found.kind) => {
                    Err(DecodeError::AttributeList("a multiprotocol attribute appears twice"))
                }
                true => Err(DecodeError::DuplicateAttribute(found.kind)),
                false => attributes.put(&found, context),
            };
            if let Err(error) = outcome {
                if error.approach() == Approach::SessionReset {
                    return Err(error);
                }
                survivable.get_or_insert(error);
            }
        }
        Ok((attributes, survivable))
    }

    /// The first mandatory attribute that is missing (RFC 4271 section 5, RFC 4760 section 3).
    pub(crate) fn missing(&self, has_nlri: bool) -> Option<DecodeError> {
        let has_routes = has_nlri || self.mp_reach.as_ref().is_some_and(MpReach::has_routes);
        let missing = if has_routes && self.origin.is_none() {
            kind::ORIGIN
        } else if has_routes && self.as_path.is_none() {
            kind::AS_PATH
        } else if has_nlri && self.next_hop.is_none() {
            kind::NEXT_HOP
        } else {
            return None;
        };
        Some(DecodeError::MissingWellKnown(missing))
    }

    fn put(&mut self, found: &Found<'_>, context: &Context) -> Result<(), DecodeError> {
        found.check_flags()?;
        let optional = || DecodeError::OptionalAttribute(found.raw.to_vec());
        match found.kind {
            kind::ORIGIN => {
                let [value] = found.array()?;
                self.origin = Some(match value {
                    0 => Origin::Igp,
                    1 => Origin::Egp,
                    2 => Origin::Incomplete,
                    _ => return Err(DecodeError::InvalidOrigin(found.raw.to_vec())),
                });
            }
            kind::AS_PATH => self.as_path = Some(AsPath::decode(found.value, context.as_width)?),
            kind::NEXT_HOP => {
                let next_hop = Ipv4Addr::from(found.array::<4>()?);
                if !is_host(next_hop) {
                    return Err(DecodeError::InvalidNextHop(found.raw.to_vec()));
                }
                self.next_hop = Some(next_hop);
            }
            kind::MED => self.med = Some(u32::from_be_bytes(found.array()?)),
            kind::LOCAL_PREF => self.local_pref = Some(u32::from_be_bytes(found.array()?)),
            kind::ATOMIC_AGGREGATE => {
                let [] = found.array()?;
                self.atomic_aggregate = true;
            }
            kind::MP_REACH => self.mp_reach = Some(MpReach::decode(found.value).ok_or_else(optional)?),
            kind::MP_UNREACH => self.mp_unreach = Some(MpUnreach::decode(found.value).ok_or_else(optional)?),
            // RFC 4271 section 9: an unrecognised non-transitive attribute is quietly ignored.
            other if expected_flags(other).is_none() && found.flags & flag::TRANSITIVE == 0 => {}
            _ => {
                found.check_opaque_length(context)?;
                let flags = found.flags & (flag::OPTIONAL | flag::TRANSITIVE | flag::PARTIAL);
                self.other.push(RawAttribute { flags, kind: found.kind, value: found.value.to_vec() });
            }
        }
        Ok(())
    }
}

impl<'a> Found<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let start = reader.rest();
        let flags = reader.u8();
        let kind = reader.u8();
        let (Some(flags), Some(kind)) = (flags, kind) else {
            return Err(DecodeError::AttributeOverrun(kind.unwrap_or_default()));
        };
        let overrun = || DecodeError::AttributeOverrun(kind);
        let length =
            if flags & flag::EXTENDED_LENGTH != 0 { reader.u16() } else { reader.u8().map(u16::from) };
        let value = reader.take(usize::from(length.ok_or_else(overrun)?)).ok_or_else(overrun)?;
        Ok(Self { flags, kind, value, raw: &start[..start.len() - reader.rest().len()] })
    }

    /// RFC 4271 section 4.3 and 6.3.
    fn check_flags(&self) -> Result<(), DecodeError> {
        let class = self.flags & (flag::OPTIONAL | flag::TRANSITIVE);
        // Only an optional transitive attribute can be partial.
        let partial_allowed = class == flag::OPTIONAL | flag::TRANSITIVE;
        let partial_wrong = self.flags & flag::PARTIAL != 0 && !partial_allowed;
        match expected_flags(self.kind) {
            None if class & flag::OPTIONAL == 0 => Err(DecodeError::UnrecognizedWellKnown(self.raw.to_vec())),
            Some(expected) if expected != class || partial_wrong => {
                Err(DecodeError::AttributeFlags(self.raw.to_vec()))
            }
            _ => Ok(()),
        }
    }

    fn array<const N: usize>(&self) -> Result<[u8; N], DecodeError> {
        self.value.try_into().map_err(|_| DecodeError::AttributeLength(self.raw.to_vec()))
    }

    /// The length rules of attributes whose values are not looked into.
    fn check_opaque_length(&self, context: &Context) -> Result<(), DecodeError> {
        let length = self.value.len();
        let fits = match self.kind {
            kind::AGGREGATOR => {
                let expected = match context.as_width {
                    AsWidth::Two => 6,
                    AsWidth::Four => 8,
                };
                if length != expected {
                    return Err(DecodeError::AttributeLength(self.raw.to_vec()));
                }
                true
            }
            kind::ORIGINATOR_ID => length == 4,
            kind::AS4_AGGREGATOR => length == 8,
            kind::COMMUNITIES | kind::CLUSTER_LIST => length != 0 && length.is_multiple_of(4),
            kind::EXTENDED_COMMUNITIES => length != 0 && length.is_multiple_of(8),
            kind::LARGE_COMMUNITIES => length != 0 && length.is_multiple_of(12),
            _ => true,
        };
        if fits { Ok(()) } else { Err(DecodeError::OptionalAttribute(self.raw.to_vec())) }
    }
}

/// The optional and transitive bits that an attribute must have; `None` for one that is not known.
fn expected_flags(kind: u8) -> Option<u8> {
    match kind {
        kind::ORIGIN | kind::AS_PATH | kind::NEXT_HOP | kind::LOCAL_PREF | kind::ATOMIC_AGGREGATE => {
            Some(flag::TRANSITIVE)
        }
        kind::MED | kind::ORIGINATOR_ID | kind::CLUSTER_LIST | kind::MP_REACH | kind::MP_UNREACH => {
            Some(flag::OPTIONAL)
        }
        kind::AGGREGATOR
        | kind::COMMUNITIES
        | kind::EXTENDED_COMMUNITIES
        | kind::AS4_PATH
        | kind::AS4_AGGREGATOR
        | kind::LARGE_COMMUNITIES => Some(flag::OPTIONAL | flag::TRANSITIVE),
        _ => None,
    }
}

/// RFC 4271 section 6.3: a NEXT_HOP has to be a valid IP host address.
fn is_host(address: Ipv4Addr) -> bool {
    !(address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.octets()[0] >= 240)
}
