//! What can be wrong with a message, and what is to be done about it.

use std::net::Ipv4Addr;

use thiserror::Error;

use crate::VERSION;
use crate::family::Family;
use crate::iana::{error_code, header_error, open_error, route_refresh_error, update_error};
use crate::next_hop::NextHop;
use crate::nlri::Nlri;
use crate::notification::Notification;

/// Why bytes are not a message. Attributes are kept as they came (flags, type, length, value): RFC 4271 section 6.3 has
/// them sent back in the NOTIFICATION.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Section 6.1.
    #[error("the marker of the header is not all ones")]
    NotSynchronized,
    /// Section 6.1.
    #[error("a message length of {length} is impossible for its type")]
    BadLength {
        /// The Length field as received.
        length: u16,
    },
    /// Section 6.1.
    #[error("message type {kind} is unknown")]
    BadType {
        /// The Type field as received.
        kind: u8,
    },
    /// Section 6.2.
    #[error("the peer speaks BGP version {0}, not 4")]
    UnsupportedVersion(u8),
    /// Section 6.2 and RFC 7607.
    #[error("the peer claims AS 0")]
    AsZero,
    /// Section 6.2 as changed by RFC 6286.
    #[error("the peer's BGP identifier {0} is not valid")]
    BadBgpIdentifier(Ipv4Addr),
    /// Section 6.2.
    #[error("optional parameter {0} of OPEN is not supported")]
    UnsupportedParameter(u8),
    /// Section 6.2.
    #[error("the peer proposes a hold time of {0} s; it must be 0 or at least 3")]
    UnacceptableHoldTime(u16),
    /// Section 6.2: a parameter is recognised but malformed.
    #[error("malformed OPEN: {0}")]
    MalformedOpen(&'static str),
    /// Section 6.3: the lengths inside the message do not add up, or an MP attribute appears twice (RFC 7606 section
    /// 3).
    #[error("malformed attribute list: {0}")]
    AttributeList(&'static str),
    /// Section 6.3: an attribute runs past the end of the list.
    #[error("path attribute {0} is longer than the list of attributes")]
    AttributeOverrun(u8),
    /// Section 6.3: an attribute appears twice.
    #[error("path attribute {0} appears twice")]
    DuplicateAttribute(u8),
    /// Section 6.3.
    #[error("well-known path attribute {} is unknown", kind(.0))]
    UnrecognizedWellKnown(Vec<u8>),
    /// Section 6.3.
    #[error("path attribute {0} is missing")]
    MissingWellKnown(u8),
    /// Section 6.3.
    #[error("path attribute {} has wrong flags", kind(.0))]
    AttributeFlags(Vec<u8>),
    /// Section 6.3.
    #[error("path attribute {} has a wrong length", kind(.0))]
    AttributeLength(Vec<u8>),
    /// Section 6.3.
    #[error("the ORIGIN attribute has an undefined value")]
    InvalidOrigin(Vec<u8>),
    /// Section 6.3.
    #[error("the NEXT_HOP attribute is not a host address")]
    InvalidNextHop(Vec<u8>),
    /// Section 6.3.
    #[error("optional path attribute {} is malformed", kind(.0))]
    OptionalAttribute(Vec<u8>),
    /// Section 6.3.
    #[error("a prefix of the {0} field is malformed")]
    NetworkField(&'static str),
    /// Section 6.3.
    #[error("malformed AS_PATH: {0}")]
    AsPath(&'static str),
    /// The attribute means nothing in a session with this peer: LOCAL_PREF from an external one (RFC 7606 section 7.5),
    /// AS4_PATH from one with 4-octet AS numbers (RFC 6793 section 4.1) and the like.
    #[error("path attribute {0} has no place in a session with this peer")]
    Misplaced(u8),
    /// RFC 7313 section 5. The whole message.
    #[error("a ROUTE-REFRESH marker has {} octets, not 23", .0.len())]
    RefreshLength(Vec<u8>),
}

/// What RFC 7606 section 2 asks for when an UPDATE is malformed and the session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Approach {
    /// The attribute is as good as not sent.
    AttributeDiscard,
    /// The routes of the message count as withdrawn.
    TreatAsWithdraw,
}

/// A mistake in an UPDATE that the session survives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What was done about it.
    pub approach: Approach,
    /// What is wrong.
    pub error: DecodeError,
}

impl DecodeError {
    /// The NOTIFICATION that RFC 4271 section 6 has for this error.
    #[must_use]
    pub fn notification(&self) -> Notification {
        let (code, subcode, data) = match self {
            Self::NotSynchronized => (error_code::HEADER, header_error::NOT_SYNCHRONIZED, vec![]),
            Self::BadLength { length } => {
                (error_code::HEADER, header_error::BAD_LENGTH, length.to_be_bytes().to_vec())
            }
            Self::BadType { kind } => (error_code::HEADER, header_error::BAD_TYPE, vec![*kind]),
            Self::UnsupportedVersion(_) => (error_code::OPEN, open_error::VERSION, vec![0, VERSION]),
            Self::AsZero => (error_code::OPEN, open_error::PEER_AS, vec![]),
            Self::BadBgpIdentifier(_) => (error_code::OPEN, open_error::BGP_IDENTIFIER, vec![]),
            Self::UnsupportedParameter(_) => (error_code::OPEN, open_error::OPTIONAL_PARAMETER, vec![]),
            Self::UnacceptableHoldTime(_) => (error_code::OPEN, open_error::HOLD_TIME, vec![]),
            Self::MalformedOpen(_) => (error_code::OPEN, open_error::UNSPECIFIC, vec![]),
            Self::AttributeList(_)
            | Self::AttributeOverrun(_)
            | Self::DuplicateAttribute(_)
            | Self::Misplaced(_) => (error_code::UPDATE, update_error::ATTRIBUTE_LIST, vec![]),
            Self::UnrecognizedWellKnown(raw) => {
                (error_code::UPDATE, update_error::UNRECOGNIZED_WELL_KNOWN, raw.clone())
            }
            Self::MissingWellKnown(kind) => {
                (error_code::UPDATE, update_error::MISSING_WELL_KNOWN, vec![*kind])
            }
            Self::AttributeFlags(raw) => (error_code::UPDATE, update_error::ATTRIBUTE_FLAGS, raw.clone()),
            Self::AttributeLength(raw) => (error_code::UPDATE, update_error::ATTRIBUTE_LENGTH, raw.clone()),
            Self::InvalidOrigin(raw) => (error_code::UPDATE, update_error::ORIGIN, raw.clone()),
            Self::InvalidNextHop(raw) => (error_code::UPDATE, update_error::NEXT_HOP, raw.clone()),
            Self::OptionalAttribute(raw) => {
                (error_code::UPDATE, update_error::OPTIONAL_ATTRIBUTE, raw.clone())
            }
            Self::NetworkField(_) => (error_code::UPDATE, update_error::NETWORK_FIELD, vec![]),
            Self::AsPath(_) => (error_code::UPDATE, update_error::AS_PATH, vec![]),
            // RFC 7313 section 5: the data is the whole message, as far as it fits.
            Self::RefreshLength(message) => {
                let fits = message.len().min(Notification::MAX_DATA);
                (error_code::ROUTE_REFRESH, route_refresh_error::LENGTH, message[..fits].to_vec())
            }
        };
        Notification { code, subcode, data }
    }
}

/// The type code of a raw attribute.
fn kind(raw: &[u8]) -> u8 {
    raw.get(1).copied().unwrap_or_default()
}

/// Why a value cannot be written as a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// More octets than RFC 4271 section 4.1 allows in a message.
    #[error("the message would have {0} octets; 4096 is the most that BGP allows")]
    TooLong(usize),
    /// The length of a capability is one octet (RFC 5492).
    #[error("a capability value of {0} octets does not fit; 255 is the most")]
    CapabilityTooLong(usize),
    /// The family cannot have this next hop, or not in this session.
    #[error("{family} prefixes cannot have the next hop {next_hop} in this session")]
    NextHop {
        /// The family of the prefixes.
        family: Family,
        /// What they should have had.
        next_hop: NextHop,
    },
    /// A prefix is not of the family beside it.
    #[error("{nlri} is not a prefix of the family {family}")]
    WrongFamily {
        /// The family.
        family: Family,
        /// The prefix.
        nlri: Nlri,
    },
    /// An UPDATE has two places for advertised and two for withdrawn prefixes, one of each for IPv4 alone.
    #[error("an UPDATE has no room for so many sets of prefixes")]
    TooManySets,
    /// An UPDATE that says nothing would be read as End-of-RIB.
    #[error("the UPDATE says nothing")]
    Nothing,
    /// End-of-RIB is a message of its own (RFC 4724 section 2).
    #[error("an End-of-RIB marker says something else too")]
    EndOfRibWithRoutes,
}
