//! Codec of BGP-4 messages (RFC 4271) with 4-octet AS numbers (RFC 6793), multiprotocol IPv4 and IPv6 unicast
//! (RFC 4760), route refresh (RFC 2918), extended optional parameters (RFC 9072) and shutdown communication (RFC 9003).
//!
//! The crate is pure: bytes in, values out and back. A stream is cut with [`frame`], a message is read with
//! [`Message::decode`] and written with [`Message::encode`]. What cannot be read is a [`DecodeError`] that knows the
//! NOTIFICATION which RFC 4271 section 6 asks for and whether RFC 7606 lets the session live.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod attribute;
mod capability;
mod error;
mod family;
mod frame;
pub mod iana;
mod message;
mod nlri;
mod notification;
mod open;
mod pack;
mod reader;
mod route_refresh;
mod update;

#[cfg(test)]
mod strategies;
#[cfg(test)]
mod tests;

pub use attribute::{
    AsPath, AsSegment, Attributes, Ipv6NextHop, MpReach, MpUnreach, Origin, RawAttribute, SegmentKind,
};
pub use capability::Capability;
pub use error::{Approach, DecodeError, EncodeError};
pub use family::{Families, Family};
pub use frame::{Frame, frame};
pub use message::Message;
pub use notification::Notification;
pub use open::Open;
pub use pack::{announce, withdraw};
pub use route_refresh::RouteRefresh;
pub use update::Update;

/// Octets of the header: marker, length, type (RFC 4271 section 4.1).
pub const HEADER_LEN: usize = 19;
/// The longest message (RFC 4271 section 4.1).
pub const MAX_MESSAGE_LEN: usize = 4096;
/// The only version of BGP that is spoken here.
pub const VERSION: u8 = 4;

/// What the two speakers agreed on, as far as it changes the meaning of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context {
    /// Width of the AS numbers in AS_PATH and AGGREGATOR.
    pub as_width: AsWidth,
}

/// Width of an AS number in path attributes: four octets once both speakers have sent the capability of RFC 6793.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsWidth {
    /// The peer is an old speaker.
    Two,
    /// Both sides know 4-octet AS numbers.
    #[default]
    Four,
}
