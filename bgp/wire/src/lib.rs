//! Codec of BGP-4 messages.
//!
//! The crate is pure: bytes in, values out and back. A stream is cut with [`frame`], a message is read with
//! [`Message::decode`] and written with [`Message::encode`]; many prefixes of equal attributes are written with
//! [`pack_reach`] and [`pack_unreach`]. What the two speakers agreed on is the [`Context`].
//!
//! What cannot be read is a [`DecodeError`] that knows its NOTIFICATION; what RFC 7606 lets a session survive is a
//! [`Fault`] of the [`Update`].
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod attribute;
mod capability;
mod community;
mod context;
mod error;
mod family;
mod frame;
pub mod iana;
mod message;
mod next_hop;
mod nlri;
mod notification;
mod open;
mod pack;
mod reader;
mod route_refresh;
mod update;

pub use attribute::{Aggregator, AsPath, AsSegment, Attributes, Origin, RawAttribute, SegmentKind};
pub use capability::{AddPathMode, Capability, GracefulRestart, LlgrFamily, Role};
pub use community::{Community, CommunityError, ExtendedCommunity, LargeCommunity, Transitivity};
pub use context::{AsWidth, Context};
pub use error::{Approach, DecodeError, EncodeError, Fault};
pub use family::{Families, Family};
pub use frame::{Frame, frame};
pub use message::Message;
pub use next_hop::NextHop;
pub use nlri::Nlri;
pub use notification::Notification;
pub use open::{AmbiguousRole, Open};
pub use pack::{pack_reach, pack_unreach};
pub use route_refresh::{RefreshKind, RouteRefresh};
pub use update::{Reach, Unreach, Update};

/// Octets of the header: marker, length, type (RFC 4271 section 4.1).
pub const HEADER_LEN: usize = 19;
/// The longest message (RFC 4271 section 4.1). Extended messages (RFC 8654) are never offered.
pub const MAX_MESSAGE_LEN: usize = 4096;
/// The only version of BGP that is spoken here.
pub const VERSION: u8 = 4;

#[cfg(test)]
mod tests;
